/* base/replay_window: each number counts once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs those above */

#include "base/replay_window.h"

static bool comes(struct replay_window *w, uint64_t number)
{
    bool is_new = replay_window_new(w, number);
    if (is_new)
        replay_window_take(w, number);
    return is_new;
}

static void each_number_counts_once_in_any_order(void **state)
{
    struct replay_window w = {0};
    (void)state;
    assert_false(comes(&w, 0));
    for (uint64_t n = 1; n <= 4 * REPLAY_WINDOW; n++) { /* odd and even ones change places */
        assert_true(comes(&w, n % 2 ? n + 1 : n - 1));
        assert_false(comes(&w, n % 2 ? n + 1 : n - 1));
    }
    for (uint64_t n = 3 * REPLAY_WINDOW + 1; n <= 4 * REPLAY_WINDOW; n++)
        assert_false(comes(&w, n));
}

static void what_is_as_old_as_the_window_is_too_old(void **state)
{
    struct replay_window w = {0};
    (void)state;
    assert_true(comes(&w, REPLAY_WINDOW + 7));
    assert_false(comes(&w, 7));
    assert_true(comes(&w, 8));
    assert_false(comes(&w, 8));
    assert_true(comes(&w, REPLAY_WINDOW + 8));
    assert_true(comes(&w, 9));
    assert_false(comes(&w, 8));
}

static void a_jump_forgets_what_is_behind_the_window_and_no_more(void **state)
{
    static const uint64_t jumps[] = {
        1, 63, 64, 65, REPLAY_WINDOW - 1, REPLAY_WINDOW, REPLAY_WINDOW + 1, UINT64_C(1) << 40};
    (void)state;
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        struct replay_window w = {0};
        for (uint64_t n = 1; n <= 2 * REPLAY_WINDOW; n++)
            assert_true(comes(&w, n));
        uint64_t newest = 2 * REPLAY_WINDOW + jumps[i];
        assert_true(comes(&w, newest));
        for (uint64_t n = newest - REPLAY_WINDOW; n < newest;
             n++) /* the one that is too old, then all others */
            assert_int_equal(comes(&w, n), n > 2 * REPLAY_WINDOW && n > newest - REPLAY_WINDOW);
    }
}

static void the_last_number_of_all_counts_once(void **state)
{
    struct replay_window w = {0};
    (void)state;
    assert_true(comes(&w, UINT64_MAX));
    assert_false(comes(&w, UINT64_MAX));
    assert_true(comes(&w, UINT64_MAX - 1));
    assert_false(comes(&w, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_number_counts_once_in_any_order),
        cmocka_unit_test(what_is_as_old_as_the_window_is_too_old),
        cmocka_unit_test(a_jump_forgets_what_is_behind_the_window_and_no_more),
        cmocka_unit_test(the_last_number_of_all_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
