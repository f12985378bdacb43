/* base/timers.h: deadlines in a binary heap. A timer lies inside what it belongs to; setting one again
 * moves it. Times are milliseconds of base/clock.h, handed in by the caller. */
#ifndef HX_BASE_TIMERS_H
#define HX_BASE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    void (*fire)(struct timer *t); /* the timer is no longer set when this is called; it may set it again */
    int64_t at_ms;                 /* private */
    size_t slot;                   /* private: 1 and up; 0: not set. Zero it before the first use */
};

struct timers {
    struct timer **heap; /* private, all of them; zeroed is empty */
    size_t len;
    size_t cap;
    size_t reserved;
};

/* Makes room for `count` more timers, so that timers_set() cannot fail. HX_OK or HX_ENOMEM. */
int timers_reserve(struct timers *ts, size_t count);
/* Gives the room of `count` timers back; they must not be set. */
void timers_release(struct timers *ts, size_t count);
void timers_free(struct timers *ts);

void timers_set(struct timers *ts, struct timer *t, int64_t at_ms);
void timers_cancel(struct timers *ts, struct timer *t); /* fine if it is not set */
static inline int timer_is_set(const struct timer *t)
{
    return t->slot != 0;
}
/* When the next one is due, or -1 if none is set. */
int64_t timers_next_ms(const struct timers *ts);
/* Fires what is due, earliest first; at most as many as were set when it was called. */
void timers_run(struct timers *ts, int64_t now_ms);

#endif
