#include "base/fair_share.h"
#include <stddef.h>
#include <string.h>
#include <utlist.h>

#define IPV4_MARK 0xFF /* no IPv6 unicast address begins so (RFC 4291, 2.7: multicast) */

static bool same_host(const struct fair_share_source *a, const struct fair_share_source *b)
{
    return memcmp(a->host, b->host, FAIR_SHARE_HOST) == 0;
}

static bool same_network(const struct fair_share_source *a, const struct fair_share_source *b)
{
    return memcmp(a->host, b->host, FAIR_SHARE_NETWORK) == 0;
}

void fair_share_source(struct fair_share_source *out, sa_family_t family, const uint8_t *address)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    bool ipv4 = family == AF_INET;
    if (!ipv4 && memcmp(address, mapped, sizeof mapped) == 0) {
        ipv4 = true;
        address += sizeof mapped;
    }
    memset(out, 0, sizeof *out);
    if (!ipv4) {
        memcpy(out->host, address, FAIR_SHARE_HOST);
        return;
    }
    out->host[0] = IPV4_MARK;
    memcpy(out->host + FAIR_SHARE_NETWORK - 3, address, 3);
    out->host[FAIR_SHARE_NETWORK] = address[3];
}

void fair_share_init(struct fair_share *f, int max, int host_max)
{
    *f = (struct fair_share){.max = max, .host_max = host_max};
}

static struct fair_share_member *oldest_of(const struct fair_share *f, const struct fair_share_source *host)
{
    struct fair_share_member *m = NULL;
    DL_FOREACH(f->oldest, m)
    {
        if (same_host(&m->source, host))
            return m;
    }
    return NULL;
}

struct fair_share_member *fair_share_victim(const struct fair_share *f,
                                            const struct fair_share_source *source)
{
    struct fair_share_member *m = NULL, *victim = NULL;
    struct fair_share_member *own = oldest_of(f, source);
    int most_of_network = 0, most_of_host = 0;
    if (own && own->of_host >= f->host_max)
        return own;
    if (f->count < f->max)
        return NULL;
    DL_FOREACH(f->oldest, m)
    {
        /* as it would be with the newcomer inside: who has the most evicts its own */
        int of_network = m->of_network + same_network(&m->source, source);
        int of_host = m->of_host + same_host(&m->source, source);
        if (of_network < most_of_network || (of_network == most_of_network && of_host <= most_of_host))
            continue;
        victim = m;
        most_of_network = of_network;
        most_of_host = of_host;
    }
    return victim;
}

/* Tells all that share host or network with `m` that it has come (1) or gone (-1). */
static void count(struct fair_share *f, const struct fair_share_member *m, int change)
{
    struct fair_share_member *other = NULL;
    DL_FOREACH(f->oldest, other)
    {
        if (other == m || !same_network(&other->source, &m->source))
            continue;
        other->of_network += change;
        other->of_host += same_host(&other->source, &m->source) ? change : 0;
    }
    f->count += change;
}

void fair_share_add(struct fair_share *f, struct fair_share_member *m)
{
    struct fair_share_member *other = NULL;
    m->of_network = m->of_host = 1;
    DL_FOREACH(f->oldest, other)
    {
        m->of_network += same_network(&other->source, &m->source);
        m->of_host += same_host(&other->source, &m->source);
    }
    count(f, m, 1);
    DL_APPEND(f->oldest, m);
    m->listed = true;
}

void fair_share_remove(struct fair_share *f, struct fair_share_member *m)
{
    if (!m->listed)
        return;
    DL_DELETE(f->oldest, m);
    m->listed = false;
    count(f, m, -1);
}
