/* shim/udt/receipts, receipt_packet: what a receiver tells is what has come. */
#include "shim/udt/packet.h"
#include "shim/udt/receipts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define ISN    0x7FFFFFF0u /* sequence numbers begin anew soon */
#define SEQ(n) ((ISN + (uint32_t)(n)) & 0x7FFFFFFFu)

static struct receipts started(int first_packets)
{
    struct receipts r;

    receipts_init(&r);
    for (int i = 0; i < first_packets; i++)
        assert_true(receipts_note(&r, ISN, SEQ(i), (uint32_t)i, i));
    return r;
}

static struct receipt told(struct receipts *r, int64_t now_us)
{
    uint8_t body[RECEIPT_SIZE_MAX];
    struct receipt out;
    size_t len = receipts_write(r, body, now_us);

    assert_true(receipt_packet_read(&out, body, len));
    return out;
}

static void what_comes_in_order_needs_no_memory_and_leaves_no_range(void **state)
{
    (void)state;
    struct receipts r = started(20);
    assert_null(r.bits);
    assert_false(receipts_gap(&r));
    struct receipt out = told(&r, 25);
    assert_int_equal(out.came, 20);
    assert_int_equal(out.again, 0);
    assert_int_equal(out.stamp, 19);
    assert_int_equal(out.age_us, 25 - 19);
    assert_int_equal(out.next, SEQ(20));
    assert_int_equal(out.from, SEQ(20));
    assert_int_equal(out.end, SEQ(20));
    assert_int_equal(out.missing_count, 0);
    receipts_end(&r);
}

static void gaps_are_ranges_until_they_are_closed(void **state)
{
    (void)state;
    struct receipts r = started(3);
    assert_true(receipts_note(&r, ISN, SEQ(5), 50, 50));
    assert_true(receipts_note(&r, ISN, SEQ(6), 60, 60));
    assert_true(receipts_note(&r, ISN, SEQ(300), 70, 70));
    struct receipt out = told(&r, 70);
    assert_int_equal(out.next, SEQ(3));
    assert_int_equal(out.end, SEQ(301));
    assert_int_equal(out.missing_count, 2);
    assert_int_equal(out.missing[0].first, SEQ(3));
    assert_int_equal(out.missing[0].last, SEQ(4));
    assert_int_equal(out.missing[1].first, SEQ(7));
    assert_int_equal(out.missing[1].last, SEQ(299));
    assert_true(receipts_note(&r, ISN, SEQ(4), 80, 80));
    assert_true(receipts_note(&r, ISN, SEQ(3), 81, 81));
    out = told(&r, 90);
    assert_int_equal(out.next, SEQ(7));
    assert_int_equal(out.missing_count, 1);
    assert_int_equal(out.stamp, 81);
    for (int i = 7; i < 300; i++)
        assert_true(receipts_note(&r, ISN, SEQ(i), 90, 90));
    assert_false(receipts_gap(&r));
    assert_int_equal(told(&r, 90).next, SEQ(301));
    receipts_end(&r);
}

static void what_comes_again_is_counted_apart_and_what_udt_had_no_room_for_is_not(void **state)
{
    (void)state;
    struct receipts r = started(3);
    assert_false(receipts_note(&r, ISN, SEQ(1), 9, 9));
    receipts_note_refused(&r, SEQ(0), 10, 10);
    receipts_note_refused(&r, SEQ(3), 11, 11); /* new, but there is no room */
    struct receipt out = told(&r, 12);
    assert_int_equal(out.came, 3);
    assert_int_equal(out.again, 2);
    assert_int_equal(out.next, SEQ(3));
    assert_int_equal(out.stamp, 10);
    receipts_end(&r);
}

static void a_receipt_is_due_after_two_packets_and_soon_but_for_a_gap_at_once(void **state)
{
    (void)state;
    struct receipts r = started(1);
    assert_true(receipts_due_us(&r) == INT64_MAX); /* UDT acknowledges it */
    receipts_note(&r, ISN, SEQ(1), 2, 2);
    assert_true(receipts_due_us(&r) <= 2);
    (void)told(&r, 2);
    assert_true(receipts_due_us(&r) == INT64_MAX);
    receipts_note(&r, ISN, SEQ(3), 3, 3);
    assert_int_equal(receipts_due_us(&r), 2 + RECEIPTS_SPACING_US);
    (void)told(&r, 2000);
    assert_int_equal(receipts_due_us(&r), 2000 + RECEIPTS_REPEAT_US); /* it is still missing */
    for (int i = 0; i < RECEIPTS_AT_ONCE; i++)
        receipts_note(&r, ISN, SEQ(4 + i), 4, 2001);
    assert_true(receipts_due_us(&r) <= 2001);
    receipts_note(&r, ISN, SEQ(2), 5, 2002);
    (void)told(&r, 2003);
    assert_true(receipts_due_us(&r) == INT64_MAX);
    receipts_end(&r);
}

static void many_packets_in_a_short_time_are_a_stream_and_a_dialogue_is_none(void **state)
{
    (void)state;
    struct receipts r = started(0);
    int64_t now_us = 0;
    uint32_t seq = 0;
    for (int i = 0; i < 10; i++, now_us += 50000) { /* two packets every 50 ms */
        for (int k = 0; k < 2; k++, seq++)
            assert_true(receipts_note(&r, ISN, SEQ(seq), seq, now_us));
        (void)told(&r, now_us);
        assert_true(receipts_streams_us(&r) < now_us);
    }
    for (int i = 0; i < 10; i++, now_us += RECEIPTS_SPACING_US) {
        for (int k = 0; k < 2; k++, seq++)
            assert_true(receipts_note(&r, ISN, SEQ(seq), seq, now_us));
        (void)told(&r, now_us);
        assert_true(i == 0 || receipts_streams_us(&r) > now_us);
    }
    assert_true(receipts_streams_us(&r) < now_us + 2 * RECEIPTS_SPACING_US); /* it may end at any time */
    receipts_end(&r);
}

static void more_gaps_than_fit_are_told_in_turn(void **state)
{
    bool missing[2000] = {false};
    uint32_t from = SEQ(1);
    int rounds = 0;

    (void)state;
    struct receipts r = started(1);
    for (int i = 2; i < 2000; i += 2)
        assert_true(receipts_note(&r, ISN, SEQ(i), 1, 1));
    do {
        struct receipt out = told(&r, 2);
        assert_int_equal(out.from, from);
        assert_int_equal(out.next, SEQ(1));
        for (int i = 0; i < out.missing_count; i++) {
            assert_int_equal(out.missing[i].first, out.missing[i].last);
            missing[packet_distance(out.missing[i].first, ISN)] = true;
        }
        assert_int_equal(out.whole, out.end == r.end);
        from = out.end;
        rounds++;
    } while (from != r.end && rounds < 100);
    assert_int_equal(rounds, 5);
    for (int i = 0; i < 1999; i++)
        assert_int_equal(missing[i], i % 2);
    assert_int_equal(told(&r, 3).from, SEQ(1));
    receipts_end(&r);
}

static void what_is_too_far_ahead_is_not_kept(void **state)
{
    (void)state;
    struct receipts r = started(1);
    assert_false(receipts_note(&r, ISN, SEQ(1 + RECEIPTS_SPAN_MAX), 1, 1));
    assert_true(receipts_note(&r, ISN, SEQ(RECEIPTS_SPAN_MAX), 1, 1));
    assert_true(receipts_has(&r, SEQ(RECEIPTS_SPAN_MAX)));
    assert_false(receipts_has(&r, SEQ(1)));
    assert_false(receipts_has(&r, SEQ(1 + RECEIPTS_SPAN_MAX)));
    receipts_end(&r);
}

/* Every packet's fate against a plain account of it. */
static void any_order_with_repetitions_is_told_as_it_is(void **state)
{
    enum { N = 5000, WINDOW = 700 };
    static bool come[N];
    unsigned seed = 7;

    (void)state;
    struct receipts r = started(0);
    int lowest = 0, highest = -1, count = 0;
    while (lowest < N) {
        int i = lowest + rand_r(&seed) % WINDOW;
        if (i >= N)
            i = lowest;
        assert_int_equal(receipts_note(&r, ISN, SEQ(i), 1, 1), !come[i]);
        count += !come[i];
        come[i] = true;
        highest = i > highest ? i : highest;
        while (lowest < N && come[lowest])
            lowest++;
        struct receipt out = told(&r, 1);
        assert_int_equal(out.came, count);
        assert_int_equal(out.next, SEQ(lowest));
        int range = 0;
        for (int k = packet_distance(out.from, ISN); k < packet_distance(out.end, ISN); k++) {
            while (range < out.missing_count && packet_distance(out.missing[range].last, SEQ(k)) < 0)
                range++;
            bool is_missing =
                range < out.missing_count && packet_distance(out.missing[range].first, SEQ(k)) <= 0;
            assert_int_equal(is_missing, !come[k]);
        }
        assert_true(packet_distance(out.end, SEQ(highest)) <= 1);
    }
    receipts_end(&r);
}

static size_t a_body(uint8_t body[RECEIPT_SIZE_MAX])
{
    struct receipt head = {.came = 1, .stamp = 2, .next = SEQ(1), .from = SEQ(5)};
    size_t len = receipt_packet_begin(&head, body);

    assert_true(receipt_packet_add(body, &len, 0, 1));
    assert_true(receipt_packet_add(body, &len, 100, 20000)); /* numbers of 1, 2 and 4 bytes */
    receipt_packet_finish(body, SEQ(5 + 20101 + 7), true);
    return len;
}

static void a_receipt_that_is_cut_anywhere_is_none(void **state)
{
    uint8_t body[RECEIPT_SIZE_MAX + 1];
    struct receipt out;

    (void)state;
    size_t len = a_body(body);
    assert_true(receipt_packet_read(&out, body, len));
    assert_int_equal(out.missing_count, 2);
    assert_int_equal(out.missing[1].first, SEQ(5 + 101));
    assert_int_equal(out.missing[1].last, SEQ(5 + 20100));
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1); /* of exactly this size */
        memcpy(copy, body, cut);
        assert_false(receipt_packet_read(&out, copy, cut));
        free(copy);
    }
    body[len] = 0;
    assert_false(receipt_packet_read(&out, body, len + 1));
}

static void refused(size_t at, uint8_t byte)
{
    uint8_t body[RECEIPT_SIZE_MAX];
    struct receipt out;
    size_t len = a_body(body);

    body[at] = byte;
    assert_false(receipt_packet_read(&out, body, len));
}

static void a_receipt_that_contradicts_itself_is_none(void **state)
{
    (void)state;
    refused(0, 2); /* another version */
    refused(1, 2);
    refused(3, 1); /* one range, and bytes behind it */
    refused(3, 3); /* three, and two are there */
    refused(2, 0xFF);
    refused(20, 0x80); /* bit 31 */
    refused(24, 0xFF);
    refused(28, 0x80);
    refused(20, 0x20);            /* what is told begins before what is missing */
    refused(31, 0);               /* a range beyond the end */
    refused(RECEIPT_HEAD + 1, 0); /* an empty range */
    refused(RECEIPT_HEAD, 0xC0);  /* a number of 8 bytes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_in_order_needs_no_memory_and_leaves_no_range),
        cmocka_unit_test(gaps_are_ranges_until_they_are_closed),
        cmocka_unit_test(what_comes_again_is_counted_apart_and_what_udt_had_no_room_for_is_not),
        cmocka_unit_test(a_receipt_is_due_after_two_packets_and_soon_but_for_a_gap_at_once),
        cmocka_unit_test(many_packets_in_a_short_time_are_a_stream_and_a_dialogue_is_none),
        cmocka_unit_test(more_gaps_than_fit_are_told_in_turn),
        cmocka_unit_test(what_is_too_far_ahead_is_not_kept),
        cmocka_unit_test(any_order_with_repetitions_is_told_as_it_is),
        cmocka_unit_test(a_receipt_that_is_cut_anywhere_is_none),
        cmocka_unit_test(a_receipt_that_contradicts_itself_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
