#include "base/backoff.h"

int64_t backoff_next_ms(struct backoff *b, uint32_t random)
{
    int64_t max_ms = b->max_ms == 0 ? BACKOFF_MAX_MS : b->max_ms;
    if (b->step_ms == 0)
        b->step_ms = b->first_ms == 0 ? BACKOFF_FIRST_MS : b->first_ms;
    else if (b->step_ms < max_ms)
        b->step_ms *= 2;
    if (b->step_ms > max_ms)
        b->step_ms = max_ms;
    return (int64_t)random % (b->step_ms + 1);
}

void backoff_reset(struct backoff *b)
{
    b->step_ms = 0;
}
