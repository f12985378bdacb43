/* The command line of hx meet. */
#include "test/unit/args_parse.h"

static void refused(enum args_result result, const char *why)
{
    assert_int_equal(result, ARGS_USAGE);
    if (!strstr(error, why))
        fail_msg("'%s' has no '%s'", error, why);
}

static void a_session_and_how_many_are_enough(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "meet", "team", "--expect", "3"), ARGS_MEET);
    assert_string_equal(args.name, "team");
    assert_int_equal(args.expect, 3);
    assert_int_equal(args.timeout_s, 0);
    assert_false(args.go_short);
    assert_null(args.own_name);
    assert_null(args.exec);
}

static void all_of_its_options_are_taken(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "meet", "team", "--expect=64", "-t", "1m", "--go-short", "--name", "alice",
                           "--exec", "cat", "--json", "--no-port-mapping", "-4"),
                     ARGS_MEET);
    assert_int_equal(args.expect, 64);
    assert_int_equal(args.timeout_s, 60);
    assert_true(args.go_short);
    assert_string_equal(args.own_name, "alice");
    assert_string_equal(args.exec, "cat");
    assert_true(args.json);
    assert_true(args.no_port_mapping);
    assert_int_equal(PARSE("ns", "meet", "team", "--expect", "2", "-N", "bob", "--timeout", "5"), ARGS_MEET);
    assert_string_equal(args.own_name, "bob");
    assert_int_equal(args.timeout_s, 5);
}

static void what_is_missing_or_cannot_be_is_told(void **state)
{
    (void)state;
    refused(PARSE("ns", "meet"), "which SESSION? Usage: hx meet SESSION");
    refused(PARSE("ns", "meet", "a", "b", "--expect", "2"), "too many arguments: 'b'");
    refused(PARSE("ns", "meet", "team"), "Give --expect N");
    refused(PARSE("ns", "meet", "team", "--expect", "1"), "--expect takes 2 to 64");
    refused(PARSE("ns", "meet", "team", "--expect", "65"), "--expect takes 2 to 64");
    refused(PARSE("ns", "meet", "team", "--expect", "0"), "--expect takes 2 to 64");
    refused(PARSE("ns", "meet", "team", "--expect", "many"), "not 'many'");
    refused(PARSE("ns", "meet", "team", "--expect", "2", "--go-short"), "give --timeout SECONDS");
    refused(PARSE("ns", "meet", "two words", "--expect", "2"), "is no name");
    refused(PARSE("ns", "meet", "team", "--expect", "2", "--name", "two words"), "is no name");
    refused(PARSE("ns", "meet", "team", "--expect", "2", "--name", ""), "is no name");
    refused(PARSE("ns", "meet", "team", "--expect", "2", "--insecure", "--exec", "cat"), "--insecure");
    refused(PARSE("ns", "meet", "team", "--expcet", "2"), "did you mean --expect?");
    refused(PARSE(NULL, "meet", "team", "--expect", "2"), "HX_NAMESERVER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_and_how_many_are_enough),
        cmocka_unit_test(all_of_its_options_are_taken),
        cmocka_unit_test(what_is_missing_or_cannot_be_is_told),
    };
    return cmocka_run_group_tests_name("tool args of meet", tests, NULL, NULL);
}
