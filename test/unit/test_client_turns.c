#include "client/turns.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MANY    (3 * TURNS_MAX)
#define FAMILY  1
#define ANOTHER 2

static struct turn turns[MANY];
static struct turn *granted[MANY];
static int granted_count;
static const struct host_port one = {"one.example", 7000}, two = {"two.example", 7000},
                              port = {"one.example", 7001};

static void on_granted(struct turn *t)
{
    granted[granted_count++] = t;
}

static int reset(void **state)
{
    (void)state;
    granted_count = 0;
    for (int i = 0; i < MANY; i++)
        turns[i] = (struct turn){.granted = on_granted};
    return 0;
}

static int end_all(void **state)
{
    (void)state;
    for (int i = MANY - 1; i >= 0; i--) /* who waits first: nobody else is granted anything */
        turn_end(&turns[i]);
    return 0;
}

/* The limit lies between TURNS_LEAST and TURNS_MAX from the start. */
static int how_many_go_at_once(void)
{
    int count = 0;
    while (count < MANY && turn_take(&turns[count], &one, FAMILY))
        count++;
    for (int i = count; i >= 0; i--)
        turn_end(&turns[i]);
    granted_count = 0;
    return count;
}

static void learn(bool answered, int times)
{
    for (int i = 0; i < times; i++) {
        assert_true(turn_take(&turns[0], &one, FAMILY));
        turn_answered(&turns[0], answered);
        turn_end(&turns[0]);
    }
}

static void so_many_go_at_once_and_the_rest_wait_in_order(void **state)
{
    (void)state;
    learn(false, TURNS_MAX);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(turn_take(&turns[i], &one, FAMILY), i < TURNS_LEAST);
    for (int i = 0; i < TURNS_LEAST; i++) {
        turn_end(&turns[i]);
        assert_int_equal(granted_count, i + 1);
        assert_ptr_equal(granted[i], &turns[TURNS_LEAST + i]);
    }
}

static void each_answer_lets_one_more_go_up_to_a_bound(void **state)
{
    (void)state;
    learn(false, TURNS_MAX);
    learn(true, 3);
    assert_int_equal(how_many_go_at_once(), TURNS_LEAST + 3);
    learn(true, 2 * TURNS_MAX);
    assert_int_equal(how_many_go_at_once(), TURNS_MAX);
}

static void each_silence_halves_them_down_to_a_bound(void **state)
{
    (void)state;
    learn(true, TURNS_MAX);
    learn(false, 1);
    assert_int_equal(how_many_go_at_once(), TURNS_MAX / 2);
    learn(false, TURNS_MAX);
    assert_int_equal(how_many_go_at_once(), TURNS_LEAST);
}

static void an_answer_lets_two_go_in_the_place_of_one(void **state)
{
    (void)state;
    learn(false, TURNS_MAX);
    for (int i = 0; i < MANY; i++)
        (void)turn_take(&turns[i], &one, FAMILY);
    turn_answered(&turns[0], true);
    turn_end(&turns[0]);
    assert_int_equal(granted_count, 2);
    turn_answered(&turns[1], false); /* one too many go now: the next end lets nobody in */
    turn_end(&turns[1]);
    assert_int_equal(granted_count, 2);
}

static void each_nameserver_and_way_to_it_has_its_own(void **state)
{
    (void)state;
    learn(false, TURNS_MAX);
    for (int i = 0; i <= TURNS_LEAST; i++)
        assert_int_equal(turn_take(&turns[i], &one, FAMILY), i < TURNS_LEAST);
    assert_true(turn_take(&turns[TURNS_LEAST + 1], &two, FAMILY));
    assert_true(turn_take(&turns[TURNS_LEAST + 2], &port, FAMILY));
    assert_true(turn_take(&turns[TURNS_LEAST + 3], &one, ANOTHER));
    turn_end(&turns[TURNS_LEAST + 1]);
    assert_int_equal(granted_count, 0);
}

static void one_that_does_not_wait_any_more_is_passed_over(void **state)
{
    (void)state;
    learn(false, TURNS_MAX);
    for (int i = 0; i < TURNS_LEAST + 2; i++)
        (void)turn_take(&turns[i], &one, FAMILY);
    turn_end(&turns[TURNS_LEAST]);
    assert_int_equal(granted_count, 0);
    turn_end(&turns[0]);
    assert_int_equal(granted_count, 1);
    assert_ptr_equal(granted[0], &turns[TURNS_LEAST + 1]);
    turn_end(&turns[TURNS_LEAST]); /* again */
    turn_end(&turns[0]);
    assert_int_equal(granted_count, 1);
}

static void more_nameservers_than_are_remembered_still_get_turns(void **state)
{
    (void)state;
    struct host_port name = {"many.example", 1};
    for (int i = 0; i < MANY; i++, name.port++)
        (void)turn_take(&turns[i], &name, FAMILY);
    for (int i = 0; i < MANY; i++)
        turn_end(&turns[i]);
    for (int i = 0; i < granted_count; i++)
        assert_false(granted[i]->waits);
    assert_true(turn_take(&turns[0], &one, FAMILY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(so_many_go_at_once_and_the_rest_wait_in_order, reset, end_all),
        cmocka_unit_test_setup_teardown(each_answer_lets_one_more_go_up_to_a_bound, reset, end_all),
        cmocka_unit_test_setup_teardown(each_silence_halves_them_down_to_a_bound, reset, end_all),
        cmocka_unit_test_setup_teardown(an_answer_lets_two_go_in_the_place_of_one, reset, end_all),
        cmocka_unit_test_setup_teardown(each_nameserver_and_way_to_it_has_its_own, reset, end_all),
        cmocka_unit_test_setup_teardown(one_that_does_not_wait_any_more_is_passed_over, reset, end_all),
        cmocka_unit_test_setup_teardown(more_nameservers_than_are_remembered_still_get_turns, reset, end_all),
    };
    return cmocka_run_group_tests_name("client turns", tests, NULL, NULL);
}
