#include "base/timers.h"

/* Of two heaps one; either may be NULL. The roots' own links to others are lost. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    struct timer *first = b->at_ms < a->at_ms ? b : a;
    struct timer *later = first == a ? b : a;
    later->before = first;
    later->next = first->child;
    if (first->child)
        first->child->before = later;
    first->child = later;
    return first;
}

/* Of a row of heaps one: first each two neighbours, then what came of them from behind, which is what bounds
 * the cost (amortized, the logarithm of their number). */
static struct timer *meld_row(struct timer *row)
{
    struct timer *pairs = NULL, *all = NULL;
    while (row) {
        struct timer *a = row, *b = row->next;
        row = b ? b->next : NULL;
        struct timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct timer *pair = pairs;
        pairs = pair->next;
        all = meld(all, pair);
    }
    return all;
}

static void set_root(struct timers *ts, struct timer *root)
{
    ts->root = root;
    if (!root)
        return;
    root->before = root;
    root->next = NULL;
}

void timers_set(struct timers *ts, struct timer *t, int64_t at_ms)
{
    timers_cancel(ts, t);
    t->at_ms = at_ms;
    t->child = NULL;
    set_root(ts, meld(ts->root, t));
    ts->len++;
}

void timers_cancel(struct timers *ts, struct timer *t)
{
    if (!timer_is_set(t))
        return;
    struct timer *rest = meld_row(t->child);
    if (t != ts->root) {
        if (t->before->child == t)
            t->before->child = t->next;
        else
            t->before->next = t->next;
        if (t->next)
            t->next->before = t->before;
        rest = meld(ts->root, rest);
    }
    set_root(ts, rest);
    t->before = NULL;
    ts->len--;
}

int64_t timers_next_ms(const struct timers *ts)
{
    return ts->root ? ts->root->at_ms : -1;
}

void timers_run(struct timers *ts, int64_t now_ms)
{
    for (size_t left = ts->len; left > 0 && ts->root && ts->root->at_ms <= now_ms; left--) {
        struct timer *t = ts->root;
        timers_cancel(ts, t);
        t->fire(t);
    }
}
