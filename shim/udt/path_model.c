#include "shim/udt/path_model.h"
#include "shim/udt/path_bounds.h"
#include <math.h>
#include <string.h>

#define SECOND_US 1000000

/* draft-ietf-ccwg-bbr, "Startup" and "ProbeBW" */
#define FULL_GROWTH        1.25 /* less growth than this in a round is none */
#define FULL_ROUNDS        3
#define FULL_LOSS          0.15
#define UP_GROWTH          1.1 /* ... where the inflight is bound to a fifth more */
#define OWN_ROUNDS         3
#define OWN_US             20000
#define DRAIN_ROUNDS       3
#define CYCLE_US           (2 * SECOND_US) /* and up to a second more */
#define BETA               0.7
#define DOWN_PACE          0.9
#define EMPTYING_PACE      0.75 /* ... when there is a queue of ours, ... */
#define FAST_EMPTYING_PACE 0.5  /* ... and when it is a long one */
#define PROBE_RTT_US       200000

#define SLOWER       0.75 /* of the rate that was known: more than another's probe takes */
#define BUSY_PACKETS 20
#define RATE_MAX     1e8 /* packets a second: no clock of ours tells more */

static const char *const phase_names[] = {
    [PATH_STARTUP] = "startup",     [PATH_DRAIN] = "drain",   [PATH_DOWN] = "down",
    [PATH_CRUISE] = "cruise",       [PATH_REFILL] = "refill", [PATH_UP] = "up",
    [PATH_PROBE_RTT] = "probe_rtt",
};

const char *path_phase_name(enum path_phase phase)
{
    return phase_names[phase];
}

static uint32_t next_random(struct path_model *m) /* Marsaglia's xorshift */
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 17;
    m->random ^= m->random << 5;
    return m->random;
}

/* The packets that leave from now on are those of the next round. */
static void begin_round(struct path_model *m)
{
    m->round_end = m->delivered;
    m->round_from = m->delivered;
    m->round_us = m->now_us;
    m->round_rtt_us[0] = INT64_MAX;
    m->round_best[0] = 0;
    m->round_limited = false;
}

static void begin_cycle(struct path_model *m)
{
    m->cycle_us = m->now_us;
    m->wait_us = CYCLE_US + next_random(m) % SECOND_US;
}

/* Whose queue it is shows when we send less: how long that takes at most. The first round trips still tell of what
 * was sent before. */
static void expect_empty(struct path_model *m, int64_t queue_us)
{
    bool queue = path_rtt_is_queue(&m->rtt, m->rtt.min_us + queue_us, path_packet_us(m));

    m->ebb_us = queue_us;
    m->emptying = m->foreign || !queue           ? DOWN_PACE
                  : queue_us < m->rtt.min_us / 2 ? EMPTYING_PACE
                                                 : FAST_EMPTYING_PACE;
    m->due_us = m->now_us + 2 * m->rtt.min_us + queue_us + (int64_t)((double)queue_us / (1 - m->emptying));
}

static void begin_down(struct path_model *m, enum path_phase before)
{
    m->ebb = m->latest;
    m->learns = before == PATH_CRUISE;
    expect_empty(m, path_rtt_queue_us(&m->rtt));
}

static void keep_brief(struct path_model *m)
{
    m->best[0] = fmin(m->best[0], m->brief);
    m->best[1] = fmin(m->best[1], m->brief);
}

static void enter(struct path_model *m, enum path_phase next) /* the only writer of m->phase */
{
    enum path_phase before = m->phase;

    m->phase = next;
    m->phase_us = m->now_us;
    m->phase_rounds = 0;
    begin_round(m);
    path_loss_begin(&m->loss, m->delivered, m->lost);
    switch (next) {
    case PATH_STARTUP:
        m->opening = PATH_MODEL_INITIAL;
        m->full = 0;
        m->full_rounds = 0;
        break;
    case PATH_DOWN:
        begin_down(m, before);
        break;
    case PATH_REFILL:
        keep_brief(m);
        m->brief = INFINITY;
        m->up_rounds = 0;
        m->up_acked = 0;
        break;
    case PATH_UP:
        m->full = m->latest;
        m->full_rounds = 0;
        m->grown_rounds = 0;
        break;
    case PATH_PROBE_RTT:
        m->due_us = 0;
        path_rtt_probe(&m->rtt);
        break;
    default:
        break;
    }
}

static void probe_is_over(struct path_model *m)
{
    begin_cycle(m);
    m->filled = true;
    m->probed = true;
    enter(m, PATH_DOWN);
}

/* What was learnt in this cycle is kept for one more (MaxBwFilterLen). */
static void next_cycle(struct path_model *m)
{
    if (m->best[0] <= 0)
        return;
    m->best[1] = m->best[0];
    m->best[0] = 0;
}

void path_model_init(struct path_model *m, int64_t now_us, uint32_t seed)
{
    *m = (struct path_model){.random = seed | 1};
    path_model_restart(m, now_us, -1, 0);
}

void path_model_restart(struct path_model *m, int64_t now_us, int64_t rtt_us, double rate)
{
    m->now_us = now_us;
    m->old = m->delivered;
    m->round_rtt_us[1] = INT64_MAX;
    m->round_best[1] = 0;
    m->latest = 0;
    m->best[0] = rate > 0 ? fmin(rate, RATE_MAX) : 0;
    m->best[1] = 0;
    m->brief = INFINITY;
    m->bound = UINT32_MAX;
    m->window = INFINITY;
    m->foreign = false;
    m->filled = false;
    m->cautious = false;
    m->empty_us = now_us;
    m->probed = false;
    m->busy_rate = 0;
    m->busy_us = now_us;
    m->learns = false;
    m->lossy = 0;
    path_rtt_init(&m->rtt, now_us, rtt_us);
    path_loss_init(&m->loss);
    begin_cycle(m);
    enter(m, PATH_STARTUP);
}

static double sample_rate(const struct path_sample *s)
{
    if (s->interval_us <= 0 || s->delivered <= s->prior_delivered)
        return 0;
    return fmin((double)(s->delivered - s->prior_delivered) * SECOND_US / (double)s->interval_us, RATE_MAX);
}

static void note_rate(struct path_model *m, const struct path_sample *s)
{
    double rate = sample_rate(s);

    m->round_best[0] = fmax(m->round_best[0], rate);
    m->round_limited |= s->app_limited;
    if (rate > 0 && !s->app_limited)
        m->latest = rate;
    if (rate > 0 && (!s->app_limited || rate > path_rate(m)))
        m->best[0] = fmax(m->best[0], rate);
}

static void note_round(struct path_model *m, const struct path_sample *s)
{
    m->round_began = s->prior_delivered >= m->round_end && s->delivered > m->round_end;
    if (!m->round_began)
        return;
    m->round_rtt_us[1] = m->round_rtt_us[0] == INT64_MAX ? m->round_rtt_us[1] : m->round_rtt_us[0];
    m->round_best[1] = m->round_best[0];
    m->phase_rounds++;
    begin_round(m);
}

/* The first round of a phase tells of what was sent before it, and its losses are known later still. */
static void note_loss(struct path_model *m)
{
    if (m->phase_rounds < 1 || (m->phase_rounds == 1 && m->now_us - m->round_us < m->rtt.min_us / 2))
        path_loss_begin(&m->loss, m->delivered, m->lost);
    else
        path_loss_note(&m->loss, m->delivered, m->lost);
}

static bool queued(const struct path_model *m)
{
    return path_rtt_queued(&m->rtt, path_packet_us(m));
}
static bool emptied(const struct path_model *m)
{
    return path_rtt_empty(&m->rtt, path_packet_us(m));
}
static bool time_to_probe(const struct path_model *m)
{
    return m->now_us - m->cycle_us >= m->wait_us;
}

/* It was empty a moment ago: it is us who fill it. */
static bool own_queue(const struct path_model *m)
{
    return m->now_us - m->empty_us < OWN_ROUNDS * m->rtt.min_us + OWN_US;
}

/* The rate has stopped to grow: after three such rounds, or after one that has shown why. */
static bool pipe_is_full(struct path_model *m, double growth)
{
    if (!m->round_began || m->round_limited)
        return false;
    if (m->round_best[1] >= m->full * growth) {
        m->full = m->round_best[1];
        m->full_rounds = 0;
        m->grown_rounds += !m->cautious;
        return false;
    }
    m->grown_rounds = 0;
    m->full_rounds++;
    return m->full_rounds >= FULL_ROUNDS ||
           (own_queue(m) && path_rtt_is_queue(&m->rtt, m->round_rtt_us[1], path_packet_us(m))) ||
           (path_loss_excess(&m->loss, &m->loss.brief) && path_loss_share(&m->loss.brief) > FULL_LOSS);
}

static void startup(struct path_model *m, const struct path_sample *s)
{
    if (!s->app_limited)
        m->opening += m->newly;
    if (pipe_is_full(m, FULL_GROWTH) || (queued(m) && own_queue(m)))
        enter(m, PATH_DRAIN);
}

static void drain(struct path_model *m, const struct path_sample *s)
{
    if (s->inflight <= path_bdp(m) || m->phase_rounds > DRAIN_ROUNDS)
        probe_is_over(m);
}

/* The losses of this window were of packets sent more slowly than the path carries: if there were as many before,
 * they are the path's own, and what was given up for them is taken back. */
static void learn_loss(struct path_model *m)
{
    if (m->loss.brief.sent == 0)
        return;
    path_loss_learn(&m->loss, &m->loss.brief);
    if (m->lossy > 0 && path_loss_share(&m->loss.brief) * 2 < m->lossy)
        keep_brief(m);
    m->brief = INFINITY;
    m->lossy = 0;
    path_loss_begin(&m->loss, m->delivered, m->lost);
}

static void note_busy(struct path_model *m, const struct path_sample *s)
{
    bool slow = m->phase != PATH_CRUISE && !(m->phase == PATH_DOWN && m->learns && m->phase_rounds < 1);
    int64_t took_us = m->now_us - m->busy_us;

    if (slow && m->phase == PATH_DOWN)
        return;
    if (slow || m->foreign || s->app_limited || s->rtt_us < 0 ||
        !path_rtt_is_queue(&m->rtt, s->rtt_us, path_packet_us(m))) {
        m->busy_us = m->now_us;
        m->busy_from = m->delivered;
        m->busy_rate = 0;
    } else if (took_us > m->rtt.min_us && m->delivered - m->busy_from >= BUSY_PACKETS) {
        m->busy_rate = (double)(m->delivered - m->busy_from) * SECOND_US / (double)took_us;
    }
}

/* The queue was ours: it emptied when we sent less. The path may carry far less than before. */
static void learn_slower(struct path_model *m)
{
    if (m->learns && m->busy_rate > 0 && m->busy_rate < SLOWER * path_rate(m)) {
        m->best[0] = m->busy_rate;
        m->best[1] = 0;
    }
}

static void down(struct path_model *m, const struct path_sample *s)
{
    bool empty = emptied(m), over = m->now_us >= m->due_us;
    int64_t queue_us = path_rtt_queue_us(&m->rtt);
    bool telling = m->lossy <= 0 || (m->phase_rounds >= 2 && path_loss_brief_full(&m->loss));

    if (m->busy_rate > 0)
        m->ebb = fmin(m->ebb, m->busy_rate);
    if (!m->foreign && queue_us > m->ebb_us && m->now_us - m->phase_us < 2 * m->rtt.min_us + queue_us)
        expect_empty(m, queue_us);
    if (m->round_began && m->probed) {
        m->probed = false;
        next_cycle(m);
    }
    if (!over && (!telling || s->inflight > path_inflight_target(m) || !(empty || m->foreign)))
        return;
    if (over && !empty && !m->foreign && queue_us < m->ebb_us * 3 / 4) {
        expect_empty(m, queue_us);
        return;
    }
    if (empty)
        learn_slower(m);
    m->foreign = !empty;
    if (m->phase_rounds >= 1)
        learn_loss(m);
    enter(m, PATH_CRUISE);
}

/* Losses that go on, or that come together with a queue, are no accident: the rate becomes what came through. Whether
 * they come of it, or are the path's own, shows when less is sent. */
static bool too_lossy(struct path_model *m)
{
    bool excess = path_loss_excess(&m->loss, &m->loss.brief);

    if (!m->round_began || m->phase_rounds < 2)
        return false;
    m->lossy = path_loss_share(excess && queued(m) ? &m->loss.brief : &m->loss.steady);
    return path_loss_goes_on(&m->loss, m->delivered, m->lost) || (excess && queued(m));
}

static void cruise(struct path_model *m, const struct path_sample *s)
{
    (void)s;
    if (emptied(m))
        m->foreign = false;
    if (too_lossy(m)) { /* m->lossy stays for PATH_DOWN to compare with */
        m->brief = fmax(m->latest, fmin(BETA, 1 - m->lossy) * path_rate(m));
        enter(m, PATH_DOWN);
        return;
    }
    m->lossy = 0;
    if (time_to_probe(m)) {
        enter(m, PATH_REFILL);
    } else if (!m->foreign && queued(m)) {
        enter(m, PATH_DOWN);
    }
}

static void refill(struct path_model *m, const struct path_sample *s)
{
    (void)s;
    if (m->round_began)
        enter(m, PATH_UP);
}

/* The bound rises by 1, 2, 4... packets a round (draft-ietf-ccwg-bbr, "Accelerating to Probe for Bandwidth"). */
static void raise_bound(struct path_model *m, const struct path_sample *s)
{
    if (m->bound == UINT32_MAX)
        return;
    if (s->tx_inflight > m->bound && !path_loss_excess(&m->loss, &m->loss.brief))
        m->bound = s->tx_inflight;
    if (m->round_began && m->up_rounds < 30)
        m->up_rounds++;
    if (s->inflight + s->inflight / 8 + 1 < m->bound)
        return; /* it does not bind */
    m->up_acked += m->newly * ldexp(1, (int)m->up_rounds) / fmax(m->bound, 1);
    if (m->up_acked >= 1) {
        m->bound += (uint32_t)fmin(m->up_acked, m->bound);
        m->up_acked = 0;
    }
}

static void up(struct path_model *m, const struct path_sample *s)
{
    double rate = sample_rate(s);

    if (m->phase_rounds >= 1 && path_loss_excess(&m->loss, &m->loss.brief)) {
        if (!s->app_limited)
            m->bound = (uint32_t)fmax(s->tx_inflight, BETA * path_bdp(m));
        m->best[0] = fmin(m->best[0], fmax(m->best[1], rate));
        m->cautious = !queued(m);
        probe_is_over(m);
        return;
    }
    raise_bound(m, s);
    if (pipe_is_full(m, m->foreign ? FULL_GROWTH : UP_GROWTH) ||
        (m->phase_rounds >= 1 && !m->foreign && queued(m)))
        probe_is_over(m);
}

static void probe_rtt(struct path_model *m, const struct path_sample *s)
{
    if (m->due_us == 0) {
        if (s->inflight > path_model_inflight_max(m))
            return;
        m->due_us = m->now_us + PROBE_RTT_US;
        begin_round(m);
        m->phase_rounds = 0;
    }
    if (m->now_us < m->due_us || m->phase_rounds < 1)
        return;
    path_rtt_probed(&m->rtt, m->now_us);
    m->brief = INFINITY;
    begin_cycle(m);
    enter(m, m->filled ? PATH_CRUISE : PATH_STARTUP);
}

static void (*const steps[])(struct path_model *, const struct path_sample *) = {
    [PATH_STARTUP] = startup, [PATH_DRAIN] = drain, [PATH_DOWN] = down,           [PATH_CRUISE] = cruise,
    [PATH_REFILL] = refill,   [PATH_UP] = up,       [PATH_PROBE_RTT] = probe_rtt,
};

void path_model_sampled(struct path_model *m, const struct path_sample *s)
{
    if (s->now_us < m->now_us || s->delivered < m->delivered)
        return;
    m->newly = (double)(s->delivered - m->delivered);
    m->now_us = s->now_us;
    m->delivered = s->delivered;
    m->lost = s->lost;
    if (m->window < RATE_MAX)
        m->window += 2 * m->newly;
    if (s->prior_delivered < m->old)
        return;
    if (s->rtt_us >= 0) {
        path_rtt_note(&m->rtt, m->now_us, s->rtt_us, path_packet_us(m));
        m->round_rtt_us[0] = s->rtt_us < m->round_rtt_us[0] ? s->rtt_us : m->round_rtt_us[0];
    }
    if (emptied(m))
        m->empty_us = m->now_us;
    note_rate(m, s);
    note_round(m, s);
    note_loss(m);
    note_busy(m, s);
    steps[m->phase](m, s);
    if (m->phase != PATH_PROBE_RTT && path_rtt_stale(&m->rtt, m->now_us))
        enter(m, PATH_PROBE_RTT);
}

void path_model_sent(struct path_model *m, int64_t now_us, uint32_t inflight)
{
    if (inflight > 0 || now_us <= m->now_us)
        return;
    m->now_us = now_us;
    path_rtt_idle(&m->rtt, now_us);
    if (m->phase == PATH_UP || m->phase == PATH_REFILL || m->phase == PATH_DOWN)
        enter(m, PATH_CRUISE);
}

void path_model_timeout(struct path_model *m, int64_t now_us)
{
    m->now_us = now_us > m->now_us ? now_us : m->now_us;
    m->window = PATH_MODEL_LEAST;
}
