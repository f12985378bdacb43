/* test/unit/path_rivals.h: what other senders do, as far as it matters to who shares a queue with them:
 * TCP with CUBIC (RFC 9438, with the delay test of RFC 9406) and the first BBR (draft-cardwell-iccrg-bbr-
 * congestion-control-00), which is what Linux has. Fed with the same samples as our model. */
#ifndef HX_TEST_UNIT_PATH_RIVALS_H
#define HX_TEST_UNIT_PATH_RIVALS_H

#include "shim/udt/path_model.h"
#include <math.h>

#define RIVAL_FIRST 10 /* packets */

struct cubic {
    double window, threshold, most, epoch_window, k;
    double epoch_s, min_rtt_s, round_rtt_s, last_rtt_s;
    uint64_t round_end, recover, lost, delivered;
};

static void cubic_init(struct cubic *c)
{
    *c = (struct cubic){.window = RIVAL_FIRST,
                        .threshold = INFINITY,
                        .epoch_s = -1,
                        .min_rtt_s = INFINITY,
                        .round_rtt_s = INFINITY,
                        .last_rtt_s = INFINITY};
}

static void cubic_round(struct cubic *c, const struct path_sample *s)
{
    double rtt_s = (double)s->rtt_us / 1e6;

    c->min_rtt_s = fmin(c->min_rtt_s, rtt_s);
    c->round_rtt_s = fmin(c->round_rtt_s, rtt_s);
    if (s->prior_delivered < c->round_end)
        return;
    c->round_end = s->delivered;
    if (c->window < c->threshold &&
        c->round_rtt_s > c->last_rtt_s + fmin(fmax(c->last_rtt_s / 8, 0.004), 0.016))
        c->threshold = c->window;
    c->last_rtt_s = c->round_rtt_s;
    c->round_rtt_s = INFINITY;
}

static void cubic_sampled(struct cubic *c, const struct path_sample *s)
{
    const double grow = 0.4, beta = 0.7;
    double newly = (double)(s->delivered - c->delivered), t, target;

    c->delivered = s->delivered;
    cubic_round(c, s);
    if (s->lost > c->lost && s->prior_delivered >= c->recover) {
        c->recover = s->delivered;
        c->most = c->window < c->most ? c->window * (1 + beta) / 2 : c->window;
        c->window = c->threshold = fmax(c->window * beta, 2);
        c->epoch_s = -1;
    }
    c->lost = s->lost;
    if (c->window < c->threshold) {
        c->window += newly;
        return;
    }
    if (c->epoch_s < 0) {
        c->epoch_s = (double)s->now_us / 1e6;
        c->epoch_window = c->window;
        c->most = fmax(c->most, c->window);
        c->k = cbrt((c->most - c->window) / grow);
    }
    t = (double)s->now_us / 1e6 - c->epoch_s + c->min_rtt_s;
    target = fmin(c->most + grow * pow(t - c->k, 3), 1.5 * c->window);
    c->window += newly * fmax(target - c->window, 0.01 * c->window) / c->window;
    c->epoch_window += newly * 3 * (1 - beta) / (1 + beta) / c->window;
    c->window = fmax(c->window, c->epoch_window);
}

/* The first BBR. */
struct bbr {
    enum { BBR_STARTUP, BBR_DRAIN, BBR_PROBE_BW, BBR_PROBE_RTT } phase;
    double rates[10], full;
    int at, full_rounds, step;
    int64_t min_rtt_us, min_rtt_at_us, step_us, done_us;
    uint64_t round_end;
    uint32_t random;
};

static void bbr_init(struct bbr *b, uint32_t seed)
{
    *b = (struct bbr){.min_rtt_us = INT64_MAX, .random = seed};
}
static double bbr_rate(const struct bbr *b)
{
    double most = 0;

    for (int i = 0; i < 10; i++)
        most = fmax(most, b->rates[i]);
    return most;
}
static double bbr_bdp(const struct bbr *b)
{
    return b->min_rtt_us == INT64_MAX ? RIVAL_FIRST : fmax(bbr_rate(b) * (double)b->min_rtt_us / 1e6, 4);
}
static double bbr_pacing(const struct bbr *b)
{
    static const double steps[8] = {1.25, 0.75, 1, 1, 1, 1, 1, 1};
    static const double gains[] = {2.885, 1 / 2.885, 0, 1};
    double rate = bbr_rate(b);

    return rate <= 0 ? RIVAL_FIRST / 0.01
                     : 0.99 * rate * (b->phase == BBR_PROBE_BW ? steps[b->step] : gains[b->phase]);
}
static double bbr_window(const struct bbr *b)
{
    return b->phase == BBR_PROBE_RTT ? 4
           : b->phase == BBR_STARTUP ? fmax(2.885 * bbr_bdp(b), RIVAL_FIRST)
                                     : 2 * bbr_bdp(b) + 3;
}
static void bbr_probe_bw(struct bbr *b, int64_t now_us)
{
    b->phase = BBR_PROBE_BW;
    b->random = b->random * 1664525 + 1013904223;
    b->step = (int)(b->random >> 16) % 7;
    b->step += b->step > 0;
    b->step_us = now_us;
}
static void bbr_round(struct bbr *b, const struct path_sample *s)
{
    b->round_end = s->delivered;
    b->at = (b->at + 1) % 10;
    b->rates[b->at] = 0;
    if (b->phase != BBR_STARTUP)
        return;
    if (bbr_rate(b) >= b->full * 1.25) {
        b->full = bbr_rate(b);
        b->full_rounds = 0;
    } else if (++b->full_rounds >= 3) {
        b->phase = BBR_DRAIN;
    }
}
static void bbr_probe_rtt(struct bbr *b, const struct path_sample *s, bool expired)
{
    if (expired && b->phase != BBR_PROBE_RTT) {
        b->phase = BBR_PROBE_RTT;
        b->done_us = 0;
    }
    if (b->phase != BBR_PROBE_RTT)
        return;
    if (b->done_us == 0 && s->inflight <= 4)
        b->done_us = s->now_us + 200000;
    if (b->done_us > 0 && s->now_us > b->done_us) {
        b->min_rtt_at_us = s->now_us;
        bbr_probe_bw(b, s->now_us);
    }
}
static void bbr_sampled(struct bbr *b, const struct path_sample *s)
{
    bool expired = s->now_us - b->min_rtt_at_us > 10000000, next;

    if (s->prior_delivered >= b->round_end)
        bbr_round(b, s);
    if (s->interval_us > 0)
        b->rates[b->at] =
            fmax(b->rates[b->at], (double)(s->delivered - s->prior_delivered) * 1e6 / (double)s->interval_us);
    if (s->rtt_us <= b->min_rtt_us || expired) {
        b->min_rtt_us = s->rtt_us;
        b->min_rtt_at_us = s->now_us;
    }
    if (b->phase == BBR_DRAIN && s->inflight <= bbr_bdp(b))
        bbr_probe_bw(b, s->now_us);
    next = s->now_us - b->step_us > b->min_rtt_us;
    if (b->step == 0)
        next = next && s->inflight >= 1.25 * bbr_bdp(b);
    else if (b->step == 1)
        next = next || s->inflight <= bbr_bdp(b);
    if (b->phase == BBR_PROBE_BW && next) {
        b->step = (b->step + 1) % 8;
        b->step_us = s->now_us;
    }
    bbr_probe_rtt(b, s, expired);
}

#endif
