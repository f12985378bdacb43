/* Another configuration for a server that runs: what it changes, and what it says it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/config_changes.h"
#include <string.h>

static struct server_config running, wanted;
static struct config_changes changes;
static char error[CONFIG_ERROR_MAX];

/* `text`: of the file at the second time. */
static enum config_result read_again(const char *a, const char *b, const char *text)
{
    char *argv[] = {
        (char *)"hx-nameserver", (char *)"--config", (char *)"test.conf", (char *)a, (char *)b, NULL};
    int argc = b ? 5 : a ? 4 : 3;

    return server_config_read_again(&wanted, argc, argv, text, strlen(text), error);
}

static void change(const char *text)
{
    if (read_again(NULL, NULL, text) != CONFIG_RUN)
        fail_msg("%s", error);
    config_change(&running, &wanted, &changes);
}

static int begin(void **state)
{
    (void)state;
    server_config_defaults(&running);
    return 0;
}

static void the_same_text_changes_nothing(void **state)
{
    (void)state;
    change("");
    assert_string_equal(changes.made, "");
    assert_string_equal(changes.missed, "");
}

static void every_number_and_what_is_logged_change_at_once(void **state)
{
    (void)state;
    change("max-connections = 7\nrelay-rate = 8\nidle-timeout = 20\nstun-rate = 9\nlog-level = debug\n"
           "log-format = json\nlog-addresses = none\ndrain = 5\ndrain-to = two.example\n");
    assert_string_equal(changes.made,
                        "max-connections stun-rate relay-rate idle-timeout log-level log-format "
                        "log-addresses drain drain-to");
    assert_string_equal(changes.missed, "");
    assert_int_equal(running.max_connections, 7);
    assert_int_equal(running.relay_rate, 8);
    assert_int_equal(running.idle_timeout_ms, 20000);
    assert_int_equal(running.stun_rate, 9);
    assert_int_equal(running.log_level, LOG_DEBUG);
    assert_int_equal(running.drain_ms, 5000);
    assert_string_equal(running.drain_to, "udt://two.example:7000/");
    change(""); /* back to the defaults */
    assert_int_equal(running.max_connections, 20000);
}

static void what_needs_a_restart_is_named_and_stays(void **state)
{
    const struct server_config before = running;

    (void)state;
    change(
        "listen = 127.0.0.1:1\nlisten-tcp = 127.0.0.1:1\nproxy-protocol = yes\nstun-port = 5\nrelay = yes\n"
        "stun-address = 127.0.0.1\nstun-address = 127.0.0.2\nadmin = 127.0.0.1:2\nadmin-token = /x\n"
        "user = nobody\nsandbox = no\nauth = /rules\nauth-host = a\nauth-db = /o\nmax-owned = 5\n"
        "transcripts = /t\ntranscripts-max = 70000\ntranscripts-secrets = yes\n");
    assert_string_equal(changes.made, "");
    assert_string_equal(changes.missed, "listen listen-tcp proxy-protocol stun-port stun-address relay auth "
                                        "auth-db auth-host max-owned admin admin-token transcripts "
                                        "transcripts-max transcripts-secrets user sandbox");
    assert_memory_equal(&running, &before, sizeof running);
}

static void sockets_that_were_handed_over_stand_over_both(void **state)
{
    (void)state;
    running.listen[0].fd = 3;
    running.listen_tcp[0].fd = 4;
    running.listen_tcp_count = 1;
    running.admin[0].tcp.fd = 5;
    running.admin_count = 1;
    change("listen = 127.0.0.1:1\nlisten = 127.0.0.1:2\nlisten-tcp = 127.0.0.1:1\nadmin = /x\n");
    assert_string_equal(changes.missed, "");
}

static void the_command_line_stands_over_the_file_each_time(void **state)
{
    (void)state;
    assert_int_equal(read_again("--max-members", "5", "max-members = 9\nlog-level = warn\n"), CONFIG_RUN);
    assert_int_equal(wanted.max_members, 5);
    assert_int_equal(wanted.log_level, LOG_WARN);
}

static void an_error_has_its_file_and_line(void **state)
{
    (void)state;
    assert_int_equal(read_again(NULL, NULL, "\n\nmax-members = many\n"), CONFIG_BAD);
    assert_memory_equal(error, "test.conf:3: max-members 'many'", strlen("test.conf:3: max-members 'many'"));
}

/* So that a new option is either changed or named: whoever adds one finds this. */
static void each_option_that_is_a_number_is_in_one_of_the_lists(void **state)
{
    const char *name;
    size_t offset;

    (void)state;
    for (size_t i = 0; server_config_number(i, &name, &offset); i++) {
        wanted = running;
        ++*(int64_t *)(void *)((char *)&wanted + offset);
        config_change(&running, &wanted, &changes);
        assert_true(strcmp(changes.made, name) == 0 || strcmp(changes.missed, name) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_same_text_changes_nothing, begin),
        cmocka_unit_test_setup(every_number_and_what_is_logged_change_at_once, begin),
        cmocka_unit_test_setup(what_needs_a_restart_is_named_and_stays, begin),
        cmocka_unit_test_setup(sockets_that_were_handed_over_stand_over_both, begin),
        cmocka_unit_test_setup(the_command_line_stands_over_the_file_each_time, begin),
        cmocka_unit_test_setup(an_error_has_its_file_and_line, begin),
        cmocka_unit_test_setup(each_option_that_is_a_number_is_in_one_of_the_lists, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
