/* shim/udt/way_back: a receipt that waits on its way back is told from a path that has become longer,
 * whatever the two clocks say. */
#include "shim/udt/delivery.h"
#include "shim/udt/receipts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants the above */
#include <cmocka.h>

#define HALF_US  25000 /* of a round trip */
#define STEP_US  100000
#define BEGIN    0xFFFE0000u /* our clock begins anew soon, theirs later */
#define APART_US 0x12345678u
#define HOUR     36000 /* steps */

struct clocks {
    struct way_back back;
    uint32_t ours;
    double theirs_us; /* since then */
};

/* After a step a receipt leaves, which waits; their clock goes wrong by so much. */
static uint32_t waited(struct clocks *c, double ppm, uint32_t waits_us)
{
    c->ours += STEP_US;
    c->theirs_us += STEP_US * (1 + ppm / 1e6);
    return way_back_waited_us(&c->back, BEGIN + APART_US + (uint32_t)(int64_t)c->theirs_us,
                              c->ours + HALF_US + waits_us, 2 * HALF_US + (int64_t)waits_us, 2 * HALF_US);
}
static struct clocks clocks(void)
{
    return (struct clocks){.ours = BEGIN};
}

static void a_receipt_has_waited_for_as_long_as_it_took_longer_than_another(void **state)
{
    struct clocks c = clocks();

    (void)state;
    assert_int_equal(waited(&c, 0, 3000), 0); /* nothing else is known yet */
    assert_int_equal(waited(&c, 0, 0), 0);
    assert_in_range(waited(&c, 0, 3000), 2900, 3000);
    assert_in_range(waited(&c, 0, 700000), 699900, 700000);
    assert_in_range(waited(&c, 0, 0), 0, 0);
}

static void for_a_minute_a_wait_is_not_taken_for_the_way(void **state)
{
    struct clocks c = clocks();

    (void)state;
    (void)waited(&c, 0, 0);
    for (int i = 0; i < HOUR / 60; i++)
        assert_in_range(waited(&c, 0, 400000), 390000, 400000);
    assert_int_equal(waited(&c, 0, 0), 0);
}

static void clocks_that_drift_are_no_wait(void **state)
{
    static const double ppm[] = {-80, -15, 15, 80};

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct clocks c = clocks();
        for (int step = 0; step < HOUR; step++)
            assert_in_range(waited(&c, ppm[i], 0), 0, 20);
        assert_in_range(waited(&c, ppm[i], 50000), 49900, 50000);
    }
}

/* A host was asleep: its clock stood still. */
static void a_clock_that_steps_is_no_wait(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct clocks c = clocks();
        for (int step = 0; step < 10; step++)
            (void)waited(&c, 0, 0);
        c.theirs_us += i == 0 ? -3600e6 / 2 : 3600e6 / 2;
        assert_int_equal(waited(&c, 0, 0), 0);
        assert_int_equal(waited(&c, 0, 0), 0);
        assert_in_range(waited(&c, 0, 30000), 29900, 30000);
    }
}

/* On a short path as well, where clocks and threads are no more exact than it is long. */
static void no_round_trip_comes_out_shorter_than_half_of_the_least(void **state)
{
    struct way_back back = {0};
    uint32_t left = BEGIN + APART_US;

    (void)state;
    for (uint32_t n = 0; n < 1000; n++) {
        uint32_t back_us = n * 7919 % 400, rtt_us = 200 + n * 104729 % 400;
        uint32_t waited =
            way_back_waited_us(&back, left + n * STEP_US, BEGIN + n * STEP_US + back_us, rtt_us, 200);
        assert_true(waited + 100 <= rtt_us);
    }
}

static void who_does_not_tell_is_not_known_to_wait(void **state)
{
    struct way_back back = {0};

    (void)state;
    for (uint32_t now = BEGIN; now < BEGIN + 10 * STEP_US; now += STEP_US)
        assert_int_equal(way_back_waited_us(&back, 0, now, 2 * HALF_US, 2 * HALF_US), 0);
}

/* One packet leaves at `now`, comes, and is told of at once; the receipt waits. */
static void tell(struct delivery *d, struct receipts *r, uint32_t now, uint32_t waits_us,
                 struct path_sample *sample)
{
    uint32_t seq = d->started ? d->next : 7, came = now + HALF_US;
    uint8_t body[RECEIPT_SIZE_MAX];
    struct receipt told;

    assert_true(delivery_sent(d, seq, now));
    assert_true(receipts_note(r, 7, seq, now, came));
    assert_true(receipt_packet_read(&told, body, receipts_write(r, body, came)));
    assert_int_equal(told.left, 0);
    told.left = came + APART_US;
    assert_int_equal(delivery_receipt(d, &told, came + HALF_US + waits_us, sample), DELIVERY_NEWS);
}

static void a_wait_on_the_way_back_makes_neither_the_round_trip_longer_nor_the_rate_lower(void **state)
{
    struct delivery d;
    struct receipts r;
    struct path_sample sample;
    uint32_t now = BEGIN;

    (void)state;
    delivery_init(&d);
    receipts_init(&r);
    for (int i = 0; i < 20; i++, now += STEP_US)
        tell(&d, &r, now, 0, &sample);
    assert_in_range(sample.rtt_us, 2 * HALF_US, 2 * HALF_US);
    assert_int_equal(sample.back_us, 0);
    tell(&d, &r, now, 60000, &sample);
    assert_in_range(sample.rtt_us, 2 * HALF_US, 2 * HALF_US + 20);
    assert_in_range(sample.back_us, 59980, 60000);
    assert_in_range(sample.interval_us, 2 * HALF_US, STEP_US + 20);
    delivery_restart(&d); /* another way, on which nothing is known */
    tell(&d, &r, now + STEP_US, 60000, &sample);
    assert_int_equal(sample.rtt_us, 2 * HALF_US + 60000);
    assert_int_equal(sample.back_us, 0);
    delivery_end(&d);
    receipts_end(&r);
}

/* UDT's acknowledgement has come by the same way as the receipt before it. */
static void an_acknowledgement_has_waited_as_the_last_receipt_has(void **state)
{
    struct delivery d;
    struct receipts r;
    struct path_sample sample;
    uint32_t now = BEGIN;

    (void)state;
    delivery_init(&d);
    receipts_init(&r);
    for (int i = 0; i < 20; i++, now += STEP_US)
        tell(&d, &r, now, 0, &sample);
    tell(&d, &r, now, 60000, &sample);
    now += STEP_US;
    assert_true(delivery_sent(&d, d.next, now));
    assert_int_equal(delivery_acked(&d, d.next, now + 2 * HALF_US + 60000, &sample), DELIVERY_NEWS);
    assert_in_range(sample.back_us, 59980, 60000);
    assert_in_range(sample.interval_us, 2 * HALF_US, STEP_US + 20);
    delivery_end(&d);
    receipts_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_has_waited_for_as_long_as_it_took_longer_than_another),
        cmocka_unit_test(for_a_minute_a_wait_is_not_taken_for_the_way),
        cmocka_unit_test(clocks_that_drift_are_no_wait),
        cmocka_unit_test(a_clock_that_steps_is_no_wait),
        cmocka_unit_test(no_round_trip_comes_out_shorter_than_half_of_the_least),
        cmocka_unit_test(who_does_not_tell_is_not_known_to_wait),
        cmocka_unit_test(a_wait_on_the_way_back_makes_neither_the_round_trip_longer_nor_the_rate_lower),
        cmocka_unit_test(an_acknowledgement_has_waited_as_the_last_receipt_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
