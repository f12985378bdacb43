#include "client/unvalidated.h"
#include "base/rate.h"
#include "client/hard_nat.h"

struct hosts {
    struct rate rate; /* its buckets: each limit has its own */
    bool begun;
};

static const struct token_limit limit = {.per_second = UNVALIDATED_RATE, .most = UNVALIDATED_BURST};
static const struct token_limit ports_limit = {.per_second = HARD_NAT_SPRAY_RATE, .most = 2 * HARD_NAT_MOST};
static struct hosts unvalidated, searched;

static struct token_bucket *bucket_of(struct hosts *hosts, const struct net_address *host)
{
    if (!hosts->begun)
        rate_init(&hosts->rate, 0);
    hosts->begun = true;
    return rate_bucket_of_source(&hosts->rate, host->ip);
}

bool unvalidated_take(const struct net_address *host, int datagrams, int64_t now_ms)
{
    return token_bucket_take(bucket_of(&unvalidated, host), &limit, datagrams, now_ms);
}

void unvalidated_give(const struct net_address *host, int datagrams)
{
    token_bucket_give(bucket_of(&unvalidated, host), (int64_t)datagrams * TOKEN_BUCKET_UNIT);
}

bool unvalidated_take_port(const struct net_address *host, int64_t now_ms)
{
    return token_bucket_take(bucket_of(&searched, host), &ports_limit, 1, now_ms);
}
