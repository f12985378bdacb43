/* client/portmap_pcp and client/portmap_natpmp against a router of the test's own. */
#include "test/unit/router_fixture.h"

/* The answer to a request that was heard: it has the same layout. */
static void pcp_grant(uint8_t data[60], const char *external, uint16_t port, uint32_t lifetime_s)
{
    uint32_t lifetime = htonl(lifetime_s);
    port = htons(port);
    data[1] |= 0x80;
    data[3] = 0;
    memcpy(data + 4, &lifetime, 4);
    memset(data + 8, 0, 16);
    memcpy(data + 42, &port, 2);
    memset(data + 44, 0, 10);
    memset(data + 54, 0xff, 2);
    assert_int_equal(inet_pton(AF_INET, external, data + 56), 1);
}

static struct way *pcp_asked(uint8_t data[64])
{
    struct way *w = open_way(WAY_PCP);
    way_map(w, &a_request, clock_now_ms());
    assert_int_equal(hear(udp, data, 64), 60);
    return w;
}

static struct way *pcp_granted(const char *external, uint16_t port, uint32_t lifetime_s)
{
    uint8_t data[64];
    struct way *w = pcp_asked(data);
    pcp_grant(data, external, port, lifetime_s);
    say(udp, data, 60);
    turn(w);
    return w;
}

static void pcp_maps_renews_and_gives_back(void **state)
{
    uint8_t data[64];
    struct way_request again = a_request;
    struct way *w = pcp_granted("198.51.100.7", 7000, 600);
    (void)state;
    expect_external(w, "198.51.100.7:7000");
    assert_int_equal(w->lifetime_s, 600);
    again.external = w->external;
    way_map(w, &again, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 60);
    assert_memory_equal(data + 42, "\x1b\x58", 2); /* the same port */
    pcp_grant(data, "198.51.100.8", 7001, 100000);
    say(udp, data, 60);
    turn(w);
    expect_external(w, "198.51.100.8:7001");
    assert_int_equal(w->lifetime_s, a_request.lifetime_s); /* longer is no promise to us */
    again.lifetime_s = 0;
    way_map(w, &again, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 60);
    assert_memory_equal(data + 4, "\0\0\0", 4);
    pcp_grant(data, "0.0.0.0", 0, 0);
    say(udp, data, 60);
    turn(w);
    assert_int_equal(w->state, WAY_MAPPED);
    way_close(w);
}

static void an_external_address_that_nobody_can_reach_is_a_refusal(void **state)
{
    static const struct {
        const char *external;
        uint16_t port;
        uint32_t lifetime_s;
        enum way_state state;
    } cases[] = {{"0.0.0.0", 7000, 600, WAY_REFUSED},     {"198.51.100.7", 0, 600, WAY_REFUSED},
                 {"127.0.0.1", 7000, 600, WAY_REFUSED},   {"224.0.0.1", 7000, 600, WAY_REFUSED},
                 {"169.254.0.1", 7000, 600, WAY_REFUSED}, {"198.51.100.7", 7000, 0, WAY_REFUSED},
                 {"10.0.0.1", 7000, 600, WAY_MAPPED},     {"100.64.0.1", 7000, 600, WAY_MAPPED}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct way *w = pcp_granted(cases[i].external, cases[i].port, cases[i].lifetime_s);
        assert_int_equal(w->state, cases[i].state);
        way_close(w);
    }
}

static void pcp_asks_again_twice_as_late_and_takes_a_late_answer(void **state)
{
    uint8_t data[64];
    struct way *w = pcp_asked(data);
    int64_t due_ms = way_due_ms(w);
    (void)state;
    way_step(w, due_ms - 1);
    assert_false(is_heard(udp));
    way_step(w, due_ms);
    assert_int_equal(hear(udp, data, sizeof data), 60);
    assert_int_equal(way_due_ms(w), due_ms + 2 * WAY_REPEAT_MS);
    pcp_grant(data, "198.51.100.7", 7000, 600);
    say(udp, data, 60);
    turn(w);
    expect_external(w, "198.51.100.7:7000");
    say(udp, data, 60); /* the answer to the first one: nobody waits for it */
    assert_int_equal(way_due_ms(w), INT64_MAX);
    way_close(w);
}

static void a_router_that_floods_takes_its_turn_and_is_understood_all_the_same(void **state)
{
    static const uint8_t noise[1200];
    uint8_t data[64];
    struct way *w = pcp_asked(data);
    (void)state;
    for (int i = 0; i < 40; i++)
        say(udp, noise, sizeof noise);
    pcp_grant(data, "198.51.100.7", 7000, 600);
    say(udp, data, 60);
    way_step(w, clock_now_ms());
    assert_int_equal(w->state, WAY_ASKING); /* it did not take them all at once */
    for (int i = 0; i < 3; i++)
        turn(w);
    expect_external(w, "198.51.100.7:7000");
    way_close(w);
}

static void nobody_who_listens_is_a_refusal(void **state)
{
    (void)state;
    close(udp);
    for (enum way_kind kind = WAY_PCP; kind <= WAY_NATPMP; kind++) {
        struct way *w = open_way(kind);
        way_map(w, &a_request, clock_now_ms());
        turn(w);
        assert_int_equal(w->state, WAY_REFUSED);
        way_close(w);
    }
    udp = bound(SOCK_DGRAM, PCP_PORT);
    assert_true(udp >= 0);
}

static void pcp_hears_a_refusal(void **state)
{
    static const uint8_t natpmp[] = {0, 0x81, 0, 1, 0, 0, 0, 5};
    uint8_t data[64];
    struct way *w = pcp_asked(data);
    (void)state;
    say(udp, natpmp, sizeof natpmp);
    turn(w);
    assert_int_equal(w->state, WAY_REFUSED);
    way_close(w);
}

static void pcp_is_probed_without_a_mapping(void **state)
{
    uint8_t data[64];
    struct way *w = open_way(WAY_PCP);
    (void)state;
    way_probe(w, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 24);
    data[1] |= 0x80;
    data[3] = 0;
    say(udp, data, 24);
    turn(w);
    assert_int_equal(w->state, WAY_OFFERED);
    way_close(w);
}

/* --- NAT-PMP ------------------------------------------------------------------------------------------ */

static const uint8_t address_answer[] = {0, 128, 0, 0, 0, 0, 0, 9, 198, 51, 100, 7};
static const uint8_t mapping_answer[] = {0, 129, 0, 0, 0, 0, 0, 9, 0x10, 0x92, 0x1b, 0x58, 0, 0, 0x02, 0x58};

static void natpmp_asks_for_the_address_and_then_maps(void **state)
{
    static const uint8_t expected[] = {0, 1, 0, 0, 0x10, 0x92, 0x10, 0x92, 0, 0, 0x04, 0xb0};
    uint8_t data[64];
    struct way *w = open_way(WAY_NATPMP);
    (void)state;
    way_probe(w, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 2);
    say(udp, address_answer, sizeof address_answer);
    turn(w);
    assert_int_equal(w->state, WAY_OFFERED);
    way_map(w, &a_request, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), sizeof expected);
    assert_memory_equal(data, expected, sizeof expected);
    say(udp, address_answer, sizeof address_answer); /* late, to a repetition */
    turn(w);
    assert_int_equal(w->state, WAY_ASKING);
    say(udp, mapping_answer, sizeof mapping_answer);
    turn(w);
    expect_external(w, "198.51.100.7:7000");
    assert_int_equal(w->lifetime_s, 600);
    way_map(w, &a_request, clock_now_ms()); /* renewed: the address may be another one */
    assert_int_equal(hear(udp, data, sizeof data), 2);
    way_close(w);
}

static void natpmp_repeats_what_was_lost(void **state)
{
    uint8_t data[64];
    struct way *w = open_way(WAY_NATPMP);
    (void)state;
    way_probe(w, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 2);
    for (int i = 0; i < 100 && !is_heard(udp); i++) {
        int64_t wait_ms = way_due_ms(w) - clock_now_ms();
        assert_true(wait_ms <= WAY_REPEAT_MS + 1);
        (void)poll(NULL, 0, wait_ms > 0 ? (int)wait_ms : 0);
        way_step(w, clock_now_ms());
    }
    assert_true(is_heard(udp));
    assert_int_equal(hear(udp, data, sizeof data), 2);
    way_close(w);
}

static void natpmp_hears_refusals_and_lies(void **state)
{
    static const uint8_t refused[] = {0, 128, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0};
    static const uint8_t pcp_alone[] = {2, 128, 0, 1, 0, 0, 0, 0};
    static const uint8_t *const answers[] = {refused, pcp_alone};
    static const size_t lengths[] = {sizeof refused, sizeof pcp_alone};
    uint8_t data[64], other[sizeof mapping_answer];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct way *w = open_way(WAY_NATPMP);
        way_probe(w, clock_now_ms());
        assert_int_equal(hear(udp, data, sizeof data), 2);
        say(udp, answers[i], lengths[i]);
        turn(w);
        assert_int_equal(w->state, WAY_REFUSED);
        way_close(w);
    }
    struct way *w = open_way(WAY_NATPMP);
    way_map(w, &a_request, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 2);
    for (size_t len = 0; len < sizeof address_answer; len++) /* cut short */
        say(udp, address_answer, len);
    turn(w);
    assert_int_equal(w->state, WAY_ASKING);
    say(udp, address_answer, sizeof address_answer);
    turn(w);
    assert_int_equal(hear(udp, data, sizeof data), 12);
    memcpy(other, mapping_answer, sizeof other);
    other[9]++; /* of a port that is not ours */
    say(udp, other, sizeof other);
    turn(w);
    assert_int_equal(w->state, WAY_ASKING);
    way_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcp_maps_renews_and_gives_back),
        cmocka_unit_test(an_external_address_that_nobody_can_reach_is_a_refusal),
        cmocka_unit_test(pcp_asks_again_twice_as_late_and_takes_a_late_answer),
        cmocka_unit_test(a_router_that_floods_takes_its_turn_and_is_understood_all_the_same),
        cmocka_unit_test(pcp_hears_a_refusal),
        cmocka_unit_test(nobody_who_listens_is_a_refusal),
        cmocka_unit_test(pcp_is_probed_without_a_mapping),
        cmocka_unit_test(natpmp_asks_for_the_address_and_then_maps),
        cmocka_unit_test(natpmp_repeats_what_was_lost),
        cmocka_unit_test(natpmp_hears_refusals_and_lies),
    };
    return cmocka_run_group_tests_name("portmap pcp", tests, router_begins, router_ends);
}
