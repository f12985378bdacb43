/* shim/udt/nak_delay.h: reports of losses that wait until it is clear that the packets are not only late. UDT
 * 4.11 reports a gap as soon as it sees it, and its sender then repeats, and sends more slowly, for what was
 * overtaken on the way. What is missing still when the path's reordering is over is reported.
 *
 * Pure: no I/O, no clock of its own. */
#ifndef HX_SHIM_UDT_NAK_DELAY_H
#define HX_SHIM_UDT_NAK_DELAY_H

#include "shim/udt/receipts.h"

#define NAK_DELAY_HELD_MAX 64   /* gaps; what is more is reported at once */
#define NAK_DELAY_LEAST_US 2000 /* where no reordering was seen yet */
#define NAK_DELAY_MOST_US  100000
#define NAK_DELAY_BODY_MAX 128 /* bytes of a report */

struct nak_delay {
    struct nak_gap {
        uint32_t first, last;
        int64_t due_us;
    } gaps[NAK_DELAY_HELD_MAX]; /* in the order in which they are due */
    int count;
};

/* How long, as the packets that were late tell. */
int64_t nak_delay_us(const struct receipts *r);
/* Takes the body of UDT's report. False: there is no room, it must leave. */
bool nak_delay_hold(struct nak_delay *n, const uint8_t *body, size_t len, int64_t due_us);
/* When the first one is due; INT64_MAX: none. */
int64_t nak_delay_due_us(const struct nak_delay *n);
/* Writes what is missing still of those that are due. Returns the body's length; 0: nothing. What does not fit
 * stays due. */
size_t nak_delay_write(struct nak_delay *n, const struct receipts *r, uint8_t body[NAK_DELAY_BODY_MAX],
                       int64_t now_us);

#endif
