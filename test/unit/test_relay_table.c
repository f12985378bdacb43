/* Who may be forwarded to whom, with a clock that is moved. */
#include "test/unit/relay_table_fixture.h"

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

static void a_session_counts_for_the_one_who_asked_for_it(void **state)
{
    (void)state;
    asker = RELAY_CALLED;
    for (int n = 2; n < RELAY_KNOWN_HOST + 3; n++)
        assert_int_equal(add_session(n), n < RELAY_KNOWN_HOST + 2 ? HX_OK : HX_ELIMIT);
    asker = RELAY_CALLER;
    assert_int_equal(add_session(RELAY_KNOWN_HOST + 3), HX_OK);
}

static void the_same_session_is_added_once(void **state)
{
    struct relay_totals totals;

    (void)state;
    opens(RELAY_CALLER);
    assert_int_equal(add(), HX_OK); /* it is offered again, and stays as it is */
    relay_table_totals(table, &totals);
    assert_int_equal(totals.known + totals.open, 1);
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
        TEST(what_only_a_nameserver_says_is_no_question),
        TEST(an_unknown_session_is_answered_by_nobody),
        TEST(the_rate_of_a_session_is_kept_and_told),
        TEST(the_rate_of_all_is_shared),
        TEST(a_session_ends_after_its_time_and_is_told),
        TEST(an_address_has_its_number_of_sessions),
        TEST(sessions_that_nobody_opens_are_forgotten),
        TEST(one_host_s_sessions_do_not_push_out_another_s),
        TEST(a_session_counts_for_the_one_who_asked_for_it),
        TEST(the_same_session_is_added_once),
        TEST(a_frame_by_another_port_of_ours_is_not_the_party_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
