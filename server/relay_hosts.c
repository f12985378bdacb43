#include "server/relay_hosts.h"
#include <stdlib.h>

struct relay_host *relay_hosts_find_or_add(struct relay_host **hosts, const struct net_address *a)
{
    struct fair_share_source source;
    struct relay_host *h;

    fair_share_source(&source, AF_INET6, a->ip);
    HASH_FIND(hh, *hosts, &source, sizeof source, h);
    if (h)
        return h;
    h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->source = source;
    HASH_ADD(hh, *hosts, source, sizeof source, h);
    if (!h->hh.tbl) {
        free(h);
        return NULL;
    }
    return h;
}

void relay_hosts_leave(struct relay_host **hosts, struct relay_host *h, int64_t *count)
{
    --*count;
    if (h->open > 0 || h->known > 0)
        return;
    HASH_DEL(*hosts, h);
    free(h);
}
