/* shim/udt/tickets.h: what a listener gives to a visitor, so that the next visit needs no cookie: the proof
 * that it once received at that address (as RFC 9000, 8.1.3, has it for QUIC). Bound to the IP address alone,
 * for the next visit leaves from another port.
 *
 * Each is taken once (RFC 9000, 8.1.4): who sees one pass can use it instead of its owner, not again and
 * again. The key is made at start: a ticket of an earlier start is none, and its owner visits as for the
 * first time.
 *
 *   0  number (8)   8  expires, s of base/clock.h (4)   12  MAC (8) */
#ifndef HX_SHIM_UDT_TICKETS_H
#define HX_SHIM_UDT_TICKETS_H

#include "base/hash.h"
#include <stdbool.h>

#define TICKET_SIZE    20
#define TICKET_LIFE_MS (24 * 3600 * 1000LL)
#define TICKETS_OPEN   (1u << 20) /* the last so many are remembered, a bit each; older ones are none */

struct tickets {
    struct hash_key key;
    uint64_t next;                  /* number; from 1 */
    uint8_t used[TICKETS_OPEN / 8]; /* touched as it fills */
};

void tickets_init(struct tickets *t); /* of zeroed memory */
void tickets_make(struct tickets *t, const uint8_t ip[16], uint8_t out[TICKET_SIZE], int64_t now_ms);
/* Made here for this address, neither over nor used. */
bool tickets_valid(const struct tickets *t, const uint8_t ip[16], const uint8_t *ticket, size_t len,
                   int64_t now_ms);
/* Of a valid one: it is none any more. */
void tickets_use(struct tickets *t, const uint8_t *ticket);

#endif
