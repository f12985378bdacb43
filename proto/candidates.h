/* proto/candidates.h: a peer, which is the addresses that it may be reached at (RFC 8445: its candidates). No
 * I/O, no allocation. */
#ifndef HX_PROTO_CANDIDATES_H
#define HX_PROTO_CANDIDATES_H

#include "proto/endpoint.h"

#define CANDIDATES_MAX 16 /* of one peer; each costs its packets */

struct candidates { /* zeroed: none */
    /* Each one once; the first is the one that the nameserver saw itself. */
    struct endpoint at[CANDIDATES_MAX];
    size_t count;
};

/* One more, unless it is there already. HX_OK; HX_ELIMIT: there is no room. */
int candidates_add(struct candidates *c, const struct endpoint *e);
/* Do the two have an address in common? */
bool candidates_meet(const struct candidates *a, const struct candidates *b);

#endif
