/* Which addresses and sockets STUN answers by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs those above */

#include "base/error.h"
#include "server/stun_places.h"
#include <string.h>

static struct server_config config;

static struct endpoint at(const char *text)
{
    struct endpoint e;

    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static void configure(const char *const *listen, const char *const *stun)
{
    server_config_defaults(&config);
    config.listen_count = 0;
    for (; *listen; listen++)
        assert_int_equal(listen_parse(&config.listen[config.listen_count++], *listen), HX_OK);
    for (; stun && *stun; stun++)
        assert_int_equal(stun_address_parse(&config.stun_addresses[config.stun_address_count++], *stun),
                         HX_OK);
}

static void check_pair(int family, const char *one, const char *two)
{
    struct stun_pair p;

    assert_int_equal(stun_pair_of(&config, family, &p), HX_OK);
    p.of[0].local.port = p.of[1].local.port = 1;
    struct endpoint first = at(one), second = at(two);
    assert_true(endpoint_equal(&p.of[0].local, &first));
    assert_true(endpoint_equal(&p.of[1].local, &second));
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void two_addresses_of_listen_with_one_port_are_a_pair(void **state)
{
    struct stun_pair p;

    (void)state;
    configure(LIST("192.0.2.1:70", "[2001:db8::1]:70", "192.0.2.1:71", "192.0.2.3:71", "192.0.2.2:70"), NULL);
    check_pair(AF_INET, "192.0.2.1:1", "192.0.2.2:1");
    assert_int_equal(stun_pair_of(&config, AF_INET6, &p), HX_ENOTFOUND);
    configure(LIST(":70", "192.0.2.1:70"), NULL);
    assert_int_equal(stun_pair_of(&config, AF_INET, &p), HX_ENOTFOUND);
}

static void addresses_that_are_named_come_first_and_one_alone_needs_one_of_listen(void **state)
{
    struct stun_pair p;

    (void)state;
    configure(LIST(":70"), LIST("192.0.2.1", "192.0.2.2/198.51.100.2"));
    check_pair(AF_INET, "192.0.2.1:1", "192.0.2.2:1");
    assert_int_equal(stun_pair_of(&config, AF_INET, &p), HX_OK);
    struct endpoint outside = at("198.51.100.2:1");
    assert_true(endpoint_same_host(&p.of[1].printed, &outside));
    assert_true(endpoint_same_host(&p.of[0].printed, &p.of[0].local));
    configure(LIST(":70"), LIST("192.0.2.1"));
    assert_int_equal(stun_pair_of(&config, AF_INET, &p), HX_EINVAL);
    configure(LIST(":70"), LIST("192.0.2.1", "192.0.2.1"));
    assert_int_equal(stun_pair_of(&config, AF_INET, &p), HX_EINVAL);
    configure(LIST(":70"), LIST("192.0.2.1", "192.0.2.2", "192.0.2.3"));
    assert_int_equal(stun_pair_of(&config, AF_INET, &p), HX_EINVAL);
    configure(LIST("192.0.2.1:70"), LIST("192.0.2.1"));
    assert_int_equal(stun_pair_of(&config, AF_INET, &p), HX_EINVAL);
    configure(LIST("192.0.2.1:70"), LIST("192.0.2.2"));
    check_pair(AF_INET, "192.0.2.2:1", "192.0.2.1:1");
}

static void an_address_is_numeric_and_both_halves_of_one_family(void **state)
{
    static const char *const bad[] = {
        "",           "/",          "example.net",  "192.0.2.1:70",  "0.0.0.0", "::",
        "192.0.2.1/", "/192.0.2.1", "192.0.2.1/24", "192.0.2.1/::1", "[::1]",   "192.0.2.1/0.0.0.0"};
    struct stun_address a;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (stun_address_parse(&a, bad[i]) != HX_EINVAL)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(stun_address_parse(&a, "2001:db8::1/2001:db8::2"), HX_OK);
}

static void add(struct stun_places *s, const char *bound, bool ipv4, bool ipv6)
{
    struct stun_place *p = &s->of[s->count++];
    static const uint8_t any[16];

    *p = (struct stun_place){.bound = at(bound), .ipv4 = ipv4, .ipv6 = ipv6, .port = (struct net_port *)p};
    p->any = memcmp(p->bound.address, any, sizeof any) == 0;
}

static void check_change(const struct stun_places *s, const char *asked, bool ip, bool port, int place,
                         const char *expected)
{
    struct endpoint question = at(asked), from;
    const struct stun_place *p = stun_places_change(s, &question, ip, port, &from);

    assert_ptr_equal(p, place < 0 ? NULL : &s->of[place]);
    if (p) {
        struct endpoint wanted = at(expected);
        assert_true(endpoint_equal(&from, &wanted));
    }
}

static void a_change_finds_the_socket_of_the_other_address_and_port(void **state)
{
    static struct stun_places s = {.main_port = 70, .other_port = 71, .pair_count = 1};

    (void)state;
    s.pairs[0].of[0].local = s.pairs[0].of[0].printed = at("192.0.2.1:1");
    s.pairs[0].of[1].local = at("192.0.2.2:1");
    s.pairs[0].of[1].printed = at("198.51.100.2:1");
    add(&s, "192.0.2.1:70", true, false);
    add(&s, "[::]:71", true, true);
    check_change(&s, "192.0.2.1:70", false, true, 1, "192.0.2.1:71");
    check_change(&s, "192.0.2.1:70", true, true, 1, "192.0.2.2:71");
    check_change(&s, "192.0.2.1:70", true, false, -1, NULL); /* nothing is at 192.0.2.2:70 */
    check_change(&s, "192.0.2.2:71", true, true, 0, "192.0.2.1:70");
    check_change(&s, "192.0.2.9:71", true, false, -1, NULL);
    check_change(&s, "[2001:db8::1]:71", false, true, -1, NULL);
    check_change(&s, "192.0.2.1:75", false, true, 1, "192.0.2.1:71");
    struct endpoint local = at("192.0.2.2:71"), printed = stun_places_printed(&s, &local);
    struct endpoint wanted = at("198.51.100.2:71");
    assert_true(endpoint_equal(&printed, &wanted));
}

static void without_a_second_port_or_address_nothing_changes(void **state)
{
    static struct stun_places s = {.main_port = 70};

    (void)state;
    add(&s, "[::]:70", true, true);
    check_change(&s, "192.0.2.1:70", false, true, -1, NULL);
    check_change(&s, "192.0.2.1:70", true, false, -1, NULL);
    check_change(&s, "192.0.2.1:70", true, true, -1, NULL);
}

static void a_socket_of_one_family_takes_no_other(void **state)
{
    static struct stun_places s = {.main_port = 70, .other_port = 71};
    struct endpoint four = at("192.0.2.1:70"), six = at("[2001:db8::1]:70");

    (void)state;
    add(&s, "[::]:70", false, true);
    assert_null(stun_places_find(&s, &four));
    assert_ptr_equal(stun_places_find(&s, &six), &s.of[0]);
    add(&s, "0.0.0.0:70", true, false);
    assert_ptr_equal(stun_places_find(&s, &four), &s.of[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_addresses_of_listen_with_one_port_are_a_pair),
        cmocka_unit_test(addresses_that_are_named_come_first_and_one_alone_needs_one_of_listen),
        cmocka_unit_test(an_address_is_numeric_and_both_halves_of_one_family),
        cmocka_unit_test(a_change_finds_the_socket_of_the_other_address_and_port),
        cmocka_unit_test(without_a_second_port_or_address_nothing_changes),
        cmocka_unit_test(a_socket_of_one_family_takes_no_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
