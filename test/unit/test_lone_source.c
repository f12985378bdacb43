/* All clients from one private address, and all cases that only look like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/lone_source.h"
#include <stdio.h>
#include <string.h>

static struct endpoint at(const char *address, int port)
{
    char text[ENDPOINT_TEXT_MAX];
    struct endpoint e;

    snprintf(text, sizeof text, strchr(address, ':') ? "[%s]:%d" : "%s:%d", address, port);
    assert_int_equal(endpoint_parse(&e, text, strlen(text)), 0);
    return e;
}

/* How often it is told of while so many clients come. */
static int told(struct lone_source *l, const char *address, int from, int to)
{
    int times = 0;

    for (int i = from; i <= to; i++) {
        struct endpoint e = at(address, 1000 + i);
        times += lone_source_seen(l, &e, (size_t)i);
    }
    return times;
}

static void it_is_told_once_with_the_fifth_client(void **state)
{
    static const char *const addresses[] = {"172.17.0.1", "10.1.2.3",   "192.168.0.9",
                                            "127.0.0.1",  "100.64.0.1", "169.254.1.1",
                                            "fd00::1",    "::1",        "fe80::1"};

    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct lone_source l = {.others = false};

        assert_int_equal(told(&l, addresses[i], 1, 4), 0);
        assert_int_equal(told(&l, addresses[i], 5, 5), 1);
        assert_int_equal(told(&l, addresses[i], 6, 100), 0);
    }
}

static void a_public_address_may_be_a_whole_company(void **state)
{
    static const char *const addresses[] = {"203.0.113.10", "172.32.0.1", "11.0.0.1",    "100.128.0.1",
                                            "192.169.0.1",  "8.8.8.8",    "2001:db8::1", "fe00::1"};

    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct lone_source l = {.others = false};

        assert_int_equal(told(&l, addresses[i], 1, 100), 0);
    }
}

static void one_client_from_elsewhere_is_enough(void **state)
{
    struct lone_source l = {.others = false}, m = {.others = false}, n = {.others = false};

    (void)state;
    assert_int_equal(told(&l, "203.0.113.10", 1, 1) + told(&l, "10.0.0.1", 2, 100), 0);
    assert_int_equal(told(&m, "10.0.0.1", 1, 4) + told(&m, "10.0.0.2", 5, 5) + told(&m, "10.0.0.1", 6, 100),
                     0);
    assert_int_equal(told(&n, "10.0.0.1", 1, 4) + told(&n, "2001:db8::1", 5, 100), 0);
}

static void a_bridge_has_an_address_of_each_family(void **state)
{
    struct lone_source l = {.others = false}, m = {.others = false};

    (void)state;
    assert_int_equal(told(&l, "172.17.0.1", 1, 3) + told(&l, "fd00::1", 4, 4), 0);
    assert_int_equal(told(&l, "fd00::1", 5, 5), 1);
    assert_int_equal(told(&m, "172.17.0.1", 1, 3) + told(&m, "fd00::1", 4, 4) + told(&m, "fd00::2", 5, 100),
                     0);
}

static void this_hosts_own_clients_are_none_where_there_are_others(void **state)
{
    struct lone_source l = {.others = false}, m = {.others = false};

    (void)state;
    assert_int_equal(told(&l, "127.0.0.1", 1, 2) + told(&l, "172.17.0.1", 3, 4), 0);
    assert_int_equal(told(&l, "127.0.0.1", 5, 6) + told(&l, "::1", 7, 8), 0); /* it is not their address */
    assert_int_equal(told(&l, "172.17.0.1", 9, 100), 1);
    assert_int_equal(told(&m, "127.0.0.1", 1, 4) + told(&m, "203.0.113.10", 5, 5), 0);
    assert_int_equal(told(&m, "127.0.0.1", 6, 100), 0);
}

static void one_client_that_comes_again_and_again_is_not_many(void **state)
{
    struct lone_source l = {.others = false};
    struct endpoint e = at("10.0.0.1", 7);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_false(lone_source_seen(&l, &e, 1 + (size_t)i % 4));
}

static void a_tunnels_peer_says_nothing_of_where_it_is(void **state)
{
    struct lone_source l = {.others = false};

    (void)state;
    assert_int_equal(told(&l, "100::1", 1, 50), 0);
    assert_int_equal(told(&l, "10.0.0.1", 1, 5), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_once_with_the_fifth_client),
        cmocka_unit_test(a_public_address_may_be_a_whole_company),
        cmocka_unit_test(one_client_from_elsewhere_is_enough),
        cmocka_unit_test(a_bridge_has_an_address_of_each_family),
        cmocka_unit_test(this_hosts_own_clients_are_none_where_there_are_others),
        cmocka_unit_test(one_client_that_comes_again_and_again_is_not_many),
        cmocka_unit_test(a_tunnels_peer_says_nothing_of_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
