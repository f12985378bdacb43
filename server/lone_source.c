#include "server/lone_source.h"
#include "proto/address.h"

/* True: it is the only one of its family that has come. */
static bool is_the_first(struct lone_source *l, const struct endpoint *peer)
{
    struct endpoint *first = &l->first[peer->family == AF_INET6];

    if (first->family == AF_UNSPEC)
        *first = *peer;
    return endpoint_same_host(first, peer);
}

bool lone_source_seen(struct lone_source *l, const struct endpoint *peer, size_t clients)
{
    if (l->others || endpoint_tunnelled(peer))
        return false;
    if (!endpoint_loopback(peer))
        l->others = !address_is_near(peer) || !is_the_first(l, peer);
    else if (l->first[0].family != AF_UNSPEC || l->first[1].family != AF_UNSPEC)
        return false;
    if (l->others || clients < LONE_SOURCE_CLIENTS)
        return false;
    l->others = true;
    return true;
}
