#include "client/tool/options.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/hx-config.XXXXXX";
static struct args args;
static char error[ARGS_ERROR_MAX];
static char faults[4096];

static int begin(void **state)
{
    (void)state;
    strcpy(strrchr(path, '.'), ".XXXXXX");
    int fd = mkstemp(path);
    setenv("HOME", "/home/me", 1);
    return fd < 0 ? -1 : close(fd);
}

static int end(void **state)
{
    (void)state;
    config_wipe(&args.config);
    return unlink(path);
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

#define PARSE(...)                                  \
    parse((const char *const[]){"hx", __VA_ARGS__}, \
          (int)(sizeof((const char *const[]){"hx", __VA_ARGS__}) / sizeof(char *)))

static enum args_result parse(const char *const *words, int count)
{
    static char copies[20][300];
    char *argv[21] = {NULL};
    assert_true(count <= 20);
    for (int i = 0; i < count; i++) {
        snprintf(copies[i], sizeof copies[i], "%s", words[i]);
        argv[i] = copies[i];
    }
    config_wipe(&args.config);
    return args_parse(&args, count, argv, "environment", path, error);
}

static void told(void *user, int number, const char *what)
{
    (void)user;
    size_t len = strlen(faults);
    snprintf(faults + len, sizeof faults - len, "%d: %s\n", number, what);
}

/* What `hx config check` says. */
static const char *faults_of(const char *text)
{
    struct config config;
    put(text);
    faults[0] = '\0';
    int err = config_read(&config, path, told, NULL);
    bool sound = args_config_check(&config, told, NULL);
    config_wipe(&config);
    assert_int_equal(err == HX_OK && sound, faults[0] == '\0');
    return faults;
}

static void the_section_of_the_name_is_used_by_every_command_for_what_it_knows(void **state)
{
    (void)state;
    put("[home]\nnameserver = ns:7001\nkey-file = ~/k\nshare = ~/public:rw\nallow = a:1\nallow = b:2\n"
        "allow-listen = 8080\nrelay-after = never\nname = me\nL = 8000:a:1\nR = 9000:b:2\nD = 1080\n"
        "[work]\nnameserver = other\n");
    assert_int_equal(PARSE("bind", "home"), ARGS_BIND);
    assert_string_equal(args.nameserver, "ns:7001");
    assert_string_equal(args.share, "/home/me/public:rw");
    assert_int_equal(args.allow_count, 2);
    assert_string_equal(args.allow[1], "b:2");
    assert_int_equal(args.allow_listen_count, 1);
    assert_int_equal(args.relay_after_ms, -1);
    assert_int_equal(args.forward_count, 0);
    assert_int_equal(PARSE("connect", "home"), ARGS_CONNECT);
    assert_int_equal(args.forward_count, 3);
    assert_int_equal(args.forwards[1].kind, 'R');
    assert_string_equal(args.own_name, "me");
    assert_null(args.share);
    assert_int_equal(PARSE("cp", "home:x", "."), ARGS_CP);
    assert_string_equal(args.nameserver, "ns:7001");
    assert_string_equal(args.key_file, "/home/me/k");
    assert_int_equal(PARSE("ping", "work"), ARGS_PING);
    assert_string_equal(args.nameserver, "other");
    assert_null(args.key_file);
    assert_int_equal(PARSE("ping", "elsewhere"), ARGS_PING);
    assert_string_equal(args.nameserver, "environment");
}

static void the_command_line_comes_before_the_section_and_that_before_the_one_for_all(void **state)
{
    (void)state;
    put("[*]\nnameserver = all\nkeepalive = 20\nwait = 9\nallow = c:3\n4 = yes\n"
        "[home]\nnameserver = one\nwait = 8\nallow = a:1\nallow = b:2\necho = no\n");
    assert_int_equal(PARSE("bind", "home"), ARGS_BIND);
    assert_string_equal(args.nameserver, "one");
    assert_int_equal(args.keepalive_s, 20);
    assert_int_equal(args.allow_count, 2);
    assert_int_equal(args.family, 4);
    assert_false(args.echo);
    assert_int_equal(PARSE("bind", "home", "--allow", "d:4", "-n", "mine", "-6"), ARGS_BIND);
    assert_string_equal(args.nameserver, "mine");
    assert_int_equal(args.allow_count, 1);
    assert_string_equal(args.allow[0], "d:4");
    assert_int_equal(args.family, 6);
    assert_int_equal(PARSE("connect", "home", "-w", "3"), ARGS_CONNECT);
    assert_int_equal(args.wait_s, 3);
    assert_int_equal(PARSE("send", "x"), ARGS_SEND);
    assert_string_equal(args.nameserver, "all");
}

static void what_contradicts_the_command_line_is_left_out(void **state)
{
    (void)state;
    put("[home]\nL = 8000:a:1\nexec = cat\npty = yes\nverbose = yes\ntimeout = 7\nshare = /srv\n");
    assert_int_equal(PARSE("connect", "home", "--to", "a:1", "-q"), ARGS_CONNECT);
    assert_int_equal(args.forward_count, 0);
    assert_false(args.verbose);
    assert_int_equal(PARSE("connect", "home", "-t"), ARGS_CONNECT);
    assert_int_equal(args.forward_count, 0);
    assert_int_equal(args.timeout_s, 7);
    assert_int_equal(PARSE("bind", "home", "--echo"), ARGS_BIND);
    assert_null(args.exec);
    assert_int_equal(PARSE("bind", "home", "--insecure"), ARGS_BIND);
    assert_null(args.share);
    assert_int_equal(args.timeout_s, 7);
}

static void a_fault_stops_the_command_with_file_and_line(void **state)
{
    char place[64];
    (void)state;
    put("[home]\n\nkeepalive = 0\n[other]\nnonsense = 1\n");
    assert_int_equal(PARSE("bind", "home"), ARGS_USAGE);
    snprintf(place, sizeof place, "%s:3: --keepalive takes", path);
    assert_ptr_equal(strstr(error, place), error);
    assert_int_equal(PARSE("bind", "home", "--keepalive", "9"), ARGS_BIND); /* not taken */
    assert_int_equal(PARSE("bind", "other"), ARGS_USAGE);
    assert_non_null(strstr(error, ":5: no such option: nonsense"));
    assert_int_equal(PARSE("bind", "third"), ARGS_BIND);
    assert_int_equal(PARSE("key"), ARGS_KEY);
}

static void every_fault_is_told_once_with_its_line(void **state)
{
    (void)state;
    assert_string_equal(faults_of("# all of it\n[*]\nnameserver = ns\nexpire = 2h\n\n[home]\n  L = 8000:a:1\n"
                                  "  allow = a:1 \n; and\necho = yes\n4 = yes\nexec-not-this\n"),
                        "12: not of the form OPTION = VALUE\n");
    faults_of("x = 1\n[home]\nnameserver = ns:0\nallow = a\necho = 1\nlocal-port = 99999\nL = 1\nfoo = 1\n"
              "help = yes\nc = 3\nexpire = 1h\nlabel = x\nexec = a ; b\n[two words]\n[open\n");
    static const char *const expected[] = {"1: options stand in a section",
                                           "3: the nameserver 'ns:0'",
                                           "4: --allow takes",
                                           "5: echo takes yes or no, not '1'",
                                           "6: --local-port takes",
                                           "7: -L ",
                                           "8: no such option: foo",
                                           "9: no such option: help",
                                           "10: no such option: c",
                                           "11: expire is for commands without",
                                           "12: no such option: label",
                                           "13: a ';' behind a blank",
                                           "14: a section is [NAME]",
                                           "15: a section is [NAME]"};
    int lines = 0;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (!strstr(faults, expected[i]))
            fail_msg("'%s' is not in:\n%s", expected[i], faults);
    }
    for (const char *at = faults; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, sizeof expected / sizeof *expected);
    assert_string_equal(faults_of("[a]\nL = 8000:a:1\nto = b:2\n"),
                        "2: --to makes a pipe, -L listens: use two hx connect, side by side\n");
}

static void a_line_is_never_cut(void **state)
{
    char text[600];
    char value[300];
    (void)state;
    memset(value, 'x', sizeof value);
    snprintf(text, sizeof text, "[home]\nexec = %.191s\nshare = /\n", value); /* 198 */
    assert_string_equal(faults_of(text), "");
    assert_int_equal(PARSE("bind", "home"), ARGS_BIND);
    assert_int_equal(strlen(args.exec), 191);
    assert_string_equal(args.share, "/");
    snprintf(text, sizeof text, "[home]\nexec = %.192s\nshare = /\n", value);
    assert_string_equal(faults_of(text), "2: the line has more than 198 bytes\n");
    snprintf(text, sizeof text, "[%.50s]\nshare = /\n", value);
    assert_non_null(strstr(faults_of(text), "1: the names of sections have 49 bytes at most"));
}

static void a_file_that_others_may_write_to_is_refused(void **state)
{
    static const mode_t modes[] = {0620, 0602, 0666};
    (void)state;
    put("[home]\nshare = /\n");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(PARSE("bind", "home"), ARGS_USAGE);
        assert_non_null(strstr(error, "chmod go-w"));
    }
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(PARSE("bind", "home"), ARGS_BIND);
    assert_string_equal(args.share, "/");
}

static void config_takes_check_and_maybe_a_file(void **state)
{
    (void)state;
    put("nonsense\n");
    assert_int_equal(PARSE("config", "check"), ARGS_CONFIG);
    assert_null(args.config_file);
    assert_int_equal(PARSE("config", "check", "f"), ARGS_CONFIG);
    assert_string_equal(args.config_file, "f");
    assert_int_equal(PARSE("config"), ARGS_USAGE);
    assert_int_equal(PARSE("config", "edit"), ARGS_USAGE);
    assert_int_equal(PARSE("config", "check", "a", "b"), ARGS_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_section_of_the_name_is_used_by_every_command_for_what_it_knows),
        cmocka_unit_test(the_command_line_comes_before_the_section_and_that_before_the_one_for_all),
        cmocka_unit_test(what_contradicts_the_command_line_is_left_out),
        cmocka_unit_test(a_fault_stops_the_command_with_file_and_line),
        cmocka_unit_test(every_fault_is_told_once_with_its_line),
        cmocka_unit_test(a_line_is_never_cut),
        cmocka_unit_test(a_file_that_others_may_write_to_is_refused),
        cmocka_unit_test(config_takes_check_and_maybe_a_file),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
