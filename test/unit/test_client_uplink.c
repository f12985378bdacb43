/* client/route and client/uplink on loopback, which every host has. test/natlab has hosts
 * with several uplinks. */
#include "base/error.h"
#include "client/route.h"
#include "client/uplink.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct sockaddr_in6 at(const char *address)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(7000)};
    assert_int_equal(inet_pton(AF_INET6, address, &sa.sin6_addr), 1);
    return sa;
}

static void check_source(const char *to, const char *expected)
{
    struct sockaddr_in6 sa = at(to);
    struct endpoint source, wanted;
    assert_true(route_source((struct sockaddr *)&sa, sizeof sa, &source));
    assert_int_equal(endpoint_parse(&wanted, expected, strlen(expected)), HX_OK);
    assert_true(endpoint_same_host(&source, &wanted));
    assert_int_equal(source.port, 0);
}

static void the_way_to_this_host_begins_with_its_own_address(void **state)
{
    (void)state;
    check_source("::ffff:127.0.0.2", "127.0.0.1:1");
    check_source("::1", "[::1]:1");
}

static void the_kernel_says_what_is_local_and_by_which_interface(void **state)
{
    (void)state;
    struct route_question q = {.interface_index = 0};
    struct route_way way;
    assert_int_equal(endpoint_parse(&q.to, "127.0.0.1:1", 11), HX_OK);
    assert_true(route_ask(&q, &way));
    assert_true(way.local);
    assert_int_equal(way.interface_index, if_nametoindex("lo"));
    assert_int_equal(endpoint_parse(&q.from, "192.0.2.1:1", 11), HX_OK); /* not ours */
    assert_false(route_ask(&q, &way));
    q.from.family = AF_UNSPEC;
    q.interface_index = INT32_MAX;
    assert_false(route_ask(&q, &way));
}

/* By which address and interface does what is sent to `to` leave, where the nameserver's answer
 * came to `address`? */
static struct sockaddr_in6 source_of(const char *address, const char *to)
{
    struct uplink u = {.address = at(address).sin6_addr};
    struct sockaddr_in6 sa = at(to), source;
    uplink_source(&u, (struct sockaddr *)&sa, sizeof sa, &source);
    return source;
}

static void expect_kernels_choice(struct sockaddr_in6 source)
{
    assert_true(IN6_IS_ADDR_UNSPECIFIED(&source.sin6_addr));
    assert_int_equal(source.sin6_scope_id, 0);
}

static void an_unknown_uplink_leaves_the_choice_to_the_kernel(void **state)
{
    (void)state;
    expect_kernels_choice(source_of("::", "::ffff:127.0.0.1"));
    expect_kernels_choice(source_of("::", "::1"));
}

static void a_nameserver_on_this_host_says_nothing_of_peers_elsewhere(void **state)
{
    (void)state;
    expect_kernels_choice(source_of("::ffff:127.0.0.1", "::ffff:192.0.2.1"));
    expect_kernels_choice(source_of("::1", "2001:db8::1"));
    expect_kernels_choice(source_of("::1", "::ffff:127.0.0.1")); /* another family */
    expect_kernels_choice(source_of("::1", "fe80::1"));
}

static void peers_on_this_host_see_the_address_that_the_nameserver_saw(void **state)
{
    (void)state;
    struct sockaddr_in6 expected = at("::ffff:127.0.0.2"),
                        source = source_of("::ffff:127.0.0.2", "::ffff:127.0.0.1");
    assert_memory_equal(&source.sin6_addr, &expected.sin6_addr, sizeof source.sin6_addr);
    assert_int_equal(source.sin6_scope_id, 0);
}

static int
end_udt(void **state) /* it was not begun; but the library's streams need all of it (shim/udt/overrides.h) */
{
    (void)state;
    udt_shutdown(0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_to_this_host_begins_with_its_own_address),
        cmocka_unit_test(the_kernel_says_what_is_local_and_by_which_interface),
        cmocka_unit_test(an_unknown_uplink_leaves_the_choice_to_the_kernel),
        cmocka_unit_test(a_nameserver_on_this_host_says_nothing_of_peers_elsewhere),
        cmocka_unit_test(peers_on_this_host_see_the_address_that_the_nameserver_saw),
    };
    return cmocka_run_group_tests_name("client_uplink", tests, NULL, end_udt);
}
