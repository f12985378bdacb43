#include "client/tool/args_code.h"
#include "test/unit/args_parse.h"

static void send_takes_paths_a_time_and_a_count(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* 0: none */
    } times[] = {
        {"1", 1},     {"90s", 90}, {"30m", 1800},  {"1h", 3600},       {"2d", 172800}, {"365d", 31536000},
        {"0", 0},     {"366d", 0}, {"1w", 0},      {"h", 0},           {"", 0},        {"-1h", 0},
        {"1h30m", 0}, {"1 h", 0},  {"1.5h", 5400}, {"99999999999", 0}, {"1hh", 0}};
    (void)state;
    assert_int_equal(PARSE("ns", "send", "a", "b/c", "--count", "3", "--qr"), ARGS_SEND);
    assert_int_equal(args.path_count, 2);
    assert_string_equal(args.paths[1], "b/c");
    assert_int_equal(args.receipts, 3);
    assert_int_equal(args.expire_s, 3600);
    assert_int_equal(args.timeout_s, 15);
    assert_true(args.qr);
    assert_null(args.name);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        bool good = PARSE("ns", "send", "a", "--expire", times[i].text) == ARGS_SEND;
        if (good != (times[i].seconds > 0) || (good && args.expire_s != times[i].seconds))
            fail_msg("'%s': %s", times[i].text, good ? "another time" : error);
    }
    assert_int_equal(PARSE("ns", "send", "-"), ARGS_SEND);
    assert_int_equal(args.receipts, 1);
    static const char *const bad[][3] = {{"-", "a", NULL},
                                         {"a", "-", NULL},
                                         {"-", "--count=2", "standard input can be sent once only"},
                                         {"a", "--count=0", "--count takes 1 to 1000"},
                                         {"a", "--count=1001", "--count takes 1 to 1000"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(PARSE("ns", "send", bad[i][0], bad[i][1]), ARGS_USAGE);
        assert_non_null(strstr(error, bad[i][2] ? bad[i][2] : "'-' sends standard input"));
    }
    assert_int_equal(PARSE("ns", "send"), ARGS_USAGE);
    assert_non_null(strstr(error, "send what?"));
    assert_int_equal(PARSE("ns", "send", "a", "--key-file", "k"), ARGS_USAGE);
}

static void recv_takes_a_code_which_gives_the_name(void **state)
{
    static const char code[] = "0123-4567-89ab-cdef-ghjk-vqs3"; /* of test_code.c */
    char key[HX_KEY_TEXT_MAX];
    (void)state;
    assert_int_equal(PARSE("ns", "recv", code), ARGS_RECV);
    assert_string_equal(args.name, "code-5dfa0bfc6712f1337ade7939");
    assert_string_equal(args.target, ".");
    assert_false(args.yes);
    assert_string_equal(args.code, code);
    assert_int_equal(args_code_key(&args, key), HX_OK);
    assert_string_equal(key, "hx-knto-mvyv-yvuz-ltyp-mklp-rgiz-bt25-o5li-kggi");
    for (size_t i = 0; i < sizeof code; i++) /* nobody finds it in the list of processes any more */
        assert_int_equal(args.code[i], 0);
    assert_int_equal(PARSE("ns", "recv", "-y", "0123 4567 89ab CDEF ghjk vqs3", "dir", "--overwrite"),
                     ARGS_RECV);
    assert_string_equal(args.target, "dir");
    assert_true(args.yes && args.overwrite);
    assert_int_equal(PARSE("ns", "recv"), ARGS_USAGE);
    assert_non_null(strstr(error, "which CODE?"));
    assert_int_equal(PARSE("ns", "recv", "0123-4567-89ab-cdef-ghjk-vqs3", "a", "b"), ARGS_USAGE);
}

static void a_mistyped_code_is_told_with_its_group_and_without_the_code(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "recv", "0123-4567-89ab-cdff-ghjk-vqs3"), ARGS_USAGE);
    assert_string_equal(error, "that code is mistyped: look at its 4th group of 4 characters");
    assert_int_equal(PARSE("ns", "recv", "0123-4567-89ab-ced*-ghjk-vqs3"), ARGS_USAGE);
    assert_non_null(strstr(error, "4th group"));
    static const char *const none[] = {"0123-4567-89ab-dcef-ghjk-vqs3", "0123-4567-89ab-cdef-ghjk-vqs",
                                       "0123-4567-89ab-cdef-ghjk-vqs33", "photo.jpg", ""};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(PARSE("ns", "recv", none[i]), ARGS_USAGE);
        assert_string_equal(error,
                            "that is no code, or mistyped: `hx send` shows it, 6 groups of 4 characters");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_takes_paths_a_time_and_a_count),
        cmocka_unit_test(recv_takes_a_code_which_gives_the_name),
        cmocka_unit_test(a_mistyped_code_is_told_with_its_group_and_without_the_code),
    };
    return cmocka_run_group_tests_name("tool args code", tests, NULL, NULL);
}
