/* The registry: names, their holder, and who is told when that changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/registry.h"
#include <stdio.h>

struct person {
    struct registry_member member;
    int woken;
};

static void wake(struct registry_member *m)
{
    ((struct person *)m)->woken++; /* its first member */
}

static struct person person(void)
{
    return (struct person){.member.wake = wake};
}

static void a_name_has_one_holder(void **state)
{
    struct registry r = {.names = NULL};
    struct person a = person(), b = person();

    (void)state;
    assert_null(registry_holder(&r, "n"));
    assert_int_equal(registry_join(&r, "n", &a.member, REGISTRY_HOLDER), HX_OK);
    assert_ptr_equal(registry_holder(&r, "n"), &a.member);
    assert_null(registry_holder(&r, "N"));
    assert_int_equal(registry_join(&r, "n", &b.member, REGISTRY_HOLDER), HX_ECONFLICT);
    assert_int_equal(b.member.role, REGISTRY_NONE);
    assert_string_equal(registry_name_of(&a.member), "n");
    assert_null(registry_name_of(&b.member));
    registry_leave(&r, &b.member); /* fine: it is in none */
    registry_leave(&r, &a.member);
    assert_null(r.names);
}

static void a_new_holder_wakes_waiters_and_makes_watchers_pending_in_their_order(void **state)
{
    struct registry r = {.names = NULL};
    struct person h = person(), waiter = person(), first = person(), second = person();

    (void)state;
    registry_join(&r, "n", &waiter.member, REGISTRY_WAITER);
    registry_join(&r, "n", &first.member, REGISTRY_WATCHER);
    registry_join(&r, "n", &second.member, REGISTRY_WATCHER);
    registry_join(&r, "n", &h.member, REGISTRY_HOLDER);
    assert_int_equal(waiter.woken, 1);
    assert_int_equal(first.woken, 0);
    assert_true(registry_has_pending(&h.member));
    assert_ptr_equal(registry_next_pending(&h.member), &first.member);
    assert_int_equal(first.member.role, REGISTRY_WATCHER);
    assert_ptr_equal(registry_next_pending(&h.member), &second.member);
    assert_null(registry_next_pending(&h.member));
    registry_leave(&r, &h.member);
    registry_leave(&r, &waiter.member);
    registry_leave(&r, &second.member);
    assert_non_null(r.names); /* somebody still watches */
    registry_leave(&r, &first.member);
    assert_null(r.names);
}

static void challengers_are_woken_when_the_holder_leaves(void **state)
{
    struct registry r = {.names = NULL};
    struct person h = person(), c = person();

    (void)state;
    registry_join(&r, "n", &h.member, REGISTRY_HOLDER);
    registry_join(&r, "n", &c.member, REGISTRY_CHALLENGER);
    assert_int_equal(c.woken, 0);
    registry_leave(&r, &h.member);
    assert_int_equal(c.woken, 1);
    assert_int_equal(c.member.role, REGISTRY_CHALLENGER);
    registry_leave(&r, &c.member);
    assert_null(r.names);
}

static void rejected_challengers_are_out_and_woken(void **state)
{
    struct registry r = {.names = NULL};
    struct person h = person(), c[2] = {person(), person()};

    (void)state;
    registry_join(&r, "n", &h.member, REGISTRY_HOLDER);
    registry_join(&r, "n", &c[0].member, REGISTRY_CHALLENGER);
    registry_join(&r, "n", &c[1].member, REGISTRY_CHALLENGER);
    registry_reject_challengers(&r, &h.member);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(c[i].woken, 1);
        assert_int_equal(c[i].member.role, REGISTRY_NONE);
    }
    assert_ptr_equal(registry_holder(&r, "n"), &h.member);
    registry_leave(&r, &h.member);
    assert_null(r.names);
}

static void ten_thousand_names_are_found_again(void **state)
{
    static struct person p[10000];
    struct registry r = {.names = NULL};
    char name[16];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        p[i] = person();
        snprintf(name, sizeof name, "host%d", i);
        assert_int_equal(registry_join(&r, name, &p[i].member, REGISTRY_HOLDER), HX_OK);
    }
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "host%d", i);
        assert_ptr_equal(registry_holder(&r, name), &p[i].member);
        registry_leave(&r, &p[i].member);
    }
    assert_null(r.names);
}

static void holders_and_waiters_are_counted(void **state)
{
    struct registry r = {.names = NULL};
    struct person a = person(), b = person(), w = person(), c = person();

    (void)state;
    registry_join(&r, "n", &w.member, REGISTRY_WAITER);
    registry_join(&r, "n", &c.member, REGISTRY_CHALLENGER);
    assert_int_equal(r.holders, 0);
    assert_int_equal(r.waiters, 1);
    registry_join(&r, "n", &a.member, REGISTRY_HOLDER);
    assert_int_equal(registry_join(&r, "n", &b.member, REGISTRY_HOLDER), HX_ECONFLICT);
    registry_join(&r, "m", &b.member, REGISTRY_HOLDER);
    assert_int_equal(r.holders, 2);
    registry_leave(&r, &w.member);
    registry_leave(&r, &w.member);
    registry_leave(&r, &a.member);
    registry_leave(&r, &c.member);
    assert_int_equal(r.holders, 1);
    assert_int_equal(r.waiters, 0);
    registry_leave(&r, &b.member);
    assert_int_equal(r.holders, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_holder),
        cmocka_unit_test(a_new_holder_wakes_waiters_and_makes_watchers_pending_in_their_order),
        cmocka_unit_test(challengers_are_woken_when_the_holder_leaves),
        cmocka_unit_test(rejected_challengers_are_out_and_woken),
        cmocka_unit_test(ten_thousand_names_are_found_again),
        cmocka_unit_test(holders_and_waiters_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
