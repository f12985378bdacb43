#include "shim/udt/path_compete.h"
#include "shim/udt/path_bounds.h"
#include "shim/udt/path_model.h"
#include <math.h>

#define SECOND 1e6

/* RFC 9438, 4.1.1 and 4.6 */
#define CUBIC_C    0.4
#define CUBIC_BETA 0.7
/* ... and 4.2: at most half as much again in a round trip */
#define GROWTH_MAX 1.5

/* Ours. */
#define DEEP_SHARE  2      /* round trips: more of ours cannot queue, ... */
#define DEEP_US     100000 /* ... nor of others who leave a share to who has two round trips in flight */
#define DEEP_ROUNDS 3
#define GROWN_SHARE 4 /* of a queue: two of ours who both probe add less */
#define GROWN_US    10000000
#define MORE        1.2  /* of ours in flight: a probe has an eighth more, ... */
#define MORE_LEAST  3    /* ... or a packet or two */
#define OPENING     1.0  /* for each packet that comes, as in a slow start */
#define OPENING_MIN 1.35 /* times what it began with, before it tells our share */
#define STEP_ROUNDS 3    /* later, what others send has changed as well */
#define LOSSES      2    /* the first one may come before we have our share */
#define SHARE       0.5  /* beside one; more of them let us have less */
#define SHARE_MOST  0.6
#define ALONE       0.8
#define LOOK_US     8000000  /* after so long a loss makes us look, ... */
#define LOOK_MAX_US 20000000 /* ... and this does without any */
#define REST_US     30000000

static void end(struct path_compete *c)
{
    c->on = false;
    c->rounds = 0;
    c->low.rtt_us = 0;
}

static struct path_queue_look look(const struct path_sample *s)
{
    return (struct path_queue_look){s->now_us, s->rtt_us, s->back_us, s->tx_inflight};
}

static void begin(struct path_compete *c, const struct path_sample *s)
{
    double took = (double)(c->last.at_us - c->low.at_us);

    *c = (struct path_compete){.on = true,
                               .opening = true,
                               .window = c->last.inflight,
                               .trend = (double)(c->last.rtt_us - c->low.rtt_us) / fmax(took, 1),
                               .from = c->last,
                               .lost = s->lost,
                               .recover = s->delivered,
                               .looked_us = s->now_us};
}

/* The queue grows, though we have sent no more. */
static bool grown(struct path_compete *c, const struct path_sample *s, int64_t queue_us)
{
    if (c->low.rtt_us == 0 || s->rtt_us < c->low.rtt_us || s->now_us - c->low.at_us > GROWN_US ||
        s->tx_inflight > MORE * c->low.inflight + MORE_LEAST)
        c->low = look(s);
    return s->rtt_us > c->low.rtt_us + queue_us / GROWN_SHARE;
}

/* Our share of the line: of what is more in flight at `b` than at `a`, so much has made the queue longer, in
 * terms of the rate at which ours come. By `trend` it would have grown without us. */
static double share(const struct path_queue_look *a, const struct path_queue_look *b, double trend)
{
    double more = b->inflight - a->inflight,
           longer = (double)(b->rtt_us - a->rtt_us) - trend * (double)(b->at_us - a->at_us);
    const struct path_queue_look *fuller = more > 0 ? b : a;

    return more == 0 ? 0 : fuller->inflight / (double)(fuller->rtt_us + fuller->back_us) * longer / more;
}

static bool somebody_fills_it(struct path_compete *c, const struct path_sample *s, bool foreign,
                              int64_t queue_us, int64_t rtt_us)
{
    if (!foreign || s->now_us < c->rests_us || queue_us <= DEEP_SHARE * rtt_us + DEEP_US) {
        end(c);
        return false;
    }
    c->rounds++;
    return grown(c, s, queue_us) && c->rounds >= DEEP_ROUNDS;
}

/* The window is as large as our share of the queue. */
static void opened(struct path_compete *c, int64_t now_us)
{
    c->opening = false;
    c->most = c->window;
    c->cut_us = now_us;
    c->k_s = 0;
}

static bool must_look(struct path_compete *c, const struct path_queue_look *now)
{
    c->looked_us = now->at_us;
    c->last = *now;
    return true;
}

/* Each packet more than at `step` has made the queue longer by as much time as it takes to come through:
 * nobody else has a share of the line. What waits beside that waits elsewhere, as receipts do behind what
 * somebody sends back. */
static bool only_ours(const struct path_queue_look *step, const struct path_queue_look *now)
{
    return step->rtt_us > 0 && now->at_us - step->at_us <= STEP_ROUNDS * now->rtt_us &&
           now->inflight >= OPENING_MIN * step->inflight && share(step, now, 0) > ALONE;
}

/* True: the path must be looked at with little in flight. */
static bool round_is_over(struct path_compete *c, const struct path_sample *s, bool foreign, int64_t queue_us,
                          int64_t rtt_us)
{
    struct path_queue_look now = look(s);
    double had;

    if (s->rtt_us <= 0)
        return false;
    if (!c->on) {
        if (!somebody_fills_it(c, s, foreign, queue_us, rtt_us))
            return false;
        c->last = now;
        return true;
    }
    if (!c->opening || s->app_limited)
        return false;
    if (now.rtt_us < c->from.rtt_us || now.inflight < c->from.inflight) {
        c->from = c->step = now; /* others have lost, and sent less */
        return false;
    }
    if (only_ours(&c->step, &now))
        return must_look(c, &now);
    if (c->step.rtt_us == 0 || now.inflight >= OPENING_MIN * c->step.inflight)
        c->step = now;
    had = share(&c->from, &now, c->trend);
    if (now.inflight < OPENING_MIN * c->from.inflight || had < SHARE_MOST)
        return false;
    opened(c, s->now_us);
    return had >= ALONE && must_look(c, &now);
}

static bool cut(struct path_compete *c, const struct path_sample *s)
{
    bool loses = s->lost > c->lost && s->prior_delivered >= c->recover;

    c->lost = s->lost;
    if (!loses)
        return false;
    c->recover = s->delivered;
    c->most = !c->opening && c->window < c->most ? c->window * (1 + CUBIC_BETA) / 2 : c->window;
    c->window = fmax(c->window * CUBIC_BETA, PATH_MODEL_LEAST);
    c->k_s = cbrt((c->most - c->window) / CUBIC_C);
    c->cut_us = s->now_us;
    c->trend = 0;
    c->opening = c->opening && ++c->losses < LOSSES;
    return true;
}

/* True: likewise. Those of us who hear of one loss look together, and see each other gone. */
static bool follow(struct path_compete *c, const struct path_sample *s, double newly)
{
    bool loses = cut(c, s);
    int64_t since_us = s->now_us - c->looked_us;

    if (since_us > LOOK_MAX_US || (loses && since_us > LOOK_US)) {
        c->looked_us = s->now_us;
        if (s->rtt_us > 0)
            c->last = look(s);
        return true;
    }
    if (s->app_limited || s->tx_inflight * 2.0 < c->window)
        return false;
    if (c->opening) {
        c->window += OPENING * newly;
    } else {
        double t_s = (double)(s->now_us - c->cut_us) / SECOND,
               target = fmin(c->most + CUBIC_C * pow(t_s - c->k_s, 3), GROWTH_MAX * c->window);
        c->window += newly * fmax(target - c->window, 0) / c->window;
    }
    return false;
}

bool path_compete_sampled(struct path_model *m, const struct path_sample *s)
{
    int64_t queue_us = m->rtt.round[1].least_us == INT64_MAX ? 0 : m->rtt.round[1].least_us - m->rtt.min_us;
    bool looks;

    if (!m->foreign || path_rtt_empty(&m->rtt, path_packet_us(m)))
        end(&m->compete);
    looks = m->round_began && round_is_over(&m->compete, s, m->foreign, queue_us, m->rtt.min_us);
    if (!m->compete.on)
        return looks;
    path_rtt_idle(&m->rtt, m->now_us); /* another's queue tells nothing new of the path */
    return follow(&m->compete, s, m->newly) || looks;
}

/* By how much the queue became shorter when we sent less. */
static void judge(struct path_model *m, const struct path_sample *s, const struct path_queue_look *now)
{
    struct path_compete *c = &m->compete;
    double had = share(&c->last, now, 0);

    if (had > ALONE || (c->on && only_ours(&c->step, &c->last))) {
        end(c);
        c->rests_us = s->now_us + REST_US;
        m->foreign = false;
        path_rtt_init(&m->rtt, m->now_us, now->rtt_us); /* the path has become longer */
    } else if (!c->on && had < SHARE_MOST) {
        begin(c, s);
    } else if (had > SHARE_MOST) {
        c->window = fmax(c->window * SHARE / had, PATH_MODEL_LEAST);
    }
}

void path_compete_looked(struct path_model *m, const struct path_sample *s)
{
    struct path_queue_look now = {s->now_us, m->rtt.next_us, s->back_us, s->inflight};

    if (m->compete.last.rtt_us > 0 && now.rtt_us != INT64_MAX)
        judge(m, s, &now);
    m->compete.last.rtt_us = m->compete.step.rtt_us = 0;
}
