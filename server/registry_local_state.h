/* server/registry_local_state.h: the inside of a registry of one process, for registry_local.c,
 * registry_names.c and registry_introduce.c alone. */
#ifndef HX_SERVER_REGISTRY_LOCAL_STATE_H
#define HX_SERVER_REGISTRY_LOCAL_STATE_H

#include "base/container_of.h"
#include "base/keyed_table.h"
#include "base/timers.h"
#include "base/token_bucket.h"
#include "server/challenge.h"
#include "server/registry_local.h"
#include "server/session_source.h"

/* The lists of a name that a member can be in, each in the order they came. */
enum registry_role {
    REGISTRY_NOBODY,
    REGISTRY_HOLDER,
    REGISTRY_WATCHER,                             /* was introduced */
    REGISTRY_PENDING,                             /* to be introduced: a list for each reach */
    REGISTRY_WAITER = REGISTRY_PENDING + REACHES, /* no connection that it can meet holds the name */
    REGISTRY_CHALLENGER,                          /* wants the name that somebody holds */
    REGISTRY_ROLES
};

struct registry_name {
    struct registry_local *local;
    UT_hash_handle hh;
    struct registry_member *members[REGISTRY_ROLES];
    struct challenge asked; /* its holders, whether they live */
    struct timer later;     /* when pending ones, or waiters that can meet nobody, are looked at */
    int busy;               /* functions at work on it: it is not freed */
    uint32_t introductions; /* to whoever holds it, since it is held */
    int64_t held_ms;        /* since when that is */
    int64_t families_ms;    /* from then on a family without a connection is taken for missing */
    struct token_bucket reached;
    uint8_t session[REQUEST_SESSION_BYTES];
    bool has_session;
    char text[]; /* the key */
};

struct registry_local {
    struct registry base;
    struct registry_config c;
    struct registry_name *names;
    struct registry_totals totals;
    struct token_bucket held; /* introductions of which one side is told later */
    struct session_source sessions;
};

static inline int64_t registry_now(const struct registry_name *n)
{
    return *n->local->c.now_ms;
}

/* registry_names.c */
struct registry_name *registry_find(const struct registry_local *l, const char *name);
/* Its timers fire these. NULL: no memory. */
struct registry_name *registry_find_or_add(struct registry_local *l, const char *name,
                                           void (*verdict_due)(struct timer *t),
                                           void (*later_due)(struct timer *t));
/* Between the two a callback may take the last member out. */
void registry_hold(struct registry_name *n);
void registry_release(struct registry_name *n);
void registry_list(struct registry_name *n, struct registry_member *m, enum registry_role role);
void registry_unlist(struct registry_member *m);
struct registry_member *registry_holder_of_reach(const struct registry_name *n, enum reach reach);
enum meeting registry_meeting(const struct registry_member *holder, const struct registry_member *m);
/* Of which connection `m` is told; NULL: of none. */
struct registry_member *registry_holder_for(const struct registry_name *n, const struct registry_member *m);
void registry_answer(struct registry_member *m, struct registry_answer a);
void registry_refuse(struct registry_member *m, enum reply_reason reason);
/* Why somebody who can meet none of them is refused; somebody holds the name. */
enum reply_reason registry_missing_family(const struct registry_name *n, const struct registry_member *m);

/* registry_introduce.c */
enum reply_reason registry_may_reach(struct registry_name *n, const struct registry_member *m);
static inline enum registry_role registry_pending(enum reach reach)
{
    return (enum registry_role)(REGISTRY_PENDING + (int)reach);
}
/* `m` is listed as pending. HX_OK: both know each other, or need not be told again. Else what
 * registry_events.introduce() says. */
int registry_introduce(struct registry_name *n, struct registry_member *holder, struct registry_member *m);
/* Introduces those who wait to the connections that they can meet. True: more of them could come.
 * Callbacks may end the holder, and each of those who wait while it is its turn. */
bool registry_introduce_pending(struct registry_name *n);
/* `m`, listed nowhere, can meet none of the holder's connections: one over TCP hears of it, and it is
 * refused. `m` is told in any case. */
void registry_refuse_missing_family(struct registry_name *n, struct registry_member *m);
/* The same for all who wait for a connection that they can meet, and have done so long enough. */
void registry_tell_missing_family(struct registry_name *n);
void registry_later_due(struct timer *t);

#endif
