/* shim/udt/first_handshake.h: a rendezvous peer's first handshakes go to id 0. Whose are they? */
#ifndef HX_SHIM_UDT_FIRST_HANDSHAKE_H
#define HX_SHIM_UDT_FIRST_HANDSHAKE_H

#include "shim/udt/tap_parts.h"

/* Is what comes by this route from whom the connection is with? (S15) */
bool first_handshake_is_from(const struct tap *t, const struct udt_conn *c, const struct net_route *from);
/* For whom it is: known by its address; else by the session that it names, or, if it names none, by the path that it
 * comes by. `handshake`: its body, or NULL if it is something else. NULL: nobody. */
struct udt_conn *first_handshake_find(const struct tap *t, const struct net_route *from,
                                      const uint8_t *handshake);
/* For nobody: it may be a moment ahead of the news that its path is one, so the newest are kept for a while. */
void first_handshake_keep(struct tap *t, const struct net_route *from, const uint8_t *head,
                          const uint8_t *handshake, int64_t now_ms);
/* Of what was kept since then, that which is somebody's now is given to UDT (tap->replay). True: there is one. */
bool first_handshake_retry(struct tap *t, int64_t since_ms, int64_t now_ms);

#endif
