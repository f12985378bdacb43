/* client/local_candidates on whatever this host has; test/natlab has routers for it. No router is asked here:
 * a server that sees an address of this host itself shows that there is no NAT. */
#include "base/error.h"
#include "client/engine.h"
#include "client/local_candidates.h"
#include "client/portmap.h"
#include "client/race.h"
#include "proto/address.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define PORT 7010

static void check_all(int families)
{
    struct candidates all;
    engine_lock();
    local_candidates_of(&all, PORT, families);
    engine_unlock();
    assert_true(all.count <= CANDIDATES_TOLD_MAX);
    for (size_t i = 0; i < all.count; i++) {
        const struct candidate *c = &all.list[i];
        assert_int_equal(c->kind, CANDIDATE_HOST);
        assert_int_equal(c->at.port, PORT);
        assert_int_not_equal(address_class(&c->at), ADDRESS_UNUSABLE);
        assert_true(families & (c->at.family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6));
    }
}

static void the_interfaces_of_the_families_in_use_are_told(void **state)
{
    (void)state;
    check_all(FAMILY_ANY);
    check_all(FAMILY_IPV4);
    check_all(FAMILY_IPV6);
}

static void on_changed(void *user)
{
    (*(int *)user)++;
}

static void without_a_nat_no_router_is_asked(void **state)
{
    static const char *const own[] = {"127.0.0.1:7010", "[::1]:7010"};
    struct local_candidates *c;
    int changes = 0;
    (void)state;
    engine_lock();
    assert_int_equal(local_candidates_begin(&c, PORT, FAMILY_ANY, true, on_changed, &changes), HX_OK);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        struct endpoint e;
        assert_int_equal(endpoint_parse(&e, own[i], strlen(own[i])), HX_OK);
        local_candidates_seen(c, &e);
    }
    local_candidates_seen(c, &(struct endpoint){.family = AF_UNSPEC});
    local_candidates_network_changed(c);
    assert_int_equal(portmap_external(PORT)->family, AF_UNSPEC);
    local_candidates_end(c);
    local_candidates_end(NULL);
    engine_unlock();
    assert_int_equal(changes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interfaces_of_the_families_in_use_are_told),
        cmocka_unit_test(without_a_nat_no_router_is_asked),
    };
    return cmocka_run_group_tests_name("local_candidates", tests, NULL, NULL);
}
