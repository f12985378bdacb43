/* The command line of udtcurl, and the request that it makes. */
#include "base/buf.h"
#include "base/error.h"
#include "test/udtcurl/args.h"
#include "test/udtcurl/codes.h"
#include "test/udtcurl/compose.h"
#include "test/udtcurl/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define WORDS_MAX 32

/* Cuts `line` at '|' and parses the words; their bytes stay valid until the next call. */
static int parse(struct args *a, const char *line, char *why, size_t cap)
{
    static char words[1024];
    char *argv[WORDS_MAX + 1] = {"udtcurl"};
    char *next = words;
    int argc = 1;
    assert_true(strlen(line) < sizeof words);
    strcpy(words, line);
    while (*line && argc < WORDS_MAX)
        argv[argc++] = strsep(&next, "|"), line = next ? next : "";
    return udtcurl_args_parse(a, argc, argv, why, cap);
}

static void check_usage_error(const char *line, const char *expected)
{
    struct args a;
    char why[256] = "";
    assert_int_equal(parse(&a, line, why, sizeof why), UC_USAGE);
    if (!strstr(why, expected))
        fail_msg("%s: said '%s'", line, why);
    args_free(&a);
}

static void must_parse(struct args *a, const char *line)
{
    char why[256] = "";
    if (parse(a, line, why, sizeof why) != UC_OK)
        fail_msg("%s: %s", line, why);
}

/* The request for udt://h:1/p with these options. */
static void check_request(const char *options, const char *expected)
{
    char line[512];
    const char *why;
    struct args a;
    struct url u;
    struct buf out;
    snprintf(line, sizeof line, "%sudt://h:1/p", options);
    must_parse(&a, line);
    assert_int_equal(url_parse(&u, a.urls[0], &why), UC_OK);
    buf_init(&out, 0);
    assert_int_equal(compose_request(&out, &a, &u, NULL, NULL), HX_OK);
    assert_int_equal(buf_append(&out, "", 1), HX_OK);
    assert_string_equal(buf_data(&out), expected);
    buf_free(&out);
    url_free(&u);
    args_free(&a);
}

static void every_option_has_its_default(void **state)
{
    struct args a;
    (void)state;
    must_parse(&a, "u");
    assert_false(a.verbose || a.include || a.head || a.fail || a.silent || a.show_error || a.raw);
    assert_null(a.method);
    assert_null(a.target);
    assert_null(a.write_out);
    assert_int_equal(a.max_time_ms, 0);
    assert_int_equal(a.connect_timeout_ms, 10000);
    assert_int_equal(a.local_port, 0);
    assert_int_equal(a.family, AF_UNSPEC);
    assert_int_equal(a.url_count, 1);
    args_free(&a);
}

static void short_options_may_be_combined(void **state)
{
    struct args a;
    (void)state;
    must_parse(&a, "-vifsS6m.25|-ofile|-XPUT|u|-H|A: 1|w");
    assert_true(a.verbose && a.include && a.fail && a.silent && a.show_error);
    assert_int_equal(a.family, AF_INET6);
    assert_int_equal(a.max_time_ms, 250);
    assert_string_equal(a.outputs[0], "file");
    assert_string_equal(a.method, "PUT");
    assert_string_equal(a.headers[0], "A: 1");
    assert_int_equal(a.url_count, 2);
    assert_string_equal(a.urls[1], "w");
    args_free(&a);
}

static void long_options_mean_the_same(void **state)
{
    struct args a;
    (void)state;
    must_parse(&a, "--verbose|--include|--fail|--silent|--show-error|--raw|--ipv4|--max-time|2|--no-buffer|"
                   "--connect-timeout=0.0001|--local-port|65535|--write-out|x|--request|PUT|--header|A: 1|"
                   "--output|f|--request-target|*|u");
    assert_true(a.verbose && a.include && a.fail && a.silent && a.show_error && a.raw);
    assert_int_equal(a.family, AF_INET);
    assert_int_equal(a.max_time_ms, 2000);
    assert_int_equal(a.connect_timeout_ms, 1); /* rounded up: zero would be the default */
    assert_int_equal(a.local_port, 65535);
    assert_string_equal(a.write_out, "x");
    assert_string_equal(a.method, "PUT");
    assert_string_equal(a.target, "*");
    assert_int_equal(a.header_count, 1);
    assert_int_equal(a.output_count, 1);
    args_free(&a);
}

static void help_and_version_need_no_url(void **state)
{
    struct args a;
    (void)state;
    must_parse(&a, "--help");
    assert_int_equal(a.action, ARGS_HELP);
    args_free(&a);
    must_parse(&a, "-V");
    assert_int_equal(a.action, ARGS_VERSION);
    args_free(&a);
}

static void a_bad_command_line_is_named(void **state)
{
    (void)state;
    check_usage_error("", "no URL");
    check_usage_error("-v", "no URL");
    check_usage_error("--bogus|u", "--bogus");
    check_usage_error("-vZ|u", "-Z");
    check_usage_error("u|-o", "--output: requires a value");
    check_usage_error("--head=1|u", "--head");
    check_usage_error("--max-time|x|u", "--max-time: bad value 'x'");
    check_usage_error("-m|-1|u", "--max-time");
    check_usage_error("-m|1s|u", "--max-time");
    check_usage_error("-m|nan|u", "--max-time");
    check_usage_error("-m|inf|u", "--max-time");
    check_usage_error("-m|1e30|u", "--max-time");
    check_usage_error("--connect-timeout||u", "--connect-timeout");
    check_usage_error("--local-port|0|u", "--local-port");
    check_usage_error("--local-port|65536|u", "--local-port");
    check_usage_error("--local-port|-1|u", "--local-port");
    check_usage_error("--local-port|7000x|u", "--local-port");
    check_usage_error("-X||u", "--request");
    check_usage_error("-X|GET /|u", "--request");
    check_usage_error("-H|A: 1\r\nB: 2|u", "--header");
    check_usage_error("--request-target|/\n|u", "--request-target");
}

static void a_plain_request_has_three_headers(void **state)
{
    (void)state;
    check_request("", "GET /p HTTP/1.1\r\nHost: h:1\r\nUser-Agent: udtcurl/" HX_VERSION
                      "\r\nAccept: */*\r\n\r\n");
}

static void a_header_replaces_the_default_of_its_name(void **state)
{
    (void)state;
    check_request("-H|accept: text/plain|-H|X: 1|",
                  "GET /p HTTP/1.1\r\nHost: h:1\r\nUser-Agent: udtcurl/" HX_VERSION
                  "\r\naccept: text/plain\r\nX: 1\r\n\r\n");
}

static void a_header_without_value_is_removed(void **state)
{
    (void)state;
    check_request("-H|Host:|-H|user-agent: |-H|Accept:|-H|Other:|", "GET /p HTTP/1.1\r\n\r\n");
}

static void a_header_with_a_semicolon_is_sent_empty(void **state)
{
    (void)state;
    check_request("-H|Host;|-H|User-Agent:|-H|Accept:|-H|neither|", "GET /p HTTP/1.1\r\nHost:\r\n\r\n");
}

static void head_and_method_and_target_change_the_request_line(void **state)
{
    (void)state;
    check_request("-H|Host:|-H|User-Agent:|-H|Accept:|-I|", "HEAD /p HTTP/1.1\r\n\r\n");
    check_request("-H|Host:|-H|User-Agent:|-H|Accept:|-I|-X|BREW|--request-target|/%zz|",
                  "BREW /%zz HTTP/1.1\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_has_its_default),
        cmocka_unit_test(short_options_may_be_combined),
        cmocka_unit_test(long_options_mean_the_same),
        cmocka_unit_test(help_and_version_need_no_url),
        cmocka_unit_test(a_bad_command_line_is_named),
        cmocka_unit_test(a_plain_request_has_three_headers),
        cmocka_unit_test(a_header_replaces_the_default_of_its_name),
        cmocka_unit_test(a_header_without_value_is_removed),
        cmocka_unit_test(a_header_with_a_semicolon_is_sent_empty),
        cmocka_unit_test(head_and_method_and_target_change_the_request_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
