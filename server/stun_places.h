/* server/stun_places.h: the sockets that STUN comes to, and which of them an answer leaves by. No I/O. */
#ifndef HX_SERVER_STUN_PLACES_H
#define HX_SERVER_STUN_PLACES_H

#include "server/config.h"
#include "server/stun_address.h"
#include <stdbool.h>

/* Each address of --listen has a main and an other port, and each of two addresses of both families one of
 * both. */
#define STUN_PLACES_MAX (2 * CONFIG_LISTEN_MAX + 8)

struct net_port;
struct stun;

struct stun_place {
    struct stun *stun;
    struct net_port *port;
    bool owned;            /* by STUN alone: it is read by the loop, and closed at the end */
    struct endpoint bound; /* with its port */
    bool any;              /* the address is every one of its families */
    bool ipv4, ipv6;       /* families that come to it */
};

struct stun_places {
    struct stun_place of[STUN_PLACES_MAX];
    size_t count;
    uint16_t main_port, other_port; /* 0: there is none */
    struct stun_pair pairs[2];
    size_t pair_count; /* at most one of each family */
};

/* Fills what follows from the socket: bound, any, ipv4, ipv6. HX_OK or HX_ESYS. */
int stun_place_set_port(struct stun_place *p, struct net_port *port);
/* The place that an address of ours with this port belongs to; NULL: none. */
const struct stun_place *stun_places_find(const struct stun_places *s, const struct endpoint *at);
/* Where a request to `asked`, an address of ours with its port, is answered from: *from, by the place that is
 * returned. NULL: there is no other port, or no other address. */
const struct stun_place *stun_places_change(const struct stun_places *s, const struct endpoint *asked,
                                            bool change_ip, bool change_port, struct endpoint *from);
/* How an address of ours looks from outside, with its port. */
struct endpoint stun_places_printed(const struct stun_places *s, const struct endpoint *local);

#endif
