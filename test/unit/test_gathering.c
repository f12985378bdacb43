#include "shim/udt/gathering.h"
#include "test/unit/cuts.h"

static void the_round_trips_are_kept_for_a_while(void **state)
{
    struct gathering g = {0};
    (void)state;
    assert_true(gathering_is_old(&g, 1000000));
    gathering_found(&g, 1500, 1000000);
    assert_false(gathering_is_old(&g, 1000000 + GATHERING_KEPT_US - 1));
    assert_true(gathering_is_old(&g, 1000000 + GATHERING_KEPT_US));
    gathering_forget(&g);
    assert_true(gathering_is_old(&g, 1000001));
}

static void the_shortest_bound_counts(void **state)
{
    struct gathering g = {0};
    (void)state;
    gathering_found(&g, 1500, 1000);
    gathering_count(&g, 1000);
    assert_int_equal(gathering_us(&g, 10000), 1500);
    assert_int_equal(gathering_us(&g, 700), 700);
    gathering_found(&g, 0, 1000);
    assert_int_equal(gathering_us(&g, 10000), 0);
}

/* Most packets that gather, at one each `spacing_ns`, while the worker does nothing else. */
static unsigned gathered(int64_t spacing_ns)
{
    struct gathering g = {0};
    unsigned most = 0;
    int64_t now_ns = 1000000000, read_ns = now_ns;
    gathering_found(&g, 2000, now_ns / 1000);
    gathering_count(&g, now_ns / 1000);
    for (int i = 0; i < 200; i++) {
        unsigned came = 0;
        for (; read_ns <= now_ns; read_ns += spacing_ns, came++)
            gathering_came(&g);
        if (i > 1 && came > most) /* before it is not known */
            most = came;
        gathering_count(&g, now_ns / 1000);
        int64_t us = gathering_us(&g, 10000);
        now_ns += us > 0 ? us * 1000 : spacing_ns;
    }
    return most;
}

static void no_more_gather_than_a_socket_holds_however_fast_they_come(void **state)
{
    (void)state;
    assert_in_range(gathered(100000), 19, 22); /* 120 Mbit/s: 2 ms of it */
    for (int64_t ns = 20000; ns >= 1000; ns /= 2)
        assert_in_range(gathered(ns), GATHERING_MOST / 2, GATHERING_MOST + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_round_trips_are_kept_for_a_while),
        cmocka_unit_test(the_shortest_bound_counts),
        cmocka_unit_test(no_more_gather_than_a_socket_holds_however_fast_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
