#include "server/stun_places.h"
#include "base/error.h"
#include "shim/net/net_port.h"
#include <string.h>

int stun_place_set_port(struct stun_place *p, struct net_port *port)
{
    static const uint8_t any[sizeof p->bound.address];
    int only = 0;
    socklen_t len;
    const struct sockaddr *local = net_port_local(port, &len);

    p->port = port;
    if (endpoint_from_sockaddr(&p->bound, local, len) < 0)
        return HX_ESYS;
    p->any = memcmp(p->bound.address, any, sizeof any) == 0;
    len = sizeof only;
    if (p->bound.family == AF_INET6 &&
        getsockopt(net_port_fd(port), IPPROTO_IPV6, IPV6_V6ONLY, &only, &len) < 0)
        return HX_ESYS;
    p->ipv6 = p->bound.family == AF_INET6;
    p->ipv4 = p->bound.family == AF_INET || (p->any && !only);
    return HX_OK;
}

const struct stun_place *stun_places_find(const struct stun_places *s, const struct endpoint *at)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct stun_place *p = &s->of[i];
        bool family = at->family == AF_INET ? p->ipv4 : p->ipv6;

        if (p->port && p->bound.port == at->port && family && (p->any || endpoint_same_host(&p->bound, at)))
            return p;
    }
    return NULL;
}

/* Both ports are each other's other one; a further port of --listen has the other port for its own. */
static uint16_t other_port(const struct stun_places *s, uint16_t port)
{
    return port == s->other_port ? s->main_port : s->other_port;
}

/* The one of the pairs' addresses that this is; NULL: none. `other`: the one beside it. */
static const struct stun_address *find_address(const struct stun_places *s, const struct endpoint *at,
                                               bool other)
{
    for (size_t i = 0; i < s->pair_count; i++)
        for (int k = 0; k < 2; k++)
            if (endpoint_same_host(&s->pairs[i].of[k].local, at))
                return &s->pairs[i].of[other ? 1 - k : k];
    return NULL;
}

const struct stun_place *stun_places_change(const struct stun_places *s, const struct endpoint *asked,
                                            bool change_ip, bool change_port, struct endpoint *from)
{
    *from = *asked;
    if (change_ip) {
        const struct stun_address *other = find_address(s, asked, true);

        if (!other)
            return NULL;
        *from = other->local;
        from->port = asked->port;
    }
    if (change_port)
        from->port = other_port(s, asked->port);
    return from->port ? stun_places_find(s, from) : NULL;
}

struct endpoint stun_places_printed(const struct stun_places *s, const struct endpoint *local)
{
    const struct stun_address *a = find_address(s, local, false);
    struct endpoint e = a ? a->printed : *local;

    e.port = local->port;
    return e;
}
