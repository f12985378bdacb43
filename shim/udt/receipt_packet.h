/* shim/udt/receipt_packet.h: a receipt, by which a receiver tells which packets of UDT's have come. It is the
 * body of a custom control packet (type 0x7FFF, extended type "hx") that stock UDT ignores, and whose
 * timestamp tells when it left (0: by who does not tell):
 *
 *   0 version (1 byte), 1 or 0: whole or not (1 byte), missing ranges (2 bytes)
 *   4 came   8 again   12 stamp   16 age   20 next   24 from   28 end
 *   32 for each range two numbers: packets that have come before it, counted from the last range or `from`; its
 *      packets. As RFC 9000, 16, has them, of 1, 2 or 4 bytes.
 *
 * Pure functions. */
#ifndef HX_SHIM_UDT_RECEIPT_PACKET_H
#define HX_SHIM_UDT_RECEIPT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECEIPT_VERSION    1
#define RECEIPT_HEAD       32
#define RECEIPT_SIZE_MAX   440 /* with all heads it fits a datagram of UDT_DATAGRAM_MIN_BYTES */
#define RECEIPT_RANGES_MAX ((RECEIPT_SIZE_MAX - RECEIPT_HEAD) / 2)

struct receipt_range {
    uint32_t first, last; /* sequence numbers */
};

struct receipt {
    uint32_t came;   /* packets that have come, each counted once */
    uint32_t again;  /* those that came although they had come before */
    uint32_t stamp;  /* the latest timestamp of a packet that has come: microseconds of the sender's clock */
    uint32_t age_us; /* since that one came */
    uint32_t left;   /* when it left, of the receiver's clock: the packet's head tells; 0: unknown */
    uint32_t next;   /* the lowest sequence number that has not come */
    uint32_t from, end; /* from `from` to before `end` exactly the ranges are missing */
    bool whole;         /* and from `end` on nothing has come; else nothing is told of that */
    int missing_count;
    struct receipt_range missing[RECEIPT_RANGES_MAX]; /* ascending, apart */
};

/* Begins a body with the head of `r`, whose ranges do not count; those, `end` and `whole` are put by the others. */
size_t receipt_packet_begin(const struct receipt *r, uint8_t body[RECEIPT_SIZE_MAX]);
/* Appends a range: `before` packets have come before it. False: there is no room. */
bool receipt_packet_add(uint8_t body[RECEIPT_SIZE_MAX], size_t *len, uint32_t before, uint32_t count);
void receipt_packet_finish(uint8_t body[RECEIPT_SIZE_MAX], uint32_t end, bool whole);

/* False: malformed. What it says agrees with itself: next <= from <= end, all ranges in order and between
 * the two last ones, no number with bit 31. `left` is not in it. */
bool receipt_packet_read(struct receipt *r, const uint8_t *body, size_t len);

#endif
