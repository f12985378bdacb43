/* Log lines: one event, one line, whatever the values hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/error.h"
#include "server/log.h"
#include <regex.h>
#include <stdbool.h>
#include <string.h>

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
    enum log_level level;

    (void)state;
    log_event(LOG_DEBUG, "state");
    assert_int_equal(lines, 0);
    assert_int_equal(log_level_parse(&level, "debug"), HX_OK);
    log_set_level(level);
    log_event(LOG_DEBUG, "state", "n", LOG_NUM(INT64_MIN));
    assert_string_equal(fields(), "level=debug event=state n=-9223372036854775808\n");
    assert_int_equal(log_level_parse(&level, "loud"), HX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_begins_with_the_time_in_utc, begin),
        cmocka_unit_test_setup(a_hostile_value_cannot_forge_a_line_or_a_field, begin),
        cmocka_unit_test_setup(a_field_that_does_not_fit_is_left_out_with_all_after_it, begin),
        cmocka_unit_test_setup(lines_above_the_level_are_not_written, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
