/* shim/udt/outbound.h: what a datagram that UDT sends says, and whether it shall leave. */
#ifndef HX_SHIM_UDT_OUTBOUND_H
#define HX_SHIM_UDT_OUTBOUND_H

#include "shim/udt/tap_parts.h"

/* True if the datagram shall leave; a shutdown gets its proof. */
bool outbound_leave(struct tap *t, const struct net_address *to, uint8_t *head, const uint8_t *body,
                    size_t body_len, int64_t now_ms);

#endif
