/* shim/udt/receipts.h: which packets of UDT's have come to a receiver, and when it tells the sender
 * (receipt_packet.h).
 *
 * A receipt leaves after a few packets, and soon when a gap has opened or closed: a sender that has to guess
 * waits longer. What a lone packet needs is UDT's own acknowledgement. While something is missing, receipts
 * go on by time: the sender measures by them how long it has been.
 *
 * No I/O, no clock of its own. One thread. */
#ifndef HX_SHIM_UDT_RECEIPTS_H
#define HX_SHIM_UDT_RECEIPTS_H

#include "shim/udt/receipt_packet.h"

#define RECEIPTS_EVERY      2    /* packets, as RFC 9000, 13.2.2, has it, ... */
#define RECEIPTS_SPACING_US 1000 /* ... but not more often, nor than so many in a round trip, ... */
#define RECEIPTS_A_ROUND    16
#define RECEIPTS_AT_ONCE    64 /* ... unless so many have come */
#define RECEIPTS_PERIOD_US  5000000
#define RECEIPTS_REPEAT_US  10000 /* while something is missing */
#define RECEIPTS_SPAN_MAX \
    (1u << 17) /* packets between the lowest missing one and the highest: twice UDT's window */

struct receipts {
    uint64_t *bits;     /* a ring: which of those from `next` on have come; NULL: none is beyond a gap */
    uint32_t size;      /* bits, a power of two; 0: there are none */
    bool started;       /* the sequence numbers are valid */
    uint32_t next, end; /* the lowest one that has not come; the one after the highest that has */
    uint32_t resume;    /* where the next receipt begins, if not all fits */
    uint32_t came, again;
    uint32_t stamp;
    int64_t stamp_us;   /* when that came */
    unsigned since;     /* packets since the last receipt */
    bool news;          /* a gap has opened or closed since */
    int64_t spacing_us; /* the least time between two, unless there are many packets */
    int64_t sent_us;    /* the last receipt */
    bool streams;       /* that told of several, and soon after another one: more are about to come */
    uint32_t late_us
        [2]; /* how much later than a packet that came late others had left: in this period, in the last one */
    int64_t period_us; /* when this one began */
};

void receipts_init(struct receipts *r);
void receipts_end(struct receipts *r);
/* A packet has come, and UDT has taken it; `isn`: the first one's sequence number. False: it had come before, or it is
 * too far ahead to be kept in mind (there is no memory). */
bool receipts_note(struct receipts *r, uint32_t isn, uint32_t seq, uint32_t stamp, int64_t now_us);
/* Has this one come? */
bool receipts_has(const struct receipts *r, uint32_t seq);
/* One has come that UDT did not take: again, or there is no room. */
void receipts_note_refused(struct receipts *r, uint32_t seq, uint32_t stamp, int64_t now_us);
/* Something is missing. */
static inline bool receipts_gap(const struct receipts *r)
{
    return r->started && r->next != r->end;
}
/* The round trip is known; it changes the spacing. */
void receipts_pace(struct receipts *r, int64_t rtt_us);
/* When the next one must leave; INT64_MAX: none. */
int64_t receipts_due_us(const struct receipts *r);
/* Until when packets follow each other closely, as far as the last receipt shows; INT64_MIN: they do not. */
int64_t receipts_streams_us(const struct receipts *r);
/* Writes it. Returns its length. */
size_t receipts_write(struct receipts *r, uint8_t body[RECEIPT_SIZE_MAX], int64_t now_us);

#endif
