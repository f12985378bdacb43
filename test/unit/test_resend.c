/* shim/udt/resend: only acknowledgements keep a sender from repeating. */
#include "shim/udt/packet.h"
#include "shim/udt/resend.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the above */
#include <cmocka.h>

#define RTT_US 50000
#define RTO_MS (RTT_US / 1000 + RESEND_MIN_MS) /* no variance */

static void ack(struct resend *r, uint32_t seq, int64_t now_ms)
{
    uint8_t body[ACK_SIZE_SHORT] = {0};

    packet_put_word(body + ACK_SEQUENCE, seq);
    packet_put_word(body + ACK_RTT, RTT_US);
    resend_acked(r, body, sizeof(body), now_ms);
}

/* Ten packets from `first` on, the first three of which arrive. */
static struct resend stalled(uint32_t first)
{
    struct resend r;

    resend_init(&r);
    for (uint32_t i = 0; i < 10; i++)
        resend_sent(&r, (first + i) & 0x7FFFFFFF, 0);
    ack(&r, (first + 3) & 0x7FFFFFFF, 0);
    return r;
}

static void nothing_is_due_before_anything_was_sent_and_once_all_is_acknowledged(void **state)
{
    struct resend r;

    (void)state;
    resend_init(&r);
    ack(&r, 5, 0);
    assert_true(r.due_ms == INT64_MAX);
    r = stalled(100);
    assert_int_equal(r.due_ms, RTO_MS);
    ack(&r, 110, 20);
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

static void what_was_never_sent_is_not_acknowledged(void **state)
{
    struct resend r = stalled(100);

    (void)state;
    ack(&r, 111, 50);
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
    assert_int_equal(packet_word(body + 4), 109);
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
    assert_int_equal(packet_word(body + 8), 109);
    resend_due(&r, 250, body, 300);
    assert_int_equal(resend_due(&r, 350, body, 400), 8);
    assert_int_equal(packet_word(body), 103 | 0x80000000u);
    assert_int_equal(packet_word(body + 4), 109);
}

static void what_was_lost_together_is_repeated_a_round_trip_apart(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    resend_due(&r, 50, body, 200);
    ack(&r, 104, 210);
    assert_int_equal(r.due_ms, 200 + RTT_US / 1000 + 20);
    assert_int_equal(resend_due(&r, 210, body, r.due_ms), 12); /* twice as many as the first time */
    assert_int_equal(packet_word(body), 104 | 0x80000000u);
    assert_int_equal(packet_word(body + 4), 105);
    for (uint32_t i = 110; i < 120; i++)
        resend_sent(&r, i, 300);
    ack(&r, 112, 310); /* beyond what was on its way then: begin anew */
    assert_int_equal(r.due_ms, 310 + RTO_MS);
    assert_int_equal(resend_due(&r, 310, body, r.due_ms), 8);
}

static void a_single_packet_is_named_once(void **state)
{
    struct resend r;
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    resend_init(&r);
    resend_sent(&r, 7, 0);
    assert_int_equal(r.due_ms, RESEND_START_MS);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(resend_due(&r, 1000 * i, body, 1000 * i), 4);
        assert_int_equal(packet_word(body), 7);
    }
}

static void a_peer_that_says_nothing_at_all_is_left_to_udt(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    assert_int_equal(resend_due(&r, 50, body, RTO_MS), 8);
    assert_int_equal(resend_due(&r, 50, body, 330), 0);
    assert_true(r.due_ms > 330 && r.due_ms <= 330 + RESEND_MAX_MS);
}

static void the_numbers_wrap_at_31_bits(void **state)
{
    struct resend r = stalled(0x7FFFFFFB);
    uint8_t body[RESEND_BODY_MAX];

    (void)state;
    assert_int_equal(r.acked, 0x7FFFFFFE);
    assert_int_equal(r.sent, 4);
    resend_due(&r, 1, body, 100);
    resend_due(&r, 100, body, 200);
    assert_int_equal(resend_due(&r, 200, body, 300), 12);
    assert_int_equal(packet_word(body), 0xFFFFFFFE);
    assert_int_equal(packet_word(body + 4), 1);
    assert_int_equal(packet_word(body + 8), 4);
    ack(&r, 5, 400);
    assert_true(r.due_ms == INT64_MAX);
}

static void short_and_absurd_bodies_do_no_harm(void **state)
{
    struct resend r = stalled(100);
    uint8_t body[ACK_SIZE_SHORT];

    (void)state;
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = 0xFF;
    for (size_t len = 0; len <= sizeof(body); len++)
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
        cmocka_unit_test(what_was_never_sent_is_not_acknowledged),
        cmocka_unit_test(the_first_repetition_names_the_oldest_and_the_newest),
        cmocka_unit_test(each_further_one_names_twice_as_many_until_it_is_all),
        cmocka_unit_test(what_was_lost_together_is_repeated_a_round_trip_apart),
        cmocka_unit_test(a_single_packet_is_named_once),
        cmocka_unit_test(a_peer_that_says_nothing_at_all_is_left_to_udt),
        cmocka_unit_test(the_numbers_wrap_at_31_bits),
        cmocka_unit_test(short_and_absurd_bodies_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
