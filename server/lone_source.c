#include "server/lone_source.h"
#include "base/discard_only.h"

/* An address that hosts of one site alone have: RFC 1918, RFC 6598, RFC 4193, and those of one link or one
 * host. */
static bool is_private(const struct endpoint *e)
{
    const uint8_t *a = e->address;

    if (endpoint_loopback(e) || endpoint_link_local(e))
        return true;
    if (e->family != AF_INET)
        return (a[0] & 0xfe) == 0xfc;
    return a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
           (a[0] == 100 && (a[1] & 0xc0) == 64) || (a[0] == 169 && a[1] == 254);
}

bool lone_source_seen(struct lone_source *l, const struct endpoint *peer, size_t clients)
{
    if (l->others || (peer->family == AF_INET6 && discard_only(peer->address)))
        return false;
    if (l->first.family == AF_UNSPEC)
        l->first = *peer;
    l->others = !is_private(peer) || !endpoint_same_host(&l->first, peer);
    if (l->others || clients < LONE_SOURCE_CLIENTS)
        return false;
    l->others = true;
    return true;
}
