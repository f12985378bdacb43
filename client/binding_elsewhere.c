/* Where a binding asks next, and when: a nameserver may name another one, or want to be left alone for a
 * while. */
#include "base/clock.h"
#include "client/binding.h"

int64_t binding_heed(struct binding *b, int asked, const struct nameserver_end *end)
{
    int64_t now_ms = clock_now_ms(), wait_ms = end->retry_after_s * 1000LL;
    if (end->retry_after_s > 0)
        b->again_ms[asked] = now_ms + (wait_ms < RETRY_AFTER_MAX_MS ? wait_ms : RETRY_AFTER_MAX_MS);
    return b->again_ms[b->where] > now_ms ? b->again_ms[b->where] - now_ms : 0;
}

bool binding_is_sent_elsewhere(struct binding *b, const struct nameserver_end *end)
{
    if (!detour_take(&b->detour, end, b->settings, b->where))
        return false;
    (void)binding_heed(b, b->where, end);
    b->last_error = end->error;
    return true;
}
