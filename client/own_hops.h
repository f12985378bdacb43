/* client/own_hops.h: asks the routers in front of this host who they are, over IPv4, as traceroute(8) does: what
 * client/nat_levels.h goes by. One for the process. Everything is called with the engine's lock held. */
#ifndef HX_CLIENT_OWN_HOPS_H
#define HX_CLIENT_OWN_HOPS_H

#include "proto/endpoint.h"
#include <stdbool.h>

#define OWN_HOPS_MS       1000  /* one measurement takes so long */
#define OWN_HOPS_FRESH_MS 60000 /* and is not made again for so long */

/* A few packets leave towards the STUN server, from a port of their own. Nothing is done where the two are not on
 * different sides of a NAT. */
void own_hops_ask(const struct endpoint *server);
/* The network has changed, or nobody needs it any more. */
void own_hops_forget(void);
/* nat_levels_hops() of what is known so far. */
int own_hops(bool again);

#endif
