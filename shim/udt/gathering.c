#include "shim/udt/gathering.h"

bool gathering_is_old(const struct gathering *g, int64_t now_us)
{
    return now_us >= g->until_us;
}

void gathering_found(struct gathering *g, int64_t round_us, int64_t now_us)
{
    g->round_us = round_us;
    g->until_us = now_us + GATHERING_KEPT_US;
}

void gathering_forget(struct gathering *g)
{
    g->until_us = 0;
}

void gathering_count(struct gathering *g, int64_t now_us)
{
    g->full_us = g->came > 0 ? GATHERING_MOST * (now_us - g->counted_us) / g->came : INT64_MAX;
    g->came = 0;
    g->counted_us = now_us;
}

int64_t gathering_us(const struct gathering *g, int64_t most_us)
{
    int64_t us = g->round_us < g->full_us ? g->round_us : g->full_us;

    return us < most_us ? us : most_us;
}
