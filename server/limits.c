#include "server/limits.h"
#include "base/error.h"
#include "base/keyed_table.h"
#include <stdlib.h>
#include <string.h>

struct limits_key {
    uint8_t family; /* 4 or 6 */
    uint8_t prefix[8];
};

struct limits_entry {
    struct limits_key key;
    size_t count;
    UT_hash_handle hh;
};

static struct limits_key key_of(const struct endpoint *peer)
{
    struct limits_key key = {.family = peer->family == AF_INET ? 4 : 6};

    memcpy(key.prefix, peer->address, peer->family == AF_INET ? 4 : 8);
    return key;
}

static struct limits_entry *find(struct limits *l, const struct endpoint *peer)
{
    struct limits_key key = key_of(peer);
    struct limits_entry *e;

    HASH_FIND(hh, l->counts, &key, sizeof key, e);
    return e;
}

int limits_take(struct limits *l, const struct endpoint *peer)
{
    struct limits_entry *e = find(l, peer);

    if (!e) {
        e = calloc(1, sizeof *e);
        if (!e)
            return HX_ENOMEM;
        e->key = key_of(peer);
        HASH_ADD(hh, l->counts, key, sizeof e->key, e);
        if (!e->hh.tbl) {
            free(e);
            return HX_ENOMEM;
        }
    }
    if (l->per_address > 0 && e->count >= l->per_address)
        return HX_ELIMIT;
    e->count++;
    return HX_OK;
}

void limits_give(struct limits *l, const struct endpoint *peer)
{
    struct limits_entry *e = find(l, peer);

    if (e && --e->count == 0) {
        HASH_DEL(l->counts, e);
        free(e);
    }
}

void limits_free(struct limits *l)
{
    struct limits_entry *e = l->counts, *next;

    HASH_CLEAR(hh, l->counts); /* frees the table; the entries keep their `next` */
    for (; e; e = next) {
        next = e->hh.next;
        free(e);
    }
}
