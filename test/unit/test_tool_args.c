#include "tool/args.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct args args;
static char error[ARGS_ERROR_MAX];

#define PARSE(environment, ...)                                  \
    parse(environment, (const char *const[]){"hx", __VA_ARGS__}, \
          (int)(sizeof((const char *const[]){"hx", __VA_ARGS__}) / sizeof(char *)))

static enum args_result parse(const char *environment, const char *const *words, int count)
{
    static char copies[16][300];
    char *argv[17] = {NULL};
    assert_true(count <= 16);
    for (int i = 0; i < count; i++) { /* getopt may reorder them */
        snprintf(copies[i], sizeof copies[i], "%s", words[i]);
        argv[i] = copies[i];
    }
    return args_parse(&args, count, argv, environment, error);
}

static void bind_takes_a_name_and_a_nameserver(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "bind", "alice", "--nameserver", "ns:7001"), ARGS_BIND);
    assert_string_equal(args.name, "alice");
    assert_string_equal(args.nameserver, "ns:7001");
    assert_int_equal(args.timeout_s, ARGS_BIND_TIMEOUT);
    assert_false(args.echo);
    assert_int_equal(args.local_port, 0);
}

static void options_may_stand_before_and_after_the_name(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind", "--echo", "alice", "-v", "-p", "7002"), ARGS_BIND);
    assert_string_equal(args.name, "alice");
    assert_true(args.echo);
    assert_true(args.verbose);
    assert_int_equal(args.local_port, 7002);
}

static void connect_takes_its_own_options(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "connect", "alice", "--wait", "60", "--name=bob", "--timeout", "3", "-q"),
                     ARGS_CONNECT);
    assert_int_equal(args.wait_s, 60);
    assert_string_equal(args.own_name, "bob");
    assert_int_equal(args.timeout_s, 3);
    assert_true(args.quiet);
}

static void the_option_wins_over_the_environment(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns1", "connect", "alice"), ARGS_CONNECT);
    assert_string_equal(args.nameserver, "ns1");
    assert_int_equal(PARSE("ns1", "connect", "alice", "-n", "ns2"), ARGS_CONNECT);
    assert_string_equal(args.nameserver, "ns2");
}

static void without_a_nameserver_the_error_names_both_ways_to_give_one(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "bind", "alice"), ARGS_USAGE);
    assert_non_null(strstr(error, "--nameserver"));
    assert_non_null(strstr(error, "HX_NAMESERVER"));
    assert_int_equal(PARSE("", "bind", "alice"), ARGS_USAGE);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    static const char *const ports[] = {"0", "65536", "-1", "x", "", "7x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        assert_int_equal(PARSE("ns", "bind", "a", "-p", ports[i]), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "--wait", "61"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "--timeout", "0"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "--timeout", "3601"), ARGS_USAGE);
}

static void each_usage_error_says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind"), ARGS_USAGE);
    assert_non_null(strstr(error, "NAME"));
    assert_int_equal(PARSE("ns", "bind", "a", "b"), ARGS_USAGE);
    assert_non_null(strstr(error, "too many"));
    assert_int_equal(PARSE("ns", "fly", "a"), ARGS_USAGE);
    assert_non_null(strstr(error, "fly"));
    assert_int_equal(PARSE("ns", "bind", "a", "--nonsense"), ARGS_USAGE);
    assert_non_null(strstr(error, "--nonsense"));
    assert_int_equal(PARSE("ns", "bind", "a", "--nameserver"), ARGS_USAGE);
    assert_non_null(strstr(error, "--nameserver"));
}

static void options_of_the_other_command_are_refused(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind", "a", "--wait", "3"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "bind", "a", "-w", "3"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "--echo"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "-e"), ARGS_USAGE);
}

static void a_very_long_word_in_an_error_is_cut(void **state)
{
    (void)state;
    char word[290];
    memset(word, 'x', sizeof word);
    word[sizeof word - 1] = '\0';
    assert_int_equal(PARSE("ns", word, "a"), ARGS_USAGE);
    assert_true(strlen(error) < ARGS_ERROR_MAX);
}

static void help_and_version_are_found_everywhere(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "--help"), ARGS_HELP);
    assert_int_equal(PARSE(NULL, "bind", "--help"), ARGS_HELP);
    assert_int_equal(PARSE(NULL, "connect", "a", "-h"), ARGS_HELP);
    assert_int_equal(PARSE(NULL, "--version"), ARGS_VERSION);
    assert_int_equal(PARSE(NULL, "bind", "-V"), ARGS_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bind_takes_a_name_and_a_nameserver),
        cmocka_unit_test(options_may_stand_before_and_after_the_name),
        cmocka_unit_test(connect_takes_its_own_options),
        cmocka_unit_test(the_option_wins_over_the_environment),
        cmocka_unit_test(without_a_nameserver_the_error_names_both_ways_to_give_one),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(each_usage_error_says_what_is_wrong),
        cmocka_unit_test(options_of_the_other_command_are_refused),
        cmocka_unit_test(a_very_long_word_in_an_error_is_cut),
        cmocka_unit_test(help_and_version_are_found_everywhere),
    };
    return cmocka_run_group_tests_name("client args", tests, NULL, NULL);
}
