/* shim/udt/path_model on simulated paths over which somebody sends back: his queue, which receipts wait in,
 * is none of ours. */
#include "test/unit/path_sim_measure.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above */
#include <cmocka.h>

#define SETTLED_S 3 /* from then on a row is measured */
#define SEED      7

static struct sim sim;

static void check(const char *what, double is, double least, double most)
{
    if (is >= least && is <= most)
        return;
    fail_msg("%.0f Mbit/s, %g ms, loss %g: %s is %g, not within %g and %g", sim.path.line_mbit,
             sim.path.rtt_ms, sim.path.loss, what, is, least, most);
}

static int competing, looks;

static double back_ms;

/* Somebody sends back with cubic, over a line of his own with a deep queue: it is full after a while, and
 * empties by a third after each loss. */
static void wait_on_the_way_back(struct sim *s)
{
    const double most_ms = back_ms, begins_s = 5, first_s = back_ms * 1.5 / 400, cycle_s = 5, falls_s = 0.13;
    double t_s = (double)s->now_us / 1e6 - begins_s, in_s = fmod(t_s - first_s, cycle_s);
    double full = in_s < falls_s ? 1 - 0.3 * in_s / falls_s : 1 - 0.3 * pow(1 - in_s / cycle_s, 3);

    s->reverse_us = (int64_t)(1000 * most_ms * (t_s < 0 ? 0 : t_s < first_s ? t_s / first_s : full));
    for (int i = 0; i < SIM_FLOWS; i++) {
        looks += s->flows[i].kind == SIM_HX;
        competing += s->flows[i].kind == SIM_HX && s->flows[i].model.compete.on;
    }
}

/* Of peers that do not tell when receipts have left. */
static void a_queue_on_the_way_back_is_hardly_competed_with(void **state)
{
    (void)state;
    back_ms = 400;
    for (int i = 0; i < 4; i++) {
        struct sim_path p = {.line_mbit = 20,
                             .rtt_ms = i / 2 ? 50 : 10,
                             .queue_ms = 1000,
                             .oversleep_ms = 0.2,
                             .flows = {SIM_HX, i % 2 ? SIM_HX : SIM_NONE}};
        sim_begin(&sim, &p, SEED);
        sim.tick = wait_on_the_way_back;
        sim.untold = true;
        competing = looks = 0;
        sim_run(&sim, SETTLED_S);
        sim_measure(&sim);
        sim_run(&sim, 60);
        sim_end(&sim);
        check("the share of the time in which it is competed with", competing * 1.0 / looks, 0, 0.25);
        check("the share of the line", sim_share(&sim, 0) + sim_share(&sim, 1), 0.7, 1.01);
        check("the share that is lost", sim_lost_share(&sim, 0), 0, 0.03);
    }
}

static void a_queue_on_the_way_back_keeps_the_line_full_and_its_queue_short(void **state)
{
    static const struct {
        int rtt_ms;
        double back_ms, loss, least, most_ms; /* share of the line, queue */
    } rows[] = {{10, 100, 0.01, 0.94, 25},
                {50, 400, 0.00, 0.94, 100},
                {10, 400, 0.01, 0.92, 100},
                {50, 1000, 0.00, 0.90, 350},
                {10, 1000, 0.01, 0.88, 350}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_path p = {.line_mbit = 20,
                             .rtt_ms = rows[i].rtt_ms,
                             .queue_ms = 1000,
                             .loss = rows[i].loss,
                             .oversleep_ms = 0.2,
                             .flows = {SIM_HX}};
        back_ms = rows[i].back_ms;
        sim_begin(&sim, &p, SEED);
        sim.tick = wait_on_the_way_back;
        competing = 0;
        sim_run(&sim, SETTLED_S);
        sim_measure(&sim);
        sim_run(&sim, 40);
        sim_end(&sim);
        check("the share of the time in which it is competed with", competing, 0, 0);
        check("the share of the line", sim_share(&sim, 0), rows[i].least, 1.01);
        check("the queue in 95 of 100 looks, in ms", sim_queue_ms(&sim, 0.95), 0, rows[i].most_ms);
        check("the share that is lost", sim_lost_share(&sim, 0), 0, rows[i].loss + 0.005);
    }
}

static void wait_by_chance(struct sim *s)
{
    s->reverse_us = (int64_t)(1000 * back_ms * sim_random(s));
}

/* As over radio: each receipt waits for up to so long. */
static void receipts_that_come_unevenly_leave_the_line_full(void **state)
{
    static const struct {
        double line_mbit;
        int rtt_ms;
        double back_ms, loss;
    } rows[] = {{20, 50, 8, 0}, {20, 10, 20, 0}, {100, 10, 20, 0}, {100, 50, 20, 0.01}, {5, 50, 8, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_path p = {.line_mbit = rows[i].line_mbit,
                             .rtt_ms = rows[i].rtt_ms,
                             .queue_ms = 300,
                             .loss = rows[i].loss,
                             .oversleep_ms = 0.2,
                             .flows = {SIM_HX}};
        double share = 0;

        back_ms = rows[i].back_ms;
        for (uint64_t seed = 1; seed <= 3; seed++) {
            sim_begin(&sim, &p, seed);
            sim.tick = wait_by_chance;
            sim_run(&sim, SETTLED_S);
            sim_measure(&sim);
            sim_run(&sim, 12);
            sim_end(&sim);
            share += sim_share(&sim, 0) / 3;
            check("the queue in 95 of 100 looks, in ms", sim_queue_ms(&sim, 0.95), 0, 25);
        }
        check("the share of the line", share, 0.92, 1.01);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_on_the_way_back_is_hardly_competed_with),
        cmocka_unit_test(a_queue_on_the_way_back_keeps_the_line_full_and_its_queue_short),
        cmocka_unit_test(receipts_that_come_unevenly_leave_the_line_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
