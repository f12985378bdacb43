#include "client/turns.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MANY (3 * TURNS_MAX)

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

static void so_many_go_at_once_and_the_rest_wait_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(turn_take(&turns[i], &one), i < TURNS_MAX);
    for (int i = 0; i < TURNS_MAX; i++) {
        turn_end(&turns[i]);
        assert_int_equal(granted_count, i + 1);
        assert_ptr_equal(granted[i], &turns[TURNS_MAX + i]);
    }
}

static void each_nameserver_has_its_own(void **state)
{
    (void)state;
    for (int i = 0; i <= TURNS_MAX; i++)
        assert_int_equal(turn_take(&turns[i], &one), i < TURNS_MAX);
    assert_true(turn_take(&turns[TURNS_MAX + 1], &two));
    assert_true(turn_take(&turns[TURNS_MAX + 2], &port));
    turn_end(&turns[TURNS_MAX + 1]);
    assert_int_equal(granted_count, 0);
}

static void one_that_does_not_wait_any_more_is_passed_over(void **state)
{
    (void)state;
    for (int i = 0; i < TURNS_MAX + 2; i++)
        (void)turn_take(&turns[i], &one);
    turn_end(&turns[TURNS_MAX]);
    assert_int_equal(granted_count, 0);
    turn_end(&turns[0]);
    assert_int_equal(granted_count, 1);
    assert_ptr_equal(granted[0], &turns[TURNS_MAX + 1]);
    turn_end(&turns[TURNS_MAX]); /* again */
    turn_end(&turns[0]);
    assert_int_equal(granted_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(so_many_go_at_once_and_the_rest_wait_in_order, reset, end_all),
        cmocka_unit_test_setup_teardown(each_nameserver_has_its_own, reset, end_all),
        cmocka_unit_test_setup_teardown(one_that_does_not_wait_any_more_is_passed_over, reset, end_all),
    };
    return cmocka_run_group_tests_name("client turns", tests, NULL, NULL);
}
