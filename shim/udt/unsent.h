/* shim/udt/unsent.h: how much of what was written may wait until it leaves for the first time, as TCP has
 * it with TCP_NOTSENT_LOWAT (tcp(7)). UDT sends in the order of writing: what waits there is overtaken by
 * nothing, however urgent. Kept to what the path takes in a few milliseconds, it lets whoever writes
 * choose late what leaves next. Where little pieces are written now and then, which somebody waits for, it is
 * less; where all is bulk, it is more, and whoever writes wakes up less often.
 *
 * Packets by their sequence numbers. No I/O, no clock, no lock. */
#ifndef HX_SHIM_UDT_UNSENT_H
#define HX_SHIM_UDT_UNSENT_H

#include <stdbool.h>
#include <stdint.h>

/* What may wait is what leaves in so long a time, at the pace at which packets leave, ... */
#define UNSENT_US        5000
#define UNSENT_SLOW_US   10000 /* ... or in this, as far as that is no more than ... */
#define UNSENT_SLOW_MOST 64    /* ... so many packets, which are written at once. */
#define UNSENT_LEAST     6     /* packets: whoever writes wakes up while half of them leave */
#define UNSENT_MOST      4096  /* where the pace says nothing: a window is the bound then */
/* The same for a while after a little piece. */
#define UNSENT_TALK_MS    2000
#define UNSENT_TALK_US    3000
#define UNSENT_TALK_LEAST 3

struct unsent {
    uint32_t written; /* the sequence number behind the last packet that was written */
    uint32_t most;    /* packets that may wait */
    int64_t talk_ms;  /* when a little piece was written last */
    bool wanted;      /* somebody was told that there is no room */
};

/* What was written at once. */
struct unsent_write {
    uint32_t packets;
    bool little;        /* less than half of one is full */
    uint64_t period_ns; /* the time between two that leave now */
};

void unsent_begin(struct unsent *u, uint32_t isn);
void unsent_written(struct unsent *u, const struct unsent_write *w, int64_t now_ms);
/* How many more may be written, `next` being the sequence number of the first that has not left. 0:
 * unsent_left() says when to ask again. */
uint32_t unsent_room(struct unsent *u, uint32_t next);
/* More have left. True, once: half of what may wait is free, and somebody wants it. */
bool unsent_left(struct unsent *u, uint32_t next);

#endif
