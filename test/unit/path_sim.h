/* test/unit/path_sim.h: a path with a bottleneck, and up to four senders that share it, packet by packet
 * and without a clock: the same seed gives the same run. Each packet is new: what is delivered is goodput.
 * Time is in microseconds. */
#ifndef HX_TEST_UNIT_PATH_SIM_H
#define HX_TEST_UNIT_PATH_SIM_H

#include "test/unit/path_rivals.h"
#include <stdlib.h>
#include <string.h>

#define SIM_FLOWS    4
#define SIM_PACKETS  (1 << 16)  /* of one flow that are remembered */
#define SIM_BITS     (1428 * 8) /* of a packet on the wire */
#define SIM_TICK_US  5000
#define SIM_BURST_US 10000
#define SIM_WAITED   40 /* bits: above them a receipt has for how long it waited */

enum sim_kind { SIM_NONE, SIM_HX, SIM_CUBIC, SIM_BBR };

struct sim_path {
    double line_mbit; /* 0: no limit but the sender's (SIM_SENDER_MBIT) */
    double rtt_ms;
    int queue_ms;
    double loss;         /* share, at random, behind the bottleneck */
    double burst_loss;   /* share of the time, in bursts of about SIM_BURST_US in which all is lost */
    double jitter_ms;    /* uniform, on the way there; packets overtake each other */
    double policer_kb;   /* above 0: no queue, but a bucket of so many kB; what does not fit is dropped */
    double overread_ms;  /* the receiver wakes that late at most */
    double oversleep_ms; /* the sender wakes that late at most */
    double runs_ms, halts_ms; /* each host is kept from running for that long at most, after about so long */
    double turn_ms; /* the line carries what waits at once, each so long: a radio that has its turn */
    double change_s, change_mbit; /* when the line becomes another one, and which */
    int change_rtt_ms;
    enum sim_kind flows[SIM_FLOWS];
    double starts_s[SIM_FLOWS];
};

struct sim_packet {
    int64_t sent_us, delivered_us, first_us;
    uint64_t delivered, lost;
    uint32_t inflight;
    enum { SIM_FLYING, SIM_CAME, SIM_LOST } fate;
};

struct sim_flow {
    enum sim_kind kind;
    struct path_model model;
    struct cubic cubic;
    struct bbr bbr;
    struct sim_packet *packets;
    uint32_t *came; /* sequence numbers in the order of their arrival */
    int64_t *came_us;
    uint64_t sent, came_count, told, oldest; /* told: of came_count, to the sender */
    uint64_t delivered, lost, spurious;
    uint32_t inflight;
    int64_t next_us, first_us, delivered_us, heard_us, receipt_us, newest_us, probed_us, reads_us;
    uint64_t receipt_from, highest;
    double reorder; /* in round trips */
    bool waking;
    int64_t min_rtt_us;
    /* what is measured */
    uint64_t delivered_from, sent_from, lost_from;
};

enum sim_event_kind { SIM_WAKE, SIM_ARRIVE, SIM_RECEIPT_DUE, SIM_RECEIPT, SIM_TICK, SIM_START };

struct sim_event {
    int64_t at_us;
    uint64_t what;
    uint32_t order; /* of those of one time the first one that was pushed comes first */
    uint8_t kind, flow;
};

struct sim {
    struct sim_path path;
    struct sim_flow flows[SIM_FLOWS];
    struct sim_event *events;
    size_t count, room;
    uint32_t pushed;
    int64_t now_us, free_us; /* free_us: when the line is free again */
    double tokens;
    int64_t tokens_us;
    uint64_t random;
    bool bad;       /* in a burst of losses, ... */
    int64_t bad_us; /* ... or out of it until then */
    double line;    /* packets a second */
    bool halted[2]; /* the senders' host and the receivers', ... */
    int64_t until_us[2];
    int64_t from_us, half_rtt_us;
    int64_t reverse_us;          /* receipts wait so long behind what somebody sends back, ... */
    bool untold;                 /* ... and do not tell when they left */
    uint32_t queue[4096], looks; /* how often the queue was so many ms long */
    void (*tick)(struct sim *);
};

#define SIM_SENDER_MBIT 800 /* what a sender's computer can do */

static double sim_random(struct sim *s)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(s->random >> 11) / 9007199254740992.0;
}

static bool sim_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void sim_push(struct sim *s, int64_t at_us, int flow, enum sim_event_kind kind, uint64_t what)
{
    bool together = s->path.halts_ms > 0 || s->path.turn_ms > 0;
    struct sim_event e = {at_us, what, together ? s->pushed++ : 0, (uint8_t)kind, (uint8_t)flow};
    size_t i = s->count++;

    if (s->count > s->room) {
        s->room = s->room * 2 + 1024;
        s->events = realloc(s->events, s->room * sizeof *s->events);
    }
    for (; i > 0 && sim_before(&e, &s->events[(i - 1) / 2]); i = (i - 1) / 2)
        s->events[i] = s->events[(i - 1) / 2];
    s->events[i] = e;
}

static struct sim_event sim_pop(struct sim *s)
{
    struct sim_event first = s->events[0], last = s->events[--s->count];
    size_t i = 0, next;

    for (; (next = 2 * i + 1) < s->count; i = next) {
        if (next + 1 < s->count && sim_before(&s->events[next + 1], &s->events[next]))
            next++;
        if (!sim_before(&s->events[next], &last))
            break;
        s->events[i] = s->events[next];
    }
    s->events[i] = last;
    return first;
}

static double sim_pacing(const struct sim_flow *f)
{
    return f->kind == SIM_HX ? path_model_pacing(&f->model) : f->kind == SIM_BBR ? bbr_pacing(&f->bbr) : 1e9;
}
static double sim_window(const struct sim_flow *f)
{
    return f->kind == SIM_HX      ? path_model_inflight_max(&f->model)
           : f->kind == SIM_CUBIC ? f->cubic.window
                                  : bbr_window(&f->bbr);
}

/* When a packet that leaves now comes out of the bottleneck; -1: never. */
static int64_t sim_bottleneck(struct sim *s)
{
    const struct sim_path *p = &s->path;
    int64_t turn_us = (int64_t)(p->turn_ms * 1000);

    if (p->policer_kb > 0) {
        double most = p->policer_kb * 8000 / SIM_BITS;

        s->tokens = fmin(most, s->tokens + (double)(s->now_us - s->tokens_us) / 1e6 * s->line);
        s->tokens_us = s->now_us;
        if (s->tokens < 1)
            return -1;
        s->tokens -= 1;
        return s->now_us;
    }
    if (s->free_us - s->now_us > (int64_t)p->queue_ms * 1000)
        return -1;
    s->free_us = (s->free_us > s->now_us ? s->free_us : s->now_us) + (int64_t)(1e6 / s->line + sim_random(s));
    return turn_us > 0 ? (s->free_us + turn_us - 1) / turn_us * turn_us : s->free_us;
}

static bool sim_lost(struct sim *s)
{
    const struct sim_path *p = &s->path;

    if (p->burst_loss > 0) {
        for (; s->bad_us < s->now_us; s->bad = !s->bad)
            s->bad_us += (int64_t)(-log(1 - sim_random(s)) * SIM_BURST_US / (s->bad ? p->burst_loss : 1));
        if (s->bad)
            return true;
    }
    return p->loss > 0 && sim_random(s) < p->loss;
}

static void sim_send(struct sim *s, int flow)
{
    struct sim_flow *f = &s->flows[flow];
    struct sim_packet *p = &f->packets[f->sent % SIM_PACKETS];
    int64_t out_us;

    if (f->kind == SIM_HX)
        path_model_sent(&f->model, s->now_us, f->inflight);
    if (f->inflight == 0)
        f->first_us = f->delivered_us = s->now_us;
    *p = (struct sim_packet){s->now_us, f->delivered_us, f->first_us, f->delivered,
                             f->lost,   ++f->inflight,   SIM_FLYING};
    out_us = sim_bottleneck(s);
    if (out_us >= 0 && !sim_lost(s))
        sim_push(s, out_us + s->half_rtt_us + (int64_t)(s->path.jitter_ms * 1000 * sim_random(s)), flow,
                 SIM_ARRIVE, f->sent);
    f->sent++;
}

static void sim_wake(struct sim *s, int flow)
{
    struct sim_flow *f = &s->flows[flow];
    double late = s->path.oversleep_ms * 1000;
    int64_t debt_us = s->path.halts_ms > 0 ? path_model_debt_us(&f->model) : (int64_t)late + 1000;

    if (f->next_us < s->now_us - debt_us)
        f->next_us = s->now_us - debt_us;
    while (f->inflight + 1 <= sim_window(f) && f->next_us <= s->now_us &&
           f->sent - f->oldest < SIM_PACKETS - 1) {
        sim_send(s, flow);
        f->next_us +=
            (int64_t)fmax(1e6 / fmin(sim_pacing(f), SIM_SENDER_MBIT * 1e6 / SIM_BITS) + sim_random(s), 1);
    }
    if (f->inflight + 1 <= sim_window(f) && !f->waking) {
        f->waking = true;
        sim_push(s, f->next_us + (int64_t)(late * sim_random(s)), flow, SIM_WAKE, 0);
    }
}

static void sim_receipt(struct sim *s, int flow)
{
    struct sim_flow *f = &s->flows[flow];

    if (f->receipt_from == f->came_count)
        return;
    f->receipt_from = f->came_count;
    f->receipt_us = s->now_us;
    if (s->path.loss <= 0 || sim_random(s) >= s->path.loss)
        sim_push(s, s->now_us + s->half_rtt_us + s->reverse_us, flow, SIM_RECEIPT,
                 f->came_count | (uint64_t)s->reverse_us << SIM_WAITED);
}

static void sim_arrive(struct sim *s, int flow, uint64_t sequence)
{
    struct sim_flow *f = &s->flows[flow];

    if (s->now_us > f->reads_us && s->path.overread_ms > 0)
        f->reads_us = s->now_us + (int64_t)(s->path.overread_ms * 1000 * sim_random(s));
    if (s->now_us < f->reads_us) {
        sim_push(s, f->reads_us, flow, SIM_ARRIVE, sequence);
        return;
    }
    uint64_t waiting = f->came_count - f->receipt_from;
    bool gap = sequence > f->highest + 1;

    f->came[f->came_count % SIM_PACKETS] = (uint32_t)sequence;
    f->came_us[f->came_count++ % SIM_PACKETS] = s->now_us;
    if (sequence > f->highest)
        f->highest = sequence;
    if (gap || waiting + 1 >= fmax(2, f->inflight / 8.0)) {
        sim_receipt(s, flow);
    } else if (waiting == 0) {
        int64_t wait_us = s->half_rtt_us / 2 < 10000 ? s->half_rtt_us / 2 : 10000;
        sim_push(s, s->now_us + wait_us, flow, SIM_RECEIPT_DUE, f->came_count);
    }
}

static void sim_find_lost(struct sim_flow *f)
{
    int64_t limit_us = f->newest_us - (int64_t)(f->reorder * (double)f->min_rtt_us);

    for (; f->oldest < f->sent; f->oldest++) {
        struct sim_packet *p = &f->packets[f->oldest % SIM_PACKETS];
        if (p->fate == SIM_FLYING && p->sent_us >= limit_us)
            return;
        if (p->fate == SIM_FLYING) {
            p->fate = SIM_LOST;
            f->lost++;
            f->inflight--;
        }
    }
}

static void sim_told(struct sim *s, int flow, uint64_t told)
{
    struct sim_flow *f = &s->flows[flow];
    struct sim_packet *newest = NULL;
    struct path_sample sample = {.now_us = s->now_us, .rtt_us = -1, .back_us = (int64_t)(told >> SIM_WAITED)};
    uint64_t until = told & ((UINT64_C(1) << SIM_WAITED) - 1);

    if (until <= f->told)
        return;
    for (; f->told < until; f->told++) {
        struct sim_packet *p = &f->packets[f->came[f->told % SIM_PACKETS] % SIM_PACKETS];
        if (p->fate == SIM_LOST) {
            f->lost--;
            f->spurious++;
            f->reorder = fmin(f->reorder * 1.5, 1);
        } else {
            f->inflight--;
        }
        p->fate = SIM_CAME;
        f->delivered++;
        if (!newest || p->sent_us >= newest->sent_us) {
            newest = p;
            sample.rtt_us = f->came_us[f->told % SIM_PACKETS] + s->half_rtt_us - p->sent_us;
        }
    }
    if (f->kind != SIM_HX || s->untold) {
        sample.rtt_us += sample.back_us;
        sample.back_us = 0;
    }
    f->delivered_us = (f->heard_us = s->now_us) - sample.back_us;
    f->min_rtt_us = sample.rtt_us < f->min_rtt_us ? sample.rtt_us : f->min_rtt_us;
    if (newest->sent_us > f->newest_us)
        f->newest_us = newest->sent_us;
    sim_find_lost(f);
    sample.delivered = f->delivered;
    sample.lost = f->lost;
    sample.inflight = f->inflight;
    sample.prior_delivered = newest->delivered;
    sample.prior_lost = newest->lost;
    sample.tx_inflight = newest->inflight;
    sample.interval_us = f->delivered_us - newest->delivered_us;
    if (newest->sent_us - newest->first_us > sample.interval_us)
        sample.interval_us = newest->sent_us - newest->first_us;
    if (sample.interval_us < f->min_rtt_us)
        sample.interval_us = 0;
    f->first_us = newest->sent_us;
    switch (f->kind) {
    case SIM_HX:
        path_model_sampled(&f->model, &sample);
        /* And UDT's own acknowledgement, which tells of nothing new. */
        sample.prior_delivered = sample.delivered;
        sample.rtt_us = -1;
        sample.interval_us = sample.tx_inflight = 0;
        path_model_sampled(&f->model, &sample);
        break;
    case SIM_CUBIC:
        cubic_sampled(&f->cubic, &sample);
        break;
    default:
        bbr_sampled(&f->bbr, &sample);
        break;
    }
    sim_wake(s, flow);
}

/* All that was in flight may be lost without anything that tells: one packet more leaves, whatever the bound
 * (RFC 8985, section 7; RFC 9002, section 6.2). */
static void sim_probe(struct sim *s, int flow)
{
    struct sim_flow *f = &s->flows[flow];
    int64_t since_us = f->heard_us > f->probed_us ? f->heard_us : f->probed_us;

    if (f->inflight == 0 ||
        s->now_us - since_us < s->half_rtt_us * 3 + s->reverse_us +
                                   2 * (s->free_us > s->now_us ? s->free_us - s->now_us : 0) + 25000)
        return;
    f->probed_us = s->now_us;
    sim_send(s, flow);
}

/* Each few ms: how long the queue is, and who has heard nothing for too long. */
static void sim_look(struct sim *s)
{
    int64_t queue_ms = (s->free_us - s->now_us) / 1000;

    for (int i = 0; i < SIM_FLOWS; i++) {
        struct sim_flow *f = &s->flows[i];
        if (f->kind != SIM_NONE && f->packets)
            sim_probe(s, i);
        if (f->kind == SIM_NONE || f->inflight == 0 ||
            s->now_us - f->heard_us < 1000000 + 3 * (s->half_rtt_us + s->reverse_us))
            continue;
        for (; f->oldest < f->sent; f->oldest++) {
            struct sim_packet *p = &f->packets[f->oldest % SIM_PACKETS];
            if (p->fate == SIM_FLYING) {
                p->fate = SIM_LOST;
                f->lost++;
            }
        }
        f->inflight = 0;
        f->heard_us = s->now_us;
        if (f->kind == SIM_HX)
            path_model_timeout(&f->model, s->now_us);
        sim_wake(s, i);
    }
    if (s->now_us >= s->from_us) {
        s->queue[queue_ms < 0 ? 0 : queue_ms > 4095 ? 4095 : queue_ms]++;
        s->looks++;
    }
    if (s->path.change_s > 0 && s->now_us >= (int64_t)(s->path.change_s * 1e6)) {
        if (s->path.change_mbit > 0)
            s->line = s->path.change_mbit * 1e6 / SIM_BITS;
        if (s->path.change_rtt_ms > 0)
            s->half_rtt_us = s->path.change_rtt_ms * 500;
    }
    if (s->tick)
        s->tick(s);
    sim_push(s, s->now_us + SIM_TICK_US, 0, SIM_TICK, 0);
}

static void sim_start(struct sim *s, int flow)
{
    struct sim_flow *f = &s->flows[flow];

    f->heard_us = s->now_us;
    path_model_init(&f->model, s->now_us, (uint32_t)flow + (uint32_t)s->random);
    if (f->kind == SIM_HX)
        path_model_restart(&f->model, s->now_us, s->half_rtt_us * 2 + 300, 0);
    cubic_init(&f->cubic);
    bbr_init(&f->bbr, (uint32_t)flow + (uint32_t)s->random);
    f->bbr.min_rtt_at_us = s->now_us;
    f->min_rtt_us = INT64_MAX / 4;
    f->reorder = 0.25;
    f->packets = calloc(SIM_PACKETS, sizeof *f->packets);
    f->came = calloc(SIM_PACKETS, sizeof *f->came);
    f->came_us = calloc(SIM_PACKETS, sizeof *f->came_us);
    f->next_us = s->now_us;
    sim_wake(s, flow);
}

static void sim_begin(struct sim *s, const struct sim_path *p, uint64_t seed)
{
    double mbit = p->line_mbit > 0 ? p->line_mbit : 10000;

    memset(s, 0, sizeof *s);
    s->path = *p;
    s->random = seed;
    s->line = mbit * 1e6 / SIM_BITS;
    s->half_rtt_us = (int64_t)(p->rtt_ms * 500);
    s->tokens = p->policer_kb * 8000 / SIM_BITS;
    for (int i = 0; i < SIM_FLOWS; i++) {
        s->flows[i].kind = p->flows[i];
        if (p->flows[i] != SIM_NONE)
            sim_push(s, (int64_t)(p->starts_s[i] * 1e6), i, SIM_START, 0);
    }
    sim_push(s, 0, 0, SIM_TICK, 0);
}

static void sim_end(struct sim *s)
{
    for (int i = 0; i < SIM_FLOWS; i++) {
        free(s->flows[i].packets);
        free(s->flows[i].came);
        free(s->flows[i].came_us);
    }
    free(s->events);
}

/* A host that others keep from running: what comes meanwhile waits. */
static bool sim_halted(struct sim *s, struct sim_event e)
{
    bool receives = e.kind == SIM_ARRIVE || e.kind == SIM_RECEIPT_DUE;

    if (s->path.halts_ms <= 0 || e.kind == SIM_TICK)
        return false;
    for (int i = 0; i < 2; i++) {
        for (; s->until_us[i] <= s->now_us; s->halted[i] = !s->halted[i])
            s->until_us[i] += (int64_t)(1000 * (s->halted[i] ? -log(1 - sim_random(s)) * s->path.runs_ms
                                                             : s->path.halts_ms * sim_random(s)));
    }
    if (s->halted[receives])
        sim_push(s, s->until_us[receives], e.flow, (enum sim_event_kind)e.kind, e.what);
    return s->halted[receives];
}

static void sim_run(struct sim *s, double until_s)
{
    while (s->count > 0 && s->events[0].at_us < (int64_t)(until_s * 1e6)) {
        struct sim_event e = sim_pop(s);
        s->now_us = e.at_us;
        if (sim_halted(s, e))
            continue;
        switch ((enum sim_event_kind)e.kind) {
        case SIM_START:
            sim_start(s, e.flow);
            break;
        case SIM_WAKE:
            s->flows[e.flow].waking = false;
            sim_wake(s, e.flow);
            break;
        case SIM_ARRIVE:
            sim_arrive(s, e.flow, e.what);
            break;
        case SIM_RECEIPT_DUE:
            if (s->flows[e.flow].receipt_from < e.what)
                sim_receipt(s, e.flow);
            break;
        case SIM_RECEIPT:
            sim_told(s, e.flow, e.what);
            break;
        case SIM_TICK:
            sim_look(s);
            break;
        }
    }
}

#endif
