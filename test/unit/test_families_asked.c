/* client/families_asked: a nameserver that says that the peer has only the other family is asked over that one, and
 * then for its relay. */
#include "client/families_asked.h"
#include "client/race.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above */
#include <cmocka.h>

static void the_other_family_is_asked_over_then_the_relay_is_asked_for(void **state)
{
    struct families_asked f;

    (void)state;
    families_asked_init(&f, FAMILY_ANY, true);
    assert_int_equal(f.now, FAMILY_ANY);
    assert_false(f.narrowed || f.relayed);
    assert_true(families_asked_next(&f, FAMILY_IPV6));
    assert_int_equal(f.now, FAMILY_IPV4);
    assert_true(f.narrowed && !f.relayed);
    assert_true(families_asked_next(&f, FAMILY_IPV4));
    assert_int_equal(f.now, FAMILY_ANY);
    assert_true(f.relayed && !f.narrowed);
    assert_false(families_asked_next(&f, FAMILY_IPV6));
}

static void who_has_one_family_has_the_relay_alone(void **state)
{
    struct families_asked f;

    (void)state;
    families_asked_init(&f, FAMILY_IPV4, true);
    assert_true(families_asked_next(&f, FAMILY_IPV4));
    assert_true(f.relayed);
    assert_int_equal(f.now, FAMILY_IPV4);
    assert_false(families_asked_next(&f, FAMILY_IPV4));
}

static void who_wants_no_relay_has_none(void **state)
{
    struct families_asked f;

    (void)state;
    families_asked_init(&f, FAMILY_ANY, false);
    assert_true(families_asked_next(&f, FAMILY_IPV6));
    assert_false(families_asked_next(&f, FAMILY_IPV4));
    families_asked_init(&f, FAMILY_IPV4, false);
    assert_false(families_asked_next(&f, FAMILY_IPV4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_other_family_is_asked_over_then_the_relay_is_asked_for),
        cmocka_unit_test(who_has_one_family_has_the_relay_alone),
        cmocka_unit_test(who_wants_no_relay_has_none),
    };

    return cmocka_run_group_tests_name("families asked", tests, NULL, NULL);
}
