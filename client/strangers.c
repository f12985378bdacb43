#include "client/strangers.h"
#include "base/rate.h"

static const struct token_limit limit = {.per_second = STRANGERS_RATE, .most = STRANGERS_BURST};

static struct token_bucket *bucket_of(const struct net_address *host)
{
    static struct rate hosts;
    static bool begun;
    uint8_t key[RATE_KEY_BYTES];
    if (!begun)
        rate_init(&hosts, STRANGERS_RATE);
    begun = true;
    return rate_bucket_of(&hosts, key, rate_source_key(host->ip, key));
}

bool strangers_take(const struct net_address *host, int datagrams, int64_t now_ms)
{
    return token_bucket_take(bucket_of(host), &limit, datagrams, now_ms);
}

void strangers_give(const struct net_address *host, int datagrams)
{
    token_bucket_give(bucket_of(host), (int64_t)datagrams * TOKEN_BUCKET_UNIT);
}
