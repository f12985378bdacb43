/* Who is in a session, and how it is said who is missing. */
#include "client/tool/roster.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct roster *fresh(void)
{
    static struct roster r;
    r = (struct roster){.count = 0};
    return &r;
}

static void missing(const struct roster *r, int expect, const char *expected)
{
    char text[400];
    roster_missing(r, expect, text, sizeof text);
    assert_string_equal(text, expected);
}

static void who_comes_and_goes_is_counted(void **state)
{
    struct roster *r = fresh();
    (void)state;
    assert_int_equal(roster_count(r), 1);
    roster_here(r, "bob", true);
    roster_here(r, "bob", true);
    roster_here(r, "carol", true);
    assert_int_equal(roster_count(r), 3);
    roster_here(r, "bob", false);
    roster_here(r, "bob", false);
    roster_here(r, "nobody", false);
    assert_int_equal(roster_count(r), 2);
    assert_int_equal(r->count, 1);
}

static void who_is_connected_is_known_until_both_have_ended(void **state)
{
    struct roster *r = fresh();
    (void)state;
    roster_here(r, "bob", true);
    roster_connected(r, "bob");
    roster_here(r, "bob", false);
    assert_int_equal(r->count, 1);
    assert_int_equal(roster_count(r), 1);
    roster_disconnected(r, "bob");
    assert_int_equal(r->count, 0);
    roster_disconnected(r, "bob");
    roster_connected(r, "early"); /* before it was told that it is here */
    roster_here(r, "early", true);
    assert_int_equal(roster_count(r), 2);
}

static void what_is_missing_is_said_with_its_reason(void **state)
{
    struct roster *r = fresh();
    (void)state;
    missing(r, 2, "1 has not come");
    missing(r, 4, "3 have not come");
    roster_here(r, "bob", true);
    roster_here(r, "carol", true);
    missing(r, 3, "bob is not connected, carol is not connected");
    roster_connected(r, "bob");
    assert_true(roster_failed(r, "carol", HX_ETIMEDOUT));
    assert_true(roster_failed(r, "carol", HX_EAUTH));
    assert_false(roster_failed(r, "carol", HX_EAUTH));
    char expected[200];
    snprintf(expected, sizeof expected, "1 has not come, carol is not connected (%s)", hx_strerror(HX_EAUTH));
    missing(r, 4, expected);
    roster_connected(r, "carol");
    missing(r, 3, "");
}

static void many_are_counted_instead_of_named_and_always_fit(void **state)
{
    struct roster *r = fresh();
    char name[HX_NAME_MAX + 1];
    char text[1024];
    (void)state;
    for (int i = 0; i < 3 * ROSTER_MAX; i++) {
        snprintf(name, sizeof name, "%0*d", HX_NAME_MAX, i);
        roster_here(r, name, true);
    }
    assert_int_equal(r->count, ROSTER_MAX);
    for (size_t size = 1; size < sizeof text; size++) {
        roster_missing(r, HX_GROUP_MAX, text, size);
        assert_true(strlen(text) < size);
    }
    r = fresh();
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "m%d", i);
        roster_here(r, name, true);
    }
    missing(r, 7,
            "m0 is not connected, m1 is not connected, m2 is not connected, m3 is not connected, "
            "2 more are not connected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_and_goes_is_counted),
        cmocka_unit_test(who_is_connected_is_known_until_both_have_ended),
        cmocka_unit_test(what_is_missing_is_said_with_its_reason),
        cmocka_unit_test(many_are_counted_instead_of_named_and_always_fit),
    };
    return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
