/* base/rate.h: how often a source may do something: token buckets in a table of fixed size.
 *
 * A source is an IPv4 address or an IPv6 /64 (the smallest piece that one customer gets, RFC 6177). Its
 * bucket is found by a keyed hash; two sources may share one (1 in RATE_BUCKETS), and nobody outside can
 * choose which. */
#ifndef HX_BASE_RATE_H
#define HX_BASE_RATE_H

#include "base/hash.h"
#include "base/token_bucket.h"

#define RATE_BUCKETS 16384 /* 256 KiB; a power of two */
#define RATE_BURST_S 4     /* a full bucket holds this many seconds' worth */

struct rate {
    unsigned per_second; /* 0: unlimited */
    struct hash_key key;
    struct token_bucket buckets[RATE_BUCKETS];
};

void rate_init(struct rate *r, unsigned per_second);
/* Takes one token of the source with this address (IPv6, IPv4 as mapped). False: it has none left. */
bool rate_take(struct rate *r, const uint8_t address[16], int64_t now_ms);

#endif
