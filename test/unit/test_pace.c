#include "client/mux/pace.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs those above */

static size_t move(struct pace *p, enum pace_way way, size_t most, int64_t now_ms)
{
    size_t bytes = pace_room(p, way, most, now_ms);
    pace_spend(p, way, bytes);
    return bytes;
}

/* All that can be moved within that time, asked for every `step_ms`. */
static int64_t within(struct pace *p, int64_t begin_ms, int64_t end_ms, int64_t step_ms)
{
    int64_t moved = 0;
    for (int64_t now_ms = begin_ms; now_ms <= end_ms; now_ms += step_ms) {
        size_t bytes;
        while ((bytes = move(p, PACE_OUT, 65536, now_ms)) > 0)
            moved += (int64_t)bytes;
    }
    return moved;
}

static void over_a_while_it_is_the_rate(void **state)
{
    static const int64_t rates[] = {1024, 100000, 1048576, 123456789, INT64_C(10000000000)};
    static const int64_t steps[] = {1, 7, 10, 100};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        for (size_t n = 0; n < sizeof steps / sizeof *steps; n++) {
            struct pace p;
            pace_init(&p, rates[i]);
            int64_t moved = within(&p, 1000, 11000, steps[n]);
            assert_in_range(moved, rates[i] * 98 / 10, rates[i] * 102 / 10 + PACE_LEAST);
            pace_free(&p);
        }
    }
}

static void what_was_not_used_is_kept_for_a_moment_only(void **state)
{
    struct pace p;
    (void)state;
    pace_init(&p, 1000000);
    assert_int_equal(within(&p, 1000, 1000, 1), 100000);
    assert_int_equal(within(&p, 3600000, 3600000, 1), 100000);
    assert_int_equal(within(&p, 3600050, 3600050, 1), 50000);
    pace_free(&p);
}

static void what_has_left_in_excess_is_earned_first(void **state)
{
    struct pace p;
    (void)state;
    pace_init(&p, 1000000);
    assert_int_equal(within(&p, 1000, 1000, 1), 100000);
    pace_spend(&p, PACE_OUT, 500000);
    assert_int_equal(move(&p, PACE_OUT, 10000, 1500), 0);
    assert_int_equal(move(&p, PACE_OUT, 10000, 1510), 10000);
    pace_free(&p);
}

static void the_two_ways_have_nothing_to_do_with_each_other(void **state)
{
    struct pace p;
    (void)state;
    pace_init(&p, 1000000);
    assert_int_equal(within(&p, 1000, 1000, 1), 100000);
    assert_int_equal(move(&p, PACE_IN, 1000000, 1000), 100000);
    pace_free(&p);
}

static void a_little_is_not_moved_in_crumbs(void **state)
{
    struct pace p;
    (void)state;
    pace_init(&p, 10000);
    assert_int_equal(within(&p, 1000, 1000, 1), 1000);
    assert_int_equal(move(&p, PACE_OUT, 65536, 1050), 0); /* 500 */
    assert_int_equal(move(&p, PACE_OUT, 400, 1050), 400); /* but a last piece */
    assert_int_equal(move(&p, PACE_OUT, 65536, 1100), 600);
    pace_free(&p);
}

static void without_a_rate_or_a_pace_all_moves(void **state)
{
    struct pace p;
    (void)state;
    pace_init(&p, 0);
    assert_int_equal(move(&p, PACE_OUT, 1000000, 1000), 1000000);
    assert_int_equal(move(&p, PACE_OUT, 5, 1000), 5);
    assert_int_equal(move(NULL, PACE_IN, SIZE_MAX, 1000), SIZE_MAX);
    assert_int_equal(pace_moved(&p, PACE_OUT), 1000005);
    assert_int_equal(pace_moved(&p, PACE_IN), 0);
    pace_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_a_while_it_is_the_rate),
        cmocka_unit_test(what_was_not_used_is_kept_for_a_moment_only),
        cmocka_unit_test(what_has_left_in_excess_is_earned_first),
        cmocka_unit_test(the_two_ways_have_nothing_to_do_with_each_other),
        cmocka_unit_test(a_little_is_not_moved_in_crumbs),
        cmocka_unit_test(without_a_rate_or_a_pace_all_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
