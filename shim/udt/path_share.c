#include "shim/udt/path_share.h"
#include <math.h>

#define LESS       0.95 /* of the rate: what comes late, or in bursts, explains no more, nor do so many ... */
#define LOST       2.0  /* ... times what is lost, ... */
#define LESS_ROUND 1.5  /* ... and this, in packets a round trip */
#define LASTS_US   10000000 /* four cycles of probing: one of them shows the others again */
#define KEPT       0.87     /* the share of what came */
#define RAISE      60.0     /* in so long a time, ... */
#define RAISE_US   50000.0
#define RAISES_MAX 2.0  /* ... but not more often in a round trip, which shows the queue late, ... */
#define RAISE_MOST 0.12 /* ... nor by more than this share, which shows on a slow line */

#define FAR_US      100000  /* nearer than this, half a minute has enough round trips */
#define LATE_US     5000000 /* and so many round trips: */
#define LATE_ROUNDS 15
#define MORE        1.05 /* what comes late, or in bursts, explains no more */

double path_share_yielded(struct path_share *s, int64_t now_us, double rate, double came, double lost,
                          int64_t rtt_us)
{
    if (came < (LESS - LOST * lost) * rate - LESS_ROUND * 1e6 / (double)rtt_us)
        s->until_us = now_us + LASTS_US;
    return now_us < s->until_us ? KEPT * came : rate;
}

bool path_share_no_probe(const struct path_share *s, int64_t now_us, int64_t rtt_us)
{
    return rtt_us > FAR_US && now_us < s->until_us;
}

double path_share_raised(const struct path_share *s, int64_t now_us, double rate, int64_t rtt_us, bool empty)
{
    bool held = rtt_us > FAR_US && !empty; /* what was raised before is heard of only now */

    return now_us < s->until_us && !held
               ? rate + fmin(RAISE, RAISE_MOST * rate) * fmin((double)rtt_us / RAISE_US, RAISES_MAX)
               : rate;
}

void path_share_began_late(struct path_share *s, int64_t now_us, int64_t rtt_us)
{
    s->late_us = now_us + LATE_US + LATE_ROUNDS * rtt_us;
}

bool path_share_probe_soon(const struct path_share *s, int64_t now_us, double before, double after,
                           int64_t rtt_us)
{
    return rtt_us > FAR_US && now_us < s->late_us && after > MORE * before;
}
