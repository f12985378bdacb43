#include "client/uplink.h"
#include "base/ipv4_mapped.h"
#include "client/route.h"
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static bool is_loopback(const struct in6_addr *a)
{
    return IN6_IS_ADDR_LOOPBACK(a) || (ipv4_mapped(a->s6_addr) && a->s6_addr[IPV4_MAPPED_PREFIX] == 127);
}

static void endpoint_of(struct endpoint *out, const struct in6_addr *a)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = *a};
    (void)endpoint_from_sockaddr(out, (struct sockaddr *)&sa, sizeof sa);
}

static bool has_name(const struct ifaddrs *i, const char *name)
{
    size_t len = strcspn(i->ifa_name, ":"); /* IPv4 addresses may have a label, "eth0:1" (ip-address(8)) */
    return len == strlen(name) && memcmp(i->ifa_name, name, len) == 0;
}

/* Hosts that run their own routing have addresses that are of none of the interfaces by which
 * they are reached. */
static bool is_of(const struct in6_addr *address, unsigned interface_index)
{
    char name[IF_NAMESIZE];
    struct ifaddrs *all;
    struct endpoint wanted, it;
    bool found = false;
    endpoint_of(&wanted, address);
    if (!if_indextoname(interface_index, name) || getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        socklen_t len = !i->ifa_addr                         ? 0
                        : i->ifa_addr->sa_family == AF_INET  ? sizeof(struct sockaddr_in)
                        : i->ifa_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                             : 0;
        found = len > 0 && has_name(i, name) && endpoint_from_sockaddr(&it, i->ifa_addr, len) == HX_OK &&
                endpoint_same_host(&it, &wanted);
    }
    freeifaddrs(all);
    return found;
}

static bool leads_by(const struct route_question *q, unsigned interface_index, struct route_way *way)
{
    return route_ask(q, way) && way->interface_index == interface_index;
}

void uplink_of(struct uplink *out, struct stream *s)
{
    struct sockaddr_in6 at;
    *out = (struct uplink){.interface_index = 0};
    if (!udt_stream_heard_at(s, &at))
        return;
    out->address = at.sin6_addr;
    if (!is_loopback(&at.sin6_addr) && is_of(&at.sin6_addr, at.sin6_scope_id))
        out->interface_index = at.sin6_scope_id;
}

/* How does what leaves by `interface_index` have the source q->from? False: not at all. */
static bool by_interface(struct route_question *q, unsigned interface_index, bool *address_told)
{
    struct endpoint source = q->from;
    struct route_way way;
    *address_told = true;
    q->interface_index = interface_index;
    if (leads_by(q, interface_index, &way))
        return true;
    if (source.family != AF_INET6)
        return false;
    /* With a source IPv6 takes the interface for a wish. Without one it is a must, and the kernel
     * chooses the source. */
    *address_told = false;
    q->from.family = AF_UNSPEC;
    return leads_by(q, interface_index, &way) && endpoint_same_host(&way.source, &source);
}

void uplink_source(const struct uplink *u, const struct sockaddr *to, socklen_t len,
                   struct sockaddr_in6 *source)
{
    struct route_question q = {.interface_index = 0};
    struct route_way way;
    bool address_told = true;
    *source = (struct sockaddr_in6){.sin6_family = AF_INET6};
    endpoint_of(&q.from, &u->address);
    if (IN6_IS_ADDR_UNSPECIFIED(&u->address) || endpoint_from_sockaddr(&q.to, to, len) < 0 ||
        q.to.family != q.from.family || endpoint_link_local(&q.to) != endpoint_link_local(&q.from))
        return;
    if (endpoint_link_local(&q.to))
        q.interface_index = u->interface_index;
    if (!route_ask(&q, &way) || (is_loopback(&u->address) && !way.local))
        return;
    if (u->interface_index != 0 && !way.local &&
        (way.interface_index == u->interface_index || by_interface(&q, u->interface_index, &address_told)))
        source->sin6_scope_id = u->interface_index;
    if (source->sin6_scope_id == 0 || address_told)
        source->sin6_addr = u->address;
}
