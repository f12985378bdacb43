#include "server/log_source.h"
#include "base/ipv4_mapped.h"
#include "server/log_address.h"
#include <string.h>

static bool idle(const struct log_source *source, int64_t now_ms)
{
    const struct log_limit *l = &source->limit;

    return l->lines == 0 || (l->held == 0 && now_ms - l->since_ms >= LOG_LIMIT_MS);
}

/* Its own entry, or one whose second is over. */
static struct log_source *entry_of(struct log_sources *s, const uint8_t *key, size_t len, int64_t now_ms)
{
    struct log_source *set = s->of[hash_keyed(key, len) & (LOG_SOURCE_SETS - 1)], *found = NULL;

    for (int i = 0; i < LOG_SOURCE_WAYS; i++) {
        if (set[i].key_len == len && memcmp(set[i].key, key, len) == 0)
            return &set[i];
        if (!found && idle(&set[i], now_ms))
            found = &set[i];
    }
    if (!found)
        return &s->others;
    *found = (struct log_source){.key_len = len};
    memcpy(found->key, key, len);
    return found;
}

bool log_sources_allow(struct log_sources *s, const struct endpoint *source, const char *kind, int64_t now_ms)
{
    struct sockaddr_in6 address;
    uint8_t key[RATE_KEY_BYTES];

    endpoint_to_sockaddr6(source, &address);
    struct log_source *entry = entry_of(s, key, rate_source_key(address.sin6_addr.s6_addr, key), now_ms);
    if (log_limit_allows(&entry->limit, LOG_LIMIT_LINES, now_ms))
        return true;
    entry->last = kind;
    int64_t over_ms = entry->limit.since_ms + LOG_LIMIT_MS;
    if (s->over_ms == 0 || over_ms < s->over_ms)
        s->over_ms = over_ms;
    return false;
}

/* Whether this one is to be told of; if it will be later, *next_ms knows. */
static bool take_over(struct log_source *source, int64_t now_ms, int64_t *held, int64_t *next_ms)
{
    int64_t over_ms = source->limit.since_ms + LOG_LIMIT_MS;

    *held = log_limit_over(&source->limit, now_ms);
    if (*held == 0 && source->limit.held > 0 && (*next_ms == 0 || over_ms < *next_ms))
        *next_ms = over_ms;
    return *held > 0;
}

const struct log_source *log_sources_over(struct log_sources *s, int64_t now_ms, int64_t *held)
{
    int64_t next_ms = 0;

    if (s->over_ms == 0 || now_ms < s->over_ms)
        return NULL;
    for (size_t i = 0; i < LOG_SOURCE_SETS; i++)
        for (size_t k = 0; k < LOG_SOURCE_WAYS; k++)
            if (take_over(&s->of[i][k], now_ms, held, &next_ms))
                return &s->of[i][k];
    if (take_over(&s->others, now_ms, held, &next_ms))
        return &s->others;
    s->over_ms = next_ms;
    return NULL;
}

const char *log_source_text(char text[ENDPOINT_TEXT_MAX], const struct log_source *source)
{
    struct endpoint e = {.family = AF_INET6};
    size_t bytes = source->key_len;

    if (bytes == 0)
        return NULL;
    memcpy(e.address, source->key, bytes);
    if (ipv4_mapped(e.address)) {
        e = (struct endpoint){.family = AF_INET};
        memcpy(e.address, source->key + IPV4_MAPPED_PREFIX, 4);
        bytes = 4;
    }
    return log_network(text, &e, bytes);
}
