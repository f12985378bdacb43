/* Who has begun a binding waits for the nameserver's word. */
#include "base/error.h"
#include "client/binding.h"
#include "secure/tls.h"

int binding_await(const struct binding *b, pthread_cond_t *cond, const bool *canceled)
{
    int64_t deadline_ms = engine_deadline(b->settings->timeout_ms);
    int err = HX_OK;
    if (b->settings->keys.count > 0)
        engine_unlocked(tls_warm_up);
    /* what came while the lock was free has signalled to nobody */
    while (err == HX_OK && !b->ever_bound && !*canceled) {
        if (b->error < 0)
            err = b->error;
        else if (!engine_wait(cond, deadline_ms))
            err = b->last_error < 0 ? b->last_error : HX_ETIMEDOUT;
    }
    if (*canceled)
        return HX_ECANCELED;
    return b->ever_bound ? HX_OK : err;
}
