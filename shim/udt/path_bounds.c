#include "shim/udt/path_bounds.h"
#include <math.h>

#define SECOND 1e6

/* draft-ietf-ccwg-bbr, in its order: BBR.StartupPacingGain, BBR.DefaultCwndGain, that of ProbeBW_UP, the
 * share that PacingMarginPercent leaves, 1 - BBR.Headroom, BBR.ProbeRTTCwndGain. */
#define STARTUP_PACE 2.77
#define GAIN         2.0
#define UP_GAIN      2.25
#define MARGIN       0.99
#define HEADROOM     0.85
#define PROBE_RTT    0.5

/* Ours. */
#define DRAIN_PACE    0.35 /* the first BBR's: the queue of startup is to be gone in a round trip */
#define OWN_GAIN      1.2  /* where nobody else fills the queue: a fifth of a round trip at most */
#define LOSS_MADE_UP  0.1  /* so much more is sent at most because the path loses it */
#define CAUTIOUS_PACE 1.1 /* a probe of a path that drops what is too much; more than chance loses shows it */
#define SLACK_US      5000 /* receipts come for several packets at once, and the sender's thread wakes late */
#define SLACK_PACKETS 3    /* likewise, on a slow line */
#define COMPETE_PACE  1.2  /* the window is the bound, as it is of those beside us */
#define FIRST_RTT_S   0.02 /* taken for a round trip that is unknown */
#define LEAST_RTT_S   0.001     /* pacing takes no round trip for shorter */
#define INFLIGHT_MOST (1 << 20) /* packets: more than UDT's buffers hold */
#define STALL_GAIN    1.5       /* a probe of a path that stands still has so many times as much in flight */
/* What a sender that was kept from running may make good for at once. Less costs a busy computer much of
 * its rate (a thread that wakes up to 8 ms late: a third with 2 ms, a hundredth with this), and a queue of
 * 25 ms does not notice it, because no more is in flight than otherwise. */
#define DEBT_US       8000
#define DEBT_MOST_US  25000 /* where the path stands still for as long */
#define LATELY_ROUNDS 3     /* a stall counts for so many round trips, ... */
#define LATELY_US     20000 /* ... and this for the receipts' sake */

double path_sample_rate(const struct path_sample *s)
{
    return s->interval_us <= 0 || s->delivered <= s->prior_delivered
               ? 0
               : (double)(s->delivered - s->prior_delivered) * SECOND / (double)s->interval_us;
}

double path_rate(const struct path_model *m)
{
    return path_rate_now(&m->rate);
}

int64_t path_packet_us(const struct path_model *m)
{
    double rate = path_rate(m);

    return rate > 1 ? (int64_t)(SECOND / rate) : (int64_t)SECOND;
}

/* As much must be sent for that much to come through. */
static double sent_for(const struct path_model *m, double delivered)
{
    return delivered / (1 - fmin(m->loss.base, LOSS_MADE_UP));
}

double path_bdp(const struct path_model *m)
{
    if (m->rtt.min_us < 0 || path_rate(m) <= 0)
        return PATH_MODEL_INITIAL;
    return fmax(sent_for(m, path_rate(m) * (double)path_rtt_answer_us(&m->rtt) / SECOND), PATH_MODEL_LEAST);
}

/* What is more in flight than the path holds: what comes while it stands still, so far as OWN_GAIN does not
 * allow for that already. */
static double slack(const struct path_model *m, double stall_gain)
{
    double stall_us =
        stall_gain * (double)path_stall_longest_us(&m->stall) - (OWN_GAIN - 1) * (double)m->rtt.min_us;

    return SLACK_PACKETS + path_rate(m) * fmax(SLACK_US, stall_us) / SECOND;
}

double path_inflight_target(const struct path_model *m)
{
    double target = path_bdp(m) + SLACK_PACKETS;

    if (m->bound != UINT32_MAX)
        target = fmin(target, fmax(m->foreign ? HEADROOM * m->bound : m->bound, PATH_MODEL_LEAST));
    return target;
}

/* Round by round, as long as each brings more: a path may have become many times as fast. */
#define UP_PACES 4
static const double up_paces[UP_PACES] = {1.25, 1.5, 2, 2.77}, up_gains[UP_PACES] = {1.2, 1.5, 2, 2};

static double pace_gain(const struct path_model *m)
{
    switch (m->phase) {
    case PATH_STARTUP:
        return STARTUP_PACE;
    case PATH_DRAIN:
        return DRAIN_PACE;
    case PATH_DOWN:
        return m->down.pace;
    case PATH_UP:
        if (m->cautious) /* what grows while a bucket empties is no rate to go on from */
            return CAUTIOUS_PACE * fmin(1, m->probe_from / path_rate(m));
        return up_paces[m->grown_rounds < UP_PACES ? m->grown_rounds : UP_PACES - 1];
    default:
        return m->foreign ? MARGIN : 1;
    }
}

static double rtt_now_s(const struct path_model *m)
{
    return fmax((double)(path_rtt_answer_us(&m->rtt) + path_rtt_queue_us(&m->rtt)) / SECOND, LEAST_RTT_S);
}

double path_model_pacing(const struct path_model *m)
{
    double rate = path_rate(m), rtt_s = m->rtt.min_us < 0
                                            ? FIRST_RTT_S
                                            : fmax((double)path_rtt_answer_us(&m->rtt) / SECOND, LEAST_RTT_S);

    rate = sent_for(m, rate);
    if (m->phase == PATH_DOWN && m->down.rate > 0)
        rate = fmin(rate, m->down.rate); /* not sent_for(): it must be less than the path carries for sure */
    rate *= pace_gain(m);
    /* What may leave in a round trip of startup is twice what came in the last one. */
    if (m->phase == PATH_STARTUP)
        rate = fmax(rate, STARTUP_PACE / 2 * fmin(m->opening, m->window) / rtt_s);
    if (m->compete.on && m->phase != PATH_PROBE_RTT)
        rate = fmax(rate, COMPETE_PACE * m->compete.window / rtt_now_s(m));
    /* As much as may be in flight on any path must not wait for a rate that is known of a few packets. */
    return fmax(rate, (m->phase == PATH_CRUISE || m->phase == PATH_UP ? PATH_MODEL_LEAST : 1) / rtt_s);
}

static double inflight_gain(const struct path_model *m)
{
    switch (m->phase) {
    case PATH_STARTUP:
    case PATH_DRAIN:
        return GAIN;
    case PATH_UP:
        return m->foreign ? UP_GAIN : up_gains[m->grown_rounds < UP_PACES ? m->grown_rounds : UP_PACES - 1];
    default:
        return m->foreign ? GAIN : OWN_GAIN;
    }
}

uint32_t path_model_inflight_max(const struct path_model *m)
{
    double bdp = path_bdp(m), most;

    if (m->phase == PATH_PROBE_RTT) {
        most = PROBE_RTT * bdp;
    } else {
        most =
            inflight_gain(m) * bdp + slack(m, m->phase == PATH_UP ? fmin(inflight_gain(m), STALL_GAIN) : 1);
        if (m->bound != UINT32_MAX)
            most = fmin(most, m->phase == PATH_UP || m->phase == PATH_REFILL ? m->bound
                              : m->foreign                                   ? HEADROOM * m->bound
                                           : fmax(HEADROOM * m->bound, bdp + slack(m, 1)));
    }
    if (m->phase == PATH_STARTUP)
        most = fmax(most, m->opening);
    if (m->compete.on && m->phase != PATH_PROBE_RTT)
        most = fmax(most, m->compete.window);
    most = fmin(fmin(most, m->window), INFLIGHT_MOST);
    return (uint32_t)fmax(most, PATH_MODEL_LEAST);
}

int64_t path_model_debt_us(const struct path_model *m)
{
    int64_t us = path_stall_longest_us(&m->stall);

    return us < DEBT_US ? DEBT_US : us < DEBT_MOST_US ? us : DEBT_MOST_US;
}

bool path_stalled_lately(const struct path_model *m)
{
    return m->now_us - m->stall.until_us < LATELY_ROUNDS * m->rtt.min_us + LATELY_US + path_model_debt_us(m);
}

int64_t path_model_min_rtt_us(const struct path_model *m)
{
    return m->rtt.min_us;
}
