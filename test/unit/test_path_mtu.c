/* client/path_mtu: a simulated path of some MTU, round trip and loss. */
#include "client/path_mtu.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define HEADS   28 /* IPv4 */
#define FLIGHTS 64

static struct path {
    struct path_mtu m;
    int mtu, rtt_ms, loss; /* bytes of IP packets; of a thousand, each way */
    int local;             /* of this host's own link; 0: as the path's */
    int64_t now_ms;
    uint64_t number;
    int probes, at_once; /* sent in all; most of them at one moment */
    uint32_t random;
    struct {
        uint64_t number;
        int64_t back_ms; /* 0: none */
    } flights[FLIGHTS];
} p;

static bool lost(void)
{
    p.random = p.random * 1664525u + 1013904223u; /* Numerical Recipes */
    return (int)((p.random >> 8) % 1000) < p.loss;
}

static void begin(int mtu, int rtt_ms, int loss, uint32_t seed)
{
    memset(&p, 0, sizeof p);
    p.mtu = mtu;
    p.rtt_ms = rtt_ms;
    p.loss = loss;
    p.random = seed;
    p.now_ms = 1000;
    path_mtu_init(&p.m, HEADS);
    path_mtu_begin(&p.m, p.now_ms);
}

static void send_probe(int len)
{
    bool passes = len + HEADS <= p.mtu && !lost() && !lost();

    if (p.local && len + HEADS > p.local) {
        path_mtu_too_long(&p.m, len, p.now_ms);
        return;
    }
    path_mtu_sent(&p.m, len, ++p.number);
    p.probes++;
    for (int i = 0; passes && i < FLIGHTS; i++) {
        if (p.flights[i].back_ms)
            continue;
        p.flights[i].number = p.number;
        p.flights[i].back_ms = p.now_ms + p.rtt_ms;
        return;
    }
    assert_false(passes); /* there was room */
}

static void tick(void)
{
    int now = 0, len;

    for (int i = 0; i < FLIGHTS; i++) {
        if (p.flights[i].back_ms && p.flights[i].back_ms <= p.now_ms) {
            assert_true(path_mtu_answered(&p.m, p.flights[i].number, p.now_ms) ||
                        p.number - p.flights[i].number >= PATH_MTU_ASKED || p.mtu < 1228);
            p.flights[i].back_ms = 0;
        }
    }
    while (path_mtu_due_ms(&p.m) <= p.now_ms && (len = path_mtu_next(&p.m, p.rtt_ms, p.now_ms)) > 0) {
        assert_in_range(++now, 1, 3);
        send_probe(len);
    }
    p.now_ms++;
}

/* Milliseconds until the size is what an IP packet of so many bytes has room for; -1: not within `most_ms`. */
static int64_t ms_to(int ip_bytes, int most_ms)
{
    int64_t begun_ms = p.now_ms;

    while (p.m.size != ip_bytes - HEADS) {
        if (p.now_ms - begun_ms > most_ms)
            return -1;
        assert_true(p.m.size + HEADS <= p.mtu || p.mtu < 1228 + 1);
        tick();
    }
    return p.now_ms - begun_ms;
}

/* Nothing happens before the next answer or round. */
static int64_t next_ms(void)
{
    int64_t next_ms = path_mtu_due_ms(&p.m);

    for (int i = 0; i < FLIGHTS; i++) {
        if (p.flights[i].back_ms && p.flights[i].back_ms < next_ms)
            next_ms = p.flights[i].back_ms;
    }
    return next_ms;
}

static void run(int ms)
{
    int64_t end_ms = p.now_ms + ms;

    while (p.now_ms < end_ms) {
        tick();
        if (next_ms() > p.now_ms)
            p.now_ms = next_ms() < end_ms ? next_ms() : end_ms;
    }
}

static void an_ethernet_is_used_after_one_round_trip(void **state)
{
    (void)state;
    for (int rtt_ms = 1; rtt_ms <= 300; rtt_ms += 7) {
        begin(1500, rtt_ms, 0, 1);
        assert_in_range(ms_to(1500, 1000), rtt_ms, rtt_ms + 1);
        assert_int_equal(p.probes, 3);
        run(10000);
        assert_int_equal(p.probes, 3); /* there is nothing left to ask */
        assert_int_equal(path_mtu_due_ms(&p.m), INT64_MAX);
    }
}

static void every_bottleneck_is_found_soon(void **state)
{
    static const int mtus[] = {1492, 1480, 1460, 1440, 1420, 1400, 1380, 1360, 1320, 1280};
    static const int rtts[] = {1, 30, 200};

    (void)state;
    for (size_t i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
        for (size_t j = 0; j < sizeof rtts / sizeof rtts[0]; j++) {
            begin(mtus[i], rtts[j], 0, 1);
            assert_in_range(ms_to(mtus[i], 3000), 1, 8 * rtts[j] + 200);
            run(10000);
            assert_int_equal(p.m.state, PATH_MTU_COMPLETE);
            assert_int_equal(p.m.size, mtus[i] - HEADS);
            assert_in_range(p.probes, 4, 20);
        }
    }
}

static void a_size_that_is_in_no_list_gets_the_next_smaller_one(void **state)
{
    (void)state;
    begin(1499, 10, 0, 1);
    run(5000);
    assert_int_equal(p.m.size, 1492 - HEADS);
    begin(1279, 10, 0, 1);
    run(5000);
    assert_int_equal(p.m.size, PATH_MTU_BASE);
}

static void loss_is_not_taken_for_a_bottleneck(void **state)
{
    int wrong = 0;

    (void)state;
    for (uint32_t seed = 1; seed <= 1000; seed++) {
        begin(1500, 50, 150, seed * 7919);
        run(20000);
        assert_int_equal(p.m.state, PATH_MTU_COMPLETE);
        wrong += p.m.size != 1500 - HEADS;
    }
    assert_in_range(wrong, 0, 4); /* 28 % of probes or answers are lost, 0.17 % of five in a row */
    for (uint32_t seed = 1; seed <= 1000; seed++) {
        begin(1380, 50, 150, seed * 7919);
        run(40000);
        wrong += p.m.size != 1380 - HEADS;
        assert_in_range(p.m.size, PATH_MTU_BASE, 1380 - HEADS);
    }
    assert_in_range(wrong, 0, 20);
}

static void a_path_that_shrinks_is_followed_and_one_that_grows_is_found_later(void **state)
{
    (void)state;
    begin(1500, 20, 0, 1);
    run(1000);
    p.mtu = 1380;
    path_mtu_black_hole(&p.m, p.now_ms);
    assert_int_equal(p.m.size, PATH_MTU_BASE); /* at once */
    assert_in_range(ms_to(1380, 1000), 1, 400);
    run(5000);
    path_mtu_black_hole(&p.m, p.now_ms); /* it was chance */
    assert_in_range(ms_to(1380, 1000), 1, 400);
    run(5000);
    p.mtu = 1500;
    run(PATH_MTU_RAISE_MS - 20000);
    assert_int_equal(p.m.size, 1380 - HEADS);
    run(20000);
    assert_int_equal(p.m.size, 1500 - HEADS);
}

static void what_nobody_acknowledges_is_found_out_by_asking_anew(void **state)
{
    static const int mtus[] = {1492, 1400, 1280};

    (void)state;
    for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
        begin(1500, 40, 0, 1);
        run(10000);
        p.mtu = mtus[i];
        run(10000);
        assert_int_equal(p.m.size, 1500 - HEADS); /* nothing has told */
        path_mtu_recheck(&p.m, p.now_ms);
        assert_int_equal(p.m.size, 1500 - HEADS);
        run(5000);
        assert_int_equal(p.m.size, mtus[i] - HEADS);
    }
}

static void asking_anew_costs_a_path_that_is_the_same_a_few_probes(void **state)
{
    (void)state;
    begin(1500, 40, 0, 1);
    run(10000);
    for (int i = 1; i <= 100; i++) {
        path_mtu_recheck(&p.m, p.now_ms);
        path_mtu_recheck(&p.m, p.now_ms); /* one at a time */
        for (int ms = 0; ms < 1000; ms++) {
            tick();
            assert_int_equal(p.m.size, 1500 - HEADS);
        }
        assert_int_equal(p.probes, 3 + 3 * i);
    }
}

static void a_path_below_the_base_gets_the_floor_and_is_looked_at_again(void **state)
{
    (void)state;
    begin(1500, 20, 0, 1);
    run(1000);
    p.mtu = 1000;
    path_mtu_black_hole(&p.m, p.now_ms);
    path_mtu_black_hole(&p.m, p.now_ms); /* it takes a while until all that was lost has come */
    run(3000);
    assert_int_equal(p.m.size, PATH_MTU_FLOOR);
    p.mtu = 1500;
    run(4000);
    assert_int_equal(p.m.size, 1500 - HEADS);
}

static void what_the_own_link_refuses_is_not_asked_again(void **state)
{
    (void)state;
    begin(1500, 5, 0, 1);
    p.local = 1420;
    assert_in_range(ms_to(1420, 1000), 5, 30);
    run(5000);
    assert_int_equal(p.m.state, PATH_MTU_COMPLETE);
    assert_int_equal(p.m.size, 1420 - HEADS);
}

static void an_answer_that_comes_late_counts_and_a_strange_one_does_not(void **state)
{
    (void)state;
    begin(1500, 2000, 0, 1); /* each round is over before its answers are back */
    assert_in_range(ms_to(1500, 4000), 2000, 2001);
    run(10000);
    assert_int_equal(p.m.size, 1500 - HEADS);
    assert_false(path_mtu_answered(&p.m, 12345, p.now_ms));
    assert_false(path_mtu_answered(&p.m, 0, p.now_ms));
}

static void nothing_is_asked_of_a_path_that_is_not_used(void **state)
{
    (void)state;
    memset(&p, 0, sizeof p);
    path_mtu_init(&p.m, 48);
    run(1000);
    assert_int_equal(p.probes, 0);
    assert_int_equal(p.m.size, PATH_MTU_BASE);
    path_mtu_begin(&p.m, p.now_ms);
    assert_int_equal(path_mtu_next(&p.m, 10, p.now_ms), 1280 - 48);
}

static void what_is_known_is_not_searched_again_because_it_is_wanted_again(void **state)
{
    (void)state;
    begin(1400, 10, 0, 1);
    run(5000);
    int probes = p.probes;
    assert_int_equal(p.m.size, 1400 - HEADS);
    path_mtu_begin(&p.m, p.now_ms);
    run(1000);
    assert_int_equal(p.probes, probes);
    assert_int_equal(p.m.size, 1400 - HEADS);
}

/* Answers overtake each other: a smaller size that passes says nothing against a larger one. */
static void an_answer_to_a_smaller_size_takes_nothing_back(void **state)
{
    uint64_t smaller = 0, larger = 0;
    int len, size = 0;

    (void)state;
    memset(&p, 0, sizeof p);
    path_mtu_init(&p.m, HEADS);
    path_mtu_begin(&p.m, 0);
    while (path_mtu_due_ms(&p.m) <= 0 && (len = path_mtu_next(&p.m, 10, 0)) > 0) {
        path_mtu_sent(&p.m, len, ++p.number);
        if (smaller == 0)
            smaller = p.number;
        larger = p.number;
        size = len;
    }
    assert_true(larger > smaller && size > PATH_MTU_BASE);
    assert_true(path_mtu_answered(&p.m, larger, 20));
    assert_int_equal(p.m.size, size);
    assert_true(path_mtu_answered(&p.m, smaller, 20));
    assert_int_equal(p.m.size, size);
    assert_false(path_mtu_answered(&p.m, smaller, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ethernet_is_used_after_one_round_trip),
        cmocka_unit_test(every_bottleneck_is_found_soon),
        cmocka_unit_test(a_size_that_is_in_no_list_gets_the_next_smaller_one),
        cmocka_unit_test(loss_is_not_taken_for_a_bottleneck),
        cmocka_unit_test(a_path_that_shrinks_is_followed_and_one_that_grows_is_found_later),
        cmocka_unit_test(what_nobody_acknowledges_is_found_out_by_asking_anew),
        cmocka_unit_test(asking_anew_costs_a_path_that_is_the_same_a_few_probes),
        cmocka_unit_test(a_path_below_the_base_gets_the_floor_and_is_looked_at_again),
        cmocka_unit_test(what_the_own_link_refuses_is_not_asked_again),
        cmocka_unit_test(an_answer_that_comes_late_counts_and_a_strange_one_does_not),
        cmocka_unit_test(nothing_is_asked_of_a_path_that_is_not_used),
        cmocka_unit_test(what_is_known_is_not_searched_again_because_it_is_wanted_again),
        cmocka_unit_test(an_answer_to_a_smaller_size_takes_nothing_back),
    };
    return cmocka_run_group_tests_name("path mtu", tests, NULL, NULL);
}
