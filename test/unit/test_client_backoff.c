#include "base/backoff.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_first_delay_is_between_half_and_the_whole_first_step(void **state)
{
    (void)state;
    for (uint32_t random = 0; random < 1000; random++) {
        struct backoff b = {0};
        int64_t delay_ms = backoff_next_ms(&b, random);
        assert_in_range(delay_ms, BACKOFF_FIRST_MS / 2, BACKOFF_FIRST_MS);
    }
}

static void jitter_reaches_both_ends(void **state)
{
    (void)state;
    struct backoff low = {0}, high = {0};
    assert_int_equal(backoff_next_ms(&low, 0), BACKOFF_FIRST_MS / 2);
    assert_int_equal(backoff_next_ms(&high, BACKOFF_FIRST_MS / 2), BACKOFF_FIRST_MS);
}

static void the_step_doubles_until_the_bound_and_stays_there(void **state)
{
    (void)state;
    struct backoff b = {0};
    int64_t step_ms = BACKOFF_FIRST_MS;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(backoff_next_ms(&b, 0), step_ms / 2);
        step_ms = step_ms * 2 < BACKOFF_MAX_MS ? step_ms * 2 : BACKOFF_MAX_MS;
    }
    assert_int_equal(step_ms, BACKOFF_MAX_MS);
}

static void a_reset_begins_anew(void **state)
{
    (void)state;
    struct backoff b = {0};
    for (int i = 0; i < 20; i++)
        (void)backoff_next_ms(&b, UINT32_MAX);
    backoff_reset(&b);
    assert_int_equal(backoff_next_ms(&b, 0), BACKOFF_FIRST_MS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_delay_is_between_half_and_the_whole_first_step),
        cmocka_unit_test(jitter_reaches_both_ends),
        cmocka_unit_test(the_step_doubles_until_the_bound_and_stays_there),
        cmocka_unit_test(a_reset_begins_anew),
    };
    return cmocka_run_group_tests_name("client backoff", tests, NULL, NULL);
}
