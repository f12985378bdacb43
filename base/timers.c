#include "base/timers.h"
#include "base/error.h"
#include <assert.h>
#include <stdlib.h>

/* heap[0] is not used: the parent of slot i is i / 2. */

int timers_reserve(struct timers *ts, size_t count)
{
    size_t want = ts->reserved + count + 1;

    if (want > ts->cap) {
        size_t cap = want * 2;
        struct timer **heap = realloc(ts->heap, cap * sizeof *heap); // NOLINT(bugprone-sizeof-expression)

        if (!heap)
            return HX_ENOMEM;
        ts->heap = heap;
        ts->cap = cap;
    }
    ts->reserved += count;
    return HX_OK;
}

void timers_release(struct timers *ts, size_t count)
{
    assert(ts->reserved >= count && ts->reserved - count >= ts->len);
    ts->reserved -= count;
}

void timers_free(struct timers *ts)
{
    free(ts->heap);
    *ts = (struct timers){0};
}

static void place(struct timers *ts, struct timer *t, size_t slot)
{
    ts->heap[slot] = t;
    t->slot = slot;
}

static void sift_up(struct timers *ts, struct timer *t)
{
    size_t slot = t->slot;

    while (slot > 1 && ts->heap[slot / 2]->at_ms > t->at_ms) {
        place(ts, ts->heap[slot / 2], slot);
        slot /= 2;
    }
    place(ts, t, slot);
}

static void sift_down(struct timers *ts, struct timer *t)
{
    size_t slot = t->slot;

    while (slot * 2 <= ts->len) {
        size_t child = slot * 2;

        if (child < ts->len && ts->heap[child + 1]->at_ms < ts->heap[child]->at_ms)
            child++;
        if (ts->heap[child]->at_ms >= t->at_ms)
            break;
        place(ts, ts->heap[child], slot);
        slot = child;
    }
    place(ts, t, slot);
}

void timers_set(struct timers *ts, struct timer *t, int64_t at_ms)
{
    t->at_ms = at_ms;
    if (t->slot == 0) {
        assert(ts->len < ts->reserved);
        place(ts, t, ++ts->len);
    }
    sift_up(ts, t);
    sift_down(ts, t);
}

void timers_cancel(struct timers *ts, struct timer *t)
{
    struct timer *last;

    if (t->slot == 0)
        return;
    last = ts->heap[ts->len--];
    if (last != t) {
        place(ts, last, t->slot);
        sift_up(ts, last);
        sift_down(ts, last);
    }
    t->slot = 0;
}

int64_t timers_next_ms(const struct timers *ts)
{
    return ts->len > 0 ? ts->heap[1]->at_ms : -1;
}

void timers_run(struct timers *ts, int64_t now_ms)
{
    for (size_t left = ts->len; left > 0 && ts->len > 0 && ts->heap[1]->at_ms <= now_ms; left--) {
        struct timer *t = ts->heap[1];

        timers_cancel(ts, t);
        t->fire(t);
    }
}
