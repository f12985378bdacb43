/* base/backoff.h: how long to wait before the next try: doubling, bounded, with jitter. Pure. */
#ifndef HX_BASE_BACKOFF_H
#define HX_BASE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 100   /* a nameserver that only restarts is back in a moment */
#define BACKOFF_MAX_MS   30000 /* so long a name may stay lost after a long outage */

struct backoff {
    int64_t step_ms; /* 0: no try has failed */
};

/* The delay before the next try: between half the step and the whole, by `random` (any 32 bits), so that the
 * clients of one nameserver do not return all at once. The step doubles with every call. */
int64_t backoff_next_ms(struct backoff *b, uint32_t random);
void backoff_reset(struct backoff *b);

#endif
