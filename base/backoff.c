#include "base/backoff.h"

int64_t backoff_next_ms(struct backoff *b, uint32_t random)
{
    if (b->step_ms == 0)
        b->step_ms = BACKOFF_FIRST_MS;
    else if (b->step_ms < BACKOFF_MAX_MS)
        b->step_ms *= 2;
    if (b->step_ms > BACKOFF_MAX_MS)
        b->step_ms = BACKOFF_MAX_MS;
    int64_t half = b->step_ms / 2;
    return half + (int64_t)random % (half + 1);
}

void backoff_reset(struct backoff *b)
{
    b->step_ms = 0;
}
