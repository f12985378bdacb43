/* base/rate.h: how often somebody may do something: a table of token buckets, of fixed size.
 *
 * A bucket is found by a keyed hash; two keys may share one (1 in RATE_BUCKETS), and nobody outside
 * can choose which. A source is an IPv4 address or an IPv6 /64 (the smallest piece that one customer
 * gets, RFC 6177); of discard-only addresses (base/discard_only.h), where the next four bytes tell
 * sources apart, a /96. */
#ifndef HX_BASE_RATE_H
#define HX_BASE_RATE_H

#include "base/hash.h"
#include "base/token_bucket.h"
#include <stddef.h>

#define RATE_BUCKETS   16384 /* 256 KiB; a power of two */
#define RATE_BURST_S   4     /* a full bucket holds this many seconds' worth */
#define RATE_KEY_BYTES 16    /* at most, of rate_source_key() */

/* What a bucket holds at this rate, for token_bucket_take(). */
#define RATE_LIMIT(a_second)                         \
    {                                                \
        (a_second), (int64_t)(a_second)*RATE_BURST_S \
    }

struct rate {
    unsigned per_second; /* 0: unlimited */
    struct hash_key key;
    struct token_bucket buckets[RATE_BUCKETS];
};

void rate_init(struct rate *r, unsigned per_second);
/* Takes one token of the source with this address (IPv6, IPv4 as mapped). False: it has none left. */
bool rate_take(struct rate *r, const uint8_t address[16], int64_t now_ms);
/* The bucket of that source, for the caller to take from with a limit of its own. */
struct token_bucket *rate_bucket_of_source(struct rate *r, const uint8_t address[16]);
/* The bytes that name the source of an address; returns how many. */
size_t rate_source_key(const uint8_t address[16], uint8_t key[RATE_KEY_BYTES]);
/* The bucket of any key, for the caller to take from: with RATE_LIMIT(r->per_second), or a limit of its
 * own. */
struct token_bucket *rate_bucket_of(struct rate *r, const void *key, size_t len);

#endif
