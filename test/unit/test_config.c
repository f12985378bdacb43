/* Options from the command line and from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "proto/endpoint.h"
#include "server/config.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct server_config config;
static char error[CONFIG_ERROR_MAX];

static enum config_result read_args(const char *a, const char *b, const char *c, const char *d)
{
    char *argv[] = {(char *)"hx-nameserver", (char *)a, (char *)b, (char *)c, (char *)d, NULL};
    int argc = 1;

    while (argv[argc])
        argc++;
    error[0] = '\0';
    return server_config_read(&config, argc, argv, error);
}

static int read_ini(const char *text)
{
    FILE *f = fmemopen((void *)text, strlen(text), "r");

    assert_non_null(f);
    server_config_defaults(&config);
    int err = server_config_read_ini(&config, f, "test.conf", error);
    fclose(f);
    return err;
}

/* All addresses, with a blank between two. */
static const char *listen_text(void)
{
    static char text[CONFIG_LISTEN_MAX * (ENDPOINT_TEXT_MAX + 1)];
    struct endpoint e;

    text[0] = '\0';
    for (size_t i = 0; i < config.listen_count; i++) {
        const struct server_listen *l = &config.listen[i];

        assert_int_equal(endpoint_from_sockaddr(&e, (const struct sockaddr *)&l->address, l->len), HX_OK);
        strcat(text, i ? " " : "");
        endpoint_format(&e, text + strlen(text));
    }
    return text;
}

static void nothing_given_means_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(read_args(NULL, NULL, NULL, NULL), CONFIG_RUN);
    assert_string_equal(listen_text(), "[::]:7000");
    assert_int_equal(config.max_connections, 20000);
    assert_int_equal(config.max_per_address, 256);
    assert_int_equal(config.introductions_per_source, 10);
    assert_int_equal(config.introductions_per_name, 100);
    assert_int_equal(config.max_queue_bytes, 65536);
    assert_int_equal(config.request_timeout_ms, 10000);
    assert_int_equal(config.idle_timeout_ms, 30000);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.stun_port, CONFIG_STUN_PORT_DEFAULT);
    assert_int_equal(config.stun_rate, 100);
}

static void the_second_port_of_stun_is_a_number_or_none(void **state)
{
    (void)state;
    assert_int_equal(read_args("--stun-port=0", NULL, NULL, NULL), CONFIG_RUN);
    assert_int_equal(config.stun_port, 0);
    assert_int_equal(read_args("--stun-port=3479", NULL, NULL, NULL), CONFIG_RUN);
    assert_int_equal(config.stun_port, 3479);
    assert_int_equal(read_args("--stun-port=none", NULL, NULL, NULL), CONFIG_RUN);
    assert_int_equal(config.stun_port, CONFIG_STUN_PORT_NONE);
    assert_int_equal(read_args("--stun-port=65536", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--stun-port=", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--stun-port=-1", NULL, NULL, NULL), CONFIG_BAD);
}

static void an_address_of_stun_needs_a_second_one_of_a_family_that_is_served(void **state)
{
    (void)state;
    assert_int_equal(
        read_args("--stun-address=192.0.2.1", "--stun-address=192.0.2.2/198.51.100.2", NULL, NULL),
        CONFIG_RUN);
    assert_int_equal(config.stun_address_count, 2);
    assert_int_equal(read_args("--stun-address=192.0.2.1", "--listen=192.0.2.2:70", NULL, NULL), CONFIG_RUN);
    assert_int_equal(read_args("--stun-address=192.0.2.1", NULL, NULL, NULL), CONFIG_BAD);
    assert_non_null(strstr(error, "needs two"));
    assert_int_equal(read_args("--stun-address=192.0.2.1", "--stun-address=2001:db8::1", NULL, NULL),
                     CONFIG_BAD);
    assert_int_equal(read_args("-6", "--stun-address=192.0.2.1", "--stun-address=192.0.2.2", NULL),
                     CONFIG_BAD);
    assert_non_null(strstr(error, "not served"));
    assert_int_equal(read_args("--stun-address=example.net", NULL, NULL, NULL), CONFIG_BAD);
}

static void listen_takes_every_form(void **state)
{
    static const char *const forms[][2] = {{"192.0.2.1:80", "192.0.2.1:80"},
                                           {"192.0.2.1", "192.0.2.1:7000"},
                                           {":81", "[::]:81"},
                                           {"[2001:db8::1]:82", "[2001:db8::1]:82"},
                                           {"[2001:db8::1]", "[2001:db8::1]:7000"},
                                           {"2001:db8::1", "[2001:db8::1]:7000"},
                                           {"[::]:0", "[::]:0"},
                                           {"127.0.0.1:0", "127.0.0.1:0"}};

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_equal(read_args("--listen", forms[i][0], NULL, NULL), CONFIG_RUN);
        assert_string_equal(listen_text(), forms[i][1]);
    }
}

static void listen_may_be_repeated_and_the_command_line_replaces_the_files(void **state)
{
    char many[32 * (CONFIG_LISTEN_MAX + 1)] = "", path[] = "/tmp/hx-test-config.XXXXXX";
    static const char text[] = "listen = :1\nlisten = 127.0.0.1:2\n";
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(read_args("-l", ":80", "-l", "192.0.2.1:81"), CONFIG_RUN);
    assert_string_equal(listen_text(), "[::]:80 192.0.2.1:81");
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(read_args("-c", path, NULL, NULL), CONFIG_RUN);
    assert_string_equal(listen_text(), "[::]:1 127.0.0.1:2");
    assert_int_equal(read_args("-l", ":3", "-c", path), CONFIG_RUN);
    assert_string_equal(listen_text(), "[::]:3");
    unlink(path);
    for (int i = 0; i <= CONFIG_LISTEN_MAX; i++)
        strcat(many, "listen = :1\n");
    assert_int_equal(read_ini(many), HX_EINVAL);
    assert_non_null(strstr(error, "test.conf:17: listen ':1' is one more than 16"));
}

static void one_family_can_be_asked_for(void **state)
{
    (void)state;
    assert_int_equal(read_args("-4", NULL, NULL, NULL), CONFIG_RUN);
    assert_string_equal(listen_text(), "0.0.0.0:7000");
    assert_int_equal(read_args("-l", ":5", "--ipv6", NULL), CONFIG_RUN);
    assert_string_equal(listen_text(), "[::]:5");
    assert_int_equal(config.family, AF_INET6);
    assert_int_equal(read_args("-6", "-l", "192.0.2.1:5", NULL), CONFIG_BAD);
    assert_non_null(strstr(error, "no IPv6 address"));
    assert_int_equal(read_args("-l", "[::1]:5", "-4", NULL), CONFIG_BAD);
    assert_int_equal(read_ini("family = 4\n"), HX_OK);
    assert_int_equal(config.family, AF_INET);
    assert_int_equal(read_ini("family = ipv4\n"), HX_EINVAL);
}

static void every_address_of_ipv6_leaves_ipv4_to_another_listener(void **state)
{
    (void)state;
    assert_int_equal(read_args("-l", "[::]:5", "-l", "0.0.0.0:5"), CONFIG_RUN);
    assert_true(listen_ipv6_only(config.listen, config.listen_count, 0));
    assert_false(listen_ipv6_only(config.listen, config.listen_count, 1));
    assert_int_equal(read_args("-l", "[::]:5", "-l", "0.0.0.0:6"), CONFIG_RUN);
    assert_false(listen_ipv6_only(config.listen, config.listen_count, 0));
}

static void bad_listen_is_refused(void **state)
{
    static const char *const bad[] = {
        "",   "host:80", "192.0.2.1:", "192.0.2.1:65536", "192.0.2:1", "[::1",  "[::1]x:80", "[192.0.2.1]:80",
        ":x", "[]:80",   "1.2.3.4:-1", "1.2.3.4: 80",     ":",         "[::1]:"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_args("-l", bad[i], NULL, NULL), CONFIG_BAD);
        assert_non_null(strstr(error, "ADDR:PORT"));
    }
}

static void numbers_are_checked(void **state)
{
    (void)state;
    assert_int_equal(read_args("--max-queue=0", "--request-timeout", "3", "--max-connections=7"), CONFIG_RUN);
    assert_int_equal(config.max_queue_bytes, 0);
    assert_int_equal(config.request_timeout_ms, 3000);
    assert_int_equal(config.max_connections, 7);
    assert_int_equal(read_args("--max-queue=2047", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--max-members=65", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--max-members=1", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--max-members=2", NULL, NULL, NULL), CONFIG_RUN);
    assert_int_equal(config.max_members, 2);
    assert_int_equal(read_args("--max-queue=", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--request-timeout=1.5", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--idle-timeout=14", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--idle-timeout=-1", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--idle-timeout=999999999999999999999", NULL, NULL, NULL), CONFIG_BAD);
}

static void bad_usage_is_told(void **state)
{
    (void)state;
    assert_int_equal(read_args("--nonsense", NULL, NULL, NULL), CONFIG_BAD);
    assert_non_null(strstr(error, "--nonsense"));
    assert_non_null(strstr(error, "--help"));
    assert_int_equal(read_args("-x", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--listen", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("extra", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--log-level=loud", NULL, NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--config=/nonexistent/x", NULL, NULL, NULL), CONFIG_BAD);
    assert_non_null(strstr(error, "/nonexistent/x"));
    assert_int_equal(read_args("-h", NULL, NULL, NULL), CONFIG_HELP);
    assert_int_equal(read_args("--version", NULL, NULL, NULL), CONFIG_VERSION);
}

static void a_file_has_the_same_names(void **state)
{
    (void)state;
    assert_int_equal(
        read_ini("# comment\n\nlisten = 127.0.0.1:7001\nmax-per-address=3 ; few\nlog-level = debug\n"
                 "introductions-per-source = 5\nintroductions-per-name = 0\n"),
        HX_OK);
    assert_string_equal(listen_text(), "127.0.0.1:7001");
    assert_int_equal(config.max_per_address, 3);
    assert_int_equal(config.introductions_per_source, 5);
    assert_int_equal(config.introductions_per_name, 0);
    assert_int_equal(config.log_level, LOG_DEBUG);
}

static void an_error_names_file_and_line(void **state)
{
    char long_line[512];

    (void)state;
    assert_int_equal(read_ini("listen = :1\n\nnonsense = 1\n"), HX_EINVAL);
    assert_non_null(strstr(error, "test.conf:3: no such option 'nonsense'"));
    assert_int_equal(read_ini("max-queue = many\nnonsense = 1\n"), HX_EINVAL);
    assert_non_null(strstr(error, "test.conf:1: max-queue 'many'"));
    assert_int_equal(read_ini("listen = :1\njust words\n"), HX_EINVAL);
    assert_non_null(strstr(error, "test.conf:2: "));
    assert_int_equal(read_ini("[server]\nlisten = :1\n"), HX_EINVAL);
    assert_non_null(strstr(error, "test.conf:2: options stand outside of sections"));
    assert_int_equal(read_ini("config = other\n"), HX_EINVAL);
    memset(long_line, 'x', sizeof long_line);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the string ends at the end of the line */
    memcpy(long_line, "\nlisten = ", strlen("\nlisten = "));
    strcpy(long_line + sizeof long_line - 2, "\n");
    assert_int_equal(read_ini(long_line), HX_EINVAL);
    assert_non_null(strstr(error, "test.conf:2: line above"));
}

static void the_command_line_overrides_the_file_wherever_it_stands(void **state)
{
    char path[] = "/tmp/hx-test-config.XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "max-queue = 4096\nmax-connections = 5\n";

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(read_args("--max-queue=2048", "-c", path, NULL), CONFIG_RUN);
    assert_int_equal(config.max_queue_bytes, 2048);
    assert_int_equal(config.max_connections, 5);
    unlink(path);
}

static void a_user_and_no_sandbox_can_be_asked_for(void **state)
{
    (void)state;
    assert_int_equal(read_args(NULL, NULL, NULL, NULL), CONFIG_RUN);
    assert_string_equal(config.user, "");
    assert_false(config.no_sandbox);
    assert_int_equal(read_args("--user", "nobody", "--no-sandbox", NULL), CONFIG_RUN);
    assert_string_equal(config.user, "nobody");
    assert_true(config.no_sandbox);
    assert_int_equal(read_ini("user = daemon\nsandbox = no\n"), HX_OK);
    assert_string_equal(config.user, "daemon");
    assert_true(config.no_sandbox);
    assert_int_equal(read_ini("sandbox = yes\n"), HX_OK);
    assert_false(config.no_sandbox);
    assert_int_equal(read_args("--sandbox", "maybe", NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--user", "", NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--user", "a-name-of-thirty-three-characters", NULL, NULL), CONFIG_BAD);
    assert_int_equal(read_args("--user", "a-name-of-thirtytwo-characters-1", NULL, NULL), CONFIG_RUN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_means_the_defaults),
        cmocka_unit_test(the_second_port_of_stun_is_a_number_or_none),
        cmocka_unit_test(an_address_of_stun_needs_a_second_one_of_a_family_that_is_served),
        cmocka_unit_test(listen_takes_every_form),
        cmocka_unit_test(listen_may_be_repeated_and_the_command_line_replaces_the_files),
        cmocka_unit_test(one_family_can_be_asked_for),
        cmocka_unit_test(every_address_of_ipv6_leaves_ipv4_to_another_listener),
        cmocka_unit_test(bad_listen_is_refused),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(bad_usage_is_told),
        cmocka_unit_test(a_file_has_the_same_names),
        cmocka_unit_test(an_error_names_file_and_line),
        cmocka_unit_test(the_command_line_overrides_the_file_wherever_it_stands),
        cmocka_unit_test(a_user_and_no_sandbox_can_be_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
