/* Which ports STUN has of its own: at each address that is served a second port, and both at a second
 * address. */
#include "base/error.h"
#include "server/log.h"
#include "server/stun_parts.h"
#include "shim/net/net_port.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct stun_place *stun_add(struct stun *s)
{
    struct stun_place *p = &s->places.of[s->places.count];

    if (s->places.count == STUN_PLACES_MAX)
        return NULL;
    s->places.count++;
    p->stun = s;
    return p;
}

int stun_set_port(struct stun_place *place, struct net_port *port)
{
    int err = stun_place_set_port(place, port);

    if (err == HX_OK && place->stun->places.main_port == 0)
        place->stun->places.main_port = place->bound.port;
    return err;
}

/* What was asked for must be there; a default that cannot be had is left out. */
static int refuse(const struct endpoint *at, bool wanted)
{
    char text[ENDPOINT_TEXT_MAX];
    int why = errno;

    endpoint_format(at, text);
    if (!wanted) {
        log_always(LOG_WARN, "no_stun", "address", text, "reason", strerror(why));
        return HX_OK;
    }
    fprintf(stderr,
            "hx-nameserver: cannot listen on UDP %s for STUN: %s; change --stun-port or --stun-address\n",
            text, strerror(why));
    return HX_EADDR;
}

static int open_at(struct net_port **out, const struct endpoint *at, bool ipv6_only)
{
    struct sockaddr_storage sa;

    (void)endpoint_to_sockaddr(at, &sa);
    const struct net_port_config config = {.local = (const struct sockaddr *)&sa, .ipv6_only = ipv6_only};
    return net_port_open(out, &config);
}

/* A port of its own at `at`, unless a socket is there. Port 0: the kernel picks it, and *port is set. */
static int open_place(struct stun *s, const struct endpoint *at, bool ipv6_only, bool wanted, uint16_t *port)
{
    struct net_port *net;
    char text[ENDPOINT_TEXT_MAX];

    if (at->port != 0 && stun_places_find(&s->places, at))
        return HX_OK;
    if (open_at(&net, at, ipv6_only) < 0)
        return refuse(at, wanted);
    struct stun_place *p = stun_add(s);
    if (!p || stun_place_set_port(p, net) < 0) {
        net_port_close(net);
        return HX_ENOMEM;
    }
    p->owned = true;
    *port = p->bound.port;
    s->fds[s->fd_count++] = net_port_fd(net);
    stun_read_own(p);
    endpoint_format(&p->bound, text);
    log_always(LOG_INFO, "stun", "address", text);
    return HX_OK;
}

static bool wants_port(const struct stun *s)
{
    return s->config.stun_port != CONFIG_STUN_PORT_DEFAULT;
}

/* The main port's neighbour; where the kernel has picked that one, it picks this one, too. */
static uint16_t choose_other_port(const struct stun *s)
{
    struct endpoint first;

    if (wants_port(s))
        return (uint16_t)s->config.stun_port;
    if (endpoint_from_sockaddr(&first, (const struct sockaddr *)&s->config.listen[0].address,
                               s->config.listen[0].len) == HX_OK &&
        first.port == 0)
        return 0;
    return s->places.main_port == UINT16_MAX ? UINT16_MAX - 1 : (uint16_t)(s->places.main_port + 1);
}

static int open_second_ports(struct stun *s)
{
    bool wanted = wants_port(s);
    size_t mains = s->places.count;
    uint16_t port = choose_other_port(s);

    for (size_t i = 0; i < mains; i++) {
        struct endpoint at = s->places.of[i].bound;

        at.port = port;
        int err = open_place(s, &at, !s->places.of[i].ipv4, wanted, &port);
        if (err < 0)
            return err;
    }
    s->places.other_port = port;
    return HX_OK;
}

/* Both ports of one of two addresses. A socket at every address has them, if the host has that one. */
static int open_address(struct stun *s, const struct endpoint *local)
{
    struct endpoint at = *local;
    bool wanted[] = {s->config.stun_address_count > 0, wants_port(s)};
    uint16_t ports[] = {s->places.main_port, s->places.other_port};
    struct net_port *trial;

    if (open_at(&trial, local, false) < 0)
        return refuse(local, wanted[0]);
    net_port_close(trial);
    for (int i = 0; i < 2; i++) {
        at.port = ports[i];
        int err = at.port ? open_place(s, &at, false, wanted[i], &ports[i]) : HX_OK;
        if (err < 0)
            return err;
    }
    return HX_OK;
}

int stun_open_others(struct stun *s)
{
    int err = s->config.stun_port == CONFIG_STUN_PORT_NONE ? HX_OK : open_second_ports(s);

    for (size_t i = 0; err == HX_OK && i < s->places.pair_count; i++)
        for (int k = 0; err == HX_OK && k < 2; k++)
            err = open_address(s, &s->places.pairs[i].of[k].local);
    return err;
}
