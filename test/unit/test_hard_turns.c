#include "client/hard_turns.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TURNS_MAX 32

static struct hard_turn turns[TURNS_MAX];
static int order[TURNS_MAX], granted_count; /* places of `turns`, as they were granted */

static void on_granted(struct hard_turn *t)
{
    order[granted_count++] = (int)(t - turns);
}

static struct endpoint host(int network, int last)
{
    return (struct endpoint){
        .family = AF_INET, .port = 7, .address = {192, 0, (uint8_t)network, (uint8_t)last}};
}

static bool take(int i, const struct endpoint *e)
{
    turns[i].granted = on_granted;
    return hard_turn_take(&turns[i], e);
}

static int begin(void **state)
{
    (void)state;
    for (int i = 0; i < TURNS_MAX; i++)
        hard_turn_end(&turns[i]);
    memset(turns, 0, sizeof turns);
    granted_count = 0;
    return 0;
}

static void one_has_the_turn_and_the_next_one_follows(void **state)
{
    struct endpoint a = host(2, 1), b = host(3, 1);
    (void)state;
    assert_true(take(0, &a));
    assert_true(take(0, &a)); /* it has it */
    assert_false(hard_turns_wanted());
    assert_false(take(1, &b));
    assert_false(take(1, &b)); /* it waits once */
    assert_true(hard_turns_wanted());
    hard_turn_end(&turns[0]);
    assert_int_equal(granted_count, 1);
    assert_int_equal(order[0], 1);
    assert_true(hard_turn_has(&turns[1]));
    assert_false(hard_turns_wanted());
}

static void who_waits_no_more_is_not_called(void **state)
{
    struct endpoint a = host(2, 1), b = host(3, 1);
    (void)state;
    assert_true(take(0, &a));
    assert_false(take(1, &b));
    hard_turn_end(&turns[1]);
    hard_turn_end(&turns[0]);
    assert_int_equal(granted_count, 0);
    assert_true(take(2, &b));
}

static void a_host_with_many_waits_until_others_have_had_their_turn(void **state)
{
    struct endpoint greedy = host(2, 1);
    (void)state;
    assert_true(take(0, &greedy));
    for (int i = 1; i <= HARD_TURNS_OF_HOST; i++)
        assert_false(take(i, &greedy));
    for (int i = 10; i < 13; i++) {
        struct endpoint modest = host(i, 1);
        assert_false(take(i, &modest));
    }
    hard_turn_end(&turns[0]);
    for (int i = 0; i < 5; i++)
        hard_turn_end(&turns[order[i]]);
    assert_in_range(granted_count, 6, 6);
    for (int i = 0; i < 3; i++)
        assert_int_equal(order[i], 10 + i);
    assert_int_equal(order[3], 1);
}

static void the_queue_is_bounded_and_no_host_fills_it(void **state)
{
    struct endpoint greedy = host(2, 1), modest = host(9, 1);
    int waiting = 0;
    (void)state;
    assert_true(take(0, &modest));
    for (int i = 1; i < 12; i++)
        assert_false(take(i, &greedy));
    for (int i = 1; i < 12; i++)
        waiting += turns[i].waits.listed;
    assert_int_equal(waiting, HARD_TURNS_OF_HOST);
    assert_false(take(12, &modest));
    for (int i = 13; i < TURNS_MAX; i++) {
        struct endpoint other = host(i, 1);
        assert_false(take(i, &other));
    }
    waiting = 0;
    for (int i = 0; i < TURNS_MAX; i++)
        waiting += turns[i].waits.listed;
    assert_int_equal(waiting, HARD_TURNS_WAITING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_has_the_turn_and_the_next_one_follows, begin),
        cmocka_unit_test_setup(who_waits_no_more_is_not_called, begin),
        cmocka_unit_test_setup(a_host_with_many_waits_until_others_have_had_their_turn, begin),
        cmocka_unit_test_setup(the_queue_is_bounded_and_no_host_fills_it, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
