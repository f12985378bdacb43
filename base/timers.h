/* base/timers.h: deadlines in a pairing heap (Fredman et al., 1986). A timer lies inside what it belongs to,
 * so that setting one takes no memory and cannot fail; setting one again moves it. Times are milliseconds of
 * base/clock.h, handed in by the caller. */
#ifndef HX_BASE_TIMERS_H
#define HX_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    void (*fire)(struct timer *t); /* the timer is no longer set when this is called; it may set it again */
    int64_t at_ms;
    /* Private: the first of those below, which are due later; the next below the same one; who points at this
     * one (the root: itself; NULL: not set). */
    struct timer *child, *next, *before;
};

struct timers {         /* zeroed is empty */
    struct timer *root; /* private */
    size_t len;
};

void timers_set(struct timers *ts, struct timer *t, int64_t at_ms);
void timers_cancel(struct timers *ts, struct timer *t); /* fine if it is not set */
static inline bool timer_is_set(const struct timer *t)
{
    return t->before != NULL;
}
/* When the next one is due, or -1 if none is set. */
int64_t timers_next_ms(const struct timers *ts);
/* Fires what is due, earliest first; at most as many as were set when it was called. */
void timers_run(struct timers *ts, int64_t now_ms);

#endif
