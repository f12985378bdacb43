/* client/portmap.h: a mapping of a local UDP port, which the router in front of this host gives by PCP (RFC
 * 6887), NAT-PMP (RFC 6886) or UPnP IGD: an external address that lets everybody in. All three are asked at
 * once; the first of that order which has answered within moments makes the mapping, and the others are left
 * alone, since routers keep one table for all of them. Only the default route's gateway is talked to, over
 * IPv4, and only if our address there is a private one: else there is no NAT to map.
 *
 * All that waits does so in a thread of the mapping's own. Everything is called and calls back with the
 * engine's lock held, but for portmap_await_end() and portmap_probe(). Those who hold the same port share its
 * mapping. */
#ifndef HX_CLIENT_PORTMAP_H
#define HX_CLIENT_PORTMAP_H

#include "client/portmap_way.h"

#define PORTMAP_SEEK_MS      1000 /* for the router's answers */
#define PORTMAP_GIVE_BACK_MS 300  /* for its last one */
/* What is asked for, renewed at its half (RFC 6887, 11.2.1; RFC 6886, 3.3). The RFC's two hours are what a
 * process that is killed would leave behind; a renewal costs two small datagrams within the LAN. */
#define PORTMAP_LIFETIME_S 1200

struct portmap; /* one who holds a mapping */
typedef void
portmap_changed_fn(void *user); /* portmap_external() has changed; calls none of these but that */

/* Begins. HX_OK; HX_ENOMEM, HX_ESYS and no callback. Never calls back before it returns. */
int portmap_begin(struct portmap **out, uint16_t local_port, portmap_changed_fn *changed, void *user);
/* Of whoever holds a mapping of that port. AF_UNSPEC: there is none now. One with a private address
 * (proto/address.h) leads through a second NAT. */
const struct endpoint *portmap_external(uint16_t local_port);
/* This host's addresses or routes have changed. */
void portmap_network_changed(struct portmap *p);
/* Our external address has changed, or nothing comes back any more: the router may have been restarted, and
 * has forgotten, without having said so. It is asked again now, at most once in PORTMAP_CHECK_MS. */
void portmap_check(struct portmap *p);
#define PORTMAP_CHECK_MS 2000
/* The last one who ends gives the mapping back, in the background. NULL is fine. */
void portmap_end(struct portmap *p);
/* Waits for that, `timeout_ms` at most. Without the engine's lock. */
void portmap_await_end(int timeout_ms);

struct portmap_offer {
    bool offered;             /* the router speaks it */
    struct endpoint external; /* without a port; AF_UNSPEC: not told. PCP tells it only with a mapping */
};
struct portmap_offers {
    struct endpoint gateway; /* AF_UNSPEC: there is none, or no NAT */
    struct portmap_offer of[WAY_KINDS];
};
/* Asks the router which of the protocols it speaks, and changes nothing there. Blocks for `timeout_ms` at
 * most, less if all have answered. Without the engine's lock, from any thread. */
void portmap_probe(struct portmap_offers *out, int timeout_ms);

#endif
