/* client/forward/flow_drops.h: why datagrams of flows did not go on, and how many, in words. Pure. */
#ifndef HX_CLIENT_FORWARD_FLOW_DROPS_H
#define HX_CLIENT_FORWARD_FLOW_DROPS_H

#include "client/hx.h"
#include <stdbool.h>

#define FLOW_DROPS_MAX 768 /* bytes that hold them in words, with the NUL */

enum flow_drop {
    DROP_NO_FLOW,   /* the flow has ended, or never was */
    DROP_TOO_LONG,  /* above HX_DATAGRAM_MAX, or for the network of this end */
    DROP_WAITING,   /* too many came before the other side had answered, or while there was no link */
    DROP_REFUSED,   /* the other side does not allow it, or cannot reach it */
    DROP_LIMIT,     /* FLOWS_MAX */
    DROP_NOT_TAKEN, /* the system did not take it at this end */
    DROP_STRANGER,  /* it came to a SOCKS association from another than its client */
    DROP_HEAD,      /* it has no head as SOCKS has it, or is a fragment */
    DROPS
};

struct flow_drops {
    uint64_t of[DROPS];
};

/* "3 replayed, 1 without a flow", with those of the link; "none". Returns how many there are in all. */
uint64_t flow_drops_format(const struct flow_drops *d, const struct hx_datagram_counts *link,
                           char text[FLOW_DROPS_MAX]);

#endif
