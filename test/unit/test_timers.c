/* The heap of deadlines, against a plain scan of all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/timers.h"
#include <stdlib.h>

#define COUNT 500

struct entry {
    struct timer timer; /* first */
    int64_t wanted_ms;  /* -1: not set */
    int fired;
};

static int64_t clock_ms;
static int64_t last_fired_ms;

static void fire(struct timer *t)
{
    struct entry *e = (struct entry *)t;

    assert_true(e->wanted_ms >= 0 && e->wanted_ms <= clock_ms);
    assert_true(e->wanted_ms >= last_fired_ms); /* earliest first */
    last_fired_ms = e->wanted_ms;
    assert_false(timer_is_set(t));
    e->wanted_ms = -1;
    e->fired++;
}

static int64_t earliest(const struct entry *e)
{
    int64_t best = -1;

    for (int i = 0; i < COUNT; i++)
        if (e[i].wanted_ms >= 0 && (best < 0 || e[i].wanted_ms < best))
            best = e[i].wanted_ms;
    return best;
}

static void timers_fire_in_order_whatever_is_set_moved_and_cancelled(void **state)
{
    static struct entry e[COUNT];
    struct timers ts = {NULL, 0};

    (void)state;
    srand(1);
    for (int i = 0; i < COUNT; i++)
        e[i] = (struct entry){.timer.fire = fire, .wanted_ms = -1};
    for (int round = 0; round < 20000; round++) {
        struct entry *x = &e[rand() % COUNT];

        if (rand() % 4 == 0) {
            timers_cancel(&ts, &x->timer);
            x->wanted_ms = -1;
        } else {
            x->wanted_ms = clock_ms + rand() % 1000;
            timers_set(&ts, &x->timer, x->wanted_ms);
        }
        assert_int_equal(timers_next_ms(&ts), earliest(e));
        if (round % 50 == 0) {
            clock_ms += rand() % 300;
            last_fired_ms = 0;
            timers_run(&ts, clock_ms);
            assert_true(timers_next_ms(&ts) < 0 || timers_next_ms(&ts) > clock_ms);
        }
    }
    for (int i = 0; i < COUNT; i++)
        timers_cancel(&ts, &e[i].timer);
    assert_int_equal(ts.len, 0);
}

static struct timers again_timers;
static int again_fired;

static void fire_again(struct timer *t)
{
    again_fired++;
    timers_set(&again_timers, t, 0); /* already due */
}

static void a_timer_that_sets_itself_in_the_past_does_not_hold_the_loop(void **state)
{
    struct timer t = {.fire = fire_again};

    (void)state;
    timers_set(&again_timers, &t, 0);
    timers_run(&again_timers, 10);
    assert_int_equal(again_fired, 1);
    timers_cancel(&again_timers, &t);
    timers_cancel(&again_timers, &t);
    assert_int_equal(timers_next_ms(&again_timers), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_whatever_is_set_moved_and_cancelled),
        cmocka_unit_test(a_timer_that_sets_itself_in_the_past_does_not_hold_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
