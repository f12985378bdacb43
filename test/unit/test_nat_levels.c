#include "client/nat_levels.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What each router says, from the first one on: 'p' it is private, 'g' global, '.' nothing; 'S' is the nameserver. Where
 * ICMP has no way, all behind that is silent. */
static int hops(const char *way, int again)
{
    struct nat_levels l = {.inside = 0};
    for (int i = 0; way[i] != 0 && i < NAT_LEVELS_MOST; i++) {
        if (way[i] == 'p' || way[i] == 'g')
            nat_levels_router(&l, i + 1, way[i] == 'p');
        if (way[i] == 'S')
            nat_levels_server(&l, i + 1);
    }
    return nat_levels_hops(&l, again);
}

static void a_packet_passes_the_private_routers_and_ends_at_the_first_that_is_not(void **state)
{
    (void)state;
    for (int again = 0; again <= 1; again++) {
        assert_int_equal(hops("pggg", again), 2);
        assert_int_equal(hops("pgS", again), 2);
        assert_int_equal(hops("ppgg", again), 3);
        assert_int_equal(hops("ppgS", again), 3);
        assert_int_equal(hops("pppgg", again), 4);
        assert_int_equal(hops("p.pgg", again), 4); /* a silent one between two private ones is inside */
        assert_int_equal(hops("pgpg", again), 4);  /* a carrier that numbers its own network so */
        assert_int_equal(hops("gg", again), 2);    /* a firewall has a global address */
    }
}

static void a_silent_router_is_taken_for_a_nat_where_the_next_one_is_not_the_nameserver(void **state)
{
    (void)state;
    assert_int_equal(hops("p..S", 0), 3);
    assert_int_equal(hops("...S", 0), 3);
    assert_int_equal(hops("pp.S", 0), 3);
    assert_int_equal(hops("p.S", 0), 2);
    assert_int_equal(hops("p..S", 1), 2);
}

static void where_nothing_tells_the_other_number_is_tried_later(void **state)
{
    (void)state;
    assert_int_equal(hops("", 0), 2);
    assert_int_equal(hops("", 1), 3);
    assert_int_equal(hops("p.gg", 0), 2);
    assert_int_equal(hops("p.gg", 1), 3);
    assert_int_equal(hops("pp...", 0), 3);
    assert_int_equal(hops("pp...", 1), 4);
}

static void the_order_of_the_answers_does_not_matter(void **state)
{
    struct nat_levels l = {.inside = 0};
    (void)state;
    nat_levels_server(&l, 6);
    nat_levels_server(&l, 5);
    nat_levels_server(&l, 6);
    nat_levels_router(&l, 4, 0);
    nat_levels_router(&l, 2, 1);
    nat_levels_router(&l, 3, 0);
    nat_levels_router(&l, 1, 1);
    assert_int_equal(nat_levels_hops(&l, 0), 3);
    assert_int_equal(l.server, 5);
    assert_int_equal(l.outside, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_passes_the_private_routers_and_ends_at_the_first_that_is_not),
        cmocka_unit_test(a_silent_router_is_taken_for_a_nat_where_the_next_one_is_not_the_nameserver),
        cmocka_unit_test(where_nothing_tells_the_other_number_is_tried_later),
        cmocka_unit_test(the_order_of_the_answers_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
