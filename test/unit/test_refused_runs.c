/* shim/net/refused_runs: what the kernel does not cut for one address leaves one by one for a while. */
#include "base/clock.h"
#include "shim/net/refused_runs.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct net_address at(uint8_t last)
{
    return (struct net_address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = last}};
}

static void a_refusal_holds_for_its_address_and_its_time(void **state)
{
    struct refused_runs r = {.next = 0};
    struct net_address one = at(1), other = at(2);

    (void)state;
    assert_false(refused_runs_has(&r, &one));
    refused_runs_add(&r, &one, EMSGSIZE);
    assert_true(refused_runs_has(&r, &one));
    assert_false(refused_runs_has(&r, &other));
    r.list[0].until_ms = clock_now_ms();
    assert_false(refused_runs_has(&r, &one));
    refused_runs_add(&r, &one, EIO); /* in its own place */
    assert_true(refused_runs_has(&r, &one));
    assert_int_equal(r.list[1].until_ms, 0);
}

static void what_is_no_refusal_is_not_remembered(void **state)
{
    struct refused_runs r = {.next = 0};
    struct net_address one = at(1);

    (void)state;
    refused_runs_add(&r, &one, EAGAIN);
    refused_runs_add(&r, &one, ENETUNREACH);
    assert_false(refused_runs_has(&r, &one));
}

static void the_oldest_gives_way(void **state)
{
    struct refused_runs r = {.next = 0};

    (void)state;
    for (uint8_t i = 0; i <= REFUSED_RUNS_MAX; i++) {
        struct net_address a = at(i);
        refused_runs_add(&r, &a, EINVAL);
    }
    for (uint8_t i = 0; i <= REFUSED_RUNS_MAX; i++) {
        struct net_address a = at(i);
        assert_int_equal(refused_runs_has(&r, &a), i > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_holds_for_its_address_and_its_time),
        cmocka_unit_test(what_is_no_refusal_is_not_remembered),
        cmocka_unit_test(the_oldest_gives_way),
    };

    return cmocka_run_group_tests_name("refused runs", tests, NULL, NULL);
}
