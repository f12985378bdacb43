#include "client/detour.h"
#include "base/error.h"
#include <strings.h>

static bool same(const struct host_port *a, const struct host_port *b)
{
    return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

bool detour_take(struct detour *d, const struct nameserver_end *end, const struct settings *s, int where)
{
    struct nameserver_name names[NAMESERVERS_MAX];
    int transports = s->transports & (end->tunnelled ? TRANSPORT_ANY : TRANSPORT_UDP);
    const struct tunnel_place *own = &s->places[where];
    if (d->taken || end->error != HX_ELIMIT || end->location[0] == '\0' || transports == 0 ||
        nameserver_names_parse(names, end->location, HX_DEFAULT_PORT) != 1)
        return false;
    if (same(&names[0].udp, &s->nameservers[where]) && same(&names[0].tcp, &own->tcp))
        return false;
    if (own->tls && !names[0].tls)
        return false;
    *d = (struct detour){.taken = true,
                         .awaited = d->awaited,
                         .transports = transports,
                         .name = names[0].udp,
                         .place = {.tcp = names[0].tcp,
                                   .udp_port = names[0].udp.port,
                                   .tls = names[0].tls,
                                   .udp_unwanted = own->udp_unwanted}};
    return true;
}

void detour_end(struct detour *d)
{
    d->taken = false;
}

bool detour_awaits(struct detour *d)
{
    return d->taken && d->awaited++ < DETOUR_AWAITED_MAX;
}

const struct host_port *detour_name(const struct detour *d, const struct settings *s, int where)
{
    return d->taken ? &d->name : &s->nameservers[where];
}

void detour_request(const struct detour *d, const struct settings *s, int where,
                    struct nameserver_request *request)
{
    request->name = detour_name(d, s, where);
    request->place = d->taken ? &d->place : &s->places[where];
    request->transports = d->taken ? d->transports : s->transports;
}
