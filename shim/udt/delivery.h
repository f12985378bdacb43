/* shim/udt/delivery.h: what became of the packets that a sender has sent. From the peer's receipts it tells
 * what has come, takes packets for lost, and measures the path.
 *
 * A packet is lost when one that left later by more than the reordering window has come (RACK, RFC 8985). That
 * is told by time, not by sequence number: so a repeat that is lost is found as any other. The window follows
 * what the path does: how late packets come that others have overtaken.
 *
 * Times are stamps: microseconds of UDT's clock as its packets tell them, 32 bits. A pure state machine: no
 * I/O, no clock of its own; memory grows with what is on its way. */
#ifndef HX_SHIM_UDT_DELIVERY_H
#define HX_SHIM_UDT_DELIVERY_H

#include "shim/udt/path_model.h"
#include "shim/udt/receipt_packet.h"
#include "shim/udt/way_back.h"

#define DELIVERY_RTT_MAX_US 30000000   /* what takes longer is no round trip */
#define DELIVERY_AGE_MAX_US 1000000    /* what a receipt tells of an older packet is no measurement */
#define DELIVERY_SPAN_MAX   (1u << 17) /* packets between the lowest that has not come and the next new one */

struct delivery_packet;

struct delivery {
    struct delivery_packet *ring; /* by sequence number; NULL: nothing is on its way */
    uint32_t size;                /* a power of two */
    bool started;
    uint32_t next;                 /* the next new packet's sequence number */
    uint32_t distinct;             /* packets that have left, each counted once */
    uint32_t head, tail;           /* the lowest and the highest that have not come; head == next: none */
    uint32_t lost_head, lost_tail; /* those that wait to be repeated; valid if lost_count > 0 */
    uint32_t lost_count;
    uint32_t inflight;        /* those that have neither come nor are taken for lost */
    uint64_t delivered, lost; /* in all; a packet that came after all is not lost any more */
    uint64_t
        app_limited; /* packets sent are limited by the application until so many were delivered; 0: not */
    uint32_t delivered_stamp, first_stamp; /* of the last delivery; when the last packet delivered had left */
    uint32_t newest;                       /* the stamp of the packet that left last */
    /* of receipts */
    bool told; /* one has come: the next ones are valid */
    uint32_t came, again, come_stamp;
    struct way_back back;
    uint32_t waited_us; /* so long the last receipt has, on its way back */
    /* The reordering window. */
    int64_t min_rtt_us, srtt_us; /* -1: unknown */
    bool reordered;              /* a packet has come later than one that left after it */
    uint32_t late_us[2];         /* by how much, at most: in this period and in the last one */
    uint32_t period_stamp;       /* when this one began */
    uint32_t
        guesses; /* widenings, each by a quarter of the least round trip, for repeats that came in vain */
    uint32_t widened;        /* `next` when it was widened last: not again before that has come */
    uint32_t expected_again; /* repeats that were in vain, and will come */
};

void delivery_init(struct delivery *d);
void delivery_end(struct delivery *d);

/* Makes room for one more new packet. False: there is none. */
bool delivery_reserve(struct delivery *d);
/* A packet leaves: a new one, with the sequence number after the last one, or a repeat. False: a new one, and
 * there is no room. */
bool delivery_sent(struct delivery *d, uint32_t seq, uint32_t stamp);
/* Nothing more to send: the path could take more than it gets. */
void delivery_app_limited(struct delivery *d);

/* Has it come, as far as is known? Of what was never sent: true. */
bool delivery_has_come(const struct delivery *d, uint32_t seq);
/* The next one to be repeated. False: none. It stays that until it is sent, or comes. */
bool delivery_next_lost(const struct delivery *d, uint32_t *seq);

/* Which one to repeat where nothing is heard of what is on its way: one that is lost, or the last one, as
 * RFC 8985, 7.3, has it. False: nothing is on its way. */
bool delivery_probe(const struct delivery *d, uint32_t *seq);

enum delivery_verdict {
    DELIVERY_NEWS,  /* *sample is filled */
    DELIVERY_OLD,   /* an older receipt, overtaken by another: nothing in it */
    DELIVERY_FALSE, /* it speaks of what was not sent */
};
/* Fills all of *sample but now_us. */
enum delivery_verdict delivery_receipt(struct delivery *d, const struct receipt *r, uint32_t now,
                                       struct path_sample *sample);
/* UDT's acknowledgement: all below `seq` have come. */
enum delivery_verdict delivery_acked(struct delivery *d, uint32_t seq, uint32_t now,
                                     struct path_sample *sample);
/* The peer's UDT tells these as missing; it is believed at once. */
void delivery_nak(struct delivery *d, uint32_t first, uint32_t last);
/* For how long nothing has come of what is on its way, the lowest one counted from when it left last. */
uint32_t delivery_waiting_us(const struct delivery *d, uint32_t now);
/* Nothing was heard for so long that all is lost. */
void delivery_timeout(struct delivery *d);
/* The packets take another way from now on: its reordering is another one. */
void delivery_restart(struct delivery *d);

/* How much later than it a packet must have left that has come, for this one to be lost. */
uint32_t delivery_reorder_us(const struct delivery *d);

#endif
