#include "shim/udt/flow.h"
#include "base/clock.h"
#include "shim/udt/delivery.h"
#include "shim/udt/packet.h"
#include "shim/udt/path_model.h"
#include "shim/udt/udt_clock.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define NS_PER_US 1000
/* And three round trips: as long without a word is more than some probes and receipts that were lost. */
#define TIMEOUT_US 1000000
/* Waking up costs as much as several packets do: those that follow are waited for, for a part of the round
 * trip that nobody notices. */
#define GATHER_OF       16
#define GATHER_LEAST_US 500
#define GATHER_MOST_US  2000

struct flow {
    atomic_int holders;
    atomic_bool leads;
    bool blind; /* there was no memory to note what left: it never leads */
    _Atomic int64_t told_ms;
    pthread_mutex_t lock; /* of the next ones */
    struct delivery delivery;
    struct path_model model;
    bool probe; /* a packet may leave beyond the bound */
    bool offset_known;
    uint32_t offset; /* of UDT's clock to the stamps of this connection: microseconds */
    int64_t due_ns;
    struct receipts receipts; /* the worker's, as the next one */
    struct nak_delay naks;
};

int64_t flow_now_us(void)
{
    return udt_clock_ns() / NS_PER_US;
}

struct flow *flow_create(void)
{
    struct flow *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    atomic_init(&f->holders, 1);
    pthread_mutex_init(&f->lock, NULL);
    delivery_init(&f->delivery);
    receipts_init(&f->receipts);
    path_model_init(&f->model, flow_now_us(), arc4random());
    return f;
}

struct flow *flow_hold(struct flow *f)
{
    atomic_fetch_add(&f->holders, 1);
    return f;
}

void flow_release(struct flow *f)
{
    if (!f || atomic_fetch_sub(&f->holders, 1) > 1)
        return;
    delivery_end(&f->delivery);
    receipts_end(&f->receipts);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void flow_peer_tells(struct flow *f)
{
    pthread_mutex_lock(&f->lock);
    atomic_store_explicit(&f->leads, !f->blind, memory_order_relaxed);
    pthread_mutex_unlock(&f->lock);
}

bool flow_leads(const struct flow *f)
{
    return atomic_load_explicit(&f->leads, memory_order_relaxed);
}

void flow_restart(struct flow *f, int64_t rtt_us)
{
    pthread_mutex_lock(&f->lock);
    delivery_restart(&f->delivery);
    path_model_restart(&f->model, flow_now_us(), rtt_us > 0 ? rtt_us : -1, 0);
    pthread_mutex_unlock(&f->lock);
}

bool flow_may_send(struct flow *f)
{
    pthread_mutex_lock(&f->lock);
    bool may = (f->probe || f->delivery.inflight < path_model_inflight_max(&f->model)) &&
               (f->delivery.lost_count > 0 || delivery_reserve(&f->delivery));
    pthread_mutex_unlock(&f->lock);
    return may;
}

/* UDT stamps a packet a moment before we see it; the shortest of these moments counts. */
static void learn_offset(struct flow *f, uint32_t stamp, int64_t now_us)
{
    uint32_t offset = (uint32_t)now_us - stamp;

    if (f->offset_known && (int32_t)(offset - f->offset) >= 0)
        return;
    f->offset = offset;
    f->offset_known = true;
}

static uint32_t stamp_of(const struct flow *f, int64_t now_us)
{
    return (uint32_t)now_us - f->offset;
}

void flow_sent(struct flow *f, uint32_t seq, uint32_t stamp)
{
    int64_t now_ns = udt_clock_ns(), now_us = now_ns / NS_PER_US;

    pthread_mutex_lock(&f->lock);
    learn_offset(f, stamp, now_us);
    path_model_sent(&f->model, now_us, f->delivery.inflight);
    f->probe = false;
    if (!delivery_sent(&f->delivery, seq, stamp)) {
        f->blind = true;
        atomic_store_explicit(&f->leads, false, memory_order_relaxed);
    }
    int64_t debt_ns = path_model_debt_us(&f->model) * NS_PER_US;
    if (f->due_ns < now_ns - debt_ns)
        f->due_ns = now_ns - debt_ns;
    f->due_ns += (int64_t)(1e9 / path_model_pacing(&f->model));
    pthread_mutex_unlock(&f->lock);
}

uint64_t flow_due_ns(struct flow *f)
{
    pthread_mutex_lock(&f->lock);
    int64_t due_ns = f->due_ns;
    pthread_mutex_unlock(&f->lock);
    return (uint64_t)due_ns;
}

double flow_period_us(struct flow *f)
{
    pthread_mutex_lock(&f->lock);
    double period_us = 1e6 / path_model_pacing(&f->model);
    pthread_mutex_unlock(&f->lock);
    return period_us;
}

int64_t flow_gather_us(struct flow *f)
{
    pthread_mutex_lock(&f->lock);
    int64_t us = path_model_min_rtt_us(&f->model) / GATHER_OF;
    pthread_mutex_unlock(&f->lock);
    return us < GATHER_LEAST_US ? 0 : us > GATHER_MOST_US ? GATHER_MOST_US : us;
}

void flow_starved(struct flow *f)
{
    pthread_mutex_lock(&f->lock);
    delivery_app_limited(&f->delivery);
    pthread_mutex_unlock(&f->lock);
}

bool flow_next_lost(struct flow *f, uint32_t *seq)
{
    pthread_mutex_lock(&f->lock);
    bool found = delivery_next_lost(&f->delivery, seq);
    pthread_mutex_unlock(&f->lock);
    return found;
}

uint32_t flow_lost(struct flow *f)
{
    pthread_mutex_lock(&f->lock);
    uint32_t count = f->delivery.lost_count;
    pthread_mutex_unlock(&f->lock);
    return count;
}

bool flow_has_come(struct flow *f, uint32_t seq)
{
    pthread_mutex_lock(&f->lock);
    bool has = delivery_has_come(&f->delivery, seq);
    pthread_mutex_unlock(&f->lock);
    return has;
}

static void sampled(struct flow *f, struct path_sample *s, uint64_t delivered_before, int64_t now_us)
{
    s->now_us = now_us;
    path_model_sampled(&f->model, s);
    if (s->delivered > delivered_before)
        atomic_store_explicit(&f->told_ms, clock_now_ms(), memory_order_relaxed);
}

bool flow_receipt(struct flow *f, const struct receipt *r)
{
    int64_t now_us = flow_now_us();
    struct path_sample sample;

    flow_peer_tells(f);
    pthread_mutex_lock(&f->lock);
    uint64_t before = f->delivery.delivered;
    enum delivery_verdict verdict = delivery_receipt(&f->delivery, r, stamp_of(f, now_us), &sample);
    if (verdict == DELIVERY_NEWS)
        sampled(f, &sample, before, now_us);
    pthread_mutex_unlock(&f->lock);
    return verdict != DELIVERY_FALSE;
}

/* UDT's own acknowledgement waits for its timer: no measure of the round trip where there are better ones. */
void flow_acked(struct flow *f, uint32_t seq)
{
    int64_t now_us = flow_now_us();
    struct path_sample sample;

    pthread_mutex_lock(&f->lock);
    uint64_t before = f->delivery.delivered;
    if (delivery_acked(&f->delivery, seq, stamp_of(f, now_us), &sample) == DELIVERY_NEWS) {
        if (f->delivery.told)
            sample.rtt_us = -1;
        sampled(f, &sample, before, now_us);
    }
    pthread_mutex_unlock(&f->lock);
}

void flow_nak(struct flow *f, const uint8_t *body, size_t len)
{
    uint32_t first, last;
    size_t at = 0;

    pthread_mutex_lock(&f->lock);
    while (packet_take_loss(body, len, &at, &first, &last))
        delivery_nak(&f->delivery, first, last);
    pthread_mutex_unlock(&f->lock);
}

bool flow_probe(struct flow *f, uint32_t *seq)
{
    pthread_mutex_lock(&f->lock);
    bool found = delivery_probe(&f->delivery, seq);
    f->probe = found;
    pthread_mutex_unlock(&f->lock);
    return found;
}

void flow_timeout(struct flow *f)
{
    int64_t now_us = flow_now_us(), srtt_us;

    pthread_mutex_lock(&f->lock);
    srtt_us = f->delivery.srtt_us;
    if (srtt_us >= 0 && delivery_waiting_us(&f->delivery, stamp_of(f, now_us)) > 3 * srtt_us + TIMEOUT_US) {
        delivery_timeout(&f->delivery);
        path_model_timeout(&f->model, now_us);
    }
    pthread_mutex_unlock(&f->lock);
}

int64_t flow_told_ms(const struct flow *f)
{
    return atomic_load_explicit(&f->told_ms, memory_order_relaxed);
}

void flow_came(struct flow *f, uint32_t isn, uint32_t seq, uint32_t stamp, bool taken)
{
    if (taken)
        (void)receipts_note(&f->receipts, isn, seq, stamp, flow_now_us());
    else
        receipts_note_refused(&f->receipts, seq, stamp, flow_now_us());
}

bool flow_hold_nak(struct flow *f, const uint8_t *body, size_t len)
{
    return nak_delay_hold(&f->naks, body, len, flow_now_us() + nak_delay_us(&f->receipts));
}

int64_t flow_streams_us(const struct flow *f)
{
    return receipts_streams_us(&f->receipts);
}

int64_t flow_report_due_us(struct flow *f)
{
    return flow_leads(f) ? receipts_due_us(&f->receipts) : nak_delay_due_us(&f->naks);
}

size_t flow_nak_write(struct flow *f, uint8_t body[NAK_DELAY_BODY_MAX])
{
    return nak_delay_write(&f->naks, &f->receipts, body, flow_now_us());
}

size_t flow_receipt_write(struct flow *f, uint8_t body[RECEIPT_SIZE_MAX])
{
    pthread_mutex_lock(&f->lock);
    int64_t rtt_us = path_model_min_rtt_us(&f->model);
    pthread_mutex_unlock(&f->lock);
    receipts_pace(&f->receipts, rtt_us);
    return receipts_write(&f->receipts, body, flow_now_us());
}
