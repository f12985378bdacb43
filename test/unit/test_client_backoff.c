#include "base/backoff.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_first_delay_is_anything_up_to_the_first_step(void **state)
{
    (void)state;
    int64_t least = INT64_MAX, most = -1;
    for (uint32_t random = 0; random < 1000; random++) {
        struct backoff b = {0};
        int64_t delay_ms = backoff_next_ms(&b, random);
        least = delay_ms < least ? delay_ms : least;
        most = delay_ms > most ? delay_ms : most;
    }
    assert_int_equal(least, 0);
    assert_int_equal(most, BACKOFF_FIRST_MS);
}

static void the_step_doubles_until_the_bound_and_stays_there(void **state)
{
    (void)state;
    struct backoff b = {0};
    int64_t step_ms = BACKOFF_FIRST_MS;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(backoff_next_ms(&b, (uint32_t)step_ms), step_ms);
        assert_int_equal(b.step_ms, step_ms);
        step_ms = step_ms * 2 < BACKOFF_MAX_MS ? step_ms * 2 : BACKOFF_MAX_MS;
    }
    assert_int_equal(step_ms, BACKOFF_MAX_MS);
}

static void first_step_and_bound_may_be_others(void **state)
{
    (void)state;
    struct backoff b = {.first_ms = 1000, .max_ms = 3000};
    static const int64_t steps[] = {1000, 2000, 3000, 3000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_int_equal(backoff_next_ms(&b, (uint32_t)steps[i]), steps[i]);
}

/* 1,000 clients whose nameserver died at one moment: in no tenth of the last step are there twice as many as
 * there should be, so no second one meets a herd. */
static void clients_that_failed_together_return_spread_over_the_whole_step(void **state)
{
    (void)state;
    int tenths[10] = {0};
    uint32_t random = 1;
    for (int client = 0; client < 1000; client++) {
        struct backoff b = {0};
        int64_t delay_ms = 0;
        for (int i = 0; i < 10; i++) {
            random = random * 1664525 + 1013904223;
            delay_ms = backoff_next_ms(&b, random >> 8);
        }
        tenths[delay_ms * 10 / (BACKOFF_MAX_MS + 1)]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(tenths[i], 50, 200);
}

static void a_reset_begins_anew(void **state)
{
    (void)state;
    struct backoff b = {0};
    for (int i = 0; i < 20; i++)
        (void)backoff_next_ms(&b, UINT32_MAX);
    backoff_reset(&b);
    assert_int_equal(backoff_next_ms(&b, BACKOFF_FIRST_MS), BACKOFF_FIRST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_delay_is_anything_up_to_the_first_step),
        cmocka_unit_test(the_step_doubles_until_the_bound_and_stays_there),
        cmocka_unit_test(first_step_and_bound_may_be_others),
        cmocka_unit_test(clients_that_failed_together_return_spread_over_the_whole_step),
        cmocka_unit_test(a_reset_begins_anew),
    };
    return cmocka_run_group_tests_name("client backoff", tests, NULL, NULL);
}
