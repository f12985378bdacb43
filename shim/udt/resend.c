#include "shim/udt/resend.h"
#include "shim/udt/packet.h"

#define TRIES_MAX 9 /* 512 packets at once */
/* Beyond the round trip, before what was repeated can be acknowledged: UDT's ACK timer. */
#define CALM_MS 20

static bool is_thin(const struct resend *r)
{
    return packet_distance(r->sent, r->acked) < RESEND_THIN;
}

/* Where few packets wait, the first repetitions do not wait longer and longer, and later ones for a while not
 * longer than UDT's own: what each costs is little, and what the loss of several costs a handshake is much
 * (thin streams of Linux's TCP: tcp_thin_linear_timeouts). */
static void arm(struct resend *r, int64_t now_ms)
{
    bool thin = is_thin(r) && r->backoff <= RESEND_UNHEARD;
    bool patient = is_thin(r) && r->backoff <= RESEND_UNHEARD + RESEND_PATIENT;
    int linear = thin ? RESEND_LINEAR : 0;
    int doublings = r->backoff > linear ? r->backoff - linear : 0;
    int64_t wait_ms = (int64_t)r->rto_ms << doublings;
    int64_t longest_ms = thin ? RESEND_THIN_MS : patient ? RESEND_PATIENT_MS : RESEND_MAX_MS;

    if (longest_ms < r->rto_ms)
        longest_ms = r->rto_ms;
    r->due_ms = now_ms + (wait_ms < longest_ms ? wait_ms : longest_ms);
}

void resend_init(struct resend *r)
{
    *r = (struct resend){
        .rto_ms = RESEND_START_MS, .srtt_ms = -1, .ack_wait_ms = RESEND_ACK_WAIT_MS, .due_ms = INT64_MAX};
}

void resend_begin(struct resend *r, int rtt_ms)
{
    int rto_ms = 2 * rtt_ms + RESEND_MIN_MS;

    if (r->srtt_ms < 0)
        r->rto_ms = rtt_ms >= 0 && rto_ms < RESEND_BEGIN_MS ? rto_ms : RESEND_BEGIN_MS;
}

void resend_sent(struct resend *r, uint32_t seq, int64_t now_ms)
{
    if (!r->started) {
        r->started = true;
        r->acked = r->sent = seq;
    } else if (packet_distance(seq, r->sent) > 0) {
        r->sent = seq;
    } else {
        r->timed = false;
        return; /* UDT repeats by itself; that may be lost as well */
    }
    if (!r->timed && r->tries == 0) {
        r->timed = true;
        r->timed_seq = seq;
        r->timed_ms = now_ms;
    }
    if (r->due_ms == INT64_MAX)
        arm(r, now_ms);
}

void resend_release(struct resend *r, int64_t now_ms)
{
    if (r->due_ms == INT64_MAX)
        return;
    r->tries = TRIES_MAX;
    r->recover = r->sent;
    r->due_ms = now_ms;
}

void resend_anew(struct resend *r, int64_t now_ms)
{
    if (r->due_ms == INT64_MAX || r->stuck == 0)
        return;
    r->tries = r->backoff = r->unheard = 0;
    r->due_ms = now_ms;
}

static void measure(struct resend *r, int64_t begun_ms, int64_t now_ms)
{
    int rtt_ms = now_ms - begun_ms < RESEND_MAX_MS ? (int)(now_ms - begun_ms) : RESEND_MAX_MS;
    int off_ms = r->srtt_ms < rtt_ms ? rtt_ms - r->srtt_ms : r->srtt_ms - rtt_ms;

    r->rttvar_ms = r->srtt_ms < 0 ? rtt_ms / 2 : (3 * r->rttvar_ms + off_ms) / 4;
    r->srtt_ms = r->srtt_ms < 0 ? rtt_ms : (7 * r->srtt_ms + rtt_ms) / 8;
    r->rtt_ms = r->srtt_ms;
    r->rto_ms = r->srtt_ms + 4 * r->rttvar_ms + RESEND_MIN_MS;
}

/* The peer measures as well, from its ACK to our answer: where everything was repeated, that alone is known.
 * Its first value is made up, and what it has measured comes in slowly. */
static void take_peer_rtt(struct resend *r, const uint8_t *body)
{
    uint32_t rtt_ms = packet_word(body + ACK_RTT) / 1000;
    int least_ms = rtt_ms < RESEND_MAX_MS ? (int)rtt_ms : RESEND_MAX_MS;

    if (least_ms <= RESEND_PEER_RTT_MS || r->srtt_ms >= 0)
        return;
    r->rtt_ms = least_ms;
    if (r->rto_ms < least_ms + RESEND_MIN_MS)
        r->rto_ms = least_ms + RESEND_MIN_MS;
}

void resend_acked(struct resend *r, const uint8_t *body, size_t len, int64_t now_ms)
{
    if (!r->started || len < 4)
        return;
    uint32_t seq = packet_word(body + ACK_SEQUENCE) & PACKET_SEQUENCE;
    if (packet_distance(seq, r->sent) > 1)
        return;
    if (r->timed && packet_distance(seq, r->timed_seq) > 0) {
        r->timed = false;
        measure(r, r->timed_ms, now_ms);
    }
    if (len >= ACK_SIZE_SHORT)
        take_peer_rtt(r, body);
    if (packet_distance(seq, r->acked) <= 0)
        return;
    r->acked = seq;
    r->backoff = r->stuck = 0;
    if (packet_distance(seq, r->recover) > 0)
        r->tries = 0;
    if (packet_distance(seq, r->sent) > 0)
        r->due_ms = INT64_MAX;
    else if (r->tries == 0)
        arm(r, now_ms);
    else /* some of what was lost, as RFC 6582 has it: the rest need not wait as long */
        r->due_ms = r->asked_ms + r->rtt_ms + CALM_MS;
}

bool resend_told(struct resend *r, int64_t told_ms, int64_t now_ms)
{
    if (told_ms + r->rto_ms <= now_ms)
        return false;
    r->tries = r->backoff = r->stuck = 0;
    r->due_ms = told_ms + r->rto_ms;
    return true;
}

void resend_ack_left(struct resend *r, uint32_t number, int64_t now_ms)
{
    if (r->ack_number && now_ms - r->ack_ms < r->ack_wait_ms)
        return;
    if (r->ack_number && r->ack_wait_ms < RESEND_MAX_MS) /* lost, or on a way that takes longer */
        r->ack_wait_ms *= 2;
    r->ack_number = number;
    r->ack_ms = now_ms;
}

/* What is waited for need not wait longer than it would now. */
static void hurry(struct resend *r, int64_t now_ms)
{
    if (now_ms + r->rto_ms < r->due_ms)
        r->due_ms = now_ms + r->rto_ms;
}

/* Measures only where nothing else has: an acknowledgement takes longer by the peer's ACK timer. */
void resend_ack_answered(struct resend *r, uint32_t number, int64_t now_ms)
{
    if (!r->ack_number || number != r->ack_number)
        return;
    r->ack_number = 0;
    r->ack_wait_ms = RESEND_ACK_WAIT_MS;
    if (r->srtt_ms >= 0)
        return;
    measure(r, r->ack_ms, now_ms);
    if (r->due_ms != INT64_MAX && is_thin(r))
        hurry(r, now_ms);
}

void resend_heard_data(struct resend *r, int64_t now_ms)
{
    if (r->due_ms == INT64_MAX || r->backoff == 0 || !is_thin(r))
        return;
    r->backoff = 0;
    hurry(r, now_ms);
}

/* The first ones are what the peer waits for, more of them at each try; the last one lets its UDT see, and
 * report, what is missing between. */
static size_t put_losses(const struct resend *r, uint8_t *body)
{
    int32_t outstanding = packet_distance(r->sent, r->acked);
    int32_t first = (1 << r->tries) - 1;

    if (first > outstanding)
        first = outstanding;
    size_t n = packet_put_loss(body, r->acked,
                               first > 0 ? (r->acked + (uint32_t)first) & PACKET_SEQUENCE : r->acked);
    return first < outstanding ? n + packet_put_loss(body + n, r->sent, r->sent) : n;
}

size_t resend_due(struct resend *r, int64_t heard_ms, uint8_t body[RESEND_BODY_MAX], int64_t now_ms)
{
    r->unheard = heard_ms >= r->asked_ms ? 0 : r->unheard + 1;
    r->stuck++;
    int unheard_most = is_thin(r) ? RESEND_UNHEARD + RESEND_PATIENT : RESEND_UNHEARD;
    size_t n = r->unheard < unheard_most ? put_losses(r, body) : 0;
    r->timed = false;
    r->asked_ms = now_ms;
    if (r->tries == 0)
        r->recover = r->sent;
    if (r->tries < TRIES_MAX)
        r->tries++;
    if (r->backoff <= RESEND_UNHEARD + RESEND_PATIENT)
        r->backoff++;
    arm(r, now_ms);
    return n;
}
