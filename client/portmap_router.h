/* client/portmap_router.h: the router that port mappings are asked of. No lock; only portmap_router_turn()
 * waits. */
#ifndef HX_CLIENT_PORTMAP_ROUTER_H
#define HX_CLIENT_PORTMAP_ROUTER_H

#include "client/portmap_way.h"

/* The gateway of the default route. False: there is none, or no NAT: our address there is a global one. */
bool portmap_router_find(struct gateway *out);
bool portmap_router_same(const struct gateway *a, const struct gateway *b);
/* Opens a way for each protocol and says which is which. Returns how many there are. */
int portmap_router_ways(struct way *ways[WAY_KINDS], enum way_kind kind_of[WAY_KINDS],
                        const struct gateway *gateway);
/* Waits until one of the ways, or `wake_fd` (-1: none), has something, or one is due, or until `until_ms`;
 * then all of them step. */
void portmap_router_turn(struct way *const *ways, int count, int wake_fd, int64_t until_ms);
/* A router that has lost its mappings says so to all hosts (RFC 6886, 3.2.1; RFC 6887, 14.1). A descriptor
 * that is readable when somebody has said something; -1: nobody will be heard. */
int portmap_router_listen(const struct gateway *gateway);
/* Was it the gateway? Which of the two protocols' it is, and what it says, is of no interest: ask it. */
bool portmap_router_has_announced(int fd, const struct gateway *gateway);

#endif
