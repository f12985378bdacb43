/* Log lines: one event, one line, whatever the values hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/log.h"
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char line[LOG_LINE_MAX + 1];
static int lines;

static void take(void *user, const char *text, size_t len)
{
    (void)user;
    assert_true(len <= LOG_LINE_MAX);
    memcpy(line, text, len);
    line[len] = '\0';
    lines++;
}

static int begin(void **state)
{
    (void)state;
    lines = 0;
    line[0] = '\0';
    log_set_sink(take, NULL);
    log_set_level(LOG_INFO);
    return 0;
}

/* The line without its time. */
static const char *fields(void)
{
    return strstr(line, "level=");
}

static void a_line_begins_with_the_time_in_utc(void **state)
{
    regex_t re;

    (void)state;
    log_event(LOG_INFO, "listening", "address", "[::]:7000");
    assert_int_equal(
        regcomp(&re,
                "^ts=[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][.][0-9]{3}Z level=info ",
                REG_EXTENDED),
        0);
    assert_int_equal(regexec(&re, line, 0, NULL, 0), 0);
    regfree(&re);
    assert_string_equal(fields(), "level=info event=listening address=[::]:7000\n");
}

static void a_hostile_value_cannot_forge_a_line_or_a_field(void **state)
{
    (void)state;
    log_event(LOG_INFO, "bound", "name", "x\nts=now level=error event=\"own\\ed\" \x7f\xc3\xa9");
    assert_string_equal(fields(), "level=info event=bound name=\"x\\x0ats=now level=error "
                                  "event=\\\"own\\\\ed\\\" \\x7f\\xc3\\xa9\"\n");
    log_event(LOG_INFO, "bound", "name", "a=b", "other", "");
    assert_string_equal(fields(), "level=info event=bound name=\"a=b\" other=\"\"\n");
    log_event(LOG_INFO, "left", "name", (const char *)NULL, "reason", "x");
    assert_string_equal(fields(), "level=info event=left reason=x\n");
    assert_int_equal(lines, 3);
}

static void a_field_that_does_not_fit_is_left_out_with_all_after_it(void **state)
{
    static char big[LOG_LINE_MAX];

    (void)state;
    memset(big, '!', sizeof big - 1);
    log_event(LOG_INFO, "e", "a", "1", "b", big, "c", "3");
    assert_string_equal(fields(), "level=info event=e a=1\n");
}

static void lines_above_the_level_are_not_written(void **state)
{
    (void)state;
    log_event(LOG_DEBUG, "state");
    assert_int_equal(lines, 0);
    enum log_level level;
    assert_int_equal(log_level_parse(&level, "debug"), HX_OK);
    log_set_level(level);
    log_event(LOG_DEBUG, "state", "n", LOG_NUM(INT64_MIN));
    assert_string_equal(fields(), "level=debug event=state n=-9223372036854775808\n");
    assert_int_equal(log_level_parse(&level, "loud"), HX_EINVAL);
}

/* `reader` does not wait. Nobody reads while far too many lines are written; then all is read, and one
 * further line must tell how many are missing. */
static void check_stuck_reader(int reader, int writer)
{
    static char all[1 << 22];
    size_t len = 0;
    const int written = 20000;
    int received = 0, flags = fcntl(writer, F_GETFL);

    log_set_sink(NULL, NULL);
    log_open(writer);
    for (int i = 0; i < written; i++) /* more than any pipe or socket takes; blocks for ever if it blocks */
        log_always(LOG_INFO, "bound", "name",
                   "a-name-that-makes-the-line-longer-than-it-would-be-without-one");
    assert_int_equal(fcntl(writer, F_GETFL), flags); /* who shares the descriptor still waits */
    ssize_t n;
    while ((n = read(reader, all + len, sizeof all - 1 - len)) > 0)
        len += (size_t)n;
    for (size_t i = 0; i < len; i++)
        received += all[i] == '\n';
    assert_in_range(received, 10, written - 10);
    assert_int_equal(all[len - 1], '\n'); /* no line was cut */
    log_event(LOG_INFO, "left", "name", "x");
    n = read(reader, all, sizeof all - 1);
    assert_true(n > 0);
    all[n] = '\0';
    char *told = strstr(all, "event=left dropped=");
    assert_non_null(told);
    assert_int_equal(atoi(told + strlen("event=left dropped=")), written - received);
    log_event(LOG_INFO, "left", "name", "y");
    n = read(reader, all, sizeof all - 1);
    all[n > 0 ? n : 0] = '\0';
    assert_non_null(strstr(all, "event=left name=y\n")); /* told once */
    log_open(STDERR_FILENO);
}

static void a_full_pipe_drops_lines_and_the_next_one_says_how_many(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    check_stuck_reader(fds[0], fds[1]);
    close(fds[0]);
    close(fds[1]);
}

static void a_full_socket_does_so_too(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    check_stuck_reader(fds[0], fds[1]);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_begins_with_the_time_in_utc, begin),
        cmocka_unit_test_setup(a_hostile_value_cannot_forge_a_line_or_a_field, begin),
        cmocka_unit_test_setup(a_field_that_does_not_fit_is_left_out_with_all_after_it, begin),
        cmocka_unit_test_setup(lines_above_the_level_are_not_written, begin),
        cmocka_unit_test_setup(a_full_pipe_drops_lines_and_the_next_one_says_how_many, begin),
        cmocka_unit_test_setup(a_full_socket_does_so_too, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
