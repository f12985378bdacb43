#include "shim/udt/way_back.h"

#define DRIFT 10000 /* clocks go wrong by one in so many at most (RFC 5905 has 15 in a million) */
/* What comes out shorter than any was, by such a part of it and this, shows a clock that has stepped. */
#define SHORTER_OF 8
#define SHORTER_US 1000

static uint32_t begin(struct way_back *w, uint32_t took, uint32_t now)
{
    *w = (struct way_back){.known = true, .least = took, .at = now};
    return 0;
}

/* The shortest that a round trip may come out as. */
static int64_t shortest_us(int64_t least_us)
{
    int64_t us = least_us - least_us / SHORTER_OF - SHORTER_US;

    return us > least_us / 2 ? us : least_us / 2;
}

uint32_t way_back_waited_us(struct way_back *w, uint32_t left, uint32_t now, int64_t rtt_us,
                            int64_t least_rtt_us)
{
    uint32_t took = now - left, forgotten;

    if (left == 0)
        w->known = false;
    if (left == 0 || rtt_us < 0)
        return 0;
    if (!w->known)
        return begin(w, took, now);
    forgotten = (now - w->at) / DRIFT;
    w->least += forgotten;
    w->at += forgotten * DRIFT;
    if ((int32_t)(took - w->least) <= 0 || rtt_us - (took - w->least) < shortest_us(least_rtt_us))
        return begin(w, took, now);
    return took - w->least;
}
