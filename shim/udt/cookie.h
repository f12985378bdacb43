/* shim/udt/cookie.h: proof that a peer receives at the address it sends from, without any state kept for it.
 *
 * UDT's own cookie has no secret (MD5 of host:port:minute, UDT4.md S23): anyone can compute it. This
 * one is keyed; the key is random and drawn anew every COOKIE_ROLL_MS, the previous one staying valid
 * as long again. */
#ifndef HX_SHIM_UDT_COOKIE_H
#define HX_SHIM_UDT_COOKIE_H

#include "base/hash.h"
#include <stdbool.h>
#include <stddef.h>

#define COOKIE_ROLL_MS 120000 /* a cookie lives 2 to 4 minutes; UDT's own 1 to 2 */

struct cookie {
    struct hash_key now, before;
    int64_t roll_ms; /* when `now` becomes `before` */
};

void cookie_init(struct cookie *c, int64_t now_ms);
/* The cookie of a peer, whose address and port are source[0..len). Never 0, which a first handshake
 * carries. */
uint32_t cookie_make(struct cookie *c, const void *source, size_t len, int64_t now_ms);
bool cookie_valid(struct cookie *c, const void *source, size_t len, uint32_t cookie, int64_t now_ms);

#endif
