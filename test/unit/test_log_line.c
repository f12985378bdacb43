/* Lines of the log as JSON, and with the journal's priorities: whatever the values hold, each is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/log.h"
#include "server/log_line.h"
#include "test/unit/json_check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char line[LOG_LINE_MAX + 1];

static void take(void *user, const char *text, size_t len)
{
    (void)user;
    assert_true(len <= LOG_LINE_MAX);
    memcpy(line, text, len);
    line[len] = '\0';
}

static int begin(void **state)
{
    (void)state;
    log_set_sink(take, NULL);
    log_set_level(LOG_INFO);
    log_set_format(LOG_JSON);
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    log_set_format(LOG_LOGFMT);
    return 0;
}

static const char *fields(void)
{
    return strstr(line, "\"level\":");
}

static void a_line_is_an_object_and_its_numbers_are_numbers(void **state)
{
    (void)state;
    log_always(LOG_INFO, "bound", "conn", LOG_NUM(7), "ms", LOG_NUM(INT64_MIN), "name", "7", "h2_name", "",
               "transport", (const char *)NULL, "rules", LOG_NUM_IF(false, 1), "signal", LOG_NUM_IF(true, 9));
    assert_string_equal(fields(),
                        "\"level\":\"info\",\"event\":\"bound\",\"conn\":7,"
                        "\"ms\":-9223372036854775808,\"name\":\"7\",\"h2_name\":\"\",\"signal\":9}\n");
    assert_true(strncmp(line, "{\"ts\":\"2", 8) == 0);
    assert_true(json_is_flat_object(line, strlen(line) - 1));
}

static void hostile_values_stay_within_their_strings(void **state)
{
    (void)state;
    log_always(LOG_INFO, "bound", "name", "\",\"level\":\"error\"}\n{\\ \x7f");
    assert_string_equal(strstr(line, "\"name\""),
                        "\"name\":\"\\\",\\\"level\\\":\\\"error\\\"}\\u000a{\\\\ \\u007f\"}\n");
    log_always(LOG_INFO, "bound", "name", "\xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\xae \xff\xc3 \xed\xa0\x80");
    assert_string_equal(strstr(line, "\"name\""), "\"name\":\"\\u00e9 \\ud83d\\ude00 \\u202e \\ufffd\\ufffd "
                                                  "\\ufffd\\ufffd\\ufffd\"}\n");
}

/* Of any length, so that the line is full at each byte of an escape. */
static void any_bytes_make_a_whole_object(void **state)
{
    static char value[LOG_LINE_MAX];
    unsigned seed = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)rand_r(&seed) % (i % 8 == 0 ? sizeof value : 64);

        for (size_t k = 0; k < len; k++)
            value[k] = (char)(rand_r(&seed) % 255 + 1);
        value[len] = '\0';
        log_always(LOG_INFO, "left", "name", value, "ms", LOG_NUM(i), "reason", value);
        size_t size = strlen(line);
        assert_int_equal(line[size - 1], '\n');
        assert_true(json_is_flat_object(line, size - 1));
    }
}

static void what_does_not_fit_is_left_out_with_all_after_it(void **state)
{
    static char big[LOG_LINE_MAX];

    (void)state;
    memset(big, '!', sizeof big - 1);
    log_always(LOG_INFO, "e", "a", LOG_NUM(1), "b", big, "c", "3");
    assert_string_equal(fields(), "\"level\":\"info\",\"event\":\"e\",\"a\":1}\n");
}

static void formats_have_names(void **state)
{
    enum log_format format;

    (void)state;
    assert_int_equal(log_format_parse(&format, "json"), HX_OK);
    assert_int_equal(format, LOG_JSON);
    assert_int_equal(log_format_parse(&format, "logfmt"), HX_OK);
    assert_int_equal(format, LOG_LOGFMT);
    assert_int_equal(log_format_parse(&format, "xml"), HX_EINVAL);
}

static void read_line(int fd)
{
    ssize_t n = read(fd, line, sizeof line - 1);

    assert_true(n > 0);
    line[n] = '\0';
}

static void the_journal_is_told_how_serious_a_line_is(void **state)
{
    int fds[2];
    struct stat st;
    char stream[64];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fstat(fds[1], &st), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_set_sink(NULL, NULL);
    log_open(fds[1]);
    static const char *const begins[] = {"<3>{\"ts\"", "<4>{\"ts\"", "<6>{\"ts\""};
    for (int i = 0; i < 3; i++) {
        log_always((enum log_level)i, "e");
        read_line(fds[0]);
        assert_true(strncmp(line, begins[i], 8) == 0);
    }
    log_set_format(LOG_LOGFMT);
    log_always(LOG_INFO, "e");
    read_line(fds[0]);
    assert_true(strncmp(line, "<6>ts=", 6) == 0);
    setenv("JOURNAL_STREAM", "1:2", 1); /* of a unit's stream that this is not */
    log_open(fds[1]);
    log_always(LOG_INFO, "e");
    read_line(fds[0]);
    assert_true(strncmp(line, "ts=", 3) == 0);
    unsetenv("JOURNAL_STREAM");
    log_open(STDERR_FILENO);
    close(fds[0]);
    close(fds[1]);
}

#define LINE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINE_TEST(a_line_is_an_object_and_its_numbers_are_numbers),
        LINE_TEST(hostile_values_stay_within_their_strings),
        LINE_TEST(any_bytes_make_a_whole_object),
        LINE_TEST(what_does_not_fit_is_left_out_with_all_after_it),
        LINE_TEST(formats_have_names),
        LINE_TEST(the_journal_is_told_how_serious_a_line_is),
    };

    return cmocka_run_group_tests_name("log line", tests, NULL, NULL);
}
