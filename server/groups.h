/* server/groups.h: the sessions in which several meet (/join): who is in which, and what each is told of the
 * others. As server/registry.h for names: it is asked for a connection, and answers by value, at once or
 * later; it knows no stream.
 *
 *   conn ─► groups_join() ─► BOUND ─► groups_begin() ─► tell(): self, then here for each that is there;
 *                       │                    │          tell() of all those: joined
 *                       └─► ASKS ─► answered()
 *
 * What a member is still to be told is no list, but computed from what it knows and what is: so a slow reader
 * costs no memory, and is told what is true when it reads on. One that has left stays until all who knew it
 * have been told. */
#ifndef HX_SERVER_GROUPS_H
#define HX_SERVER_GROUPS_H

#include "proto/membership.h"
#include "server/registry.h"

#define GROUPS_COST_EACH 16 /* a join costs its session an introduction, and one for each 16 who hear of it */

struct group_member; /* opaque */
struct groups;       /* opaque */

struct groups_part { /* what a member is told of one; valid during the call */
    const char *name;
    struct endpoint peer;
    struct membership membership;
    const struct registry_told *told; /* NULL: one of the two tells nothing, or it is no matter now */
};

/* What a connection is told, beside what the registry tells a holder: challenge(), remind(), lives() and
 * replaced() of owner->events. Where it says so the connection may end, and so call groups_leave() for its
 * member; nothing else of this module may be called. */
struct groups_events {
    /* After ASKS: BOUND or REFUSED. Of a refused one no member is left. */
    void (*answered)(struct registry_member *owner, const struct registry_answer *answer);
    /* HX_OK: it is being told; HX_EAGAIN: it has no room now, and will call groups_proceed(); else its
     * connection has ended. */
    int (*tell)(struct registry_member *owner, const struct groups_part *part);
    /* That was all for now, or there was no room for more. Its connection may end. */
    void (*told)(struct registry_member *owner);
    /* It has read so little that its session has no room left. Ends. */
    void (*behind)(struct registry_member *owner);
};

struct groups_joiner {
    const struct groups_events *events;
    struct registry_member *owner; /* stays as it is until groups_leave() */
    const struct request *request; /* is copied from */
};

struct groups_totals {
    size_t sessions, members;
};

/* `max_members`: of one session; 1 to MEMBERS_MAX. HX_OK; HX_ENOMEM. */
int groups_create(struct groups **out, const struct registry_config *config, int max_members);
/* Who is in a session already stays. */
void groups_set_max_members(struct groups *groups, int max_members);
/* No member may be in it. NULL is fine. */
void groups_destroy(struct groups *g);

/* BOUND: the name is its own; ASKS: the member that has it, `holder`, is asked whether it lives. *out is then
 * the member, until groups_leave(); REFUSED: *out is NULL. A HEAD asks what would be, and changes nothing:
 * *out is then NULL, too. */
struct registry_answer groups_join(struct groups *g, const struct groups_joiner *j,
                                   struct group_member **out);
/* After BOUND: its answer streams. It is told of all, and they of it; it may end. Returns how many there are,
 * itself counted. */
int groups_begin(struct group_member *m);
/* It has room: what it is still to be told. May end. */
void groups_proceed(struct group_member *m);
/* It was challenged, and has been heard. */
void groups_heard(struct group_member *m);
/* NULL is fine. The owner is told nothing any more. */
void groups_leave(struct group_member *m);
/* The server stops: that all leave is no news for those who are left. */
void groups_stop(struct groups *g);
/* A session, for who looks at `most` of them from *at on, which then says where it goes on
 * (base/table_scan.h). False: there are no more. */
struct groups_shown {
    const char *text;
    struct {
        const char *name;
        const struct endpoint *peer;
    } members[MEMBERS_MAX];
    int count;
};
typedef void groups_visit(void *user, const struct groups_shown *session);
bool groups_look(const struct groups *g, uint64_t *at, int most, groups_visit *visit, void *user);
void groups_totals(const struct groups *g, struct groups_totals *out);

#endif
