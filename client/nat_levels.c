#include "client/nat_levels.h"

void nat_levels_router(struct nat_levels *l, int hops, bool is_private)
{
    if (is_private && hops > l->inside)
        l->inside = hops;
    if (!is_private && (l->outside == 0 || hops < l->outside))
        l->outside = hops;
}

void nat_levels_server(struct nat_levels *l, int hops)
{
    if (l->server == 0 || hops < l->server)
        l->server = hops;
}

/* The silent router behind the last private one may be a NAT that keeps from us what is said behind it, or the
 * provider's. The one before the nameserver is no NAT of ours. */
int nat_levels_hops(const struct nat_levels *l, bool again)
{
    int first = l->inside + 1 > NAT_LEVELS_LEAST ? l->inside + 1 : NAT_LEVELS_LEAST;
    int last = l->server > 0 ? l->server - 1 : NAT_LEVELS_MOST;
    if (l->outside > 0 && l->outside <= first)
        return first;
    int further = first < last ? first + 1 : first;
    return (l->server > 0) != again ? further : first;
}
