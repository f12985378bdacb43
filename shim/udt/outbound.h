/* shim/udt/outbound.h: what a datagram that UDT sends says, and whether it shall leave. */
#ifndef HX_SHIM_UDT_OUTBOUND_H
#define HX_SHIM_UDT_OUTBOUND_H

#include "shim/udt/tap_parts.h"

/* True if the datagram shall leave; a shutdown gets its proof. It goes to route->to; route->local is set. */
bool outbound_leave(struct tap *t, struct net_route *route, uint8_t *head, uint8_t *body, size_t body_len,
                    int64_t now_ms);

#endif
