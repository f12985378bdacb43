/* shim/udt/unsent.h: how much of what was written may wait until it leaves for the first time, as TCP has
 * it with TCP_NOTSENT_LOWAT (tcp(7)). UDT sends in the order of writing: what waits there is overtaken by
 * nothing, however urgent. Kept to what the path takes in a few milliseconds, it lets whoever writes
 * choose late what leaves next.
 *
 * Packets by their sequence numbers. No I/O, no clock, no lock. */
#ifndef HX_SHIM_UDT_UNSENT_H
#define HX_SHIM_UDT_UNSENT_H

#include <stdbool.h>
#include <stdint.h>

#define UNSENT_US    5000 /* of the path, at the pace at which packets may leave */
#define UNSENT_LEAST 6    /* packets: whoever writes wakes up while half of them leave */
#define UNSENT_MOST  4096 /* where the pace says nothing: a window is the bound then */

struct unsent {
    uint32_t written; /* the sequence number behind the last packet that was written */
    uint32_t most;    /* packets that may wait */
    bool wanted;      /* somebody was told that there is no room */
};

void unsent_begin(struct unsent *u, uint32_t isn);
/* `packets` more, and `period_ns` is the time between two that leave now. */
void unsent_written(struct unsent *u, uint32_t packets, uint64_t period_ns);
/* How many more may be written, `next` being the sequence number of the first that has not left. 0:
 * unsent_left() says when to ask again. */
uint32_t unsent_room(struct unsent *u, uint32_t next);
/* More have left. True, once: half of what may wait is free, and somebody wants it. */
bool unsent_left(struct unsent *u, uint32_t next);

#endif
