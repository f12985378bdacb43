#include "base/rate.h"
#include "base/discard_only.h"
#include "base/ipv4_mapped.h"
#include <string.h>

void rate_init(struct rate *r, unsigned per_second)
{
    memset(r, 0, sizeof *r);
    r->per_second = per_second;
    hash_key_draw(&r->key);
}

size_t rate_source_key(const uint8_t address[16], uint8_t key[RATE_KEY_BYTES])
{
    size_t len = ipv4_mapped(address) ? 16 : discard_only(address) ? 12 : 8;

    memcpy(key, address, len);
    return len;
}

struct token_bucket *rate_bucket_of(struct rate *r, const void *key, size_t len)
{
    return &r->buckets[hash_sip(&r->key, key, len) & (RATE_BUCKETS - 1)];
}

struct token_bucket *rate_bucket_of_source(struct rate *r, const uint8_t address[16])
{
    uint8_t key[RATE_KEY_BYTES];

    return rate_bucket_of(r, key, rate_source_key(address, key));
}

bool rate_take(struct rate *r, const uint8_t address[16], int64_t now_ms)
{
    const struct token_limit limit = RATE_LIMIT(r->per_second);

    return r->per_second == 0 || token_bucket_take(rate_bucket_of_source(r, address), &limit, 1, now_ms);
}
