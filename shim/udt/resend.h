/* shim/udt/resend.h: when a sender must repeat what the peer has not acknowledged.
 *
 * UDT 4.11's receiver reports a loss once, and its sender repeats the rest only when nothing at all has come
 * from the peer for a while (CUDT::checkTimers): if the report or the repetition is lost, a peer that goes on
 * sending keeps the sender waiting, for ever if it has to. Here the acknowledgements alone count. And UDT
 * waits 300 ms at least, 600 the second time, which is long for the few packets of a handshake or a request:
 * here it is a round trip, measured as RFC 6298 has it.
 *
 * A pure state machine: no I/O, no clock of its own. */
#ifndef HX_SHIM_UDT_RESEND_H
#define HX_SHIM_UDT_RESEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESEND_MIN_MS      30   /* above UDT's ACK timer (10 ms) and our poll of it on both sides */
#define RESEND_START_MS    200  /* before anything is known of the round trip; UDT waits 300 */
#define RESEND_BEGIN_MS    100  /* likewise, of who connects: it has nobody else to answer */
#define RESEND_MAX_MS      2000 /* also of the doubled ones */
#define RESEND_UNHEARD     12   /* repetitions while nothing at all comes from the peer: some seconds */
#define RESEND_PEER_RTT_MS 100  /* UDT's own first guess: what the peer tells counts above it */
#define RESEND_ACK_WAIT_MS 50   /* for an ACK's answer; doubled whenever none came, to RESEND_MAX_MS */
#define RESEND_THIN        16   /* packets unacknowledged: a flight of a handshake, a request; not bulk */
#define RESEND_LINEAR      3    /* its repetitions after which the time to the next one doubles */
#define RESEND_THIN_MS     300  /* the longest wait of its first RESEND_UNHEARD ones: UDT waits as long */
#define RESEND_PATIENT     20   /* further ones of it, ... */
#define RESEND_PATIENT_MS  500  /* ... so far apart: UDT's own get rare, and it may only be stopped */
#define RESEND_BODY_MAX    12   /* bytes: a range and a number */

struct resend {
    uint32_t sent;    /* the highest sequence number that has left */
    uint32_t acked;   /* the lowest that the peer has not acknowledged */
    bool started;     /* both are valid */
    bool timed;       /* `timed_seq` left at timed_ms, and nothing was repeated since (Karn's rule) */
    uint32_t recover; /* the highest one sent when the first repetition was due */
    int tries;        /* since everything up to there was acknowledged, and more was */
    int backoff;      /* of them since the peer has sent data: each one waits twice as long */
    int unheard;      /* of them since the peer was heard */
    int stuck;        /* of them since the peer has acknowledged anything */
    uint32_t timed_seq;
    uint32_t ack_number; /* of an ACK of ours that the peer has not answered; 0: none */
    int ack_wait_ms;     /* for its answer, before a later one is waited for */
    int64_t timed_ms;
    int64_t ack_ms;         /* when that ACK left */
    int srtt_ms, rttvar_ms; /* RFC 6298; srtt_ms below 0: nothing was measured yet */
    int rtt_ms, rto_ms;
    int64_t due_ms;   /* INT64_MAX: everything is acknowledged */
    int64_t asked_ms; /* the last repetition */
};

void resend_init(struct resend *r);
/* Of who connects. The handshake's shortest round trip may be too short by what was lost of it, or too long
 * by what the peer was late; below 0: none is known. */
void resend_begin(struct resend *r, int rtt_ms);
void resend_sent(struct resend *r, uint32_t seq, int64_t now_ms);
/* What was taken for sent could not leave, and may now: all of it, if there is any, is repeated at once. */
void resend_release(struct resend *r, int64_t now_ms);
/* The way to the peer works again after a while: how often it was in vain meanwhile is no reason to wait
 * longer. */
void resend_anew(struct resend *r, int64_t now_ms);
/* Takes the body of the peer's ACK, a whole one or UDT's light one of 4 bytes. */
void resend_acked(struct resend *r, const uint8_t *body, size_t len, int64_t now_ms);
/* It is due; a receipt (receipt_packet.h) has told of more at `told_ms`. True: that puts it off. */
bool resend_told(struct resend *r, int64_t told_ms, int64_t now_ms);
/* Our ACK leaves; the peer has answered one (UDT's ACK2). ACKs are numbered, so that this tells the round
 * trip where every packet of ours had to be repeated, too. */
void resend_ack_left(struct resend *r, uint32_t number, int64_t now_ms);
void resend_ack_answered(struct resend *r, uint32_t number, int64_t now_ms);
/* The peer's data has come: it lives, and what we send now may answer it. Where only a few packets are
 * unacknowledged they need not wait as long as the repetitions before (as for thin streams of TCP). */
void resend_heard_data(struct resend *r, int64_t now_ms);
/* At due_ms: writes the body of the NAK that the peer should have sent, and returns its length. 0: nothing
 * has come from the peer for RESEND_UNHEARD repetitions (`heard_ms`), RESEND_PATIENT more where only a few
 * packets are unacknowledged, so that UDT's own timer runs, and finds it dead. */
size_t resend_due(struct resend *r, int64_t heard_ms, uint8_t body[RESEND_BODY_MAX], int64_t now_ms);

#endif
