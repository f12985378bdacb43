/* base/backoff.h: how long to wait before the next try: doubling, bounded, with full jitter. Pure. */
#ifndef HX_BASE_BACKOFF_H
#define HX_BASE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 200   /* a nameserver that only restarts is back in a moment */
#define BACKOFF_MAX_MS   30000 /* so long a name may stay lost after a long outage */

struct backoff {              /* zeroed: all defaults, and no try has failed */
    int64_t first_ms, max_ms; /* 0: the above */
    int64_t step_ms;
};

/* The delay before the next try: anything up to the step, by `random` (any 32 bits), so that many
 * clients of one nameserver return spread evenly, and do not meet again in the next step. The step
 * doubles with every call. */
int64_t backoff_next_ms(struct backoff *b, uint32_t random);
void backoff_reset(struct backoff *b);

#endif
