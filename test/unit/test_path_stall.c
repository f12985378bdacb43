/* shim/udt/path_stall, and what it is for: a path that stands still now and then, as hosts do that have other
 * work, and radios that wait for their turn, is used for what it carries, however short its round trip is. */
#include "shim/udt/path_stall.h"
#include "test/unit/path_sim_measure.h"
#include "test/unit/sanitized.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the above */
#include <cmocka.h>

#define SETTLED_S  3
#define UNTIL_S    8
#define SEED       7919
#define RTT_US     300
#define PACKET_US  50
#define CELLS_STEP (SANITIZED ? 5 : 1)

static struct sim sim;
static struct path_stall stall;
static int64_t now_us;

static int64_t sample_back(int64_t after_us, int64_t rtt_us, int64_t back_us)
{
    now_us += after_us;
    path_stall_note(
        &stall, &(struct path_sample){.now_us = now_us, .delivered = 1, .rtt_us = rtt_us, .back_us = back_us},
        RTT_US, PACKET_US);
    return stall.of_last_us;
}

static int64_t sample(int64_t after_us, int64_t rtt_us)
{
    return sample_back(after_us, rtt_us, 0);
}

static void begin(void)
{
    now_us = 1000000;
    path_stall_init(&stall, now_us);
    for (int i = 0; i < 10; i++)
        assert_int_equal(sample(1000, RTT_US), 0);
}

static void what_came_at_once_after_a_silence_has_waited_for_its_end(void **state)
{
    (void)state;
    begin();
    assert_int_equal(sample(30000, 29000), 29000 - RTT_US);
    assert_int_equal(sample(0, 10000), 10000 - RTT_US);
    assert_int_equal(sample(100, RTT_US + 50), 0); /* due after it */
    assert_int_equal(path_stall_longest_us(&stall), 29000 - RTT_US);
    for (int i = 0; i < 11; i++)
        assert_int_equal(sample(1000000, RTT_US), 0);
    assert_int_equal(path_stall_longest_us(&stall), 0); /* that was a while ago */
}

/* A receipt that was read late has waited for nothing but that. */
static void what_receipts_have_waited_for_counts_once(void **state)
{
    (void)state;
    begin();
    assert_int_equal(sample_back(30000, RTT_US, 29000), 0);
    assert_int_equal(sample(100, RTT_US), 0);
    assert_int_equal(path_stall_longest_us(&stall), 29000);
    begin();
    assert_int_equal(sample_back(30000, 10000, 19000), 10000 - RTT_US);
}

static void a_queue_is_no_stall(void **state)
{
    (void)state;
    begin();
    for (int64_t rtt_us = RTT_US; rtt_us <= 40 * RTT_US; rtt_us += RTT_US)
        assert_int_equal(sample(1000, rtt_us), 0);
    assert_int_equal(sample(30000, 40 * RTT_US), 0); /* nothing was sent for a while */
    assert_int_equal(path_stall_longest_us(&stall), 0);
}

static void the_first_one_that_comes_says_nothing_of_a_silence(void **state)
{
    (void)state;
    now_us = 1000000;
    path_stall_init(&stall, now_us);
    assert_int_equal(sample(50000, 50000), 0);
    path_stall_note(&stall, &(struct path_sample){.now_us = now_us + 30000, .rtt_us = 30000}, RTT_US,
                    PACKET_US);
    assert_int_equal(stall.of_last_us, 0); /* nothing has come */
}

static double run(const struct sim_path *p)
{
    double line = p->line_mbit > 0 ? 1 : SIM_SENDER_MBIT / 10000.0;

    sim_begin(&sim, p, SEED);
    sim_run(&sim, SETTLED_S);
    sim_measure(&sim);
    sim_run(&sim, UNTIL_S);
    sim_end(&sim);
    return sim_share(&sim, 0) / line;
}

static void check(const struct sim_path *p, const char *what, double is, double least, double most)
{
    if (is < least || is > most)
        fail_msg("%g Mbit/s, %g ms, runs %g, halts %g, turn %g ms: %s is %g, not within %g and %g",
                 p->line_mbit, p->rtt_ms, p->runs_ms, p->halts_ms, p->turn_ms, what, is, least, most);
}

/* What a host does not send because it does not run, nobody can ask for. */
static void hosts_that_others_keep_from_running_use_the_time_they_have(void **state)
{
    static const double rtts[] = {0.05, 1, 5, 20}, lines[] = {0, 100};
    static const struct {
        double runs_ms, halts_ms;
    } halts[] = {{300, 50}, {20, 20}, {5, 10}, {50, 100}, {5, 50}};

    (void)state;
    for (size_t i = 0; i < 4 * 2 * 5; i += CELLS_STEP) {
        struct sim_path p = {.line_mbit = lines[i / 4 % 2],
                             .rtt_ms = rtts[i % 4],
                             .queue_ms = 300,
                             .oversleep_ms = 0.2,
                             .runs_ms = halts[i / 8].runs_ms,
                             .halts_ms = halts[i / 8].halts_ms,
                             .flows = {SIM_HX}};
        double runs = p.runs_ms / (p.runs_ms + p.halts_ms / 2);
        check(&p, "the share of the line", run(&p), 0.75 * runs, 1.01);
        check(&p, "the share that is lost", sim_lost_share(&sim, 0), 0, 0.01);
    }
}

static void a_radio_that_waits_for_its_turn_is_used(void **state)
{
    static const double rtts[] = {1, 10, 50}, lines[] = {20, 100}, turns_ms[] = {5, 10, 20, 40};

    (void)state;
    for (size_t i = 0; i < 3 * 2 * 4; i += CELLS_STEP) {
        struct sim_path p = {.line_mbit = lines[i / 3 % 2],
                             .rtt_ms = rtts[i % 3],
                             .queue_ms = 300,
                             .oversleep_ms = 0.2,
                             .turn_ms = turns_ms[i / 6],
                             .flows = {SIM_HX}};
        check(&p, "the share of the line", run(&p), 0.8, 1.01);
        check(&p, "the queue in 95 of 100 looks, in ms", sim_queue_ms(&sim, 0.95), 0, 25 + 1.5 * p.turn_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_at_once_after_a_silence_has_waited_for_its_end),
        cmocka_unit_test(what_receipts_have_waited_for_counts_once),
        cmocka_unit_test(a_queue_is_no_stall),
        cmocka_unit_test(the_first_one_that_comes_says_nothing_of_a_silence),
        cmocka_unit_test(hosts_that_others_keep_from_running_use_the_time_they_have),
        cmocka_unit_test(a_radio_that_waits_for_its_turn_is_used),
    };

    return cmocka_run_group_tests_name("path_stall", tests, NULL, NULL);
}
