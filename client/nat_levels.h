/* client/nat_levels.h: how many routers a packet must pass so that it opens each NAT in front of this host, and gets no
 * further. A home router may be the only NAT, or have a carrier's behind it, or the carrier's may be some private
 * routers away. Pure.
 *
 *   host ──► router 1 ──► router 2 ──► router 3 ──► router 4 ...
 *            private      private      global: a packet that ends here has passed both NATs
 *
 * A router says by ICMP which packet has ended there, and its address tells whether that is inside a NAT (RFC 1918,
 * RFC 6598). A NAT may keep ICMP from us: then what has reached the nameserver tells how many routers there are at all. */
#ifndef HX_CLIENT_NAT_LEVELS_H
#define HX_CLIENT_NAT_LEVELS_H

#include <stdbool.h>

#define NAT_LEVELS_LEAST 2 /* past one NAT, as nearly all hosts have */
#define NAT_LEVELS_MOST  6 /* packets that go out to measure it: of 1 hop, 2 hops, ... */

struct nat_levels { /* counted in hops; 0: none has been seen */
    int inside;     /* the farthest router with a private address */
    int outside;    /* the nearest one with a global one */
    int server;     /* the least that has reached the nameserver */
};

/* A router at so many hops has said that a packet ended there. */
void nat_levels_router(struct nat_levels *l, int hops, bool is_private);
/* What went so far has been answered by the nameserver. */
void nat_levels_server(struct nat_levels *l, int hops);
/* With how many hops a packet leaves (IP's TTL) that opens our NATs alone. Where routers are silent, `again` is for
 * those who have tried the other number in vain. */
int nat_levels_hops(const struct nat_levels *l, bool again);

#endif
