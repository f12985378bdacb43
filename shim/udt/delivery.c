#include "shim/udt/delivery.h"
#include "shim/udt/packet.h"
#include <stdlib.h>

#define SIZE_FIRST    256u /* packets */
#define MARGIN_US     1000 /* of what two hosts measure, and of a burst that leaves at once */
#define PERIOD_MIN_US 2000000
#define PERIOD_RTTS   16 /* RFC 8985, 6.2, step 4: the window widened persists for 16 recoveries */
#define GUESSES_MAX   16

enum packet_state { COME, FLYING, LOST };

struct delivery_packet {
    uint32_t after;                   /* the next one that has not come */
    uint32_t lost_before, lost_after; /* neighbours of one that waits to be repeated */
    uint32_t stamp, former_stamp;     /* when it left last, and the time before */
    uint32_t first_stamp, delivered_stamp, delivered, lost, inflight; /* of struct delivery, as it left */
    uint8_t state;
    bool waits; /* it is in the list of those to be repeated */
    bool repeated, app_limited;
    bool again; /* it was repeated although it was not taken for lost */
};

static struct delivery_packet *at(const struct delivery *d, uint32_t seq)
{
    return &d->ring[seq & (d->size - 1)];
}

/* Of those that are in the ring. */
static bool within(const struct delivery *d, uint32_t seq)
{
    return d->started && packet_distance(seq, d->head) >= 0 && packet_distance(seq, d->next) < 0;
}

void delivery_init(struct delivery *d)
{
    *d = (struct delivery){.min_rtt_us = -1, .srtt_us = -1};
}

void delivery_end(struct delivery *d)
{
    free(d->ring);
    delivery_init(d);
}

static bool grow(struct delivery *d)
{
    struct delivery larger = *d;

    larger.size = d->size ? d->size * 2 : SIZE_FIRST;
    if (larger.size > DELIVERY_SPAN_MAX)
        return false;
    larger.ring = malloc(larger.size * sizeof *larger.ring);
    if (!larger.ring)
        return false;
    for (uint32_t seq = d->head; d->ring && seq != d->next; seq = packet_following(seq))
        *at(&larger, seq) = *at(d, seq);
    free(d->ring);
    *d = larger;
    return true;
}

bool delivery_reserve(struct delivery *d)
{
    return (d->ring && (!d->started || (uint32_t)packet_distance(d->next, d->head) < d->size)) || grow(d);
}

static void unlist_lost(struct delivery *d, struct delivery_packet *p)
{
    if (!p->waits)
        return;
    if (--d->lost_count > 0) {
        if (p == at(d, d->lost_head))
            d->lost_head = p->lost_after;
        else
            at(d, p->lost_before)->lost_after = p->lost_after;
        if (p == at(d, d->lost_tail))
            d->lost_tail = p->lost_before;
        else
            at(d, p->lost_after)->lost_before = p->lost_before;
    }
    p->waits = false;
}

/* What the peer waits for comes first: that is what was lost before. */
static void list_lost(struct delivery *d, struct delivery_packet *p, uint32_t seq)
{
    p->waits = true;
    if (d->lost_count++ == 0) {
        d->lost_head = d->lost_tail = seq;
    } else if (packet_distance(seq, d->lost_head) < 0) {
        p->lost_after = d->lost_head;
        at(d, d->lost_head)->lost_before = seq;
        d->lost_head = seq;
    } else {
        p->lost_before = d->lost_tail;
        at(d, d->lost_tail)->lost_after = seq;
        d->lost_tail = seq;
    }
}

static void lose(struct delivery *d, struct delivery_packet *p)
{
    p->state = LOST;
    d->inflight--;
    d->lost++;
}

static void append(struct delivery *d, uint32_t seq)
{
    if (d->head == d->next)
        d->head = seq;
    else
        at(d, d->tail)->after = seq;
    d->tail = seq;
    d->next = packet_following(seq);
    d->distinct++;
    struct delivery_packet *p = at(d, seq);
    *p = (struct delivery_packet){.after = d->next, .state = LOST};
}

bool delivery_sent(struct delivery *d, uint32_t seq, uint32_t stamp)
{
    if (!d->started) {
        d->started = true;
        d->head = d->next = d->widened = seq;
        d->period_stamp = stamp;
    }
    if (seq == d->next) {
        if (!delivery_reserve(d))
            return false;
        append(d, seq);
    } else if (delivery_has_come(d, seq)) {
        return true; /* in vain */
    } else {
        at(d, seq)->repeated = true;
    }
    struct delivery_packet *p = at(d, seq);
    unlist_lost(d, p);
    p->again = p->state == FLYING; /* a probe, or UDT by itself */
    d->expected_again += p->again;
    if (d->inflight == 0)
        d->first_stamp = d->delivered_stamp = stamp;
    d->inflight += p->state != FLYING;
    p->state = FLYING;
    p->former_stamp = p->stamp;
    p->stamp = d->newest = stamp;
    p->first_stamp = d->first_stamp;
    p->delivered_stamp = d->delivered_stamp;
    p->delivered = (uint32_t)d->delivered;
    p->lost = (uint32_t)d->lost;
    p->inflight = d->inflight;
    p->app_limited = d->app_limited != 0;
    return true;
}

void delivery_app_limited(struct delivery *d)
{
    d->app_limited = d->delivered + d->inflight;
    if (d->app_limited == 0)
        d->app_limited = 1;
}

bool delivery_has_come(const struct delivery *d, uint32_t seq)
{
    return !within(d, seq) || at(d, seq)->state == COME;
}

bool delivery_next_lost(const struct delivery *d, uint32_t *seq)
{
    *seq = d->lost_head;
    return d->lost_count > 0;
}

bool delivery_probe(const struct delivery *d, uint32_t *seq)
{
    *seq = d->lost_count > 0 ? d->lost_head : d->tail;
    return d->started && d->head != d->next;
}

uint32_t delivery_reorder_us(const struct delivery *d)
{
    if (d->srtt_us < 0)
        return MARGIN_US;
    int64_t quarter_us = d->min_rtt_us / 4, most_us = d->srtt_us;
    int64_t late_us = d->late_us[0] > d->late_us[1] ? d->late_us[0] : d->late_us[1];
    int64_t us = d->reordered ? quarter_us : quarter_us / 2;

    us += quarter_us * d->guesses;
    if (us < late_us + late_us / 4)
        us = late_us + late_us / 4;
    return (uint32_t)(us < most_us ? us : most_us) + MARGIN_US;
}

/* What the path did some time ago it does no more. */
static void age_reordering(struct delivery *d, uint32_t now)
{
    int64_t period_us = d->srtt_us * PERIOD_RTTS;

    if (now - d->period_stamp < (uint32_t)(period_us > PERIOD_MIN_US ? period_us : PERIOD_MIN_US))
        return;
    d->period_stamp = now;
    d->reordered = d->late_us[0] > 0;
    d->late_us[1] = d->late_us[0];
    d->late_us[0] = 0;
    d->guesses /= 2;
    d->expected_again = 0;
}

static void note_late(struct delivery *d, uint32_t by_us)
{
    d->reordered = true;
    if (by_us > d->late_us[0])
        d->late_us[0] = by_us < DELIVERY_RTT_MAX_US ? by_us : DELIVERY_RTT_MAX_US;
}

/* A walk over what has not come, and what it finds out. */
struct walk {
    const struct receipt *told;
    bool stamped; /* told->stamp and told->age_us are true */
    uint32_t now; /* when it would have come, if the receipt had not waited on its way back */
    int missing;  /* the next of told->missing */
    const struct delivery_packet *newest; /* of those that have come now; its copy, as its place is free */
    struct delivery_packet copy;
};

static bool is_missing(struct walk *w, uint32_t seq)
{
    const struct receipt *r = w->told;

    while (w->missing < r->missing_count && packet_distance(r->missing[w->missing].last, seq) < 0)
        w->missing++;
    return w->missing < r->missing_count && packet_distance(r->missing[w->missing].first, seq) <= 0;
}

/* One that had been taken for lost: was that wrong? What it was late by is how much later than it the newest
 * one had left that has come. */
static bool was_guessed(struct delivery *d, const struct walk *w, const struct delivery_packet *p)
{
    bool original = p->state == LOST || (p->repeated && (int32_t)(w->told->stamp - p->stamp) < 0);

    if (!w->stamped || !original)
        return false;
    if (p->again) /* nobody had said that it was lost */
        return true;
    uint32_t left = p->state == LOST ? p->stamp : p->former_stamp;
    if ((int32_t)(w->told->stamp - left) > 0)
        note_late(d, w->told->stamp - left);
    d->lost--;
    d->expected_again += p->state == FLYING; /* the repeat will come as well */
    return true;
}

static void come(struct delivery *d, struct walk *w, struct delivery_packet *p)
{
    bool guessed = was_guessed(d, w, p);

    if (w->stamped && d->told && !p->repeated && (int32_t)(d->come_stamp - p->stamp) > 0)
        note_late(d, d->come_stamp - p->stamp);
    unlist_lost(d, p);
    d->inflight -= p->state == FLYING;
    d->delivered++;
    p->state = COME;
    if (!guessed && (!w->newest || (int32_t)(p->stamp - w->newest->stamp) >= 0)) {
        w->copy = *p;
        w->newest = &w->copy;
    }
}

static bool is_lost(const struct delivery *d, const struct walk *w, const struct delivery_packet *p)
{
    int32_t later_us = (int32_t)(w->told->stamp - p->stamp);

    return w->stamped && p->state == FLYING && later_us > 0 &&
           (uint64_t)later_us + w->told->age_us > delivery_reorder_us(d);
}

/* Beyond the highest that has come all are missing. Of those that left once, each left later than the one before. */
static void walk(struct delivery *d, struct walk *w)
{
    const struct receipt *r = w->told;
    uint32_t before = d->next; /* none */

    for (uint32_t seq = d->head; seq != d->next;) {
        struct delivery_packet *p = at(d, seq);
        uint32_t after = p->after;
        bool below = packet_distance(seq, r->next) < 0, told = packet_distance(seq, r->from) >= 0;
        bool beyond = packet_distance(seq, r->end) >= 0;

        if (beyond && (!r->whole || (p->state == FLYING && !p->repeated && !is_lost(d, w, p))))
            break;
        if (below || (told && !beyond && !is_missing(w, seq))) {
            come(d, w, p);
            if (before == d->next)
                d->head = after;
            else
                at(d, before)->after = after;
            if (seq == d->tail)
                d->tail = before;
        } else {
            if (told && is_lost(d, w, p)) {
                lose(d, p);
                list_lost(d, p, seq);
            }
            before = seq;
        }
        seq = after;
    }
}

/* The low words are of a total that has not grown by 2^32 since. */
static uint64_t widen(uint64_t now, uint32_t then)
{
    return now - ((uint32_t)now - then);
}

/* Delivery rate: draft-ietf-ccwg-bbr, section 4.1. */
static void sample(struct delivery *d, const struct walk *w, struct path_sample *s)
{
    *s = (struct path_sample){.delivered = d->delivered,
                              .prior_delivered = d->delivered,
                              .lost = d->lost,
                              .prior_lost = d->lost,
                              .rtt_us = -1,
                              .back_us = d->waited_us,
                              .inflight = d->inflight};
    if (!w->newest)
        return;
    const struct delivery_packet *p = w->newest;
    uint32_t send_us = p->stamp - p->first_stamp, ack_us = w->now - p->delivered_stamp;
    d->first_stamp = p->stamp;
    d->delivered_stamp = w->now;
    if (d->app_limited && d->delivered > d->app_limited)
        d->app_limited = 0;
    s->prior_delivered = widen(d->delivered, p->delivered);
    s->prior_lost = d->lost + (p->lost - (uint32_t)d->lost); /* it may have been more */
    if ((int32_t)(p->lost - (uint32_t)d->lost) < 0)
        s->prior_lost = widen(d->lost, p->lost);
    s->tx_inflight = p->inflight;
    s->app_limited = p->app_limited;
    if ((int32_t)ack_us < 0) /* of a receipt that is now known to have waited */
        ack_us = 0;
    s->interval_us = send_us > ack_us ? send_us : ack_us;
    if (s->interval_us < d->min_rtt_us * 3 / 4)
        s->interval_us = 0; /* of a repeat, whose original has come */
}

static void note_rtt(struct delivery *d, int64_t rtt_us)
{
    if (d->min_rtt_us < 0 || rtt_us < d->min_rtt_us)
        d->min_rtt_us = rtt_us;
    d->srtt_us = d->srtt_us < 0 ? rtt_us : (7 * d->srtt_us + rtt_us) / 8;
}

/* Repeats that came in vain, and were no late originals that are known by now. */
static void note_again(struct delivery *d, uint32_t count)
{
    uint32_t known = count < d->expected_again ? count : d->expected_again;

    d->expected_again -= known;
    count -= known;
    if (count == 0)
        return;
    d->lost -= count < d->lost ? count : d->lost;
    if (packet_distance(d->head, d->widened) < 0)
        return;
    d->widened = d->next;
    d->reordered = true;
    d->guesses += d->guesses < GUESSES_MAX;
}

static bool tells_what_is_true(const struct delivery *d, const struct receipt *r, uint32_t now)
{
    uint32_t since_us = now - r->stamp;

    return d->started && packet_distance(r->end, d->next) <= 0 && packet_distance(r->next, d->next) <= 0 &&
           (int32_t)(d->distinct - r->came) >= 0 && (int32_t)(d->newest - r->stamp) >= 0 &&
           r->age_us <= since_us + since_us / 1024 + MARGIN_US;
}

enum delivery_verdict delivery_receipt(struct delivery *d, const struct receipt *r, uint32_t now,
                                       struct path_sample *s)
{
    struct walk w = {.told = r, .stamped = true};
    uint32_t since_us = now - r->stamp;
    bool fresh = !d->told || (int32_t)(r->stamp - d->come_stamp) > 0;
    int64_t rtt_us = -1;

    if (!tells_what_is_true(d, r, now))
        return DELIVERY_FALSE;
    if (d->told && ((int32_t)(r->came - d->came) < 0 || (int32_t)(r->again - d->again) < 0 ||
                    (int32_t)(r->stamp - d->come_stamp) < 0))
        return DELIVERY_OLD;
    if (fresh && since_us < DELIVERY_RTT_MAX_US && r->age_us < DELIVERY_AGE_MAX_US) {
        rtt_us = since_us > r->age_us ? since_us - r->age_us : 0;
        note_rtt(d, rtt_us);
    }
    if (fresh)
        d->waited_us = way_back_waited_us(&d->back, r->left, now, rtt_us, d->min_rtt_us);
    w.now = now - d->waited_us;
    age_reordering(d, now);
    walk(d, &w);
    if (d->told && r->again != d->again)
        note_again(d, r->again - d->again);
    d->told = true;
    d->came = r->came;
    d->again = r->again;
    d->come_stamp = r->stamp;
    sample(d, &w, s);
    s->rtt_us = rtt_us < 0 ? -1 : rtt_us - d->waited_us;
    return DELIVERY_NEWS;
}

enum delivery_verdict delivery_acked(struct delivery *d, uint32_t seq, uint32_t now, struct path_sample *s)
{
    struct receipt r = {.next = seq, .from = seq, .end = seq};
    struct walk w = {.told = &r, .now = now - d->waited_us};

    if (!d->started || packet_distance(seq, d->next) > 0)
        return DELIVERY_FALSE;
    if (d->head == d->next || packet_distance(seq, d->head) <= 0)
        return DELIVERY_OLD;
    walk(d, &w);
    sample(d, &w, s);
    if (w.newest && !w.newest->repeated && now - w.newest->stamp < DELIVERY_RTT_MAX_US) {
        s->rtt_us = now - w.newest->stamp;
        if (!d->told)
            note_rtt(d, s->rtt_us);
    }
    return DELIVERY_NEWS;
}

void delivery_nak(struct delivery *d, uint32_t first, uint32_t last)
{
    for (uint32_t seq = d->head; d->started && seq != d->next && packet_distance(seq, last) <= 0;
         seq = at(d, seq)->after) {
        if (packet_distance(seq, first) >= 0 && at(d, seq)->state == FLYING)
            lose(d, at(d, seq));
    }
}

/* A packet may have left after `now` was read, by another thread. */
static uint32_t since(uint32_t now, uint32_t then)
{
    return (int32_t)(now - then) < 0 ? 0 : now - then;
}

uint32_t delivery_waiting_us(const struct delivery *d, uint32_t now)
{
    if (!d->started || d->head == d->next)
        return 0;
    uint32_t since_sent_us = since(now, at(d, d->head)->stamp);
    uint32_t since_told_us = since(now, d->delivered_stamp);
    return since_sent_us < since_told_us ? since_sent_us : since_told_us;
}

void delivery_timeout(struct delivery *d)
{
    for (uint32_t seq = d->head; d->started && seq != d->next; seq = at(d, seq)->after) {
        struct delivery_packet *p = at(d, seq);

        if (p->state == FLYING)
            lose(d, p);
        if (!p->waits)
            list_lost(d, p, seq);
    }
}

void delivery_restart(struct delivery *d)
{
    d->min_rtt_us = d->srtt_us = -1;
    d->back.known = false;
    d->waited_us = 0;
    d->reordered = false;
    d->late_us[0] = d->late_us[1] = d->guesses = d->expected_again = 0;
}
