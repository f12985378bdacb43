/* server/drain.h: the server takes nothing new, and those that hold names are ended one after the other, so
 * that they do not come to another nameserver all at once. Introductions to whom is still held go on.
 *
 * Of N holders number i is ended after i/N of the time, the oldest first; nobody becomes one meanwhile. A
 * stream's end cannot say where to go: who held a name asks again, as it does after any loss, and is told
 * then. */
#ifndef HX_SERVER_DRAIN_H
#define HX_SERVER_DRAIN_H

#include "base/timers.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRAIN_TURN_MS  20   /* at least between two turns in which holders are ended */
#define DRAIN_GRACE_MS 3000 /* after the last one: it turns to us once more, and hears where to go */

struct conn_world;

struct drain { /* zeroed: it has not begun. Private */
    struct conn_world *world;
    struct timer timer;
    bool begun;
    int64_t begun_ms, ms;
    int64_t gone_ms; /* since then no holder is left */
    size_t holders, ended;
};

/* Connections that wait for a name are refused at once; holders end within `ms`, which is above 0. */
void drain_begin(struct drain *d, struct conn_world *w, int64_t ms);
/* Until no holder is left, at least 1; what Retry-After says. */
int drain_left_s(const struct drain *d, int64_t now_ms);
/* No holder is left, and those who were have been told where to go. */
bool drain_over(const struct drain *d, int64_t now_ms);
int64_t drain_end_ms(const struct drain *d); /* when it is over at the latest */
/* Holders that are left. */
size_t drain_holders(const struct drain *d);
/* Nobody is ended any more. */
void drain_stop(struct drain *d);

#endif
