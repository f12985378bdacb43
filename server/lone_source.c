#include "server/lone_source.h"
#include "proto/address.h"

bool lone_source_seen(struct lone_source *l, const struct endpoint *peer, size_t clients)
{
    if (l->others || endpoint_tunnelled(peer))
        return false;
    if (l->first.family == AF_UNSPEC)
        l->first = *peer;
    l->others = !(address_is_near(peer) || endpoint_loopback(peer)) || !endpoint_same_host(&l->first, peer);
    if (l->others || clients < LONE_SOURCE_CLIENTS)
        return false;
    l->others = true;
    return true;
}
