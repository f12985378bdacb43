/* shim/udt/path_model, sample by sample; how it does on a path is test_path_sim's. */
#include "shim/udt/path_loss.h"
#include "shim/udt/path_model.h"
#include "shim/udt/path_rtt.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define RTT_US 50000

static struct path_model model;
static struct path_sample sample;

static void begin(void)
{
    memset(&sample, 0, sizeof sample);
    sample.now_us = 1000000;
    path_model_init(&model, sample.now_us, 1);
}

/* A round trip in which `count` packets have come, all that was in flight, and as many are in flight
 * again. */
static void round_trip(uint32_t count, int64_t rtt_us)
{
    sample.now_us += rtt_us;
    sample.prior_delivered = sample.delivered;
    sample.delivered += count;
    sample.interval_us = rtt_us;
    sample.rtt_us = rtt_us;
    sample.inflight = sample.tx_inflight = count;
    path_model_sampled(&model, &sample);
}

static void rounds(int n, uint32_t count, int64_t rtt_us)
{
    while (n-- > 0)
        round_trip(count, rtt_us);
}

static void of_an_unknown_path_little_is_sent(void **state)
{
    (void)state;
    begin();
    assert_int_equal(path_model_inflight_max(&model), 2 * PATH_MODEL_INITIAL + 3);
    assert_int_equal(path_model_min_rtt_us(&model), -1);
    assert_true(path_model_pacing(&model) > 0);
    assert_string_equal(path_phase_name(model.phase), "startup");
}

static void startup_ends_when_the_rate_grows_no_more(void **state)
{
    (void)state;
    begin();
    for (uint32_t count = PATH_MODEL_INITIAL; count <= 16 * PATH_MODEL_INITIAL; count *= 2) {
        round_trip(count, RTT_US);
        assert_int_equal(model.phase, PATH_STARTUP);
        assert_true(path_model_inflight_max(&model) >= 2 * count);
    }
    rounds(4, 16 * PATH_MODEL_INITIAL, RTT_US);
    assert_int_not_equal(model.phase, PATH_STARTUP);
    rounds(10, 16 * PATH_MODEL_INITIAL, RTT_US);
    assert_int_equal(model.phase, PATH_CRUISE);
    assert_true(fabs(path_model_pacing(&model) / (16 * PATH_MODEL_INITIAL * 1e6 / RTT_US) - 1) < 0.01);
}

/* A receipt that was sent again, or UDT's acknowledgement of what a receipt had told. */
static void what_tells_of_nothing_new_is_no_round(void **state)
{
    (void)state;
    begin();
    rounds(2, PATH_MODEL_INITIAL, RTT_US);
    for (int i = 0; i < 100; i++) {
        sample.now_us += 100;
        sample.prior_delivered = sample.delivered;
        sample.interval_us = 0;
        sample.tx_inflight = 0;
        path_model_sampled(&model, &sample);
    }
    assert_int_equal(model.phase, PATH_STARTUP);
}

/* Two packets now and then: UDT's queue does not say that there were no more. */
static void few_packets_do_not_end_startup(void **state)
{
    (void)state;
    begin();
    rounds(100, 2, RTT_US);
    assert_int_equal(model.phase, PATH_STARTUP);
    assert_true(path_model_inflight_max(&model) >= PATH_MODEL_INITIAL);
    assert_true(path_model_pacing(&model) >= PATH_MODEL_INITIAL * 1e6 / RTT_US);
}

/* A packet each 10 ms, and a path that becomes 13 ms longer: such a sender has no queue. */
static void little_traffic_on_a_path_that_becomes_longer_does_not_end_startup(void **state)
{
    const uint32_t in_flight = 20;

    (void)state;
    begin();
    sample.inflight = sample.tx_inflight = in_flight;
    sample.interval_us = in_flight * 10000;
    sample.app_limited = true;
    for (int i = 0; i < 2000; i++) {
        sample.now_us += 10000;
        sample.prior_delivered = sample.delivered > in_flight ? sample.delivered - in_flight : 0;
        sample.delivered++;
        sample.rtt_us = in_flight * 10000 + (i < 1000 ? 0 : 13000);
        path_model_sampled(&model, &sample);
        assert_int_equal(model.phase, PATH_STARTUP);
    }
    assert_true(path_model_inflight_max(&model) >= PATH_MODEL_INITIAL);
}

static void an_application_that_sends_little_tells_nothing_of_the_path(void **state)
{
    double before;

    (void)state;
    begin();
    rounds(20, 500, RTT_US);
    before = path_model_pacing(&model);
    sample.app_limited = true;
    rounds(400, 3, RTT_US);
    assert_true(path_model_pacing(&model) >= 0.7 * before);
}

static void a_new_path_is_begun_anew(void **state)
{
    struct path_sample old;

    (void)state;
    begin();
    rounds(20, 500, RTT_US);
    old = sample;
    path_model_restart(&model, sample.now_us, 10000, 2000);
    assert_int_equal(model.phase, PATH_STARTUP);
    assert_int_equal(path_model_min_rtt_us(&model), 10000);
    old.now_us += 1000; /* of a packet that has taken the way before */
    old.rtt_us = 1000;
    old.delivered += 400;
    path_model_sampled(&model, &old);
    assert_int_equal(path_model_min_rtt_us(&model), 10000);
    path_model_restart(&model, old.now_us, -1, 0);
    assert_int_equal(path_model_min_rtt_us(&model), -1);
}

static void after_a_timeout_little_is_in_flight_until_something_comes(void **state)
{
    uint32_t before;

    (void)state;
    begin();
    rounds(20, 500, RTT_US);
    before = path_model_inflight_max(&model);
    path_model_timeout(&model, sample.now_us + 1000000);
    assert_int_equal(path_model_inflight_max(&model), PATH_MODEL_LEAST);
    sample.now_us += 1000000;
    round_trip(4, RTT_US);
    assert_int_equal(path_model_inflight_max(&model), PATH_MODEL_LEAST + 8);
    round_trip(12, RTT_US);
    round_trip(300, RTT_US);
    assert_true(path_model_inflight_max(&model) >= before / 2);
}

static void a_silent_application_is_no_reason_to_look_at_the_path(void **state)
{
    (void)state;
    begin();
    rounds(20, 500, RTT_US);
    sample.now_us += 60000000;
    path_model_sent(&model, sample.now_us, 0);
    round_trip(10, RTT_US * 2);
    assert_int_not_equal(model.phase, PATH_PROBE_RTT);
    rounds(200, 500, RTT_US * 2); /* but this is one: the shortest round trip is seen no more */
    assert_int_equal(path_model_min_rtt_us(&model), RTT_US * 2);
}

/* The peer may tell what it wants, and the clock may stand still. */
static void no_sample_makes_a_rate_or_a_bound_without_sense(void **state)
{
    static const uint64_t odd[] = {0, 1, 2, 1000, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
    uint32_t random = 1;

    (void)state;
    begin();
    for (int i = 0; i < 200000; i++) {
        struct path_sample s = sample;
        random = random * 1664525 + 1013904223;
        s.now_us += random >> 16 & 0xFFFF;
        s.delivered += random >> 8 & 15;
        s.lost += random >> 12 & 3;
        s.prior_delivered = s.delivered - (random >> 20 & 63);
        s.prior_lost = s.lost;
        s.interval_us = random >> 10 & 0xFFFF;
        s.rtt_us = (random >> 4 & 0xFFFF) - 1;
        s.inflight = random >> 24;
        s.tx_inflight = random >> 23;
        s.app_limited = random >> 31;
        sample = s;
        if (i % 3 == 0) {
            uint64_t value = odd[random >> 7 & 3 ? random % 7 : 0];
            switch (random >> 9 & 7) {
            case 0:
                s.prior_delivered = value;
                break;
            case 1:
                s.lost = value;
                break;
            case 2:
                s.interval_us = (int64_t)value;
                break;
            case 3:
                s.rtt_us = (int64_t)(value / 4);
                break;
            case 4:
                s.inflight = (uint32_t)value;
                break;
            case 5:
                s.tx_inflight = (uint32_t)value;
                break;
            default:
                path_model_timeout(&model, s.now_us);
            }
        }
        path_model_sent(&model, s.now_us - 10, s.inflight & 1);
        path_model_sampled(&model, &s);
        assert_true(path_model_pacing(&model) > 0 && path_model_pacing(&model) < 1e9);
        assert_in_range(path_model_inflight_max(&model), PATH_MODEL_LEAST, 1 << 20);
    }
}

static void only_what_was_lost_at_a_low_rate_is_the_paths_own(void **state)
{
    struct path_loss l;

    (void)state;
    path_loss_init(&l);
    path_loss_begin(&l, 1000, 10);
    path_loss_note(&l, 1950, 60); /* 50 of 1000 */
    assert_true(path_loss_excess(&l, &l.steady));
    path_loss_learn(&l, &l.steady);
    assert_true(l.base > 0.04 && l.base < 0.05);
    assert_false(path_loss_excess(&l, &l.steady));
    path_loss_begin(&l, 1950, 60);
    path_loss_note(&l, 2800, 210); /* 150 of 1000 */
    assert_true(path_loss_excess(&l, &l.steady));
    path_loss_note(&l, 3010, 0); /* all wrong guesses */
    assert_false(path_loss_excess(&l, &l.steady));
}

static void one_burst_of_losses_does_not_go_on(void **state)
{
    struct path_loss l;
    uint64_t delivered = 0, lost = 0;

    (void)state;
    path_loss_init(&l);
    path_loss_begin(&l, 0, 0);
    for (int i = 0; i < 20; i++) {
        bool burst = i % 5 == 4;
        delivered += burst ? 70 : 100;
        lost += burst ? 30 : 0;
        path_loss_note(&l, delivered, lost);
        assert_false(path_loss_goes_on(&l, delivered, lost));
    }
    for (int i = 0; i < 4; i++) {
        delivered += 70;
        lost += 30;
        path_loss_note(&l, delivered, lost);
        assert_int_equal(path_loss_goes_on(&l, delivered, lost), i >= 1); /* the last burst counts */
    }
}

static void a_queue_is_told_from_chance(void **state)
{
    struct path_rtt r;
    int64_t now_us = 0;

    (void)state;
    path_rtt_init(&r, now_us, -1);
    assert_false(path_rtt_queued(&r, 100));
    for (int i = 0; i < 100; i++)
        path_rtt_note(&r, now_us += 2000, RTT_US + i % 7 * 3000, 0, 100);
    assert_true(path_rtt_empty(&r, 100)); /* jitter: some have not waited */
    assert_false(path_rtt_queued(&r, 100));
    for (int i = 0; i < 20; i++)
        path_rtt_note(&r, now_us += 2000, RTT_US + 10000 + i % 7 * 3000, 0, 100);
    assert_true(path_rtt_queued(&r, 100));
    assert_false(path_rtt_queued(&r, 5000)); /* of a slow line: two packets */
}

static void who_gets_less_than_he_sends_is_not_alone(void **state)
{
    struct path_share s = {0};
    const int64_t rtt_us = 50000, later_us = 60000000;

    (void)state;
    assert_true(path_share_yielded(&s, 0, 1000, 980, 0, rtt_us) == 1000);
    assert_true(path_share_yielded(&s, 0, 1000, 900, 0.05, rtt_us) == 1000); /* the path has lost it */
    assert_true(path_share_raised(&s, 0, 1000, rtt_us, true) == 1000);
    assert_true(path_share_yielded(&s, 0, 1000, 860, 0, rtt_us) < 860);
    /* Whoever has more gives up more; what is taken back is the same. */
    assert_true(path_share_yielded(&s, 0, 8000, 8000, 0, rtt_us) < 8000);
    assert_true(path_share_raised(&s, 0, 1000, rtt_us, true) - 1000 ==
                path_share_raised(&s, 0, 8000, rtt_us, true) - 8000);
    assert_true(path_share_raised(&s, 0, 1000, rtt_us, true) > 1000);
    assert_true(path_share_raised(&s, later_us, 1000, rtt_us, true) == 1000);
    assert_true(path_share_yielded(&s, later_us, 1000, 980, 0, rtt_us) == 1000);
}

/* Far away, what was raised is heard of late, and who began late has no time for cycles. */
static void a_far_path_takes_other_steps(void **state)
{
    struct path_share s = {0};
    const int64_t near_us = 50000, far_us = 150000;

    (void)state;
    assert_true(!path_share_no_probe(&s, 0, far_us));
    assert_true(path_share_yielded(&s, 0, 1000, 800, 0, far_us) < 800);
    assert_true(path_share_no_probe(&s, 0, far_us) && !path_share_no_probe(&s, 0, near_us));
    assert_true(path_share_raised(&s, 0, 1000, far_us, false) == 1000);
    assert_true(path_share_raised(&s, 0, 1000, near_us, false) > 1000);

    assert_true(!path_share_probe_soon(&s, 0, 100, 200, far_us)); /* he did not begin late */
    path_share_began_late(&s, 0, far_us);
    assert_true(path_share_probe_soon(&s, 1000000, 100, 120, far_us));
    assert_true(!path_share_probe_soon(&s, 1000000, 100, 102, far_us)); /* who is alone gets no more */
    assert_true(!path_share_probe_soon(&s, 1000000, 100, 120, near_us));
    assert_true(!path_share_probe_soon(&s, 60000000, 100, 120, far_us));
}

/* What was there when it began says nothing at a later one. */
static void a_look_that_measures_nothing_is_over_all_the_same(void **state)
{
    (void)state;
    begin();
    rounds(20, 500, RTT_US);
    path_rtt_probe(&model.rtt);
    model.compete.last = (struct path_queue_look){sample.now_us, 10 * RTT_US, 0, 500};
    path_compete_looked(&model, &sample);
    assert_false(model.compete.on);
    round_trip(4, RTT_US);
    path_compete_looked(&model, &sample);
    assert_false(model.compete.on);
    assert_int_equal(model.compete.rests_us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_an_unknown_path_little_is_sent),
        cmocka_unit_test(startup_ends_when_the_rate_grows_no_more),
        cmocka_unit_test(what_tells_of_nothing_new_is_no_round),
        cmocka_unit_test(few_packets_do_not_end_startup),
        cmocka_unit_test(little_traffic_on_a_path_that_becomes_longer_does_not_end_startup),
        cmocka_unit_test(an_application_that_sends_little_tells_nothing_of_the_path),
        cmocka_unit_test(a_new_path_is_begun_anew),
        cmocka_unit_test(after_a_timeout_little_is_in_flight_until_something_comes),
        cmocka_unit_test(a_silent_application_is_no_reason_to_look_at_the_path),
        cmocka_unit_test(no_sample_makes_a_rate_or_a_bound_without_sense),
        cmocka_unit_test(only_what_was_lost_at_a_low_rate_is_the_paths_own),
        cmocka_unit_test(one_burst_of_losses_does_not_go_on),
        cmocka_unit_test(a_queue_is_told_from_chance),
        cmocka_unit_test(who_gets_less_than_he_sends_is_not_alone),
        cmocka_unit_test(a_far_path_takes_other_steps),
        cmocka_unit_test(a_look_that_measures_nothing_is_over_all_the_same),
    };

    return cmocka_run_group_tests_name("path_model", tests, NULL, NULL);
}
