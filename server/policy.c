#include "server/policy.h"
#include "base/error.h"
#include "proto/host_id.h"
#include "proto/membership.h"
#include "server/config.h"
#include "server/limits.h"
#include "server/tunnel.h"
#include <stdlib.h>
#include <string.h>

struct policy {
    const struct server_config *config;
    const struct tunnels *tunnels; /* NULL: there are none */
    struct limits limits;
    size_t entered;
    struct rate refusals;      /* of each source */
    struct rate returns;       /* of the refused of each source */
    struct rate claims;        /* of each source: new names */
    struct rate introductions; /* of each source to each name */
};

void policy_reconfigure(struct policy *p)
{
    unsigned rate = (unsigned)p->config->rate_per_address;

    p->limits.per_address = (size_t)p->config->max_per_address;
    p->refusals.per_second = rate;
    p->returns.per_second = (rate + POLICY_RETURNS_SHARE - 1) / POLICY_RETURNS_SHARE;
    p->claims.per_second = (unsigned)p->config->claims_per_source;
    p->introductions.per_second = (unsigned)p->config->introductions_per_source;
}

int policy_create(struct policy **out, const struct server_config *config)
{
    struct policy *p = calloc(1, sizeof *p);

    if (!p)
        return HX_ENOMEM;
    p->config = config;
    rate_init(&p->refusals, 0);
    rate_init(&p->returns, 0);
    rate_init(&p->claims, 0);
    rate_init(&p->introductions, 0);
    policy_reconfigure(p);
    *out = p;
    return HX_OK;
}

void policy_use_tunnels(struct policy *p, const struct tunnels *tunnels)
{
    p->tunnels = tunnels;
}

void policy_destroy(struct policy *p)
{
    if (!p)
        return;
    limits_free(&p->limits);
    free(p);
}

enum reply_reason policy_may_enter(struct policy *p, const struct endpoint *peer)
{
    if (p->config->max_connections > 0 && p->entered >= (size_t)p->config->max_connections)
        return REPLY_TOTAL_LIMIT;
    int err = limits_take(&p->limits, tunnels_source(p->tunnels, peer));
    if (err < 0)
        return reply_reason_for(err);
    p->entered++;
    return REPLY_NOTHING;
}

void policy_left(struct policy *p, const struct endpoint *peer)
{
    p->entered--;
    limits_give(&p->limits, tunnels_source(p->tunnels, peer));
}

size_t policy_entered(const struct policy *p)
{
    return p->entered;
}

static size_t source_key(const struct policy *p, const struct endpoint *peer, uint8_t key[RATE_KEY_BYTES])
{
    struct sockaddr_in6 address;

    endpoint_to_sockaddr6(tunnels_source(p->tunnels, peer), &address);
    return rate_source_key(address.sin6_addr.s6_addr, key);
}

bool policy_may_be_refused(struct policy *p, const struct endpoint *peer, int64_t now_ms)
{
    struct sockaddr_in6 address;

    endpoint_to_sockaddr6(tunnels_source(p->tunnels, peer), &address);
    return rate_take(&p->refusals, address.sin6_addr.s6_addr, now_ms);
}

bool policy_may_try(struct policy *p, const struct endpoint *peer, int64_t now_ms)
{
    const struct token_limit limit = RATE_LIMIT(p->refusals.per_second);
    uint8_t key[RATE_KEY_BYTES];

    if (limit.per_second == 0)
        return true;
    struct token_bucket *b = rate_bucket_of(&p->refusals, key, source_key(p, peer, key));
    return token_bucket_left(b, &limit, now_ms) >= 1;
}

/* A minute's rate in a bucket of seconds: each costs 60. */
enum reply_reason policy_may_claim(struct policy *p, const struct endpoint *peer, int64_t now_ms)
{
    const struct token_limit limit = {p->claims.per_second, INT64_C(60) * POLICY_CLAIM_BURST};
    uint8_t key[RATE_KEY_BYTES];

    if (limit.per_second == 0)
        return REPLY_NOTHING;
    struct token_bucket *b = rate_bucket_of(&p->claims, key, source_key(p, peer, key));
    return token_bucket_take(b, &limit, 60, now_ms) ? REPLY_NOTHING : REPLY_CLAIMS;
}

int policy_returns_later_s(struct policy *p, const struct endpoint *peer, int64_t now_ms)
{
    const struct token_limit limit = RATE_LIMIT(p->returns.per_second);
    uint8_t key[RATE_KEY_BYTES];

    if (limit.per_second == 0)
        return 0;
    struct token_bucket *b = rate_bucket_of(&p->returns, key, source_key(p, peer, key));
    int64_t ahead_s = -token_bucket_left(b, &limit, now_ms) / limit.per_second; /* of those told before */
    if (ahead_s < POLICY_RETURN_MAX_S)
        token_bucket_spend(b, &limit, 1, now_ms);
    return ahead_s > 0 ? (int)ahead_s : 0;
}

/* `kind` tells names from sessions: no name has it. */
static struct token_bucket *bucket_of(struct policy *p, char kind, const char *name,
                                      const struct endpoint *peer)
{
    uint8_t key[RATE_KEY_BYTES + 1 + HOST_ID_MAX];
    size_t len = source_key(p, peer, key), name_len = strnlen(name, HOST_ID_MAX);

    key[len++] = (uint8_t)kind;
    memcpy(key + len, name, name_len);
    return rate_bucket_of(&p->introductions, key, len + name_len);
}

struct price {
    char kind;       /* of bucket_of() */
    int64_t at_once; /* one source may pay so often, at least */
    int64_t of_all;  /* tokens of all sources' bucket; of its own a source pays one */
    enum reply_reason often_source, often_all; /* if there are too few */
};

/* Out of the source's own bucket and out of `all`: out of both or none. */
static enum reply_reason pay(struct policy *p, const struct price *price, const char *name,
                             struct token_bucket *all, const struct endpoint *peer, int64_t now_ms)
{
    const struct token_limit all_limit = RATE_LIMIT(p->config->introductions_per_name);
    struct token_limit limit = RATE_LIMIT(p->config->introductions_per_source);
    struct token_bucket *source = limit.per_second > 0 ? bucket_of(p, price->kind, name, peer) : NULL;
    bool asks_often = false;

    if (limit.most < price->at_once)
        limit.most = price->at_once;
    if (source) {
        int64_t left = token_bucket_left(source, &limit, now_ms);

        if (left < 1)
            return price->often_source;
        asks_often = left < limit.most / 2;
    }
    if (all_limit.per_second > 0) {
        int64_t kept = asks_often ? all_limit.most / 2 : 0, most = all_limit.most - kept;
        int64_t cost = price->of_all < most ? price->of_all : most; /* never more than there can be */

        if (token_bucket_left(all, &all_limit, now_ms) < kept + cost)
            return price->often_all;
        token_bucket_spend(all, &all_limit, cost, now_ms);
    }
    if (source)
        token_bucket_spend(source, &limit, 1, now_ms);
    return REPLY_NOTHING;
}

enum reply_reason policy_may_reach(struct policy *p, const char *name, struct token_bucket *name_bucket,
                                   const struct endpoint *peer, int64_t now_ms)
{
    static const struct price price = {'\0', 1, 1, REPLY_OFTEN_SOURCE, REPLY_OFTEN_NAME};

    return pay(p, &price, name, name_bucket, peer, now_ms);
}

enum reply_reason policy_may_join(struct policy *p, const char *session, struct token_bucket *session_bucket,
                                  const struct endpoint *peer, int64_t cost, int64_t now_ms)
{
    const struct price price = {'/', MEMBERS_MAX, cost, REPLY_JOINS_SOURCE, REPLY_JOINS_SESSION};

    return pay(p, &price, session, session_bucket, peer, now_ms);
}
