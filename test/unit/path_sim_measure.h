/* test/unit/path_sim_measure.h: what a run of path_sim.h has come to. */
#ifndef HX_TEST_UNIT_PATH_SIM_MEASURE_H
#define HX_TEST_UNIT_PATH_SIM_MEASURE_H

#include "test/unit/path_sim.h"

/* From now on is measured. */
static void sim_measure(struct sim *s)
{
    s->from_us = s->now_us;
    memset(s->queue, 0, sizeof s->queue);
    s->looks = 0;
    for (int i = 0; i < SIM_FLOWS; i++) {
        s->flows[i].delivered_from = s->flows[i].delivered;
        s->flows[i].sent_from = s->flows[i].sent;
        s->flows[i].lost_from = s->flows[i].lost;
    }
}

/* The share of the line that the flow had. */
static double sim_share(const struct sim *s, int flow)
{
    const struct sim_flow *f = &s->flows[flow];

    return (double)(f->delivered - f->delivered_from) / ((double)(s->now_us - s->from_us) / 1e6 * s->line);
}
static double sim_lost_share(const struct sim *s, int flow)
{
    const struct sim_flow *f = &s->flows[flow];

    return (double)(int64_t)(f->lost - f->lost_from) / fmax((double)(f->sent - f->sent_from), 1);
}
static int sim_queue_ms(const struct sim *s, double share)
{
    double seen = 0;

    for (int i = 0; i < 4096; i++) {
        seen += s->queue[i];
        if (seen >= share * s->looks)
            return i;
    }
    return 4095;
}

#endif
