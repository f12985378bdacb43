/* server/owners.h: whose each name is, under --auth tofu: the first key that binds a name owns it, until the
 * operator forgets it. All owned names are in memory; somebody else makes claims durable (struct
 * owners_store), asynchronously: nothing here waits.
 *
 *   owners_claim() ─► store.claim() ... owners_claimed() ─► done() of all who wait for that name
 *
 * The table never grows but by what is put into it: it is made for as many names as there may be. */
#ifndef HX_SERVER_OWNERS_H
#define HX_SERVER_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWNERS_KEY_BYTES 32 /* an Ed25519 public key */

struct owners; /* opaque */

/* Who makes claims durable. Returned errors are the claim's or the forgetting's end: nothing follows them.
 * Nothing of `owners` may be called from within. */
struct owners_store {
    int (*claim)(void *user, const char *name, const uint8_t key[OWNERS_KEY_BYTES]);
    int (*forget)(void *user, const char *name);
    void *user;
};

enum owners_state {
    OWNERS_FREE,
    OWNERS_CLAIMED, /* by the key that is told, and not durable yet */
    OWNERS_OWNED
};

/* Who waits for the end of a claim; lies with the one who waits, who may owners_leave() at any time. */
struct owners_claim {
    /* HX_OK: the name is the key's, durably; else it is nobody's: HX_ECLOSED if the store has failed.
     * owners_claim() never calls it. *c waits for nothing any more. It may look, claim and leave, and nothing
     * else. */
    void (*done)(struct owners_claim *c, int result);
    struct owners_claim *prev, *next; /* the owners' own */
    struct owner *of;                 /* NULL: it waits for nothing */
};

/* `max`: names; 0: unlimited. HX_OK; HX_ENOMEM. */
int owners_create(struct owners **out, int64_t max);
void owners_destroy(struct owners *o); /* NULL is fine; those who wait are told nothing */
/* Without a store what is claimed is owned at once, and forgotten with the process. *store is copied. */
void owners_use_store(struct owners *o, const struct owners_store *store);
size_t owners_count(const struct owners *o); /* those that are claimed, too */

/* At the start: one that is durable already. HX_OK; HX_ELIMIT: above the number there may be, and taken all
 * the same; HX_ECONFLICT: it is another one's; HX_EINVAL: no host_id; HX_ENOMEM. */
int owners_load(struct owners *o, const char *name, const uint8_t key[OWNERS_KEY_BYTES]);
/* *key: whose, unless it is FREE; valid until the next call that changes something. */
enum owners_state owners_look(const struct owners *o, const char *name, const uint8_t **key);

/* The name shall be the key's. HX_OK: it is; HX_EAGAIN: *c waits, c->done() follows; HX_ECONFLICT: it is
 * another key's, or claimed by one; HX_ELIMIT: there are as many owned names as there may be; HX_ENOMEM;
 * store.claim()'s errors. c->done is set. */
int owners_claim(struct owners *o, struct owners_claim *c, const char *name,
                 const uint8_t key[OWNERS_KEY_BYTES]);
/* Waits no more; the claim goes on. Fine if it waits for nothing. */
void owners_leave(struct owners_claim *c);
/* Waits for the end of whatever claim of the name there is. HX_EAGAIN: c->done() follows; HX_OK: there is
 * none. */
int owners_wait(struct owners *o, struct owners_claim *c, const char *name);

/* The store's word on a claim: HX_OK: it is durable. No effect on a name that is not CLAIMED. */
void owners_claimed(struct owners *o, const char *name, int result);

/* The operator's word: the store is told, and the name is nobody's at once. HX_OK; HX_ENOTFOUND; HX_EAGAIN:
 * it is being claimed right now; store.forget()'s errors, and nothing has changed. */
int owners_forget(struct owners *o, const char *name);
/* The same when the store has done it by itself. */
void owners_forgotten(struct owners *o, const char *name);

#endif
