/* client/local_candidates.h: the addresses that this host knows of one of its UDP ports, which peers may try:
 * those of its interfaces, and what its router has mapped. How a nameserver or a STUN server sees the port is
 * told by those. Everything is called and calls back with the engine's lock held. */
#ifndef HX_CLIENT_LOCAL_CANDIDATES_H
#define HX_CLIENT_LOCAL_CANDIDATES_H

#include "proto/candidates.h"
#include <stdbool.h>

/* As they are now, of whoever has the port mapped; at most CANDIDATES_TOLD_MAX, the most useful first: a
 * mapping with a global address, the interfaces', and last a mapping with a private address, which a second
 * NAT stands in front of. `families`: FAMILY_* of client/race.h. Waits for nothing but the kernel. */
void local_candidates_of(struct candidates *out, uint16_t local_port, int families);

struct local_candidates; /* who keeps them, and is told of changes */
/* What local_candidates_of() says is another now. Calls none of these but that one. May be NULL. */
typedef void local_candidates_changed_fn(void *user);

/* `port_mapping`: the router shall be asked for one, once it is known that there is a NAT
 * (local_candidates_seen()). HX_OK; HX_ENOMEM and no callback. Never calls back before it returns. */
int local_candidates_begin(struct local_candidates **out, uint16_t local_port, int families,
                           bool port_mapping, local_candidates_changed_fn *changed, void *user);
/* How a server outside sees the port. An IPv4 address that is none of this host's is a NAT's: then the router
 * is asked, in the background; what it gives within its second is a change. When the address is another one
 * than before, or a server that had answered does not any more (AF_UNSPEC), the router may have forgotten. */
void local_candidates_seen(struct local_candidates *c, const struct endpoint *external);
/* This host's addresses or routes have changed. */
void local_candidates_network_changed(struct local_candidates *c);
void local_candidates_end(struct local_candidates *c); /* gives the mapping back; NULL is fine */

#endif
