#include "client/local_candidates.h"
#include "base/error.h"
#include "client/interfaces.h"
#include "client/portmap.h"
#include "client/race.h"
#include "client/route.h"
#include "proto/address.h"
#include <stdlib.h>
#include <string.h>

struct local_candidates {
    uint16_t local_port;
    int families;
    bool port_mapping;
    struct portmap *portmap; /* NULL: the router is not asked, or not yet */
    struct candidates told;  /* by the last get, or found by the last change */
    struct endpoint seen;    /* IPv4 */
    local_candidates_changed_fn *changed;
    void *user;
};

void local_candidates_of(struct candidates *out, uint16_t local_port, int families)
{
    struct endpoint hosts[INTERFACES_MAX];
    const struct endpoint *m = portmap_external(local_port);
    size_t count = interfaces_list(hosts, local_port);
    enum address_class class = families & FAMILY_IPV4 ? address_class(m) : ADDRESS_UNUSABLE;
    size_t limit = class == ADDRESS_PRIVATE ? CANDIDATES_TOLD_MAX - 1 : CANDIDATES_TOLD_MAX;
    *out = (struct candidates){.count = 0};
    if (class == ADDRESS_GLOBAL)
        (void)candidates_add(out, m, CANDIDATE_MAPPED);
    for (size_t i = 0; i < count && out->count < limit; i++) {
        if (families & (hosts[i].family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6))
            (void)candidates_add(out, &hosts[i], CANDIDATE_HOST);
    }
    if (class == ADDRESS_PRIVATE)
        (void)candidates_add(out, m, CANDIDATE_MAPPED);
}

static bool same(const struct candidates *a, const struct candidates *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->list[i].kind != b->list[i].kind || !endpoint_equal(&a->list[i].at, &b->list[i].at))
            return false;
    }
    return true;
}

static void look(struct local_candidates *c)
{
    struct candidates now;
    local_candidates_of(&now, c->local_port, c->families);
    if (same(&now, &c->told))
        return;
    c->told = now;
    if (c->changed)
        c->changed(c->user);
}

static void on_portmap(void *user)
{
    look(user);
}

int local_candidates_begin(struct local_candidates **out, uint16_t local_port, int families,
                           bool port_mapping, local_candidates_changed_fn *changed, void *user)
{
    struct local_candidates *c = calloc(1, sizeof *c);
    if (!c)
        return HX_ENOMEM;
    *c = (struct local_candidates){.local_port = local_port,
                                   .families = families,
                                   .port_mapping = port_mapping,
                                   .changed = changed,
                                   .user = user};
    local_candidates_of(&c->told, local_port, families);
    *out = c;
    return HX_OK;
}

/* An address that is none of this host's. */
static bool is_translated(const struct endpoint *external)
{
    struct route_question q = {.to = *external};
    struct route_way way;
    return external->family == AF_INET && route_ask(&q, &way) && !way.local;
}

void local_candidates_seen(struct local_candidates *c, const struct endpoint *external)
{
    bool changed = c->seen.family != AF_UNSPEC && !endpoint_equal(&c->seen, external);
    if (external->family == AF_INET6)
        return;
    c->seen = *external;
    if (c->portmap && changed)
        portmap_check(c->portmap);
    if (!c->portmap && c->port_mapping && is_translated(external)) /* else: no thread is to be had now */
        (void)portmap_begin(&c->portmap, c->local_port, on_portmap, c);
}

void local_candidates_network_changed(struct local_candidates *c)
{
    if (c->portmap)
        portmap_network_changed(c->portmap);
    look(c);
}

void local_candidates_end(struct local_candidates *c)
{
    if (!c)
        return;
    portmap_end(c->portmap);
    free(c);
}
