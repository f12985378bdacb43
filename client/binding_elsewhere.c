/* Where a binding asks next, and when: a nameserver may name another one, or want to be left alone for a
 * while. */
#include "base/clock.h"
#include "client/binding.h"

void binding_heed(struct binding *b, const struct nameserver_end *end)
{
    int64_t wait_ms = end->retry_after_s * 1000LL;
    if (end->retry_after_s > 0)
        b->again_ms[b->where] =
            clock_now_ms() + (wait_ms < RETRY_AFTER_MAX_MS ? wait_ms : RETRY_AFTER_MAX_MS);
}

int64_t binding_heeded_ms(const struct binding *b)
{
    int64_t left_ms = b->again_ms[b->where] - clock_now_ms();
    return left_ms > 0 ? left_ms : 0;
}

bool binding_is_sent_elsewhere(struct binding *b, const struct nameserver_end *end)
{
    if (!detour_take(&b->detour, end, b->settings, b->where))
        return false;
    binding_heed(b, end);
    b->last_error = end->error;
    return true;
}
