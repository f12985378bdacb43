/* shim/udt/kept.h: a datagram that is kept to be given to UDT later, or again. Lists are utlist's. */
#ifndef HX_SHIM_UDT_KEPT_H
#define HX_SHIM_UDT_KEPT_H

#include "shim/net/net_address.h"
#include "shim/udt/packet.h"

struct kept {
    struct kept *prev, *next;
    struct net_address from;
    struct net_address local; /* unspecified and 0, unless it came by a path that was not known */
    int32_t socket;
    int64_t came_ms; /* likewise */
    size_t body_len;
    bool judged; /* goes to UDT as it is: our own NAK */
    uint8_t head[PACKET_HEAD];
    uint8_t body[];
};

/* NULL: there is no memory. free() ends it. */
struct kept *kept_make(const struct net_address *from, const uint8_t *head, const uint8_t *body,
                       size_t body_len);
void kept_free_all(struct kept **list); /* leaves it empty */

#endif
