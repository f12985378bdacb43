#include "base/rate.h"
#include "base/ipv4_mapped.h"
#include <string.h>

void rate_init(struct rate *r, unsigned per_second)
{
    memset(r, 0, sizeof(*r));
    r->per_second = per_second;
    hash_key_draw(&r->key);
}

static struct token_bucket *bucket_of(struct rate *r, const uint8_t address[16])
{
    size_t len = ipv4_mapped(address) ? 16 : 8;

    return &r->buckets[hash_sip(&r->key, address, len) & (RATE_BUCKETS - 1)];
}

bool rate_take(struct rate *r, const uint8_t address[16], int64_t now_ms)
{
    const struct token_limit limit = {r->per_second, (int64_t)r->per_second * RATE_BURST_S};

    return r->per_second == 0 || token_bucket_take(bucket_of(r, address), &limit, 1, now_ms);
}
