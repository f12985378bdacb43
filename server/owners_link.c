#include "server/owners_link.h"
#include "base/error.h"
#include "server/log.h"
#include "server/owners.h"
#include "server/store.h"
#include <stdlib.h>

struct owners_link {
    struct store_owner_events events;
};

_Static_assert(OWNERS_KEY_BYTES == STORE_KEY_BYTES, "both keep the same key");

/* Too many claims at once are no full table. */
static int claim(void *user, const char *name, const uint8_t key[OWNERS_KEY_BYTES])
{
    int err = store_claim(user, name, key);

    return err == HX_ELIMIT ? HX_ECLOSED : err;
}

static int forget(void *user, const char *name)
{
    return store_forget(user, name);
}

static void owned(void *user, const char *name, const uint8_t key[STORE_KEY_BYTES])
{
    int err = owners_load(user, name, key);

    if (err == HX_ENOMEM)
        log_event(LOG_ERROR, "owner_not_loaded", "name", name, "reason", hx_error_text(err));
}

static void claimed(void *user, const char *name, int result)
{
    owners_claimed(user, name, result);
}

static void forgotten(void *user, const char *name)
{
    owners_forgotten(user, name);
}

int owners_link(struct owners_link **link, struct owners *owners, struct store *store)
{
    const struct owners_store keeper = {.claim = claim, .forget = forget, .user = store};

    *link = malloc(sizeof **link);
    if (!*link)
        return HX_ENOMEM;
    (*link)->events = (struct store_owner_events){
        .owned = owned, .claimed = claimed, .forgotten = forgotten, .user = owners};
    store_tell_owners(store, &(*link)->events);
    owners_use_store(owners, &keeper);
    return HX_OK;
}
