#include "client/asking_round.h"
#include "base/error.h"

bool asking_round_take(struct asking_round *r, const struct nameserver_end *end)
{
    switch (end->error) {
    case HX_ENOTFOUND:
        r->not_found = true;
        return true;
    case HX_EDENIED:
        r->denied = true;
        return true;
    case HX_ERESOLVE:
        r->soft |= !end->hopeless;
        return true;
    case HX_ETIMEDOUT:
    case HX_EREFUSED:
    case HX_ECLOSED:
    case HX_EEOF:
        r->soft = true;
        return true;
    case HX_ELIMIT:
        r->soft |= end->retry_after_s > 0;
        if (end->retry_after_s > r->retry_after_s)
            r->retry_after_s = end->retry_after_s;
        return true;
    default:
        return false;
    }
}

int asking_round_over(const struct asking_round *r, const struct nameserver_end *last)
{
    if (r->denied)
        return HX_EDENIED;
    if (r->not_found)
        return HX_ENOTFOUND;
    return r->soft ? HX_OK : last->error;
}
