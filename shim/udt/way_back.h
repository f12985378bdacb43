/* shim/udt/way_back.h: for how long receipts wait on their way back, as behind what somebody sends that way.
 * That is no queue of ours, and what is measured without it is the way there alone.
 *
 * The receiver's clock tells when a receipt left. What the two clocks are apart is not known, but the receipt
 * that was fastest in that did not wait; the others took so much longer. The clocks may drift: slowly, what
 * was least is forgotten. Times are stamps, 32 bits of microseconds. Pure. */
#ifndef HX_SHIM_UDT_WAY_BACK_H
#define HX_SHIM_UDT_WAY_BACK_H

#include <stdbool.h>
#include <stdint.h>

struct way_back {
    bool known;
    uint32_t least; /* from when a receipt left, by their clock, until it came, by ours */
    uint32_t at;    /* when it was taken for that */
};

/* A receipt has come `now`, which left at `left`, or 0: they do not tell. It took `rtt_us` in all, and the
 * shortest one ever took `least_rtt_us`; -1: nothing is known. Returns for how long it has waited. */
uint32_t way_back_waited_us(struct way_back *w, uint32_t left, uint32_t now, int64_t rtt_us,
                            int64_t least_rtt_us);

#endif
