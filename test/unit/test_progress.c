#include "client/tool/progress.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* needs those above */

static void bytes_have_units_and_about_three_digits(void **state)
{
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {{0, "0 B"},         {1, "1 B"},         {999, "999 B"},        {999.6, "1.0 kB"},
                 {1000, "1.0 kB"},   {99940, "99.9 kB"}, {99960, "100 kB"},     {999499, "999 kB"},
                 {999500, "1.0 MB"}, {2e8, "200 MB"},    {4.6116e18, "4.6 EB"}, {-5, "0 B"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[16];
        progress_bytes(text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

static void times_are_minutes_and_then_hours(void **state)
{
    char text[24];
    (void)state;
    progress_time(text, 0);
    assert_string_equal(text, "0:00");
    progress_time(text, 3599);
    assert_string_equal(text, "59:59");
    progress_time(text, 3600);
    assert_string_equal(text, "1:00:00");
    progress_time(text, 90061);
    assert_string_equal(text, "25:01:01");
}

static void a_steady_rate_is_shown_as_it_is(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_MAX];
    (void)state;
    progress_begin(&p, 1000, 0);
    for (int i = 1; i <= 50; i++)
        progress_update(&p, 1000 + i * 200, i * 2000000LL);
    progress_line(&p, line, 80, &(struct progress_shown){100000000, 200000000, "", "f"});
    assert_string_equal(line, " 50%  100 MB 10.0 MB/s    0:10  f");
    assert_int_equal(progress_left_s(&p, 100000000, 200000000), 10);
}

/* What was there before counts as done, but says nothing of the rate. */
static void what_was_there_before_does_not_make_it_fast(void **state)
{
    struct progress p;
    (void)state;
    progress_begin(&p, 0, 500);
    progress_update(&p, 1000, 1500);
    assert_true(p.rate > 999 && p.rate < 1001);
}

static void the_rate_forgets_what_was_long_ago(void **state)
{
    struct progress p;
    (void)state;
    progress_begin(&p, 0, 0);
    progress_update(&p, 1000, 100000000);
    for (int i = 1; i <= 150; i++) /* 30 s of nothing */
        progress_update(&p, 1000 + i * 200, 100000000);
    assert_true(p.rate < 500000);
    progress_update(&p, 31000, 200000000); /* no time has passed: not a rate */
    assert_true(p.rate < 500000);
}

static void without_a_rate_no_time_is_promised(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_MAX];
    (void)state;
    progress_begin(&p, 0, 0);
    progress_line(&p, line, 80, &(struct progress_shown){0, -1, "", ""});
    assert_string_equal(line, "  -%     0 B       -/s    -:--");
    assert_int_equal(progress_left_s(&p, 0, -1), -1);
    progress_update(&p, 1000, 0);
    progress_line(&p, line, 80, &(struct progress_shown){0, 100, "", ""});
    assert_non_null(strstr(line, "-:--"));
    progress_update(&p, 1000000, 1); /* years */
    progress_line(&p, line, 80, &(struct progress_shown){1, INT64_MAX / 2, "", ""});
    assert_non_null(strstr(line, "-:--"));
    assert_int_equal(progress_left_s(&p, 1, INT64_MAX / 2), -1);
}

static void an_empty_file_is_all_there(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_MAX];
    (void)state;
    progress_begin(&p, 0, 0);
    progress_line(&p, line, 80, &(struct progress_shown){0, 0, "", ""});
    assert_int_equal(strncmp(line, "100%", 4), 0);
}

static void a_line_never_wraps(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_MAX];
    char name[4096];
    (void)state;
    memset(name, 'n', sizeof name - 1);
    strcpy(name + sizeof name - 5, ".end");
    progress_begin(&p, 0, 0);
    progress_update(&p, 1000, 1000);
    for (int columns = 0; columns < 1000; columns++) {
        int len = progress_line(&p, line, columns, &(struct progress_shown){1, 2, "direct", name});
        assert_int_equal(len, strlen(line));
        assert_true(len == 0 || len < columns || columns > PROGRESS_LINE_MAX);
    }
    progress_line(&p, line, 80, &(struct progress_shown){1, 2, "direct", name});
    assert_string_equal(line + 75, ".end");
}

static void what_matters_most_stays_on_a_narrow_terminal(void **state)
{
    static const struct {
        int columns;
        const char *line;
    } cases[] = {{5, " 50%"},
                 {15, " 50% 10.0 MB/s"},
                 {14, " 50%"},
                 {23, " 50% 10.0 MB/s    0:10"},
                 {31, " 50%  100 MB 10.0 MB/s    0:10"},
                 {39, " 50%  100 MB 10.0 MB/s    0:10  direct"},
                 {40, " 50%  100 MB 10.0 MB/s    0:10  direct"},
                 {49, " 50%  100 MB 10.0 MB/s    0:10  direct  hoto.jpg"},
                 {50, " 50%  100 MB 10.0 MB/s    0:10  direct  photo.jpg"}};
    struct progress p;
    char line[PROGRESS_LINE_MAX];
    (void)state;
    progress_begin(&p, 0, 0);
    progress_update(&p, 1000, 10000000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        progress_line(&p, line, cases[i].columns,
                      &(struct progress_shown){100000000, 200000000, "direct", "photo.jpg"});
        assert_string_equal(line, cases[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_units_and_about_three_digits),
        cmocka_unit_test(times_are_minutes_and_then_hours),
        cmocka_unit_test(a_steady_rate_is_shown_as_it_is),
        cmocka_unit_test(what_was_there_before_does_not_make_it_fast),
        cmocka_unit_test(the_rate_forgets_what_was_long_ago),
        cmocka_unit_test(without_a_rate_no_time_is_promised),
        cmocka_unit_test(an_empty_file_is_all_there),
        cmocka_unit_test(a_line_never_wraps),
        cmocka_unit_test(what_matters_most_stays_on_a_narrow_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
