#include "shim/udt/resend.h"
#include "shim/udt/packet.h"

#define SEQ_MASK  0x7FFFFFFFu
#define NAK_RANGE 0x80000000u /* the number begins a range, the next one ends it */
#define TRIES_MAX 9           /* 512 packets at once */
/* Beyond the round trip, before what was repeated can be acknowledged: UDT's ACK timer. */
#define CALM_MS 20

static void arm(struct resend *r, int64_t now_ms)
{
    int64_t wait_ms = (int64_t)r->rto_ms << r->tries;

    r->due_ms = now_ms + (wait_ms < RESEND_MAX_MS ? wait_ms : RESEND_MAX_MS);
}

void resend_init(struct resend *r)
{
    *r = (struct resend){.rto_ms = RESEND_START_MS, .due_ms = INT64_MAX};
}

void resend_sent(struct resend *r, uint32_t seq, int64_t now_ms)
{
    if (!r->started) {
        r->started = true;
        r->acked = r->sent = seq;
    } else if (packet_distance(seq, r->sent) > 0) {
        r->sent = seq;
    } else {
        return; /* UDT repeats by itself; that may be lost as well */
    }
    if (r->due_ms == INT64_MAX)
        arm(r, now_ms);
}

static void take_rtt(struct resend *r, const uint8_t *body)
{
    uint64_t us = (uint64_t)packet_word(body + ACK_RTT) + 4 * (uint64_t)packet_word(body + ACK_RTT_VAR);
    uint64_t ms = us / 1000 + RESEND_MIN_MS;
    uint32_t rtt_ms = packet_word(body + ACK_RTT) / 1000;

    r->rtt_ms = rtt_ms < RESEND_MAX_MS ? (int)rtt_ms : RESEND_MAX_MS;
    r->rto_ms = ms < RESEND_MAX_MS ? (int)ms : RESEND_MAX_MS;
}

void resend_acked(struct resend *r, const uint8_t *body, size_t len, int64_t now_ms)
{
    uint32_t seq;

    if (len >= ACK_SIZE_SHORT)
        take_rtt(r, body);
    if (!r->started || len < 4)
        return;
    seq = packet_word(body + ACK_SEQUENCE) & SEQ_MASK;
    if (packet_distance(seq, r->acked) <= 0 || packet_distance(seq, r->sent) > 1)
        return;
    r->acked = seq;
    if (packet_distance(seq, r->recover) > 0)
        r->tries = 0;
    if (packet_distance(seq, r->sent) > 0)
        r->due_ms = INT64_MAX;
    else if (r->tries == 0)
        arm(r, now_ms);
    else /* some of what was lost, as RFC 6582 has it: the rest need not wait as long */
        r->due_ms = r->asked_ms + r->rtt_ms + CALM_MS;
}

/* The first ones are what the peer waits for, more of them at each try; the last one lets its UDT see, and
 * report, what is missing between. */
static size_t put_losses(const struct resend *r, uint8_t *body)
{
    int32_t outstanding = packet_distance(r->sent, r->acked);
    int32_t first = (1 << r->tries) - 1;
    size_t n = 0;

    if (first > outstanding)
        first = outstanding;
    if (first > 0) {
        packet_put_word(body, r->acked | NAK_RANGE);
        packet_put_word(body + 4, (r->acked + (uint32_t)first) & SEQ_MASK);
        n = 8;
    } else {
        packet_put_word(body, r->acked);
        n = 4;
    }
    if (first < outstanding) {
        packet_put_word(body + n, r->sent);
        n += 4;
    }
    return n;
}

size_t resend_due(struct resend *r, int64_t heard_ms, uint8_t body[RESEND_BODY_MAX], int64_t now_ms)
{
    size_t n = heard_ms >= r->asked_ms ? put_losses(r, body) : 0;

    r->asked_ms = now_ms;
    if (r->tries == 0)
        r->recover = r->sent;
    if (r->tries < TRIES_MAX)
        r->tries++;
    arm(r, now_ms);
    return n;
}
