#include "shim/net/refused_runs.h"
#include "base/clock.h"
#include <errno.h>

bool refused_runs_has(const struct refused_runs *r, const struct net_address *to)
{
    for (int i = 0; r->any && i < REFUSED_RUNS_MAX; i++) {
        if (r->list[i].until_ms && net_address_equal(&r->list[i].to, to))
            return clock_now_ms() < r->list[i].until_ms;
    }
    return false;
}

void refused_runs_add(struct refused_runs *r, const struct net_address *to, int error)
{
    int i = 0;

    /* EIO: the device leaves checksums to us; EMSGSIZE, EINVAL: more than the way takes uncut. */
    if (error != EIO && error != EINVAL && error != EMSGSIZE && error != EOPNOTSUPP)
        return;
    while (i < REFUSED_RUNS_MAX && !(r->list[i].until_ms && net_address_equal(&r->list[i].to, to)))
        i++;
    if (i == REFUSED_RUNS_MAX) {
        i = r->next;
        r->next = (r->next + 1) % REFUSED_RUNS_MAX;
    }
    r->list[i].to = *to;
    r->list[i].until_ms = clock_now_ms() + REFUSED_RUNS_MS;
    r->any = true;
}
