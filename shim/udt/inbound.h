/* shim/udt/inbound.h: what a datagram that came in says, and whether UDT shall get it. */
#ifndef HX_SHIM_UDT_INBOUND_H
#define HX_SHIM_UDT_INBOUND_H

#include "shim/udt/tap_parts.h"

/* True if UDT shall get the datagram, as it now is; it may be shorter. It came from route->to, to
 * route->local, by route->socket; if that is a path of a peer (shim/net/paths.h), route->to is the peer's
 * canonical address afterwards: UDT knows no other one. */
bool inbound_take(struct tap *t, struct net_route *route, uint8_t *head, uint8_t *body, size_t *body_len,
                  int64_t now_ms);

#endif
