/* client/interfaces.h: the addresses of this host that peers may reach it at (RFC 8445, 5.1.1.1: host
 * candidates).
 *
 * Left out, since a probe of them costs a datagram and finds nobody:
 *   - what is down, has no carrier, or is of the loopback or one link alone;
 *   - addresses that are not assigned yet (tentative), or shall not be used any more (deprecated);
 *   - tunnels (point-to-point, tun, wireguard, vxlan, ...), which may be carried by the very connection that
 *     is being made; but for the one that the default route goes by: a modem's, or a VPN's, the way anyway;
 *   - bridges of containers and virtual machines alone: 172.17.0.1 is every second host's. Their guests reach
 *     this host at its other addresses just as well;
 *   - a second address of one interface in one network: it is the same path. Of IPv6's the temporary one
 *     stays (RFC 8981): the peer shall not learn more than it has to. */
#ifndef HX_CLIENT_INTERFACES_H
#define HX_CLIENT_INTERFACES_H

#include "proto/endpoint.h"

#define INTERFACES_MAX 8 /* addresses; each costs the peer its probes */

struct interface_address {
    struct endpoint address; /* the port is of no interest */
    unsigned prefix_bits;
    unsigned interface_index;
    bool usable;        /* the interface is up and has a carrier */
    bool tunnel;        /* it is one, as above */
    bool inner_bridge;  /* likewise */
    bool default_route; /* of either family goes by it */
    unsigned flags;     /* IFA_F_* (linux/if_addr.h) */
};

/* The useful ones, the best first, with ports as they were: by the interface of the default route; of those
 * IPv6 global ones, IPv4, unique local ones. No I/O. Returns how many, at most INTERFACES_MAX. */
size_t interfaces_choose(struct endpoint out[INTERFACES_MAX], const struct interface_address *all,
                         size_t count);
/* The same of this host, with `port`. 0: none, or the kernel does not tell. Sends nothing. */
size_t interfaces_list(struct endpoint out[INTERFACES_MAX], uint16_t port);

#endif
