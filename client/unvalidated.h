/* client/unvalidated.h: how much this process sends, in all its sessions, to a host that is only said to be
 * the peer's: a candidate at which the nameserver has not seen the peer, and which has not answered either.
 * Whoever asks for a name can name any host, and ask again and again. With the engine's lock held. */
#ifndef HX_CLIENT_UNVALIDATED_H
#define HX_CLIENT_UNVALIDATED_H

#include "shim/net/net_address.h"
#include <stdbool.h>
#include <stdint.h>

#define UNVALIDATED_BURST   250 /* datagrams of at most 64 bytes to one host (base/rate.h), and then ... */
#define UNVALIDATED_RATE    10  /* ... so many a second */
#define UNVALIDATED_CONNECT 40  /* what UDT's handshake makes of them in PUNCH_DEFAULT_MS: one each 250 ms */

/* May so many more leave for it? Then they count. */
bool unvalidated_take(const struct net_address *host, int datagrams, int64_t now_ms);
/* It is the peer's: it has answered, and so many do not count any more. */
void unvalidated_give(const struct net_address *host, int datagrams);
/* May one more port be asked of the host where the nameserver sees the peer (hard_nat.h:
 * HARD_NAT_SPRAY_RATE a second, and 2 * HARD_NAT_MOST at once)? Of all sessions with it: a nameserver may
 * begin them one after the other. */
bool unvalidated_take_port(const struct net_address *host, int64_t now_ms);

#endif
