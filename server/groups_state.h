/* server/groups_state.h: the inside of the groups, for groups.c, groups_table.c and groups_tell.c alone. */
#ifndef HX_SERVER_GROUPS_STATE_H
#define HX_SERVER_GROUPS_STATE_H

#include "base/container_of.h"
#include "base/keyed_table.h"
#include "base/timers.h"
#include "base/token_bucket.h"
#include "secure/mac.h"
#include "server/challenge.h"
#include "server/groups.h"
#include "server/session_source.h"

enum group_role {
    GROUP_CHALLENGER, /* wants the name that `rival` has; in group->challengers */
    GROUP_RESERVED,   /* has a slot; its answer does not stream yet */
    GROUP_MEMBER,     /* is told of others, and they of it */
    GROUP_OUT         /* has left; has its slot until all who knew it have been told */
};

struct group_member {
    const struct groups_events *events;
    struct registry_member *owner; /* NULL: it has left, and is not told anything */
    struct group *group;
    const char *lines;
    struct group_member *rival;       /* challenger */
    struct group_member *prev, *next; /* challenger */
    struct challenge asked;           /* whether it lives: challengers want its name */
    struct timer wait;                /* member: of Prefer: wait */
    uint64_t serial;  /* of the one who has this name, however it comes: what pairs' sessions are made from */
    uint64_t arrived; /* of this connection */
    uint64_t known;   /* slots of those that it was told to be there */
    uint64_t news;    /* slots that there is something new of */
    struct endpoint peer;
    uint8_t role;
    uint8_t reach;
    int8_t slot; /* -1: none */
    uint8_t expect, wait_s;
    bool knows_itself, waited;
    bool has_session;
    uint8_t session[REQUEST_SESSION_BYTES];
    char name[];
};

struct group {
    struct groups *groups;
    UT_hash_handle hh;
    struct group_member *slots[MEMBERS_MAX];
    struct group_member *challengers; /* in the order they came */
    uint64_t arrivals;
    struct token_bucket joins;
    int busy;   /* functions at work on it: it is not freed */
    bool again; /* there are news for some */
    uint8_t secret[MAC_KEY_BYTES];
    char text[]; /* the key */
};

struct groups {
    struct registry_config c;
    int max_members; /* of one session */
    struct group *table;
    struct session_source secrets;
    struct groups_totals totals;
    bool stopping;
};

static inline int64_t groups_now(const struct group *g)
{
    return *g->groups->c.now_ms;
}
static inline uint64_t groups_bit(const struct group_member *m)
{
    return UINT64_C(1) << m->slot;
}

/* groups_table.c */
struct group *groups_find(const struct groups *groups, const char *text);
/* NULL: no memory, or no randomness. */
struct group *groups_find_or_add(struct groups *groups, const char *text);
/* Between the two a callback may take the last member out. */
void groups_hold(struct group *g);
void groups_release(struct group *g);
struct group_member *groups_named(const struct group *g, const char *name);
/* NULL: no memory. */
struct group_member *groups_member_create(struct group *g, const struct groups_joiner *j);
/* Unless it still has a slot, or an owner that knows of it. */
void groups_member_free(struct group_member *m);
/* False: there is none. */
bool groups_take_slot(struct group_member *m);
void groups_leave_slot(struct group_member *m);
/* Members and those who soon are. */
int groups_size(const struct group *g);

/* groups_tell.c */
/* Whether `reader` is told of `m`, and counts it. */
bool groups_sees(const struct group_member *reader, const struct group_member *m);
int groups_count_seen(const struct group_member *reader);
/* For all who know the slot, and, if it is a member, for all others. */
void groups_note_news(const struct group_member *m);
/* What `m` is to be told, as far as it has room. It may end. The group is held. */
void groups_tell(struct group_member *m);
/* In place of groups_release(): if there are news (g->again), all are told; then slots of those who have
 * left, and whom nobody knows any more, are free. */
void groups_settle(struct group *g);
/* As groups_take_slot(); where all are taken, those of members who have left become free first. */
bool groups_find_slot(struct group_member *m);

#endif
