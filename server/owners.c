#include "server/owners.h"
#include "base/error.h"
#include "base/hash.h"
#include "proto/host_id.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define UNLIMITED_BUCKETS (1U << 20)
#define BUCKETS_MIN       64U
#define BUCKETS_MAX       (1U << 26)

struct owner {
    struct owner *next; /* in its bucket */
    struct owners_claim *waiting;
    uint8_t key[OWNERS_KEY_BYTES];
    bool durable;
    char name[];
};

/* Chains in an array that does not grow: a table that doubled would stop everybody while it does. */
struct owners {
    struct owner **buckets;
    unsigned mask;
    size_t count, max;
    struct owners_store store;
};

int owners_create(struct owners **out, int64_t max)
{
    struct owners *o = calloc(1, sizeof *o);
    unsigned buckets = max == 0 ? UNLIMITED_BUCKETS : BUCKETS_MIN;

    if (!o)
        return HX_ENOMEM;
    while (buckets < max && buckets < BUCKETS_MAX)
        buckets *= 2;
    o->buckets = calloc(buckets, sizeof(struct owner *));
    if (!o->buckets) {
        free(o);
        return HX_ENOMEM;
    }
    o->mask = buckets - 1;
    o->max = max == 0 ? SIZE_MAX : (size_t)max;
    *out = o;
    return HX_OK;
}

void owners_destroy(struct owners *o)
{
    struct owners_claim *c;

    if (!o)
        return;
    for (size_t i = 0; i <= o->mask; i++)
        for (struct owner *w; (w = o->buckets[i]) != NULL;) {
            o->buckets[i] = w->next;
            while ((c = w->waiting) != NULL)
                owners_leave(c);
            free(w);
        }
    free(o->buckets);
    free(o);
}

void owners_use_store(struct owners *o, const struct owners_store *store)
{
    o->store = *store;
}

size_t owners_count(const struct owners *o)
{
    return o->count;
}

static struct owner **bucket(const struct owners *o, const char *name)
{
    return &o->buckets[hash_keyed(name, strlen(name)) & o->mask];
}

static struct owner *find(const struct owners *o, const char *name)
{
    struct owner *w = *bucket(o, name);

    while (w && strcmp(w->name, name) != 0)
        w = w->next;
    return w;
}

static struct owner *add(struct owners *o, const char *name, const uint8_t key[OWNERS_KEY_BYTES])
{
    size_t size = strlen(name) + 1;
    struct owner *w = calloc(1, sizeof *w + size);
    struct owner **at = bucket(o, name);

    if (!w)
        return NULL;
    memcpy(w->name, name, size);
    memcpy(w->key, key, sizeof w->key);
    w->next = *at;
    *at = w;
    o->count++;
    return w;
}

static void remove_owner(struct owners *o, struct owner *w)
{
    struct owner **at = bucket(o, w->name);

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    o->count--;
}

static bool has_key(const struct owner *w, const uint8_t key[OWNERS_KEY_BYTES])
{
    return memcmp(w->key, key, OWNERS_KEY_BYTES) == 0;
}

int owners_load(struct owners *o, const char *name, const uint8_t key[OWNERS_KEY_BYTES])
{
    struct owner *w = find(o, name);

    if (!host_id_valid(name, strlen(name)))
        return HX_EINVAL;
    if (w)
        return has_key(w, key) ? HX_OK : HX_ECONFLICT;
    w = add(o, name, key);
    if (!w)
        return HX_ENOMEM;
    w->durable = true;
    return o->count > o->max ? HX_ELIMIT : HX_OK;
}

enum owners_state owners_look(const struct owners *o, const char *name, const uint8_t **key)
{
    const struct owner *w = find(o, name);

    if (!w)
        return OWNERS_FREE;
    *key = w->key;
    return w->durable ? OWNERS_OWNED : OWNERS_CLAIMED;
}

/* ---- claims ---- */

static int wait_for(struct owner *w, struct owners_claim *c)
{
    c->of = w;
    DL_APPEND(w->waiting, c);
    return HX_EAGAIN;
}

void owners_leave(struct owners_claim *c)
{
    if (!c->of)
        return;
    DL_DELETE(c->of->waiting, c);
    c->of = NULL;
}

/* Taken out of the table first, if it failed: who is told may claim the name anew. */
static void settle(struct owners *o, struct owner *w, int result)
{
    struct owners_claim *c;

    if (result == HX_OK)
        w->durable = true;
    else
        remove_owner(o, w);
    while ((c = w->waiting) != NULL) {
        owners_leave(c);
        c->done(c, result);
    }
    if (result < 0)
        free(w);
}

static int claim_free(struct owners *o, struct owners_claim *c, const char *name,
                      const uint8_t key[OWNERS_KEY_BYTES])
{
    if (o->count >= o->max)
        return HX_ELIMIT;
    struct owner *w = add(o, name, key);
    if (!w)
        return HX_ENOMEM;
    int err = o->store.claim ? o->store.claim(o->store.user, name, key) : HX_OK;
    if (err < 0) {
        remove_owner(o, w);
        free(w);
        return err;
    }
    w->durable |= !o->store.claim;
    return w->durable ? HX_OK : wait_for(w, c);
}

int owners_claim(struct owners *o, struct owners_claim *c, const char *name,
                 const uint8_t key[OWNERS_KEY_BYTES])
{
    struct owner *w = find(o, name);

    if (!w)
        return claim_free(o, c, name, key);
    if (!has_key(w, key))
        return HX_ECONFLICT;
    return w->durable ? HX_OK : wait_for(w, c);
}

int owners_wait(struct owners *o, struct owners_claim *c, const char *name)
{
    struct owner *w = find(o, name);

    return w && !w->durable ? wait_for(w, c) : HX_OK;
}

void owners_claimed(struct owners *o, const char *name, int result)
{
    struct owner *w = find(o, name);

    if (w && !w->durable)
        settle(o, w, result);
}

/* ---- the operator ---- */

int owners_forget(struct owners *o, const char *name)
{
    const struct owner *w = find(o, name);

    if (!w)
        return HX_ENOTFOUND;
    if (!w->durable)
        return HX_EAGAIN;
    int err = o->store.forget ? o->store.forget(o->store.user, name) : HX_OK;
    if (err == HX_OK)
        owners_forgotten(o, name);
    return err;
}

void owners_forgotten(struct owners *o, const char *name)
{
    struct owner *w = find(o, name);

    if (!w || !w->durable)
        return;
    remove_owner(o, w);
    free(w);
}
