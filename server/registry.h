/* server/registry.h: which connection holds which name, and who waits for it. Knows nothing of streams, HTTP
 * or time: a connection takes part through the member that lies inside it, and is told "look again" through
 * it. */
#ifndef HX_SERVER_REGISTRY_H
#define HX_SERVER_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

enum registry_role {
    REGISTRY_NONE,
    REGISTRY_HOLDER,     /* bound the name; at most one */
    REGISTRY_WATCHER,    /* connected to the name, and was introduced to its holder */
    REGISTRY_PENDING,    /* connected to the name, to be introduced to its holder */
    REGISTRY_WAITER,     /* waits for the name to appear */
    REGISTRY_CHALLENGER, /* wants the name that somebody holds */
    REGISTRY_ROLES
};

struct registry_member {
    /* Something about the name has changed: a waiter's name is held, a challenger's holder is gone or has won
     * (the challenger's role is then REGISTRY_NONE). Must not call back into the registry. */
    void (*wake)(struct registry_member *m);
    enum registry_role role;             /* read it; only the registry writes it */
    struct registry_name *name;          /* private */
    struct registry_member *prev, *next; /* private */
};

struct registry {
    struct registry_name *names; /* private: hash table; NULL is empty */
    size_t holders;              /* read them; only the registry writes them */
    size_t waiters;
};

/* Enters `m`, which must be in no name, under `name` (copied). HX_OK; HX_ECONFLICT: a holder for a name that
 * is held; HX_ENOMEM. A new holder makes all watchers pending and wakes all waiters, which stay until they
 * leave. */
int registry_join(struct registry *r, const char *name, struct registry_member *m, enum registry_role role);
/* Takes `m` out; fine if it is in no name. When a holder leaves, its challengers are woken, first come first;
 * watchers stay and are introduced to the next holder. */
void registry_leave(struct registry *r, struct registry_member *m);
/* The holder's member, or NULL. */
struct registry_member *registry_holder(const struct registry *r, const char *name);
/* The name that `m` is in, valid until it leaves, or NULL. */
const char *registry_name_of(const struct registry_member *m);
/* Makes the holder's longest pending member a watcher and returns it; NULL: none is pending. */
struct registry_member *registry_next_pending(struct registry_member *holder);
bool registry_has_pending(const struct registry_member *holder);
bool registry_has_challengers(const struct registry_member *holder);
/* The holder lives: its challengers leave, and are woken. */
void registry_reject_challengers(struct registry *r, struct registry_member *holder);

#endif
