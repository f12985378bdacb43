#include "base/rate.h"
#include "base/ipv4_mapped.h"
#include <string.h>

#define THOUSAND 1000

void rate_init(struct rate *r, unsigned per_second)
{
    memset(r, 0, sizeof(*r));
    r->per_second = per_second;
    hash_key_draw(&r->key);
}

static struct rate_bucket *bucket_of(struct rate *r, const uint8_t address[16])
{
    size_t len = ipv4_mapped(address) ? 16 : 8;

    return &r->buckets[hash_sip(&r->key, address, len) & (RATE_BUCKETS - 1)];
}

bool rate_take(struct rate *r, const uint8_t address[16], int64_t now_ms)
{
    int64_t full = (int64_t)r->per_second * RATE_BURST_S * THOUSAND;
    struct rate_bucket *b;

    if (!r->per_second)
        return true;
    b = bucket_of(r, address);
    if (b->filled_ms == 0 || now_ms - b->filled_ms > RATE_BURST_S * THOUSAND)
        b->tokens = full;
    else
        b->tokens +=
            (now_ms - b->filled_ms) * r->per_second; /* tokens a second are thousandths a millisecond */
    if (b->tokens > full)
        b->tokens = full;
    b->filled_ms = now_ms;
    if (b->tokens < THOUSAND)
        return false;
    b->tokens -= THOUSAND;
    return true;
}
