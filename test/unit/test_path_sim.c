/* shim/udt/path_model, put to work on simulated paths: the line is full, the queue is short, losses do not
 * matter that are none of ours, and whoever else is there gets his share. */
#include "test/unit/path_sim_measure.h"
#include "test/unit/sanitized.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above */
#include <cmocka.h>

#define SETTLED_S 3 /* from then on a row is measured */
#define UNTIL_S   10
#define SEED      7
/* With the address sanitizer it takes four times as long, and finds no more in a model that is the same
 * everywhere: some of the cells will do. */
#define CELLS_STEP (SANITIZED ? 5 : 1)

static struct sim sim;

static void run_seed(const struct sim_path *p, double from_s, double until_s, uint64_t seed)
{
    sim_begin(&sim, p, seed);
    sim_run(&sim, from_s);
    sim_measure(&sim);
    sim_run(&sim, until_s);
    sim_end(&sim);
}
static void run(const struct sim_path *p, double from_s, double until_s)
{
    run_seed(p, from_s, until_s, SEED);
}

static void check(const char *what, double is, double least, double most)
{
    if (is >= least && is <= most)
        return;
    fail_msg("%.0f Mbit/s, %g ms, queue %d ms, loss %g, jitter %g ms: %s is %g, not within %g and %g",
             sim.path.line_mbit, sim.path.rtt_ms, sim.path.queue_ms, sim.path.loss, sim.path.jitter_ms, what,
             is, least, most);
}

/* What "0.92 of the line" in payload comes to in packets, with a twenty-fifth of each being headers. */
static double least_share(const struct sim_path *p)
{
    return p->loss + p->burst_loss > 0.01 ? 0.87 : 0.95;
}

static void check_row(const struct sim_path *p)
{
    double rtt_ms = p->rtt_ms, slack_ms = rtt_ms / 4 > 25 ? rtt_ms / 4 : 25;

    run(p, SETTLED_S, UNTIL_S);
    check("the share of the line", sim_share(&sim, 0), least_share(p), 1.01);
    check("the queue in 95 of 100 looks, in ms", sim_queue_ms(&sim, 0.95), 0, slack_ms);
}

static void a_limited_line_is_full_and_its_queue_short(void **state)
{
    static const double lines[] = {5, 20, 100}, losses[] = {0, 0.01, 0.05};
    static const int rtts[] = {10, 50, 200, 300}, queues[] = {50, 1000};

    (void)state;
    for (size_t i = 0; i < 3 * 3 * 4 * 2; i += CELLS_STEP) {
        struct sim_path p = {.line_mbit = lines[i % 3],
                             .loss = losses[i / 3 % 3],
                             .rtt_ms = rtts[i / 9 % 4],
                             .queue_ms = queues[i / 36],
                             .oversleep_ms = 0.2,
                             .flows = {SIM_HX}};
        check_row(&p);
    }
}

/* Nothing queues there: what is too much is dropped. */
static void a_policer_is_not_run_against(void **state)
{
    static const double buckets_kb[] = {20, 100, 300};
    static const int rtts[] = {10, 50, 100, 200};

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        struct sim_path p = {
            .line_mbit = 20, .rtt_ms = rtts[i % 4], .policer_kb = buckets_kb[i / 4], .flows = {SIM_HX}};
        run(&p, 0, 30);
        check("the share of the line", sim_share(&sim, 0), 0.92, 1.05);
        check("the share that is lost", sim_lost_share(&sim, 0), 0, 0.05);
    }
}

/* The bucket fills again in the slower while after each probe, and the next probe must not go by what it
 * holds. */
static void probes_of_a_policer_cost_little(void **state)
{
    static const double lines[] = {5, 20}, buckets_kb[] = {100, 500};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct sim_path p = {
            .line_mbit = lines[i % 2], .rtt_ms = 200, .policer_kb = buckets_kb[i / 2], .flows = {SIM_HX}};
        run(&p, 4, 30);
        check("the share of the line", sim_share(&sim, 0), 0.95, 1.01);
        check("the share that is lost", sim_lost_share(&sim, 0), 0, 0.04);
    }
}

/* A large bucket shows startup many times what the path carries. */
static void what_a_bucket_has_let_through_is_no_rate(void **state)
{
    static const struct {
        double line_mbit, most; /* share that is lost */
    } rows[] = {{5, 0.11}, {20, 0.06}};
    static const double rtts[] = {50, 100};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct sim_path p = {
            .line_mbit = rows[i % 2].line_mbit, .rtt_ms = rtts[i / 2], .policer_kb = 1000, .flows = {SIM_HX}};
        run(&p, 0, 30);
        check("the share of the line", sim_share(&sim, 0), 0.95, 1.07);
        check("the share that is lost", sim_lost_share(&sim, 0), 0, rows[i % 2].most);
    }
}

static void jitter_and_a_late_sender_leave_the_line_full(void **state)
{
    static const double jitters_ms[] = {1, 5, 30, 0, 0, 0}, late_ms[] = {0, 0, 0, 1, 3, 8};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct sim_path p = {.line_mbit = 50,
                             .rtt_ms = 50,
                             .queue_ms = 300,
                             .loss = i % 2 ? 0.01 : 0,
                             .jitter_ms = jitters_ms[i],
                             .oversleep_ms = late_ms[i],
                             .flows = {SIM_HX}};
        run(&p, SETTLED_S, UNTIL_S);
        check("the share of the line", sim_share(&sim, 0), 0.93, 1.01);
        check("the queue in 95 of 100 looks, in ms", sim_queue_ms(&sim, 0.95), 0, 25);
    }
}

/* Both ends' threads wake up to 3 ms late, which looks like a queue where the round trip is short. */
static void a_late_receiver_is_no_queue(void **state)
{
    static const int rtts[] = {10, 50};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct sim_path p = {.line_mbit = i < 2 ? 20 : 50,
                             .rtt_ms = rtts[i % 2],
                             .queue_ms = 300,
                             .oversleep_ms = 3,
                             .overread_ms = 3,
                             .flows = {SIM_HX}};
        run(&p, SETTLED_S, UNTIL_S);
        check("the share of the line", sim_share(&sim, 0), 0.94, 1.01);
        check("the queue in 95 of 100 looks, in ms", sim_queue_ms(&sim, 0.95), 0, 25);
    }
}

static void bursts_of_losses_are_no_congestion(void **state)
{
    static const double shares[] = {0.003, 0.01, 0.03};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sim_path p = {
            .line_mbit = 20, .rtt_ms = 50, .queue_ms = 300, .burst_loss = shares[i], .flows = {SIM_HX}};
        run(&p, SETTLED_S, 30);
        check("the share of the line", sim_share(&sim, 0), 0.87 - shares[i], 1.01);
    }
}

/* The sender's computer is the bound, and losses must not be one. */
static void a_far_and_lossy_path_is_filled_in_two_seconds(void **state)
{
    struct sim_path p = {.rtt_ms = 200, .loss = 0.01, .flows = {SIM_HX}};
    double most = SIM_SENDER_MBIT * 1e6 / SIM_BITS / (10000 * 1e6 / SIM_BITS);

    (void)state;
    run(&p, 2.5, 4);
    check("the share of what the sender can", sim_share(&sim, 0) / most, 0.95, 1.01);
}

/* That its queue has begun is heard of a round trip later, in which startup sends twice what the path
 * carries: it must be believed at once. Where round trips differ anyway it must not. */
static void startup_on_a_far_path_ends_when_its_queue_begins(void **state)
{
    static const struct {
        double line_mbit;
        int rtt_ms;
        double most; /* of the longest queue, in round trips */
    } rows[] = {{100, 200, 1.15}, {20, 300, 1.15}, {500, 300, 0.8}};
    const int seeds = 4;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sim_path p = {.line_mbit = rows[i].line_mbit,
                             .rtt_ms = rows[i].rtt_ms,
                             .queue_ms = 1000,
                             .oversleep_ms = 0.2,
                             .flows = {SIM_HX}};
        double longest = 0;

        for (int seed = 1; seed <= seeds; seed++) {
            run_seed(&p, 0, 4, (uint64_t)seed * 7919);
            longest += sim_queue_ms(&sim, 1) * 1.0 / p.rtt_ms / seeds;
        }
        check("the longest queue, in round trips", longest, 0, rows[i].most);
    }
    for (size_t i = 0; i < 2; i++) {
        struct sim_path p = {.line_mbit = i == 0 ? 100 : 500,
                             .rtt_ms = 150,
                             .queue_ms = 300,
                             .loss = 0.01,
                             .jitter_ms = 30,
                             .flows = {SIM_HX}};
        run(&p, SETTLED_S, 20);
        check("the share of the line", sim_share(&sim, 0), 0.95, 1.01);
    }
}

static void beside_others_each_has_a_share(void **state)
{
    static const struct {
        enum sim_kind flows[SIM_FLOWS];
        double late_s; /* when the second one begins */
        int queue_ms;
    } rows[] = {
        {{SIM_HX, SIM_CUBIC}, 0, 100},
        {{SIM_HX, SIM_CUBIC}, 5, 300},
        {{SIM_HX, SIM_BBR}, 0, 100},
        {{SIM_HX, SIM_BBR}, 5, 300},
        {{SIM_CUBIC, SIM_HX}, 5, 100},
        {{SIM_BBR, SIM_HX}, 5, 100},
        {{SIM_HX, SIM_CUBIC, SIM_BBR}, 0, 100},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_path p = {
            .line_mbit = 20, .rtt_ms = 50, .queue_ms = rows[i].queue_ms, .starts_s = {0, rows[i].late_s}};
        int count = 0;

        memcpy(p.flows, rows[i].flows, sizeof p.flows);
        while (count < SIM_FLOWS && p.flows[count] != SIM_NONE)
            count++;
        run(&p, rows[i].late_s, rows[i].late_s + 30);
        for (int f = 0; f < count; f++) {
            char what[40];
            snprintf(what, sizeof what, "row %zu, flow %d: its share", i, f);
            check(what, sim_share(&sim, f) * count, p.flows[f] == SIM_HX ? 0.5 : 1.0 / 3, 10);
        }
    }
}

/* Twice the round trip of the path is nothing in a queue that is a hundred times as long. */
static void who_fills_a_deep_queue_leaves_us_half_of_our_share(void **state)
{
    static const struct {
        enum sim_kind flows[SIM_FLOWS];
        double late_s; /* when the second one begins */
        double line_mbit;
        int rtt_ms;
    } rows[] = {
        {{SIM_HX, SIM_CUBIC}, 0, 20, 10},  {{SIM_HX, SIM_CUBIC}, 5, 20, 10},
        {{SIM_CUBIC, SIM_HX}, 5, 20, 10},  {{SIM_HX, SIM_CUBIC}, 0, 20, 50},
        {{SIM_CUBIC, SIM_HX}, 5, 20, 50},  {{SIM_HX, SIM_CUBIC}, 0, 5, 10},
        {{SIM_HX, SIM_CUBIC}, 0, 100, 10}, {{SIM_CUBIC, SIM_HX}, 5, 100, 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_path p = {.line_mbit = rows[i].line_mbit,
                             .rtt_ms = rows[i].rtt_ms,
                             .queue_ms = 1000,
                             .oversleep_ms = 0.2,
                             .starts_s = {0, rows[i].late_s}};
        double share[SIM_FLOWS] = {0};

        memcpy(p.flows, rows[i].flows, sizeof p.flows);
        for (uint64_t seed = 1; seed <= 3; seed++) {
            run_seed(&p, rows[i].late_s, rows[i].late_s + 30, seed);
            for (int f = 0; f < 2; f++)
                share[f] += sim_share(&sim, f) * 2 / 3;
        }
        for (int f = 0; f < 2; f++) {
            char what[40];
            snprintf(what, sizeof what, "row %zu, flow %d: its share", i, f);
            check(what, share[f], p.flows[f] == SIM_HX ? 0.5 : 1.0 / 3, 10);
        }
    }
}

static bool competed;

static void note_competing(struct sim *s)
{
    for (int i = 0; i < SIM_FLOWS; i++)
        competed = competed || (s->flows[i].kind == SIM_HX && s->flows[i].model.compete.on);
}

/* A path that becomes longer, or a line that becomes slower, looks like another's queue at first. */
static void none_of_us_competes_with_a_path_nor_with_each_other(void **state)
{
    static const struct {
        int rtt_ms;
        double mbit;
    } changes[] = {{60, 0}, {150, 0}, {350, 0}, {550, 0}, {0, 5}, {0, 60}};

    (void)state;
    for (size_t i = 0; i < 6 * 2 * 2; i += CELLS_STEP) {
        struct sim_path p = {.line_mbit = 20,
                             .rtt_ms = i / 12 ? 50 : 10,
                             .queue_ms = 1000,
                             .oversleep_ms = 0.2,
                             .change_s = 5,
                             .change_rtt_ms = changes[i % 6].rtt_ms,
                             .change_mbit = changes[i % 6].mbit,
                             .flows = {SIM_HX, i / 6 % 2 ? SIM_HX : SIM_NONE}};
        sim_begin(&sim, &p, SEED);
        sim.tick = note_competing;
        competed = false;
        sim_run(&sim, 60);
        sim_end(&sim);
        if (competed)
            fail_msg("%g ms, then %d; 20 Mbit/s, then %g; flows: %d", p.rtt_ms, p.change_rtt_ms,
                     p.change_mbit, i / 6 % 2 ? 2 : 1);
    }
}

static void two_of_ours_share_60_to_40(void **state)
{
    static const double late_s[] = {0, 5, 10}, lines[] = {20, 100};
    static const int queues[] = {50, 300}, rtts[] = {10, 50};

    (void)state;
    for (size_t i = 0; i < 3 * 2 * 2 * 2; i += CELLS_STEP) {
        struct sim_path p = {.line_mbit = lines[i / 3 % 2],
                             .rtt_ms = rtts[i / 6 % 2],
                             .queue_ms = queues[i / 12],
                             .oversleep_ms = 0.2,
                             .flows = {SIM_HX, SIM_HX},
                             .starts_s = {0, late_s[i % 3]}};
        run(&p, late_s[i % 3], late_s[i % 3] + 30);
        check("the share of the line", sim_share(&sim, 0) + sim_share(&sim, 1), 0.93, 1.01);
        check("the first one's share of it", sim_share(&sim, 0) / (sim_share(&sim, 0) + sim_share(&sim, 1)),
              0.4, 0.6);
    }
}

/* The one who was there has filled the line; the other's startup ends with his queue. */
static void who_begins_late_on_a_far_path_comes_to_his_share(void **state)
{
    static const struct {
        int rtt_ms, late_s;
        double most; /* the first one's mean share, in the half minute from then on */
    } rows[] = {{150, 5, 0.62}, {150, 10, 0.6}, {200, 10, 0.62}, {300, 10, 0.65}};
    const int seeds = 6;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i += CELLS_STEP) {
        struct sim_path p = {.line_mbit = 100,
                             .rtt_ms = rows[i].rtt_ms,
                             .queue_ms = 300,
                             .oversleep_ms = 0.2,
                             .flows = {SIM_HX, SIM_HX},
                             .starts_s = {0, rows[i].late_s}};
        double first = 0, all = 0;

        for (int seed = 1; seed <= seeds; seed++) {
            run_seed(&p, rows[i].late_s, rows[i].late_s + 30, (uint64_t)seed * 7919);
            first += sim_share(&sim, 0) / (sim_share(&sim, 0) + sim_share(&sim, 1)) / seeds;
            all += (sim_share(&sim, 0) + sim_share(&sim, 1)) / seeds;
        }
        check("the share of the line", all, 0.95, 1.01);
        check("the first one's share of it", first, 1 - rows[i].most, rows[i].most);
    }
}

static void a_path_that_changes_is_learnt_anew(void **state)
{
    static const double before[] = {20, 50, 5, 5}, after[] = {5, 20, 20, 50};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct sim_path p = {.line_mbit = before[i],
                             .rtt_ms = 50,
                             .queue_ms = 300,
                             .change_s = 5,
                             .change_mbit = after[i],
                             .flows = {SIM_HX}};
        run(&p, after[i] < before[i] ? 7 : 9, 15); /* a faster one is found with the next probe */
        check("the share of the line", sim_share(&sim, 0), 0.95, 1.01);
        check("the queue in 95 of 100 looks, in ms", sim_queue_ms(&sim, 0.95), 0, 25);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limited_line_is_full_and_its_queue_short),
        cmocka_unit_test(a_policer_is_not_run_against),
        cmocka_unit_test(probes_of_a_policer_cost_little),
        cmocka_unit_test(what_a_bucket_has_let_through_is_no_rate),
        cmocka_unit_test(jitter_and_a_late_sender_leave_the_line_full),
        cmocka_unit_test(a_late_receiver_is_no_queue),
        cmocka_unit_test(bursts_of_losses_are_no_congestion),
        cmocka_unit_test(a_far_and_lossy_path_is_filled_in_two_seconds),
        cmocka_unit_test(startup_on_a_far_path_ends_when_its_queue_begins),
        cmocka_unit_test(beside_others_each_has_a_share),
        cmocka_unit_test(who_fills_a_deep_queue_leaves_us_half_of_our_share),
        cmocka_unit_test(none_of_us_competes_with_a_path_nor_with_each_other),
        cmocka_unit_test(two_of_ours_share_60_to_40),
        cmocka_unit_test(who_begins_late_on_a_far_path_comes_to_his_share),
        cmocka_unit_test(a_path_that_changes_is_learnt_anew),
    };

    return cmocka_run_group_tests_name("path_sim", tests, NULL, NULL);
}
