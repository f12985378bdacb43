/* server/limits.h: how many connections each address has. IPv4 counts by address, IPv6 by its /64, which is
 * what one site gets and can draw addresses from at will (RFC 4291, 2.5.4). */
#ifndef HX_SERVER_LIMITS_H
#define HX_SERVER_LIMITS_H

#include "proto/endpoint.h"
#include <stddef.h>

struct limits {
    size_t per_address;          /* 0: unlimited */
    struct limits_entry *counts; /* private: hash table; NULL is empty */
};

/* Counts one more connection of this peer. HX_OK; HX_ELIMIT: it has as many as it may; HX_ENOMEM. */
int limits_take(struct limits *l, const struct endpoint *peer);
/* Gives back what limits_take() has counted. */
void limits_give(struct limits *l, const struct endpoint *peer);
/* Frees the table, whatever it holds. */
void limits_free(struct limits *l);

#endif
