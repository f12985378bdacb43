/* shim/udt/delivery: what is lost is told soon, what is only late is not, and the path is measured truly. */
#include "shim/udt/delivery.h"
#include "shim/udt/packet.h"
#include "shim/udt/receipts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define ISN     0x7FFFFF80u /* sequence numbers begin anew soon, ... */
#define SEQ(n)  ((ISN + (uint32_t)(n)) & 0x7FFFFFFFu)
#define BEGIN   0xFFFFF000u /* ... and stamps, too */
#define HALF_US 25000       /* of a round trip */
#define GAP_US  1000        /* between two packets */
#define ALWAYS  0xFFFFFFFFu

/* A sender, a receiver, and a path that carries what the test lets pass. */
struct world {
    struct delivery d;
    struct receipts r;
    uint32_t now; /* of both */
    struct path_sample sample;
};

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    delivery_init(&w->d);
    receipts_init(&w->r);
    w->now = BEGIN;
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;

    delivery_end(&w->d);
    receipts_end(&w->r);
    free(w);
    return 0;
}

static uint32_t sent(struct world *w, int n)
{
    assert_true(delivery_sent(&w->d, SEQ(n), w->now));
    return w->now;
}

static void come(struct world *w, int n, uint32_t stamp)
{
    (void)receipts_note(&w->r, ISN, SEQ(n), stamp, w->now);
}

/* What the receiver writes at `then`, and the sender reads now. */
static enum delivery_verdict told(struct world *w, uint32_t then)
{
    uint8_t body[RECEIPT_SIZE_MAX];
    struct receipt r;
    size_t len = receipts_write(&w->r, body, then);

    assert_true(receipt_packet_read(&r, body, len));
    return delivery_receipt(&w->d, &r, w->now, &w->sample);
}

/* Packets first to last leave, come but for one, and are told of. */
static void pass(struct world *w, int first, int last, int lost)
{
    uint32_t stamps[512];

    for (int n = first; n <= last; n++, w->now += GAP_US)
        stamps[n - first] = sent(w, n);
    for (int n = first; n <= last; n++) {
        w->now = stamps[n - first] + HALF_US;
        if (n != lost)
            come(w, n, stamps[n - first]);
    }
    w->now += HALF_US;
    assert_int_equal(told(w, w->now - HALF_US), DELIVERY_NEWS);
}

static uint32_t lost_seq(const struct world *w)
{
    uint32_t seq;

    assert_true(delivery_next_lost(&w->d, &seq));
    return seq;
}

/* What has come tells nothing of sequence numbers above its own, but its time does. */
static void what_left_before_a_repeat_that_has_come_is_lost_wherever_it_stands(void **state)
{
    struct world *w = *state;
    uint8_t body[RECEIPT_SIZE_MAX];
    struct receipt r;

    for (int n = 0; n < 10; n++, w->now += GAP_US)
        (void)sent(w, n);
    w->now += 200000;
    uint32_t stamp = sent(w, 0); /* a probe */
    w->now += 10;
    (void)sent(w, 10);
    w->now += HALF_US;
    come(w, 0, stamp);
    size_t len = receipts_write(&w->r, body, w->now);
    assert_true(receipt_packet_read(&r, body, len));
    assert_true(r.whole);
    w->now += HALF_US;
    r.whole = false; /* as if there had been no room to tell of more */
    assert_int_equal(delivery_receipt(&w->d, &r, w->now, &w->sample), DELIVERY_NEWS);
    assert_int_equal(w->d.lost_count, 0);
    assert_int_equal(w->sample.inflight, 10);
    assert_int_equal(told(w, w->now - HALF_US), DELIVERY_NEWS);
    assert_int_equal(w->d.lost_count, 9);
    assert_int_equal(lost_seq(w), SEQ(1));
    assert_int_equal(w->sample.inflight, 1); /* the last one left after the probe */
}

static void the_round_trip_is_exact_however_long_the_receipt_has_waited(void **state)
{
    struct world *w = *state;
    uint32_t stamp = sent(w, 0);

    w->now += HALF_US;
    come(w, 0, stamp);
    w->now += 7777 + HALF_US;
    assert_int_equal(told(w, w->now - HALF_US), DELIVERY_NEWS);
    assert_int_equal(w->sample.rtt_us, 2 * HALF_US);
    assert_int_equal(w->sample.delivered, 1);
    assert_int_equal(w->sample.inflight, 0);
    w->now += 100;
    assert_int_equal(told(w, w->now - HALF_US), DELIVERY_NEWS);
    assert_int_equal(w->sample.rtt_us, -1); /* nothing newer */
}

static void the_delivery_rate_is_that_of_what_left_in_a_round_trip(void **state)
{
    struct world *w = *state;
    uint32_t stamps[400];

    for (int n = 0; n < 400; n++, w->now += GAP_US) {
        stamps[n] = sent(w, n);
        int back = n - 2 * HALF_US / GAP_US;
        if (back < 0)
            continue;
        come(w, back, stamps[back]);
        w->r.stamp_us = w->now - HALF_US;
        assert_int_equal(told(w, w->now - HALF_US), DELIVERY_NEWS);
    }
    assert_int_equal(w->sample.inflight, 2 * HALF_US / GAP_US);
    assert_int_equal(w->sample.tx_inflight, 2 * HALF_US / GAP_US + 1);
    double rate =
        (double)(w->sample.delivered - w->sample.prior_delivered) * 1e6 / (double)w->sample.interval_us;
    assert_true(rate > 970 && rate < 1030); /* one in GAP_US */
    assert_false(w->sample.app_limited);
}

static void what_was_sent_while_there_was_no_more_to_send_tells_so(void **state)
{
    struct world *w = *state;

    pass(w, 0, 9, -1);
    assert_false(w->sample.app_limited);
    delivery_app_limited(&w->d);
    pass(w, 10, 19, -1);
    assert_true(w->sample.app_limited);
    pass(w, 20, 29, -1);
    assert_false(w->sample.app_limited);
}

static void a_packet_is_lost_once_one_has_come_that_left_later_by_the_window(void **state)
{
    struct world *w = *state;

    pass(w, 0, 9, -1);
    uint32_t window = delivery_reorder_us(&w->d);
    assert_true(window <= 2 * HALF_US / 4);
    uint32_t lost = sent(w, 10), stamp;
    while ((stamp = w->now) - lost <= window) {
        w->now += GAP_US;
        sent(w, 11 + (int)((w->now - lost) / GAP_US) - 1);
    }
    for (int n = 11; lost + (uint32_t)(n - 10) * GAP_US <= stamp; n++) {
        w->now = lost + (uint32_t)(n - 10) * GAP_US + HALF_US;
        come(w, n, w->now - HALF_US);
        w->now += HALF_US;
        assert_int_equal(told(w, w->now - HALF_US), DELIVERY_NEWS);
        assert_int_equal(w->d.lost_count, w->now - lost > 2 * HALF_US + window);
    }
    assert_int_equal(lost_seq(w), SEQ(10));
    assert_int_equal(w->sample.lost, 1);
}

static void where_nothing_more_comes_time_tells_the_same(void **state)
{
    struct world *w = *state;

    pass(w, 0, 2, 1);
    assert_int_equal(w->d.lost_count, 0);
    w->now += delivery_reorder_us(&w->d);
    assert_int_equal(told(w, w->now - HALF_US), DELIVERY_NEWS);
    assert_int_equal(lost_seq(w), SEQ(1));
}

static void a_repeat_that_is_lost_is_repeated_within_a_round_trip_and_a_quarter(void **state)
{
    struct world *w = *state;

    pass(w, 0, 40, 5);
    for (int n = 41; n < 100; n += 2 * HALF_US / 4 / GAP_US + 1) {
        assert_int_equal(lost_seq(w), SEQ(5));
        sent(w, 5);
        assert_int_equal(w->d.lost_count, 0);
        w->now += GAP_US;
        pass(w, n, n + 2 * HALF_US / 4 / GAP_US, -1);
    }
    assert_int_equal(lost_seq(w), SEQ(5));
}

static void neighbours_that_change_places_are_not_lost_and_the_window_learns_by_how_much(void **state)
{
    struct world *w = *state;

    pass(w, 0, 9, -1);
    for (int n = 10; n < 210; n += 2) {
        uint32_t first = sent(w, n), second = first + GAP_US;
        w->now = second;
        sent(w, n + 1);
        w->now += HALF_US;
        come(w, n + 1, second);
        assert_int_equal(told(w, w->now), DELIVERY_NEWS);
        w->now += GAP_US;
        come(w, n, first);
        assert_int_equal(told(w, w->now), DELIVERY_NEWS);
    }
    assert_int_equal(w->d.lost, 0);
    assert_int_equal(w->d.late_us[0], GAP_US);
    assert_true(w->d.reordered);
}

static void a_late_packet_that_was_taken_for_lost_undoes_that_and_widens_the_window(void **state)
{
    struct world *w = *state;
    uint32_t late_us = 30 * GAP_US;

    pass(w, 0, 40, 10);
    assert_int_equal(w->d.lost, 1);
    come(w, 10, w->r.stamp - late_us); /* before it was sent again */
    assert_int_equal(told(w, w->now), DELIVERY_NEWS);
    assert_int_equal(w->sample.lost, 0);
    assert_int_equal(w->d.lost_count, 0);
    assert_int_equal(w->d.inflight, 0);
    assert_true(delivery_reorder_us(&w->d) > late_us);
    pass(w, 41, 80, 50);
    assert_int_equal(w->d.lost, 0); /* it is waited for now */
}

static void an_original_that_comes_after_its_repeat_has_left_is_told_from_it(void **state)
{
    struct world *w = *state;

    pass(w, 0, 40, 10);
    uint32_t repeat = sent(w, 10);
    come(w, 10, w->r.stamp - 30 * GAP_US); /* the original: its stamp is an old one */
    assert_int_equal(told(w, w->now), DELIVERY_NEWS);
    assert_int_equal(w->sample.lost, 0);
    assert_int_equal(w->d.inflight, 0);
    w->now += HALF_US;
    come(w, 10, repeat); /* the repeat, which is known to have been in vain */
    assert_int_equal(told(w, w->now), DELIVERY_NEWS);
    assert_int_equal(w->sample.lost, 0);
    assert_int_equal(w->d.guesses, 0);
}

static void repeats_that_come_in_vain_widen_the_window_once_a_round_trip(void **state)
{
    struct world *w = *state;

    pass(w, 0, 40, 10);
    uint32_t before = delivery_reorder_us(&w->d), repeat = sent(w, 10);
    w->now += HALF_US;
    come(w, 10, repeat);
    assert_int_equal(told(w, w->now), DELIVERY_NEWS);
    assert_int_equal(w->d.lost, 1);
    come(w, 10, repeat);
    come(w, 11, repeat);
    assert_int_equal(told(w, w->now), DELIVERY_NEWS);
    assert_int_equal(w->d.guesses, 1);
    assert_int_equal(w->d.lost, 0);
    assert_true(delivery_reorder_us(&w->d) > before);
}

static void what_the_path_did_long_ago_counts_no_more(void **state)
{
    struct world *w = *state;

    pass(w, 0, 40, 10);
    uint32_t before = delivery_reorder_us(&w->d);
    come(w, 10, w->r.stamp - 30 * GAP_US);
    assert_int_equal(told(w, w->now), DELIVERY_NEWS);
    for (int n = 41; n < 500; n += 40) {
        w->now += 1000000;
        pass(w, n, n + 39, -1);
    }
    assert_int_equal(delivery_reorder_us(&w->d), before);
}

static void a_receipt_of_what_was_never_sent_is_refused(void **state)
{
    struct world *w = *state;
    struct receipt good, bad;
    uint8_t body[RECEIPT_SIZE_MAX];

    pass(w, 0, 9, 4);
    w->now += HALF_US;
    size_t len = receipts_write(&w->r, body, w->now);
    assert_true(receipt_packet_read(&good, body, len));
    bad = good;
    bad.end = SEQ(11);
    assert_int_equal(delivery_receipt(&w->d, &bad, w->now, &w->sample), DELIVERY_FALSE);
    bad.next = bad.from = SEQ(11);
    bad.missing_count = 0;
    assert_int_equal(delivery_receipt(&w->d, &bad, w->now, &w->sample), DELIVERY_FALSE);
    bad = good;
    bad.came = 11;
    assert_int_equal(delivery_receipt(&w->d, &bad, w->now, &w->sample), DELIVERY_FALSE);
    bad = good;
    bad.stamp = w->d.newest + 1;
    assert_int_equal(delivery_receipt(&w->d, &bad, w->now, &w->sample), DELIVERY_FALSE);
    bad = good;
    bad.age_us = ALWAYS;
    assert_int_equal(delivery_receipt(&w->d, &bad, w->now, &w->sample), DELIVERY_FALSE);
    assert_int_equal(w->d.delivered, 9);
    assert_int_equal(delivery_receipt(&w->d, &good, w->now, &w->sample), DELIVERY_NEWS);
    struct delivery empty;
    delivery_init(&empty);
    assert_int_equal(delivery_receipt(&empty, &good, w->now, &w->sample), DELIVERY_FALSE);
    assert_int_equal(delivery_acked(&w->d, SEQ(11), w->now, &w->sample), DELIVERY_FALSE);
}

static void an_older_receipt_tells_nothing(void **state)
{
    struct world *w = *state;
    uint8_t body[RECEIPT_SIZE_MAX];
    struct receipt old;

    pass(w, 0, 9, -1);
    size_t len = receipts_write(&w->r, body, w->now);
    assert_true(receipt_packet_read(&old, body, len));
    pass(w, 10, 19, -1);
    assert_int_equal(delivery_receipt(&w->d, &old, w->now, &w->sample), DELIVERY_OLD);
    assert_int_equal(w->d.delivered, 20);
}

static void udts_acknowledgement_delivers_all_below_it_and_its_nak_is_believed(void **state)
{
    struct world *w = *state;

    for (int n = 0; n < 10; n++, w->now += GAP_US)
        sent(w, n);
    w->now += 2 * HALF_US;
    assert_int_equal(delivery_acked(&w->d, SEQ(4), w->now, &w->sample), DELIVERY_NEWS);
    assert_int_equal(w->sample.delivered, 4);
    assert_int_equal(w->sample.rtt_us, 2 * HALF_US + 7 * GAP_US);
    assert_int_equal(delivery_acked(&w->d, SEQ(4), w->now, &w->sample), DELIVERY_OLD);
    delivery_nak(&w->d, SEQ(2), SEQ(6));
    assert_int_equal(w->d.lost, 3);
    assert_int_equal(w->d.inflight, 3);
    assert_int_equal(w->d.lost_count, 0); /* UDT repeats them by itself */
    sent(w, 5);
    assert_int_equal(w->d.inflight, 4);
}

static void after_a_timeout_all_is_repeated_the_lowest_first(void **state)
{
    struct world *w = *state;

    for (int n = 0; n < 600; n++)
        sent(w, n);
    w->now += HALF_US;
    come(w, 0, BEGIN);
    come(w, 300, BEGIN);
    assert_int_equal(told(w, w->now), DELIVERY_NEWS);
    delivery_timeout(&w->d);
    assert_int_equal(w->d.inflight, 0);
    assert_int_equal(w->d.lost_count, 598);
    for (int n = 1; n < 600; n++) {
        if (n == 300)
            continue;
        assert_int_equal(lost_seq(w), SEQ(n));
        sent(w, n);
    }
    assert_int_equal(w->d.lost_count, 0);
    assert_int_equal(w->d.inflight, 598);
}

/* The clock was read before by the thread that asks. */
static void what_leaves_while_it_is_asked_for_has_not_waited(void **state)
{
    struct world *w = *state;

    sent(w, 0);
    assert_int_equal(delivery_waiting_us(&w->d, w->now - 1), 0);
    assert_int_equal(delivery_waiting_us(&w->d, w->now + HALF_US), HALF_US);
}

/* Losses, reordering, lost receipts, at random: the account is always true, and all comes in the end. */
static void whatever_the_path_does_the_account_is_true_and_all_comes(void **state)
{
    enum { N = 4000, FLIGHT = 200 };
    struct world *w = *state;
    struct {
        int n;
        uint32_t stamp, due;
    } wire[4 * FLIGHT];
    int next = 0, on_wire = 0, transmissions = 0;
    unsigned seed = 11;

    for (int step = 0; w->d.delivered < N && step < 100000; step++) {
        uint32_t seq;
        w->now += 100;
        if (w->d.inflight < FLIGHT && on_wire < 4 * FLIGHT) {
            bool repeat = delivery_next_lost(&w->d, &seq);
            int n = repeat ? packet_distance(seq, ISN) : next;
            if (repeat || next < N) {
                next += !repeat;
                transmissions++;
                wire[on_wire].n = n;
                wire[on_wire].stamp = sent(w, n);
                wire[on_wire].due = w->now + HALF_US + (rand_r(&seed) % 20 == 0 ? 3000 : 0);
                on_wire += rand_r(&seed) % 100 >= 5;
            }
        }
        for (int i = 0; i < on_wire; i++) {
            if ((int32_t)(w->now - wire[i].due) < 0)
                continue;
            come(w, wire[i].n, wire[i].stamp);
            wire[i--] = wire[--on_wire];
        }
        if (step % 10 == 0 && w->r.started && rand_r(&seed) % 10)
            assert_true(told(w, w->now) != DELIVERY_FALSE);
        if (step % 5000 == 4999)
            delivery_timeout(&w->d); /* the last ones */
        uint32_t missing = 0;
        for (int n = 0; step % 100 == 0 && n < next; n++)
            missing += !delivery_has_come(&w->d, SEQ(n));
        if (step % 100 == 0) {
            assert_int_equal(w->d.inflight + w->d.lost_count, missing);
            assert_int_equal(w->d.delivered + missing, next);
        }
    }
    assert_int_equal(w->d.delivered, N);
    assert_int_equal(w->d.inflight, 0);
    assert_true(transmissions < N * 1.15); /* 5 % were lost, and timeouts repeated a flight each */
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(what_left_before_a_repeat_that_has_come_is_lost_wherever_it_stands),
        WORLD(the_round_trip_is_exact_however_long_the_receipt_has_waited),
        WORLD(the_delivery_rate_is_that_of_what_left_in_a_round_trip),
        WORLD(what_was_sent_while_there_was_no_more_to_send_tells_so),
        WORLD(a_packet_is_lost_once_one_has_come_that_left_later_by_the_window),
        WORLD(where_nothing_more_comes_time_tells_the_same),
        WORLD(a_repeat_that_is_lost_is_repeated_within_a_round_trip_and_a_quarter),
        WORLD(neighbours_that_change_places_are_not_lost_and_the_window_learns_by_how_much),
        WORLD(a_late_packet_that_was_taken_for_lost_undoes_that_and_widens_the_window),
        WORLD(an_original_that_comes_after_its_repeat_has_left_is_told_from_it),
        WORLD(repeats_that_come_in_vain_widen_the_window_once_a_round_trip),
        WORLD(what_the_path_did_long_ago_counts_no_more),
        WORLD(a_receipt_of_what_was_never_sent_is_refused),
        WORLD(an_older_receipt_tells_nothing),
        WORLD(udts_acknowledgement_delivers_all_below_it_and_its_nak_is_believed),
        WORLD(after_a_timeout_all_is_repeated_the_lowest_first),
        WORLD(what_leaves_while_it_is_asked_for_has_not_waited),
        WORLD(whatever_the_path_does_the_account_is_true_and_all_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
