/* proto/candidates: a peer as a set of addresses. */
#include "base/error.h"
#include "proto/candidates.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct endpoint at(const char *text)
{
    struct endpoint e;

    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static int add(struct candidates *c, const char *text)
{
    struct endpoint e = at(text);

    return candidates_add(c, &e);
}

static void an_address_is_in_it_once_and_the_first_stays_first(void **state)
{
    struct candidates c = {.count = 0};
    struct endpoint first = at("192.0.2.1:7000");

    (void)state;
    assert_int_equal(add(&c, "192.0.2.1:7000"), HX_OK);
    assert_int_equal(add(&c, "192.0.2.1:7001"), HX_OK);
    assert_int_equal(add(&c, "192.0.2.1:7000"), HX_OK);
    assert_int_equal(add(&c, "[::ffff:192.0.2.1]:7001"), HX_OK);
    assert_int_equal(c.count, 2);
    assert_true(endpoint_equal(&c.at[0], &first));
}

static void it_is_bounded(void **state)
{
    struct candidates c = {.count = 0};
    struct endpoint e = at("192.0.2.1:7000");

    (void)state;
    for (int i = 0; i < CANDIDATES_MAX; i++, e.port++)
        assert_int_equal(candidates_add(&c, &e), HX_OK);
    assert_int_equal(candidates_add(&c, &e), HX_ELIMIT);
    assert_int_equal(c.count, CANDIDATES_MAX);
    assert_int_equal(candidates_add(&c, &c.at[CANDIDATES_MAX - 1]), HX_OK);
}

static void two_meet_if_they_have_an_address_in_common(void **state)
{
    struct candidates a = {.count = 0}, b = {.count = 0};

    (void)state;
    assert_false(candidates_meet(&a, &b));
    add(&a, "192.0.2.1:7000");
    add(&a, "[2001:db8::1]:7000");
    assert_false(candidates_meet(&a, &b));
    assert_false(candidates_meet(&b, &a));
    add(&b, "192.0.2.1:7001");
    assert_false(candidates_meet(&a, &b));
    add(&b, "[2001:db8::1]:7000");
    assert_true(candidates_meet(&a, &b));
    assert_true(candidates_meet(&b, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_in_it_once_and_the_first_stays_first),
        cmocka_unit_test(it_is_bounded),
        cmocka_unit_test(two_meet_if_they_have_an_address_in_common),
    };

    return cmocka_run_group_tests_name("candidates", tests, NULL, NULL);
}
