/* Who may be forwarded to whom, with a clock that is moved. */
#include "base/error.h"
#include "secure/mac.h"
#include "server/relay_table.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

static struct relay_table *table;
static struct session session;
static uint8_t id[MAC_KEY_BYTES], keys[RELAY_HALVES][MAC_KEY_BYTES];
static struct relay_place places[RELAY_HALVES]; /* where UDT's handshakes came from */
static int64_t now;
static uint64_t number;
static struct relay_frame answer;

static struct relay_place place(const char *ip, uint16_t port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct relay_place p = {.port = NULL};
    assert_int_equal(inet_pton(AF_INET, ip, &sin.sin_addr), 1);
    net_address_from(&p.route.to, (struct sockaddr *)&sin);
    return p;
}

static void derive(void)
{
    assert_int_equal(mac_derive(session.key, sizeof session.key, "hx relay id", id), HX_OK);
    assert_int_equal(
        mac_derive(session.key, sizeof session.key, "hx relay of the caller", keys[RELAY_CALLER]), HX_OK);
    assert_int_equal(
        mac_derive(session.key, sizeof session.key, "hx relay of the called", keys[RELAY_CALLED]), HX_OK);
}

static int add(void)
{
    const struct net_address at[] = {places[RELAY_CALLER].route.to, places[RELAY_CALLED].route.to};

    return relay_table_add(table, &session, at, now);
}

/* The session of this number, of two who are at their own addresses. */
static int add_session(int n)
{
    memset(&session, 0, sizeof session);
    memcpy(session.key, &n, sizeof n);
    derive();
    return add();
}

static void begin(const struct relay_limits *limits)
{
    now = NOW;
    number = 0;
    places[RELAY_CALLER] = place("192.0.2.2", 4002);
    places[RELAY_CALLED] = place("192.0.2.1", 4001);
    assert_int_equal(relay_table_create(&table, limits), HX_OK);
    assert_int_equal(add_session(1), HX_OK);
}

static int set_up(void **state)
{
    (void)state;
    begin(&(struct relay_limits){.rate = 0});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    relay_table_destroy(table);
    return 0;
}

static uint64_t count(enum relay_counter which)
{
    uint64_t all[RELAY_COUNTERS];

    relay_table_counters(table, all);
    return all[which];
}

static void write_open(uint8_t bytes[RELAY_CONTROL_BYTES], enum relay_half half, const uint8_t *cookie)
{
    struct relay_frame f = {.kind = RELAY_OPEN, .half = half};

    f.number = ++number;
    memcpy(f.session, id, sizeof f.session);
    if (cookie)
        memcpy(f.cookie, cookie, sizeof f.cookie);
    relay_frame_write_control(&f, bytes);
    assert_int_equal(mac_compute(keys[half], bytes, RELAY_SAID_BYTES, bytes + RELAY_SAID_BYTES), HX_OK);
}

/* False: it is not answered. The answer is authentic, of the question's length, and to its half. */
static bool says(const uint8_t bytes[RELAY_CONTROL_BYTES], const struct relay_place *from)
{
    uint8_t out[RELAY_CONTROL_BYTES];
    struct relay_frame f;

    assert_int_equal(relay_frame_read(&f, bytes, RELAY_CONTROL_BYTES), HX_OK);
    if (!relay_table_control(table, &f, bytes, from, now, out))
        return false;
    assert_int_equal(relay_frame_read(&answer, out, sizeof out), HX_OK);
    assert_true(mac_right(keys[f.half], out, RELAY_SAID_BYTES, out + RELAY_SAID_BYTES));
    assert_int_equal(answer.half, f.half);
    assert_true(answer.number == f.number);
    assert_memory_equal(answer.session, id, RELAY_ID_BYTES);
    return true;
}

static bool open_from(enum relay_half half, const struct relay_place *from, const uint8_t *cookie)
{
    uint8_t bytes[RELAY_CONTROL_BYTES];

    write_open(bytes, half, cookie);
    return says(bytes, from);
}

static void opens(enum relay_half half)
{
    assert_true(open_from(half, &places[half], NULL));
    assert_int_equal(answer.kind, RELAY_OPENED);
}

static bool data(enum relay_half half, const struct relay_place *from, size_t bytes, struct relay_place *to)
{
    struct relay_frame f = {.kind = RELAY_DATA, .half = half};

    memcpy(f.session, id, sizeof f.session);
    return relay_table_data(table, &f, from, 1, bytes, now, to);
}

static void passes(enum relay_half half)
{
    struct relay_place to;

    assert_true(data(half, &places[half], 1000, &to));
    assert_true(net_address_equal(&to.route.to, &places[!half].route.to));
}

static void is_lost(enum relay_half half)
{
    struct relay_place to;

    assert_false(data(half, &places[half], 1000, &to));
}

static void datagrams_pass_once_both_have_opened(void **state)
{
    (void)state;
    is_lost(RELAY_CALLER);
    opens(RELAY_CALLER);
    assert_true(answer.left_s == RELAY_NO_END);
    is_lost(RELAY_CALLER);
    assert_int_equal(count(RELAY_COUNT_NOT_THERE), 1);
    opens(RELAY_CALLED);
    passes(RELAY_CALLER);
    passes(RELAY_CALLED);
    assert_int_equal(count(RELAY_COUNT_FORWARDED), 2);
}

static void a_party_that_does_not_open_again_is_sent_nothing_more(void **state)
{
    (void)state;
    opens(RELAY_CALLER);
    opens(RELAY_CALLED);
    now += RELAY_PARTY_MS - 1;
    assert_true(open_from(RELAY_CALLER, &places[RELAY_CALLER], NULL));
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
    assert_true(open_from(RELAY_CALLER, &places[RELAY_CALLER], answer.cookie));
    passes(RELAY_CALLER);
    now += 1;
    is_lost(RELAY_CALLER);
    is_lost(RELAY_CALLED); /* nor may it send */
    assert_int_equal(count(RELAY_COUNT_NOT_THERE), 1);
    assert_int_equal(count(RELAY_COUNT_NO_PARTY), 1);
}

static void from_another_address_only_a_cookie_that_was_sent_there_opens(void **state)
{
    struct relay_place elsewhere = place("198.51.100.7", 4002), third = place("198.51.100.8", 4002);
    struct relay_place same_host = place("192.0.2.2", 4003), to;
    uint8_t cookie[RELAY_COOKIE_BYTES];

    (void)state;
    assert_true(open_from(RELAY_CALLER, &elsewhere, NULL));
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
    memcpy(cookie, answer.cookie, sizeof cookie);
    assert_true(open_from(RELAY_CALLER, &third, cookie));
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
    assert_true(open_from(RELAY_CALLER, &same_host, cookie));
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
    assert_true(open_from(RELAY_CALLED, &elsewhere, cookie));
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
    opens(RELAY_CALLED);
    assert_false(data(RELAY_CALLED, &places[RELAY_CALLED], 100, &to));
    assert_true(open_from(RELAY_CALLER, &elsewhere, cookie));
    assert_int_equal(answer.kind, RELAY_OPENED);
    assert_true(data(RELAY_CALLED, &places[RELAY_CALLED], 100, &to));
    assert_true(net_address_equal(&to.route.to, &elsewhere.route.to));
    assert_false(data(RELAY_CALLER, &places[RELAY_CALLER], 100, &to)); /* where it was */
    assert_true(data(RELAY_CALLER, &elsewhere, 100, &to));
}

static void a_cookie_does_not_live_long(void **state)
{
    struct relay_place elsewhere = place("198.51.100.7", 4002);
    uint8_t cookie[RELAY_COOKIE_BYTES];

    (void)state;
    opens(RELAY_CALLED);
    assert_true(open_from(RELAY_CALLER, &elsewhere, NULL));
    memcpy(cookie, answer.cookie, sizeof cookie);
    now += RELAY_PARTY_MS - 1;
    assert_true(open_from(RELAY_CALLER, &elsewhere, cookie));
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
}

static void the_address_of_udt_s_handshake_is_proven_once(void **state)
{
    (void)state;
    opens(RELAY_CALLED);
    opens(RELAY_CALLER);
    assert_true(open_from(RELAY_CALLER, &places[RELAY_CALLER], NULL));
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
    assert_true(open_from(RELAY_CALLER, &places[RELAY_CALLER], answer.cookie));
    assert_int_equal(answer.kind, RELAY_OPENED);
}

static void copied_frames_move_nobody(void **state)
{
    struct relay_place victim = place("198.51.100.66", 53), to;
    uint8_t first[RELAY_CONTROL_BYTES], second[RELAY_CONTROL_BYTES];

    (void)state;
    opens(RELAY_CALLED);
    write_open(first, RELAY_CALLER, NULL);
    assert_true(says(first, &places[RELAY_CALLER]));
    assert_false(says(first, &places[RELAY_CALLER])); /* it has come before */
    assert_false(says(first, &victim));
    write_open(second, RELAY_CALLER, answer.cookie);
    assert_true(says(
        second, &victim)); /* it has overtaken the true one, and asks for a cookie that it gets not to see */
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
    assert_false(says(second, &victim)); /* once for each frame that the party has sent */
    assert_true(data(RELAY_CALLED, &places[RELAY_CALLED], 100, &to));
    assert_true(net_address_equal(&to.route.to, &places[RELAY_CALLER].route.to));
    assert_true(says(second, &places[RELAY_CALLER])); /* the true one */
    assert_int_equal(answer.kind, RELAY_OPENED);
}

static void a_wrong_code_is_not_answered(void **state)
{
    uint8_t bytes[RELAY_CONTROL_BYTES];

    (void)state;
    for (size_t i = 8 * 6; i < sizeof bytes * 8; i += 7) {
        now += 1000; /* codes have a rate */
        assert_int_equal(add_session(100 + (int)i), HX_OK);
        write_open(bytes, RELAY_CALLER, NULL);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_false(says(bytes, &places[RELAY_CALLER]));
    }
    assert_true(count(RELAY_COUNT_BAD_CODE) + count(RELAY_COUNT_NO_SESSION) > 50);
    assert_int_equal(count(RELAY_COUNT_OPENED), 0);
}

static void the_other_half_s_key_opens_nothing(void **state)
{
    struct relay_frame f = {.kind = RELAY_OPEN, .half = RELAY_CALLED, .number = 1};
    uint8_t bytes[RELAY_CONTROL_BYTES];

    (void)state;
    memcpy(f.session, id, sizeof f.session);
    relay_frame_write_control(&f, bytes);
    assert_int_equal(mac_compute(keys[RELAY_CALLER], bytes, RELAY_SAID_BYTES, bytes + RELAY_SAID_BYTES),
                     HX_OK);
    assert_false(says(bytes, &places[RELAY_CALLED]));
}

static void strangers_codes_do_not_keep_the_party_out(void **state)
{
    struct relay_place stranger = place("203.0.113.9", 9);
    uint8_t bytes[RELAY_CONTROL_BYTES];

    (void)state;
    write_open(bytes, RELAY_CALLER, NULL);
    bytes[RELAY_SAID_BYTES] ^= 1;
    for (int i = 0; i < 1000; i++)
        assert_false(says(bytes, &stranger));
    assert_true(count(RELAY_COUNT_BAD_CODE) <= 20);
    assert_true(count(RELAY_COUNT_OVER_CODES) >= 980);
    opens(RELAY_CALLER);
}

static void what_only_a_nameserver_says_is_no_question(void **state)
{
    uint8_t bytes[RELAY_CONTROL_BYTES];

    (void)state;
    for (int kind = RELAY_CHALLENGE; kind <= RELAY_REFUSED; kind++) {
        write_open(bytes, RELAY_CALLER, NULL);
        bytes[4] = (uint8_t)kind;
        assert_int_equal(mac_compute(keys[RELAY_CALLER], bytes, RELAY_SAID_BYTES, bytes + RELAY_SAID_BYTES),
                         HX_OK);
        assert_false(says(bytes, &places[RELAY_CALLER]));
    }
}

static void an_unknown_session_is_answered_by_nobody(void **state)
{
    (void)state;
    id[0] ^= 1;
    assert_false(open_from(RELAY_CALLER, &places[RELAY_CALLER], NULL));
    is_lost(RELAY_CALLER);
    assert_int_equal(count(RELAY_COUNT_NO_SESSION), 2);
}

static void the_rate_of_a_session_is_kept_and_told(void **state)
{
    struct relay_place to;
    size_t passed = 0;

    (void)state;
    relay_table_destroy(table);
    begin(&(struct relay_limits){.rate = 1000000});
    opens(RELAY_CALLER);
    opens(RELAY_CALLED);
    assert_int_equal(answer.reason, RELAY_NO_REASON);
    for (int ms = 0; ms < 2000; ms++, now++)
        for (int i = 0; i < 4; i++)
            passed += data(i % 2, &places[i % 2], 1000, &to) ? 1000 : 0;
    assert_in_range(passed, 2000000, 2000000 + 250000);
    assert_true(count(RELAY_COUNT_OVER_RATE) > 0);
    assert_true(open_from(RELAY_CALLED, &places[RELAY_CALLED], answer.cookie));
    assert_int_equal(answer.reason, RELAY_OVER_RATE);
    now += 20000;
    assert_true(open_from(RELAY_CALLED, &places[RELAY_CALLED], answer.cookie));
    assert_true(answer.kind != RELAY_OPENED || answer.reason == RELAY_NO_REASON);
}

static void the_rate_of_all_is_shared(void **state)
{
    struct relay_place to;
    size_t passed = 0;

    (void)state;
    relay_table_destroy(table);
    begin(&(struct relay_limits){.total = 1000000});
    for (int n = 1; n <= 2; n++) {
        assert_int_equal(n == 1 ? HX_OK : add_session(n), HX_OK);
        opens(RELAY_CALLER);
        opens(RELAY_CALLED);
    }
    for (int ms = 0; ms < 1000; ms++, now++) {
        for (int n = 1; n <= 2; n++) {
            memset(&session, 0, sizeof session);
            memcpy(session.key, &n, sizeof n);
            derive();
            passed += data(RELAY_CALLER, &places[RELAY_CALLER], 1000, &to) ? 1000 : 0;
        }
    }
    assert_in_range(passed, 1000000, 1250000);
    assert_true(count(RELAY_COUNT_OVER_TOTAL) > 0);
}

static void a_session_ends_after_its_time_and_is_told(void **state)
{
    (void)state;
    relay_table_destroy(table);
    begin(&(struct relay_limits){.time_ms = 60000});
    opens(RELAY_CALLER);
    assert_int_equal(answer.left_s, 60);
    opens(RELAY_CALLED);
    for (int i = 0; i < 5; i++) {
        now += 10000;
        assert_true(open_from(RELAY_CALLED, &places[RELAY_CALLED], answer.cookie));
        assert_int_equal(answer.left_s, 50 - 10 * i);
    }
    now += 10000;
    assert_true(open_from(RELAY_CALLED, &places[RELAY_CALLED], answer.cookie));
    assert_int_equal(answer.kind, RELAY_REFUSED);
    assert_int_equal(answer.reason, RELAY_OVER_TIME);
    is_lost(RELAY_CALLED);
}

static void an_address_has_its_number_of_sessions(void **state)
{
    struct relay_totals totals;

    (void)state;
    relay_table_destroy(table);
    begin(&(struct relay_limits){.per_address = 3});
    for (int n = 1; n <= 4; n++) {
        assert_int_equal(n == 1 ? HX_OK : add_session(n), HX_OK);
        assert_true(open_from(RELAY_CALLER, &places[RELAY_CALLER], NULL));
        assert_int_equal(answer.kind, n <= 3 ? RELAY_OPENED : RELAY_REFUSED);
    }
    assert_int_equal(answer.reason, RELAY_OVER_ADDRESS);
    relay_table_totals(table, &totals);
    assert_int_equal(totals.open, 3);
    now += RELAY_OPEN_MS;
    relay_table_sweep(table, now);
    relay_table_totals(table, &totals);
    assert_int_equal(totals.open + totals.known, 0);
    assert_int_equal(add_session(9), HX_OK); /* those that have ended are counted no more */
    opens(RELAY_CALLER);
}

static void sessions_that_nobody_opens_are_forgotten(void **state)
{
    struct relay_totals totals;

    (void)state;
    now += RELAY_OPEN_MS - 1;
    relay_table_sweep(table, now);
    relay_table_totals(table, &totals);
    assert_int_equal(totals.known, 1);
    now += 1;
    assert_false(open_from(RELAY_CALLER, &places[RELAY_CALLER], NULL));
    relay_table_sweep(table, now);
    relay_table_totals(table, &totals);
    assert_int_equal(totals.known, 0);
}

static void one_host_s_sessions_do_not_push_out_another_s(void **state)
{
    struct relay_totals totals;
    char ip[16];

    (void)state;
    places[RELAY_CALLER] = place("203.0.113.5", 5);
    for (int n = 2; n < RELAY_KNOWN_HOST + 100; n++)
        assert_int_equal(add_session(n), n < RELAY_KNOWN_HOST + 2 ? HX_OK : HX_ELIMIT);
    relay_table_totals(table, &totals);
    assert_int_equal(totals.known, RELAY_KNOWN_HOST + 1);
    for (int n = 0; n < RELAY_KNOWN_MAX + 100; n++) {
        snprintf(ip, sizeof ip, "10.%d.%d.7", n / 200, n % 200);
        places[RELAY_CALLER] = place(ip, 7);
        assert_int_equal(add_session(100000 + n), HX_OK);
    }
    relay_table_totals(table, &totals);
    assert_int_equal(totals.known, RELAY_KNOWN_MAX);
}

static void the_same_session_is_added_once(void **state)
{
    (void)state;
    opens(RELAY_CALLER);
    assert_int_equal(add(), HX_ELIMIT);
    opens(RELAY_CALLED);
    passes(RELAY_CALLER);
}

static void a_frame_by_another_port_of_ours_is_not_the_party_s(void **state)
{
    struct relay_place other = places[RELAY_CALLER], to;

    (void)state;
    opens(RELAY_CALLER);
    opens(RELAY_CALLED);
    other.port = (struct net_port *)&other;
    assert_false(data(RELAY_CALLER, &other, 100, &to));
    assert_int_equal(count(RELAY_COUNT_NO_PARTY), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(datagrams_pass_once_both_have_opened),
        TEST(a_party_that_does_not_open_again_is_sent_nothing_more),
        TEST(from_another_address_only_a_cookie_that_was_sent_there_opens),
        TEST(a_cookie_does_not_live_long),
        TEST(the_address_of_udt_s_handshake_is_proven_once),
        TEST(copied_frames_move_nobody),
        TEST(a_wrong_code_is_not_answered),
        TEST(the_other_half_s_key_opens_nothing),
        TEST(strangers_codes_do_not_keep_the_party_out),
        TEST(what_only_a_nameserver_says_is_no_question),
        TEST(an_unknown_session_is_answered_by_nobody),
        TEST(the_rate_of_a_session_is_kept_and_told),
        TEST(the_rate_of_all_is_shared),
        TEST(a_session_ends_after_its_time_and_is_told),
        TEST(an_address_has_its_number_of_sessions),
        TEST(sessions_that_nobody_opens_are_forgotten),
        TEST(one_host_s_sessions_do_not_push_out_another_s),
        TEST(the_same_session_is_added_once),
        TEST(a_frame_by_another_port_of_ours_is_not_the_party_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
