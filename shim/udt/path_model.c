#include "shim/udt/path_model.h"
#include "shim/udt/path_bounds.h"
#include "shim/udt/path_policer.h"
#include <math.h>

#define SECOND_US 1000000

/* draft-ietf-ccwg-bbr: "Startup", "Drain", "ProbeBW", "ProbeRTT". */
#define FULL_GROWTH  1.25 /* a rate that grows by less in a round does not grow, ... */
#define FULL_ROUNDS  3    /* ... and the path is full after so many of them */
#define DRAIN_ROUNDS 3
#define CYCLE_US     (2 * SECOND_US) /* and up to a second more */
#define PROBE_RTT_US 200000
#define BETA         0.7 /* losses take at most this much of the rate at once, unless more was lost */
#define DOWN_PACE    0.9

/* Ours. */
#define FULL_LOSS          0.15  /* loses more than a path that is only bad, while the rate does not grow */
#define UP_GROWTH          1.1   /* as FULL_GROWTH, where inflight is bound to a fifth more */
#define EMPTYING_PACE      0.75  /* a queue of ours is to be gone in a few round trips ... */
#define FAST_EMPTYING_PACE 0.5   /* ... even when it is longer than half of one */
#define OWN_ROUNDS         3     /* a queue is ours if there was none so many round trips ago, ... */
#define OWN_US             20000 /* ... and this for the receipts' sake */
#define HEAVY_LOSS         0.25
#define HEAVY_LOST         50   /* packets: no accident */
#define LOSSY              0.02 /* a path that loses more than this (BBR.LossThresh) is looked at */
#define LEARN_US           (2 * SECOND_US) /* PATH_DOWN: so long enough packets are waited for */
#define SLOWER             0.75            /* of the known rate: more than another's probe takes from us */
#define HOLD_US            10000           /* a receipt may be that late */
#define HOLD_PACE          0.95
#define SOON_US            250000 /* and up to as much more: a first probe that must not wait for a cycle */

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
    m->round_us = m->now_us;
    path_rtt_begin_round(&m->rtt);
    path_rate_begin_round(&m->rate);
}

static void begin_cycle(struct path_model *m)
{
    m->cycle_us = m->now_us;
    m->wait_us = CYCLE_US + next_random(m) % SECOND_US;
}

static void probe_soon(struct path_model *m)
{
    m->wait_us = SOON_US + next_random(m) % SOON_US;
}

static int64_t answer_us(const struct path_model *m)
{
    return path_rtt_answer_us(&m->rtt);
}
static bool queued(const struct path_model *m)
{
    return path_rtt_queued(&m->rtt, path_packet_us(m));
}
static bool emptied(const struct path_model *m)
{
    return path_rtt_empty(&m->rtt, path_packet_us(m));
}
static bool is_queue(const struct path_model *m, int64_t rtt_us)
{
    return path_rtt_is_queue(&m->rtt, rtt_us, path_packet_us(m));
}

/* Whose queue it is shows when we send less: if it is ours, it is empty at due_us. The first round trip still
 * tells of what was sent before, the second one of the last of that. */
static void expect_empty(struct path_model *m, int64_t queue_us)
{
    bool ours = !m->foreign && is_queue(m, m->rtt.min_us + queue_us);

    m->down.queue_us = queue_us;
    m->down.pace = !ours ? DOWN_PACE : queue_us < m->rtt.min_us / 2 ? EMPTYING_PACE : FAST_EMPTYING_PACE;
    m->due_us =
        m->now_us + 2 * answer_us(m) + HOLD_US + queue_us + (int64_t)((double)queue_us / (1 - m->down.pace));
}

static void enter(struct path_model *m, enum path_phase next) /* the only writer of m->phase */
{
    enum path_phase before = m->phase;

    m->phase = next;
    m->phase_us = m->now_us;
    m->phase_rounds = 0;
    begin_round(m);
    m->down.lost = path_loss_share(&m->loss.steady);
    path_loss_begin(&m->loss, m->delivered, m->lost);
    switch (next) {
    case PATH_STARTUP:
        m->opening = PATH_MODEL_INITIAL;
        m->full = 0;
        m->full_rounds = 0;
        break;
    case PATH_DOWN:
        m->down.stalled = path_stalled_lately(m);
        m->down.rate = m->down.stalled && m->lossy <= 0 ? path_rate(m) : path_policer_delivered(m);
        m->down.from_cruise = before == PATH_CRUISE;
        m->down.held_us = 0;
        expect_empty(m, path_rtt_queue_us(&m->rtt));
        break;
    case PATH_REFILL: /* a rate that losses have cut for all of a cycle is the path's */
        path_rate_cut(&m->rate, m->rate.brief);
        m->rate.brief = INFINITY;
        m->raise_rounds = 0;
        m->raise = 0;
        break;
    case PATH_UP:
        m->probe_from = path_rate(m);
        m->full = m->rate.latest;
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

void path_model_init(struct path_model *m, int64_t now_us, uint32_t seed)
{
    *m = (struct path_model){.random = seed | 1};
    path_model_restart(m, now_us, -1, 0);
}

void path_model_restart(struct path_model *m, int64_t now_us, int64_t rtt_us, double rate)
{
    *m = (struct path_model){.now_us = now_us,
                             .random = m->random,
                             .delivered = m->delivered,
                             .lost = m->lost,
                             .old = m->delivered,
                             .bound = UINT32_MAX,
                             .window = INFINITY,
                             .empty_us = now_us};
    path_rtt_init(&m->rtt, now_us, rtt_us);
    path_rate_init(&m->rate, now_us, m->delivered, rate / 3); /* startup sends nearly three times as fast */
    path_loss_init(&m->loss);
    path_stall_init(&m->stall, now_us);
    begin_cycle(m);
    enter(m, PATH_STARTUP);
}

/* Not the path was the bound, nor its model. Who sends a little now and then is never told so by his
 * queue: what is in flight tells. In startup that was half of what may be in flight now. */
static bool limited(const struct path_model *m, const struct path_sample *s)
{
    double full = m->phase == PATH_STARTUP ? path_model_inflight_max(m) / 2.0 : path_bdp(m);

    return s->app_limited || s->tx_inflight * 2.0 < full;
}

/* It was empty a moment ago: it is us who fill it. */
static bool own_queue(const struct path_model *m)
{
    return m->now_us - m->empty_us < OWN_ROUNDS * answer_us(m) + OWN_US;
}

static void note_rtt(struct path_model *m, const struct path_sample *s)
{
    path_stall_note(&m->stall, s, m->rtt.min_us, path_packet_us(m));
    if (s->rtt_us >= 0)
        path_rtt_note(&m->rtt, m->now_us, s->rtt_us - m->stall.of_last_us, s->back_us, path_packet_us(m));
    if (emptied(m) || (path_stall_unknown(&m->stall) && own_queue(m)))
        m->empty_us = m->now_us;
}

static void note_round(struct path_model *m, const struct path_sample *s)
{
    /* A sample in which nothing has come for the first time has no newest packet. */
    m->round_began = s->prior_delivered >= m->round_end && s->delivered > s->prior_delivered;
    if (!m->round_began)
        return;
    path_rtt_round_is_over(&m->rtt);
    m->phase_rounds++;
    begin_round(m);
}

/* The first round of a phase tells of what was sent before it, and its losses are known later still. */
static void note_loss(struct path_model *m)
{
    if (m->phase_rounds < 1 || (m->phase_rounds == 1 && m->now_us - m->round_us < answer_us(m) / 2))
        path_loss_begin(&m->loss, m->delivered, m->lost);
    else
        path_loss_note(&m->loss, m->delivered, m->lost);
}

/* While we send as fast as the path, and for a round trip after that, a queue tells what it carries; when
 * we send less, what is queued may be another's. */
static void note_busy(struct path_model *m, const struct path_sample *s)
{
    bool cruising =
        m->phase == PATH_CRUISE || (m->phase == PATH_DOWN && m->down.from_cruise && m->phase_rounds < 1);

    if (s->rtt_us < 0 || (m->phase == PATH_DOWN && !cruising))
        return;
    if (cruising && !m->foreign && !limited(m, s) && is_queue(m, s->rtt_us - m->stall.of_last_us))
        path_rate_busy(&m->rate, m->now_us, m->delivered, answer_us(m));
    else
        path_rate_idle(&m->rate, m->now_us, m->delivered);
}

/* The rate has stopped to grow: for three rounds, or for one that has shown why. */
static bool path_is_full(struct path_model *m, double growth)
{
    if (!m->round_began || path_rate_was_limited(&m->rate))
        return false;
    if (m->rate.round[1] >= m->full * growth) {
        m->full = m->rate.round[1];
        m->full_rounds = 0;
        m->grown_rounds += !m->cautious;
        return false;
    }
    m->grown_rounds = 0;
    m->full_rounds++;
    return m->full_rounds >= FULL_ROUNDS || (own_queue(m) && is_queue(m, m->rtt.round[1].least_us)) ||
           (path_loss_excess(&m->loss, &m->loss.brief) && path_loss_share(&m->loss.brief) > FULL_LOSS);
}

static void startup(struct path_model *m, const struct path_sample *s)
{
    if (!limited(m, s))
        m->opening += m->newly;
    /* Who loses as much as that has left the path's rate behind, whether or not he might have sent more. */
    bool heavy = (m->loss.brief.lost > HEAVY_LOST && path_loss_share(&m->loss.brief) > HEAVY_LOSS) ||
                 path_loss_drops(&m->loss, m->now_us, m->delivered, m->lost, m->rtt.min_us);
    /* Who sends little makes no queue: his path may have become a little longer. */
    bool grows = path_rtt_grows(&m->rtt) && !path_rate_was_limited(&m->rate);

    if (!path_is_full(m, FULL_GROWTH) && !heavy &&
        !((queued(m) || grows) && own_queue(m) && !path_stall_unknown(&m->stall)))
        return;
    /* What of this is the path's own, PATH_DOWN will tell. */
    m->lossy = path_loss_share(&m->loss.brief) > LOSSY ? path_loss_share(&m->loss.brief) : 0;
    enter(m, PATH_DRAIN);
}

static void drain(struct path_model *m, const struct path_sample *s)
{
    if (s->inflight > path_bdp(m) && m->phase_rounds <= DRAIN_ROUNDS)
        return;
    probe_is_over(m);
    /* It was a queue that ended startup while the rate still grew: somebody else may have filled it. */
    if (m->full_rounds == 0 && m->lossy <= 0) {
        probe_soon(m);
        path_share_began_late(&m->share, m->now_us, answer_us(m));
    }
}

/* The losses of this window were of packets sent more slowly than the path carries. If there were as many
 * before, they are the path's own, and what was given up for them is taken back. Else what startup has seen
 * come before them was a policer's bucket, and what came with them is what the path carries. */
static void learn_loss(struct path_model *m)
{
    if (m->phase_rounds < 1 || m->loss.brief.sent == 0)
        return;
    path_loss_learn(&m->loss, &m->loss.brief);
    if (m->lossy > 0 && path_loss_share(&m->loss.brief) * 2 < m->lossy)
        path_policer_learn(m, !m->down.from_cruise && m->probe_from <= 0);
    m->rate.brief = INFINITY;
    m->lossy = 0;
}

/* No more is in flight than the path holds: that the queue is gone is heard of a round trip later, if it
 * was ours. Not so when the path has become slower, and what it holds is not known. */
static void hold(struct path_model *m, const struct path_sample *s)
{
    bool known = m->rate.busy <= 0 || m->rate.busy >= SLOWER * path_rate(m);

    if (m->down.held_us == 0 && s->inflight <= path_inflight_target(m))
        m->down.held_us = m->now_us;
    if (m->foreign || m->lossy > 0 || !known || m->down.held_us == 0)
        return;
    if (m->now_us - m->down.held_us > answer_us(m) * 3 / 2 + HOLD_US)
        m->down.pace = DOWN_PACE;
    else if (s->inflight <= path_bdp(m))
        m->down.pace = HOLD_PACE;
}

/* The queue that came while we cruised was ours. The path may carry far less than before. */
static void own_queue_emptied(struct path_model *m)
{
    if (m->rate.busy > 0 && m->rate.busy < SLOWER * path_rate(m)) {
        path_rate_replace(&m->rate, m->rate.busy);
    } else if (m->down.rate > 0 && m->lossy <= 0 && !m->down.stalled) {
        path_rate_replace(&m->rate, path_share_yielded(&m->share, m->now_us, path_rate(m), m->down.rate,
                                                       m->down.lost, answer_us(m)));
        if (path_share_no_probe(&m->share, m->now_us, answer_us(m)))
            begin_cycle(m);
    }
}

static void down(struct path_model *m, const struct path_sample *s)
{
    bool told = m->lossy <= 0 || (m->phase_rounds >= 3 && path_loss_brief_full(&m->loss)) ||
                m->now_us - m->phase_us > LEARN_US;
    bool empty = emptied(m), due = told && m->now_us >= m->due_us;
    int64_t queue_us = path_rtt_queue_us(&m->rtt);

    if (m->rate.busy > 0)
        m->down.rate = fmin(m->down.rate, m->rate.busy);
    if (!m->foreign && queue_us > m->down.queue_us && m->now_us - m->phase_us < 2 * answer_us(m) + queue_us)
        expect_empty(m, queue_us); /* of what was sent before: a path that has become slow has queued much */
    if (m->lossy > 0 && m->round_began && m->phase_rounds == 2)
        path_loss_begin(&m->loss, m->delivered,
                        m->lost); /* what was lost before may be known as late as this */
    hold(m, s);
    if (m->round_began && m->probed) {
        m->probed = false;
        path_policer_probed(m);
        path_rate_begin_cycle(&m->rate);
    }
    /* Another's queue does not empty; but it is waited for, as he may have gone. */
    if (!due && (!told || m->down.held_us == 0 ||
                 !(empty || (m->foreign && m->now_us - m->down.held_us > answer_us(m) * 3 / 2 + HOLD_US))))
        return;
    if (due && !empty && !m->foreign && queue_us < m->down.queue_us * 3 / 4) {
        expect_empty(m, queue_us);
        return;
    }
    if (empty && m->down.from_cruise)
        own_queue_emptied(m);
    if (!m->down.from_cruise && m->probe_from > 0 &&
        path_share_probe_soon(&m->share, m->now_us, m->probe_from, path_rate(m), answer_us(m)))
        probe_soon(m);
    m->foreign = !empty;
    learn_loss(m);
    m->probe_from = 0;
    enter(m, PATH_CRUISE);
}

/* Losses that go on, or that come together with a queue, are no accident. */
static bool too_lossy(struct path_model *m)
{
    bool pressed = path_loss_excess(&m->loss, &m->loss.brief) && queued(m);

    if (!m->round_began || m->phase_rounds < 2)
        return false;
    m->lossy = path_loss_share(pressed ? &m->loss.brief : &m->loss.steady);
    return path_loss_goes_on(&m->loss, m->delivered, m->lost) || pressed;
}

static void cruise(struct path_model *m, const struct path_sample *s)
{
    (void)s;
    if (emptied(m))
        m->foreign = false;
    if (too_lossy(m)) { /* PATH_DOWN shows whether less is lost when less is sent */
        m->rate.brief = fmax(m->rate.latest, fmin(BETA, 1 - m->lossy) * path_rate(m));
        enter(m, PATH_DOWN);
        return;
    }
    m->lossy = 0;
    if (!m->foreign && m->round_began && m->phase_rounds >= 1 && !path_rate_was_limited(&m->rate))
        path_rate_raise(&m->rate,
                        path_share_raised(&m->share, m->now_us, path_rate(m), answer_us(m), emptied(m)));
    if (m->now_us - m->cycle_us >= m->wait_us)
        enter(m, PATH_REFILL);
    else if (!m->foreign && queued(m))
        enter(m, PATH_DOWN);
}

static void refill(struct path_model *m, const struct path_sample *s)
{
    (void)s;
    if (m->round_began)
        enter(m, PATH_UP);
}

/* By 1, 2, 4... packets a round (draft-ietf-ccwg-bbr, "Accelerating to Probe for Bandwidth"). */
static void raise_bound(struct path_model *m, const struct path_sample *s)
{
    if (m->bound == UINT32_MAX)
        return;
    if (s->tx_inflight > m->bound)
        m->bound = s->tx_inflight;
    if (m->round_began && m->raise_rounds < 30)
        m->raise_rounds++;
    if (s->inflight + s->inflight / 8 + 1 < m->bound)
        return; /* it does not bind */
    m->raise += m->newly * ldexp(1, m->raise_rounds) / fmax(m->bound, 1);
    if (m->raise >= 1) {
        m->bound += (uint32_t)fmin(m->raise, m->bound);
        m->raise = 0;
    }
}

static void up(struct path_model *m, const struct path_sample *s)
{
    if (m->phase_rounds >= 1 && path_loss_excess(&m->loss, &m->loss.brief)) {
        if (!s->app_limited)
            m->bound = (uint32_t)fmax(s->tx_inflight, BETA * path_bdp(m));
        m->rate.best[0] = fmin(m->rate.best[0], fmax(m->rate.best[1], path_sample_rate(s)));
        m->cautious = !queued(m);
        m->lossy = path_loss_share(&m->loss.brief);
        probe_is_over(m);
        return;
    }
    raise_bound(m, s);
    if (!path_is_full(m, m->foreign ? FULL_GROWTH : UP_GROWTH) &&
        !(m->phase_rounds >= 1 && !m->foreign && queued(m)))
        return;
    m->cautious = false;
    probe_is_over(m);
}

static void probe_rtt(struct path_model *m, const struct path_sample *s)
{
    if (m->due_us == 0) {
        if (s->inflight > path_model_inflight_max(m))
            return;
        m->due_us = m->now_us + PROBE_RTT_US;
        m->phase_rounds = 0;
        begin_round(m);
    }
    if (m->now_us < m->due_us || m->phase_rounds < 1)
        return;
    path_compete_looked(m, s);
    path_rtt_probed(&m->rtt, m->now_us);
    m->rate.brief = INFINITY;
    begin_cycle(m);
    enter(m, m->filled ? PATH_CRUISE : PATH_STARTUP);
}

static void (*const steps[])(struct path_model *, const struct path_sample *) = {
    [PATH_STARTUP] = startup, [PATH_DRAIN] = drain, [PATH_DOWN] = down,           [PATH_CRUISE] = cruise,
    [PATH_REFILL] = refill,   [PATH_UP] = up,       [PATH_PROBE_RTT] = probe_rtt,
};

void path_model_sampled(struct path_model *m, const struct path_sample *s)
{
    double rate = path_sample_rate(s);

    if (s->now_us < m->now_us || s->delivered < m->delivered)
        return;
    m->newly = (double)(s->delivered - m->delivered);
    m->now_us = s->now_us;
    m->delivered = s->delivered;
    m->lost = s->lost;
    m->window += 2 * m->newly;
    if (s->prior_delivered < m->old)
        return;
    note_rtt(m, s);
    if (rate > 0 && m->phase != PATH_STARTUP)
        rate = path_rate_over_time(&m->rate, m->now_us, m->delivered, rate, s->interval_us);
    if (rate > 0)
        path_rate_note(&m->rate, rate, limited(m, s));
    note_round(m, s);
    note_loss(m);
    note_busy(m, s);
    path_policer_note(m);
    steps[m->phase](m, s);
    if (m->phase != PATH_PROBE_RTT && (path_compete_sampled(m, s) || path_rtt_stale(&m->rtt, m->now_us)))
        enter(m, PATH_PROBE_RTT);
}

void path_model_sent(struct path_model *m, int64_t now_us, uint32_t inflight)
{
    if (inflight > 0 || now_us <= m->now_us)
        return;
    m->now_us = now_us;
    path_rtt_idle(&m->rtt, now_us);
    if (m->phase == PATH_DOWN || m->phase == PATH_REFILL || m->phase == PATH_UP)
        enter(m, PATH_CRUISE);
}

void path_model_timeout(struct path_model *m, int64_t now_us)
{
    m->now_us = now_us > m->now_us ? now_us : m->now_us;
    m->window = PATH_MODEL_LEAST;
}
