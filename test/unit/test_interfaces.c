/* client/interfaces and proto/address: which addresses of a host are worth a probe, and in which order. */
#include "base/error.h"
#include "client/interfaces.h"
#include "proto/address.h"
#include <linux/if_addr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct endpoint at(const char *address)
{
    char text[ENDPOINT_TEXT_MAX];
    struct endpoint e;
    int len = snprintf(text, sizeof text, strchr(address, ':') ? "[%s]:1" : "%s:1", address);
    assert_int_equal(endpoint_parse(&e, text, (size_t)len), HX_OK);
    return e;
}

enum { LAN = 2, WIFI = 3, TUNNEL = 4, BRIDGE = 5 };

static struct interface_address on(unsigned interface_index, const char *address, unsigned prefix_bits)
{
    return (struct interface_address){.address = at(address),
                                      .prefix_bits = prefix_bits,
                                      .interface_index = interface_index,
                                      .usable = true,
                                      .default_route = interface_index == LAN};
}

/* The chosen ones, with a blank behind each. */
static const char *chosen(const struct interface_address *all, size_t count)
{
    static char text[INTERFACES_MAX * ENDPOINT_TEXT_MAX];
    struct endpoint out[INTERFACES_MAX];
    char one[ENDPOINT_TEXT_MAX];
    size_t n = interfaces_choose(out, all, count);
    assert_true(n <= INTERFACES_MAX);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t len = endpoint_format(&out[i], one);
        one[len - strlen(":1")] = 0;
        strcat(strcat(text, one), " ");
    }
    return text;
}

#define CHOSEN(all) chosen(all, sizeof(all) / sizeof *(all))

static void the_default_routes_interface_comes_first_and_global_ipv6_before_ipv4(void **state)
{
    struct interface_address all[] = {on(WIFI, "192.168.7.2", 24), on(LAN, "fd00::2", 64),
                                      on(LAN, "10.0.0.2", 24), on(LAN, "2001:db8::2", 64)};
    (void)state;
    assert_string_equal(CHOSEN(all), "[2001:db8::2] 10.0.0.2 [fd00::2] 192.168.7.2 ");
}

static void what_finds_nobody_is_left_out(void **state)
{
    struct interface_address all[] = {
        on(LAN, "127.0.0.1", 8),      on(LAN, "::1", 128),          on(LAN, "fe80::1", 64),
        on(LAN, "169.254.3.4", 16),   on(WIFI, "192.168.7.2", 24),  on(LAN, "2001:db8::2", 64),
        on(LAN, "2001:db8:1::2", 64), on(LAN, "2001:db8:2::2", 64), on(BRIDGE, "172.17.0.1", 16),
        on(TUNNEL, "10.8.0.2", 24),
    };
    (void)state;
    all[4].usable = false;
    all[5].flags = IFA_F_TENTATIVE;
    all[6].flags = IFA_F_DEPRECATED;
    all[7].flags = IFA_F_DADFAILED | IFA_F_PERMANENT;
    all[8].inner_bridge = true;
    all[9].tunnel = true;
    assert_string_equal(CHOSEN(all), "");
}

static void a_tunnel_that_the_default_route_goes_by_stays(void **state)
{
    struct interface_address all[] = {on(TUNNEL, "203.0.113.9", 32)};
    (void)state;
    all[0].tunnel = true;
    all[0].default_route = true;
    assert_string_equal(CHOSEN(all), "203.0.113.9 ");
}

static void one_address_stands_for_a_network_of_an_interface(void **state)
{
    struct interface_address all[] = {on(LAN, "10.0.0.2", 24), on(LAN, "10.0.0.3", 24),
                                      on(LAN, "10.0.1.3", 24), on(WIFI, "10.0.0.4", 24)};
    (void)state;
    all[1].flags = IFA_F_SECONDARY;
    assert_string_equal(CHOSEN(all), "10.0.0.2 10.0.1.3 10.0.0.4 ");
}

static void networks_are_told_apart_to_the_bit(void **state)
{
    struct interface_address all[] = {on(LAN, "10.0.0.2", 25), on(LAN, "10.0.0.130", 25),
                                      on(LAN, "10.0.0.131", 25)};
    (void)state;
    assert_string_equal(CHOSEN(all), "10.0.0.2 10.0.0.130 ");
}

static void a_temporary_address_is_told_instead_of_the_stable_one(void **state)
{
    struct interface_address all[] = {on(LAN, "2001:db8::2", 64), on(LAN, "2001:db8::1234", 64),
                                      on(LAN, "2001:db8::4321", 64)};
    (void)state;
    all[1].flags = IFA_F_TEMPORARY | IFA_F_DEPRECATED; /* yesterday's */
    all[2].flags = IFA_F_TEMPORARY;
    assert_string_equal(CHOSEN(all), "[2001:db8::4321] ");
    all[2].flags |= IFA_F_TENTATIVE;
    assert_string_equal(CHOSEN(all), "[2001:db8::2] ");
}

static void there_are_eight_at_most_and_the_best_stay(void **state)
{
    struct interface_address all[40];
    char text[16];
    (void)state;
    for (int i = 0; i < 39; i++) {
        snprintf(text, sizeof text, "10.1.%d.2", i);
        all[i] = on(WIFI, text, 24);
    }
    all[39] = on(LAN, "10.2.0.2", 24);
    assert_string_equal(CHOSEN(all),
                        "10.2.0.2 10.1.0.2 10.1.1.2 10.1.2.2 10.1.3.2 10.1.4.2 10.1.5.2 10.1.6.2 ");
}

static void the_kernel_is_asked(void **state)
{
    struct endpoint out[INTERFACES_MAX];
    size_t count = interfaces_list(out, 7000);
    (void)state;
    assert_true(count <= INTERFACES_MAX); /* this host may have none */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out[i].port, 7000);
        assert_int_not_equal(address_class(&out[i]), ADDRESS_UNUSABLE);
    }
}

static enum address_class class_of(const char *address)
{
    struct endpoint e = at(address);
    return address_class(&e);
}

static void addresses_have_a_class(void **state)
{
    static const char *const unusable[] = {"0.0.0.0",   "127.0.0.1",       "169.254.1.1", "224.0.0.1",
                                           "240.0.0.1", "255.255.255.255", "::",          "::1",
                                           "fe80::1",   "fec0::1",         "ff02::1",     "64:ff9b::1"};
    static const char *const private[] = {"10.0.0.1",   "172.16.0.1",  "172.31.255.1", "192.168.0.1",
                                          "100.64.0.1", "100.127.0.1", "fc00::1",      "fd12::1"};
    static const char *const global[] = {"8.8.8.8",     "172.15.0.1",  "172.32.0.1",  "100.63.0.1",
                                         "100.128.0.1", "192.167.0.1", "2001:db8::1", "3fff::1"};
    static const struct endpoint none;
    (void)state;
    for (size_t i = 0; i < sizeof unusable / sizeof unusable[0]; i++)
        assert_int_equal(class_of(unusable[i]), ADDRESS_UNUSABLE);
    for (size_t i = 0; i < sizeof private / sizeof private[0]; i++)
        assert_int_equal(class_of(private[i]), ADDRESS_PRIVATE);
    for (size_t i = 0; i < sizeof global / sizeof global[0]; i++)
        assert_int_equal(class_of(global[i]), ADDRESS_GLOBAL);
    assert_int_equal(address_class(&none), ADDRESS_UNUSABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_routes_interface_comes_first_and_global_ipv6_before_ipv4),
        cmocka_unit_test(what_finds_nobody_is_left_out),
        cmocka_unit_test(a_tunnel_that_the_default_route_goes_by_stays),
        cmocka_unit_test(one_address_stands_for_a_network_of_an_interface),
        cmocka_unit_test(networks_are_told_apart_to_the_bit),
        cmocka_unit_test(a_temporary_address_is_told_instead_of_the_stable_one),
        cmocka_unit_test(there_are_eight_at_most_and_the_best_stay),
        cmocka_unit_test(the_kernel_is_asked),
        cmocka_unit_test(addresses_have_a_class),
    };
    return cmocka_run_group_tests_name("interfaces", tests, NULL, NULL);
}
