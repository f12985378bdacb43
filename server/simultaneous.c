#include "server/simultaneous.h"

/* The farther side's first handshake needs half of `apart_ms` more than our part to the nearer
 * one, and more. */
static int64_t wait_of_nearer(int64_t rtt_ms, int64_t apart_ms)
{
    int64_t most_ms = apart_ms / 2 < SIMULTANEOUS_MS ? apart_ms / 2 : SIMULTANEOUS_MS;

    return most_ms > rtt_ms ? most_ms - rtt_ms : 0;
}

struct simultaneous simultaneous_times(int64_t h1_rtt_ms, int64_t h2_rtt_ms)
{
    struct simultaneous t = {0, 0};
    int64_t apart_ms = h1_rtt_ms - h2_rtt_ms;

    if (h1_rtt_ms < 0 || h2_rtt_ms < 0)
        return t;
    if (apart_ms >= SIMULTANEOUS_LEAST_MS)
        t.h2_ms = wait_of_nearer(h2_rtt_ms, apart_ms);
    else if (-apart_ms >= SIMULTANEOUS_LEAST_MS)
        t.h1_ms = wait_of_nearer(h1_rtt_ms, -apart_ms);
    return t;
}
