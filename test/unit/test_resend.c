/* shim/udt/resend: only acknowledgements keep a sender from repeating. */
#include "shim/udt/packet.h"
#include "shim/udt/resend.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the above */
#include <cmocka.h>

#define RTT_MS 50
#define RTO_MS (RTT_MS + 4 * RTT_MS / 2 + RESEND_MIN_MS) /* after one measurement (RFC 6298, 2.2) */

static void ack_of_peer(struct resend *r, uint32_t seq, uint32_t peer_rtt_ms, int64_t now_ms)
{
    uint8_t body[ACK_SIZE_SHORT] = {0};

    packet_put_word(body + ACK_SEQUENCE, seq);
    packet_put_word(body + ACK_RTT, peer_rtt_ms * 1000);
    resend_acked(r, body, sizeof body, now_ms);
}

static void ack(struct resend *r, uint32_t seq, int64_t now_ms)
{
    ack_of_peer(r, seq, 0, now_ms);
}

/* Thirty packets from `first` on, which left at -RTT_MS, and the first three of which have arrived at 0. */
static struct resend stalled(uint32_t first)
{
    struct resend r;

    resend_init(&r);
    for (uint32_t i = 0; i < 30; i++)
        resend_sent(&r, (first + i) & 0x7FFFFFFF, -RTT_MS);
    ack(&r, (first + 3) & 0x7FFFFFFF, 0);
    return r;
}

/* One packet that nobody acknowledges, over a path as the handshake saw it. */
static struct resend alone(uint32_t seq, int handshake_rtt_ms)
{
    struct resend r;

    resend_init(&r);
    resend_begin(&r, handshake_rtt_ms);
    resend_sent(&r, seq, 0);
    return r;
}

static void nothing_is_due_before_anything_was_sent_and_once_all_is_acknowledged(void **state)
{
    (void)state;
    struct resend r;
    resend_init(&r);
    ack(&r, 5, 0);
    assert_true(r.due_ms == INT64_MAX);
    r = stalled(100);
    assert_int_equal(r.due_ms, RTO_MS);
    ack(&r, 130, 20);
    assert_true(r.due_ms == INT64_MAX);
}

static void an_acknowledgement_of_more_puts_it_off_and_one_of_the_same_does_not(void **state)
{
    struct resend r = stalled(100);

    (void)state;
    ack(&r, 103, 50);
    assert_int_equal(r.due_ms, RTO_MS);
    ack(&r, 104, 60);
    assert_int_equal(r.due_ms, 60 + RTO_MS);
}

static void the_round_trip_is_measured_and_what_was_repeated_tells_nothing_of_it(void **state)
{
    struct resend r = alone(7, -1);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    assert_int_equal(r.due_ms, RESEND_BEGIN_MS);
    ack(&r, 8, 40);
    assert_int_equal(r.srtt_ms, 40);
    assert_int_equal(r.rto_ms, 40 + 4 * 20 + RESEND_MIN_MS);
    resend_sent(&r, 8, 1000);
    resend_due(&r, 1000, body, r.due_ms);
    ack(&r, 9, 3000); /* of the first, or of the second? */
    assert_int_equal(r.srtt_ms, 40);
    resend_sent(&r, 9, 4000);
    resend_sent(&r, 9, 4100); /* UDT has repeated it */
    ack(&r, 10, 4200);
    assert_int_equal(r.srtt_ms, 40);
    resend_sent(&r, 10, 5000);
    ack(&r, 11, 5080);
    assert_int_equal(r.srtt_ms, 45);
}

static void the_handshake_says_how_soon_the_first_flight_is_repeated(void **state)
{
    struct resend r = alone(7, 5);

    (void)state;
    assert_int_equal(r.due_ms, 2 * 5 + RESEND_MIN_MS);
    r = alone(7, 5000); /* a late peer's answer, not its path */
    assert_int_equal(r.due_ms, RESEND_BEGIN_MS);
    r = alone(7, -1);
    assert_int_equal(r.due_ms, RESEND_BEGIN_MS);
    r = (struct resend){0};
    resend_init(&r); /* who is connected to has others as well */
    resend_sent(&r, 7, 0);
    assert_int_equal(r.due_ms, RESEND_START_MS);
}

static void a_peer_that_has_measured_a_long_way_is_believed_until_we_have(void **state)
{
    struct resend r = alone(7, 5);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    resend_due(&r, 0, body, r.due_ms);
    ack_of_peer(&r, 8, RESEND_PEER_RTT_MS, 700); /* made up, as UDT does in the beginning */
    assert_int_equal(r.rto_ms, 2 * 5 + RESEND_MIN_MS);
    resend_sent(&r, 8, 1000);
    ack_of_peer(&r, 8, 600, 1010);
    assert_int_equal(r.rto_ms, 600 + RESEND_MIN_MS);
    ack(&r, 9, 1060);
    assert_int_equal(r.srtt_ms, 60);
    resend_sent(&r, 9, 2000);
    ack_of_peer(&r, 9, 600, 2010);
    assert_true(r.rto_ms < 600);
}

static void the_answer_to_a_numbered_acknowledgement_tells_the_round_trip_where_all_was_repeated(void **state)
{
    struct resend r = alone(7, -1);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    resend_due(&r, 0, body, r.due_ms);
    assert_true(r.due_ms > 120 + 4 + 4 * 2 + RESEND_MIN_MS);
    resend_ack_left(&r, 1, 116);
    resend_ack_left(&r, 2, 117); /* while the first may be answered, it is waited for */
    resend_ack_answered(&r, 2, 118);
    assert_int_equal(r.srtt_ms, -1);
    resend_ack_answered(&r, 1, 120);
    assert_int_equal(r.srtt_ms, 4);
    assert_int_equal(r.due_ms, 120 + 4 + 4 * 2 + RESEND_MIN_MS);
    resend_ack_left(&r, 3, 200); /* UDT's acknowledgements of our packets are measured from here on */
    resend_ack_answered(&r, 3, 900);
    assert_int_equal(r.srtt_ms, 4);
}

static void an_acknowledgement_without_an_answer_makes_way_for_a_later_one(void **state)
{
    struct resend r = alone(7, -1);
    int64_t now_ms = 1000;
    uint32_t number = 1;

    (void)state;
    for (; now_ms < 4000;
         now_ms += 10, number++) { /* one each 10 ms, as UDT sends them, over a way of 600 ms */
        resend_ack_left(&r, number, now_ms);
        if (number > 60)
            resend_ack_answered(&r, number - 60, now_ms);
    }
    assert_int_equal(r.srtt_ms, 600);
    r = alone(7, -1);
    resend_ack_left(&r, 1, 1000);
    resend_ack_left(&r, 2, 1000 + RESEND_ACK_WAIT_MS);
    resend_ack_answered(&r, 1, 1000 + RESEND_ACK_WAIT_MS);
    assert_int_equal(r.srtt_ms, -1);
    resend_ack_answered(&r, 2, 1000 + RESEND_ACK_WAIT_MS + 7);
    assert_int_equal(r.srtt_ms, 7);
    resend_ack_answered(&r, 0, 5000); /* there is none of that number */
    assert_int_equal(r.srtt_ms, 7);
}

static void what_was_never_sent_is_not_acknowledged(void **state)
{
    struct resend r = stalled(100);

    (void)state;
    ack(&r, 131, 50);
    assert_int_equal(r.acked, 103);
    ack(&r, 99, 50);
    assert_int_equal(r.acked, 103);
}

static void the_first_repetition_names_the_oldest_and_the_newest(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    assert_int_equal(resend_due(&r, 50, body, RTO_MS), 8);
    assert_int_equal(packet_word(body), 103);
    assert_int_equal(packet_word(body + 4), 129);
    assert_int_equal(r.due_ms, 3 * RTO_MS);
}

static void each_further_one_names_twice_as_many_until_it_is_all(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    resend_due(&r, 50, body, 100);
    assert_int_equal(resend_due(&r, 150, body, 200), 12);
    assert_int_equal(packet_word(body), 103 | 0x80000000u);
    assert_int_equal(packet_word(body + 4), 104);
    assert_int_equal(packet_word(body + 8), 129);
    for (int i = 0; i < 3; i++)
        resend_due(&r, 250 + i * 100, body, 300 + i * 100);
    assert_int_equal(resend_due(&r, 650, body, 700), 8);
    assert_int_equal(packet_word(body), 103 | 0x80000000u);
    assert_int_equal(packet_word(body + 4), 129);
}

static void repetitions_are_counted_until_something_of_it_is_acknowledged(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    for (int i = 1; i <= 3; i++) {
        resend_due(&r, 50 + i * 100, body, 100 + i * 100);
        ack(&r, 103, 150 + i * 100); /* the peer is there, and what it acknowledges it had before */
        assert_int_equal(r.stuck, i);
    }
    ack(&r, 104, 500);
    assert_int_equal(r.stuck, 0);
    resend_due(&r, 500, body, 600);
    assert_int_equal(r.stuck, 1);
}

static void what_was_lost_together_is_repeated_a_round_trip_apart(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    resend_due(&r, 50, body, 200);
    ack(&r, 104, 210);
    assert_int_equal(r.due_ms, 200 + RTT_MS + 20);
    assert_int_equal(resend_due(&r, 210, body, r.due_ms), 12); /* twice as many as the first time */
    assert_int_equal(packet_word(body), 104 | 0x80000000u);
    assert_int_equal(packet_word(body + 4), 105);
    for (uint32_t i = 130; i < 160; i++)
        resend_sent(&r, i, 300);
    ack(&r, 132, 310); /* beyond what was on its way then: begin anew */
    assert_int_equal(r.due_ms, 310 + RTO_MS);
    assert_int_equal(resend_due(&r, 310, body, r.due_ms), 8);
}

static void a_single_packet_is_named_once(void **state)
{
    struct resend r = alone(7, -1);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    for (int i = 0; i < 9; i++) {
        assert_int_equal(resend_due(&r, 1000 * i, body, 1000 * i), 4);
        assert_int_equal(packet_word(body), 7);
    }
}

static void a_short_flight_is_repeated_at_once_some_times_and_then_less_and_less_often(void **state)
{
    struct resend r = alone(7, 5);
    uint8_t body[RESEND_BODY_MAX];
    int64_t rto_ms = r.due_ms, last_ms = 0;
    int64_t waits_ms[RESEND_UNHEARD + RESEND_PATIENT + 2];

    (void)state;
    for (int i = 0; i < RESEND_UNHEARD + RESEND_PATIENT + 2; i++) {
        waits_ms[i] = r.due_ms - last_ms;
        last_ms = r.due_ms;
        assert_int_equal(resend_due(&r, last_ms, body, last_ms), 4);
    }
    for (int i = 0; i <= RESEND_LINEAR; i++)
        assert_int_equal(waits_ms[i], rto_ms);
    assert_int_equal(waits_ms[RESEND_LINEAR + 1], 2 * rto_ms);
    assert_int_equal(waits_ms[RESEND_LINEAR + 2], 4 * rto_ms);
    assert_int_equal(waits_ms[RESEND_UNHEARD], RESEND_THIN_MS);
    assert_int_equal(waits_ms[RESEND_UNHEARD + 1], RESEND_PATIENT_MS);
    assert_int_equal(waits_ms[RESEND_UNHEARD + RESEND_PATIENT], RESEND_PATIENT_MS);
    assert_int_equal(waits_ms[RESEND_UNHEARD + RESEND_PATIENT + 1], RESEND_MAX_MS);
}

static void the_peers_own_data_ends_the_waiting_of_a_short_flight(void **state)
{
    struct resend r = alone(7, 5);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    for (int i = 0; i < 7; i++)
        resend_due(&r, r.due_ms, body, r.due_ms);
    resend_sent(&r, 8, r.asked_ms + 10); /* the answer to it */
    resend_heard_data(&r, r.asked_ms + 10);
    assert_int_equal(r.due_ms, r.asked_ms + 10 + 2 * 5 + RESEND_MIN_MS);
    r = stalled(100); /* bulk waits */
    resend_due(&r, 50, body, 200);
    resend_heard_data(&r, 210);
    assert_int_equal(r.due_ms, 200 + 2 * RTO_MS);
}

static void a_peer_that_says_nothing_at_all_is_left_to_udt(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[RESEND_BODY_MAX];
    int64_t now_ms = RTO_MS;

    (void)state;
    assert_int_equal(resend_due(&r, 50, body, now_ms), 8);
    for (int i = 1; i < RESEND_UNHEARD; i++)
        assert_true(resend_due(&r, 50, body, now_ms += 100) > 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(resend_due(&r, 50, body, now_ms += 100), 0);
    assert_true(r.due_ms > now_ms && r.due_ms <= now_ms + RESEND_MAX_MS);
    assert_true(resend_due(&r, now_ms + 1, body, now_ms + 100) > 0); /* it lives */
}

/* It may only be stopped: whenever it goes on in the next ten seconds it need not wait long. */
static void a_short_flight_goes_on_towards_a_peer_that_says_nothing(void **state)
{
    struct resend r = alone(7, 5);
    uint8_t body[RESEND_BODY_MAX];
    int64_t now_ms = 0;

    (void)state;
    while (now_ms < 10000) {
        assert_in_range(r.due_ms - now_ms, 1, RESEND_PATIENT_MS);
        now_ms = r.due_ms;
        assert_int_equal(resend_due(&r, -1, body, now_ms), 4);
    }
    while (now_ms < 20000) {
        now_ms = r.due_ms;
        if (resend_due(&r, -1, body, now_ms) == 0)
            return;
    }
    fail_msg("UDT never finds it dead");
}

static void what_was_in_vain_is_repeated_at_once_when_the_way_works_again(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[RESEND_BODY_MAX];
    int64_t now_ms = r.due_ms, due_ms = r.due_ms;

    (void)state;
    resend_anew(&r, 0); /* nothing was lost yet */
    assert_int_equal(r.due_ms, due_ms);
    while (resend_due(&r, 0, body, now_ms) > 0)
        now_ms = r.due_ms;
    assert_true(r.due_ms - now_ms > RTO_MS);
    now_ms += 10;
    resend_anew(&r, now_ms);
    assert_int_equal(r.due_ms, now_ms);
    assert_int_equal(resend_due(&r, 0, body, now_ms), 8);
    assert_int_equal(packet_word(body), 103);
    assert_int_equal(packet_word(body + 4), 129);
    assert_in_range(r.due_ms - now_ms, 1, 2 * RTO_MS);
    ack(&r, 130, now_ms);
    resend_anew(&r, now_ms + 1);
    assert_true(r.due_ms == INT64_MAX);
}

static void the_numbers_wrap_at_31_bits(void **state)
{
    struct resend r = stalled(0x7FFFFFFB);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    assert_int_equal(r.acked, 0x7FFFFFFE);
    assert_int_equal(r.sent, 24);
    resend_due(&r, 1, body, 100);
    resend_due(&r, 100, body, 200);
    assert_int_equal(resend_due(&r, 200, body, 300), 12);
    assert_int_equal(packet_word(body), 0xFFFFFFFE);
    assert_int_equal(packet_word(body + 4), 1);
    assert_int_equal(packet_word(body + 8), 24);
    ack(&r, 25, 400);
    assert_true(r.due_ms == INT64_MAX);
}

static void short_and_absurd_bodies_do_no_harm(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[ACK_SIZE_SHORT];

    (void)state;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = 0xFF;
    for (size_t len = 0; len <= sizeof body; len++)
        resend_acked(&r, body, len, 10);
    assert_int_equal(r.acked, 103);
    ack(&r, 104, 20);
    for (size_t len = 0; len < 4; len++)
        resend_acked(&r, body, len, 30);
    assert_int_equal(r.acked, 104);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_before_anything_was_sent_and_once_all_is_acknowledged),
        cmocka_unit_test(an_acknowledgement_of_more_puts_it_off_and_one_of_the_same_does_not),
        cmocka_unit_test(the_round_trip_is_measured_and_what_was_repeated_tells_nothing_of_it),
        cmocka_unit_test(the_handshake_says_how_soon_the_first_flight_is_repeated),
        cmocka_unit_test(a_peer_that_has_measured_a_long_way_is_believed_until_we_have),
        cmocka_unit_test(
            the_answer_to_a_numbered_acknowledgement_tells_the_round_trip_where_all_was_repeated),
        cmocka_unit_test(an_acknowledgement_without_an_answer_makes_way_for_a_later_one),
        cmocka_unit_test(what_was_never_sent_is_not_acknowledged),
        cmocka_unit_test(the_first_repetition_names_the_oldest_and_the_newest),
        cmocka_unit_test(each_further_one_names_twice_as_many_until_it_is_all),
        cmocka_unit_test(repetitions_are_counted_until_something_of_it_is_acknowledged),
        cmocka_unit_test(what_was_lost_together_is_repeated_a_round_trip_apart),
        cmocka_unit_test(a_single_packet_is_named_once),
        cmocka_unit_test(a_short_flight_is_repeated_at_once_some_times_and_then_less_and_less_often),
        cmocka_unit_test(the_peers_own_data_ends_the_waiting_of_a_short_flight),
        cmocka_unit_test(a_peer_that_says_nothing_at_all_is_left_to_udt),
        cmocka_unit_test(a_short_flight_goes_on_towards_a_peer_that_says_nothing),
        cmocka_unit_test(what_was_in_vain_is_repeated_at_once_when_the_way_works_again),
        cmocka_unit_test(the_numbers_wrap_at_31_bits),
        cmocka_unit_test(short_and_absurd_bodies_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
