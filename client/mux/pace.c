#include "client/mux/pace.h"

#define THOUSAND 1000

void pace_init(struct pace *p, int64_t bytes_per_s)
{
    *p = (struct pace){.bytes_per_s = bytes_per_s < PACE_MOST ? bytes_per_s : PACE_MOST};
    pthread_mutex_init(&p->mutex, NULL);
}

void pace_free(struct pace *p)
{
    pthread_mutex_destroy(&p->mutex);
}

/* Thousandths of bytes that are kept at most. */
static int64_t burst(const struct pace *p)
{
    int64_t most = p->bytes_per_s * PACE_BURST_MS;
    return most > PACE_LEAST * THOUSAND ? most : PACE_LEAST * THOUSAND;
}

/* A byte a second is a thousandth of one a millisecond. */
static void earn(struct pace *p, enum pace_way way, int64_t now_ms)
{
    int64_t most = burst(p);
    int64_t ms = now_ms - p->ways[way].then_ms;
    int64_t lacks = most - p->ways[way].credit;
    if (p->ways[way].then_ms == 0)
        p->ways[way].credit = most;
    else if (ms > 0)
        p->ways[way].credit += ms > lacks / p->bytes_per_s ? lacks : ms * p->bytes_per_s;
    if (p->ways[way].then_ms == 0 || ms > 0)
        p->ways[way].then_ms = now_ms;
}

size_t pace_room(struct pace *p, enum pace_way way, size_t most, int64_t now_ms)
{
    if (!p || p->bytes_per_s == 0)
        return most;
    pthread_mutex_lock(&p->mutex);
    earn(p, way, now_ms);
    int64_t credit = p->ways[way].credit / THOUSAND;
    pthread_mutex_unlock(&p->mutex);
    if (credit < PACE_LEAST && credit < (int64_t)most)
        return 0;
    return credit < (int64_t)most ? (size_t)credit : most;
}

void pace_spend(struct pace *p, enum pace_way way, size_t bytes)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    if (p->bytes_per_s > 0)
        p->ways[way].credit -= (int64_t)bytes * THOUSAND;
    p->ways[way].moved += (int64_t)bytes;
    pthread_mutex_unlock(&p->mutex);
}

int64_t pace_moved(struct pace *p, enum pace_way way)
{
    pthread_mutex_lock(&p->mutex);
    int64_t moved = p->ways[way].moved;
    pthread_mutex_unlock(&p->mutex);
    return moved;
}
