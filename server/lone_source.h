/* server/lone_source.h: notices that all clients come from one private address. Then something before the
 * server puts its own address in place of theirs, as docker's userland proxy does, and nobody can be told
 * where anybody is. */
#ifndef HX_SERVER_LONE_SOURCE_H
#define HX_SERVER_LONE_SOURCE_H

#include "proto/endpoint.h"
#include <stdbool.h>
#include <stddef.h>

#define LONE_SOURCE_CLIENTS 5 /* at once: one host that tries it out has fewer */

struct lone_source {          /* zeroed at the start */
    struct endpoint first[2]; /* IPv4, IPv6: a host may have both */
    bool others;              /* have come from elsewhere, or it was told: nothing more is looked at */
};

/* One more client, the `clients`th of those that are there. True, once: all until now have come from one
 * private address, and they are several. This host's own ones count only where there are no others: a
 * container's health check is no client. Nor is who comes through a tunnel: the tunnel itself was. */
bool lone_source_seen(struct lone_source *l, const struct endpoint *peer, size_t clients);

#endif
