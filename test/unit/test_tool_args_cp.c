#include "test/unit/args_parse.h"

static void cp_finds_the_peer_on_either_side(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "cp", "home:dir/f", "here"), ARGS_CP);
    assert_string_equal(args.name, "home");
    assert_int_equal(args.source_count, 1);
    assert_string_equal(args.target, "here");
    assert_int_equal(args.retry_for_s, ARGS_RETRY_FOR);
    assert_int_equal(PARSE("ns", "cp", "-r", "./a:b", "home:", "--retry-for", "60"), ARGS_CP);
    assert_string_equal(args.name, "home");
    assert_int_equal(args.retry_for_s, 60);
    assert_int_equal(PARSE("ns", "cp", "a", "home:", "--retry-for", "19"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "a", "home:"), ARGS_CP);
    char word[HX_NAME_MAX + 4];
    memset(word, 'x', sizeof word);
    snprintf(word + HX_NAME_MAX, 4, ":/f");
    assert_int_equal(PARSE("ns", "cp", word, "f"), ARGS_CP);
    assert_int_equal(strlen(args.name), HX_NAME_MAX);
}

static void cp_takes_what_cp_users_type_by_habit(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "cp", "-rp", "a", "home:"), ARGS_CP);
    assert_int_equal(args.source_count, 1);
    assert_string_equal(args.name, "home");
    assert_int_equal(PARSE("ns", "cp", "-Rf", "a", "home:", "--local-port", "7002"), ARGS_CP);
    assert_int_equal(args.local_port, 7002);
}

static void cp_takes_several_sources_and_then_where_to(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "cp", "a", "-q", "b", "c/", "home:d"), ARGS_CP);
    assert_int_equal(args.source_count, 3);
    assert_string_equal(args.target, "home:d");
    assert_string_equal(args.name, "home");
    assert_int_equal(PARSE("ns", "cp", "home:a", "home:b", "."), ARGS_CP);
    assert_int_equal(args.source_count, 2);
    assert_string_equal(args.target, ".");
    assert_string_equal(args.name, "home");
}

static void cp_wants_one_peer_for_all_sources(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "cp", "a", "b"), ARGS_USAGE);
    assert_non_null(strstr(error, "NAME:PATH"));
    assert_int_equal(PARSE("ns", "cp", "a", "home:b", "home:"), ARGS_USAGE);
    assert_non_null(strstr(error, "different peers"));
    assert_int_equal(PARSE("ns", "cp", "home:b", "a", "away:"), ARGS_USAGE);
    assert_non_null(strstr(error, "is here"));
    assert_int_equal(PARSE("ns", "cp", "home:a", "other:a", "away:"), ARGS_USAGE);
    assert_non_null(strstr(error, "different peers"));
    assert_int_equal(PARSE("ns", "cp", "home:a"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "home:a", "b", "c"), ARGS_USAGE);
    assert_non_null(strstr(error, "use cp"));
    assert_int_equal(PARSE("ns", "cp", "home:a", "away:b", "c"), ARGS_USAGE);
    assert_non_null(strstr(error, "different peers"));
    assert_int_equal(PARSE("ns", "cp", "home:a", "homer:b", "c"), ARGS_USAGE);
}

static void cp_goes_from_one_peer_to_another(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "cp", "home:a", "home:b", "away:dir", "--nameserver", "other"), ARGS_CP);
    assert_string_equal(args.name, "away");
    assert_int_equal(args.source_count, 2);
    assert_string_equal(args.target, "away:dir");
    assert_string_equal(args.from->name, "home");
    assert_string_equal(args.from->nameserver, "other");
    assert_int_equal(PARSE("ns", "cp", "home:a", "home:b"), ARGS_CP);
    assert_string_equal(args.from->name, args.name);
    assert_int_equal(PARSE("ns", "cp", "home:a", "b"), ARGS_CP);
    assert_null(args.from);
}

static void a_remote_path_follows_the_first_colon_of_a_name(void **state)
{
    (void)state;
    assert_string_equal(args_remote_path("home:a:b"), "a:b");
    assert_string_equal(args_remote_path("home:/a"), "/a");
    assert_string_equal(args_remote_path("home:"), "");
    assert_null(args_remote_path("home"));
    assert_null(args_remote_path("dir/home:a"));
    assert_null(args_remote_path(":a"));
    assert_null(args_remote_path("two words:a"));
    assert_null(args_remote_path(""));
}

static void cp_has_letters_that_mean_what_they_mean_to_cp(void **state)
{
    (void)state;
    assert_int_equal(
        PARSE("ns", "cp", "-n", "-u", "-P", "a", "home:", "--exclude", "*.o", "--exclude=b/", "--dry-run"),
        ARGS_CP);
    assert_true(args.no_clobber && args.update && args.dry_run);
    assert_int_equal(args.links, 'P');
    assert_int_equal(args.exclude_count, 2);
    assert_string_equal(args.nameserver, "ns");
    assert_int_equal(PARSE("ns", "cp", "-L", "a", "home:", "--nameserver", "other"), ARGS_CP);
    assert_int_equal(args.links, 'L');
    assert_string_equal(args.nameserver, "other");
    assert_int_equal(PARSE("ns", "cp", "-aP", "a", "home:"), ARGS_CP);
    assert_int_equal(PARSE("ns", "cp", "-a", "-L", "a", "home:"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "-n", "other", "-L", "1:h:2", "home"), ARGS_CONNECT);
    assert_string_equal(args.nameserver, "other");
    assert_int_equal(args.forward_count, 1);
}

static void a_dash_is_standard_input_or_output(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "cp", "-", "home:dir/f"), ARGS_CP);
    assert_int_equal(args.stream, 'i');
    assert_string_equal(args.name, "home");
    assert_int_equal(PARSE("ns", "cp", "-n", "--json", "-", "home:f"), ARGS_CP);
    assert_int_equal(PARSE("ns", "cp", "home:f", "-"), ARGS_CP);
    assert_int_equal(args.stream, 'o');
    assert_int_equal(PARSE("ns", "cp", "./-", "home:f"), ARGS_CP);
    assert_int_equal(args.stream, 0);
    assert_int_equal(PARSE("ns", "cp", "-", "-"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "-", "f"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "f", "-"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "-", "home:"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "-", "home:d/"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "home:", "-"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "-", "f", "home:d"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "f", "-", "home:d"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "home:a", "home:b", "-"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "-u", "-", "home:f"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "--dry-run", "-", "home:f"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "-n", "home:f", "-"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "cp", "--json", "home:f", "-"), ARGS_USAGE);
}

static void a_rate_is_written_as_for_rsync(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes_per_s; /* -1: no rate */
    } cases[] = {{"0", 0},
                 {"1", 1024},
                 {"500", 512000},
                 {"500k", 512000},
                 {"500K", 512000},
                 {"500KiB", 512000},
                 {"500KB", 500000},
                 {"800B", 800},
                 {"1.5M", 1572864},
                 {"1MB", 1000000},
                 {"1G", 1073741824},
                 {"2T", 1099511627776},
                 {"9T", 1099511627776},
                 {"0.5", 512},
                 {"1gib", 1073741824},
                 {"", -1},
                 {"fast", -1},
                 {"-1", -1},
                 {"1.", -1},
                 {".5", -1},
                 {"1X", -1},
                 {"1KK", -1},
                 {"1 M", -1},
                 {"1MBit", -1},
                 {"1234567890", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool good = PARSE("ns", "cp", "--bwlimit", cases[i].text, "a", "home:") == ARGS_CP;
        if (good != (cases[i].bytes_per_s >= 0) || (good && args.bytes_per_s != cases[i].bytes_per_s))
            fail_msg("'%s' is %lld", cases[i].text, good ? (long long)args.bytes_per_s : -1LL);
    }
    assert_int_equal(PARSE("ns", "send", "a", "--bwlimit", "1M"), ARGS_SEND);
    assert_int_equal(PARSE("ns", "connect", "home", "--bwlimit", "1M"), ARGS_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cp_takes_what_cp_users_type_by_habit),
        cmocka_unit_test(cp_finds_the_peer_on_either_side),
        cmocka_unit_test(cp_takes_several_sources_and_then_where_to),
        cmocka_unit_test(cp_wants_one_peer_for_all_sources),
        cmocka_unit_test(cp_goes_from_one_peer_to_another),
        cmocka_unit_test(a_remote_path_follows_the_first_colon_of_a_name),
        cmocka_unit_test(cp_has_letters_that_mean_what_they_mean_to_cp),
        cmocka_unit_test(a_dash_is_standard_input_or_output),
        cmocka_unit_test(a_rate_is_written_as_for_rsync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
