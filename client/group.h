/* client/group.h: the inside of a hx_group, for group*.c alone. Everything with the engine's lock held.
 *
 * group.c: the membership, and what the application asks for. group_members.c: who the others are, as the
 * nameserver tells. group_member.c: one of them, and our connection to it. */
#ifndef HX_CLIENT_GROUP_H
#define HX_CLIENT_GROUP_H

#include "base/token_bucket.h"
#include "client/group_member.h"
#include "client/presence.h"
#include "proto/membership.h"

#define GROUP_WAITING_MAX (2 * MEMBERS_MAX) /* streams that nobody has taken */
/* The nameserver may have restarted: so long the others have to join it anew. */
#define GROUP_MISSING_MS 60000

struct hx_group {
    struct presence presence;
    int here; /* as the nameserver told last; 0: nothing yet */
    struct group_member *members[MEMBERS_MAX - 1];
    int count;
    bool missed;                  /* one was told of, and there was no memory for it */
    struct token_bucket attempts; /* to reach members, of all */
    struct timer missing;         /* members that were not told of since we have joined anew have gone */
    struct timer again;           /* all shall know where we are: see group_ask_again() */
    int64_t again_ms;
    struct { /* how often we join anew so that the nameserver relays for pairs: see group_seek_offers() */
        int64_t due_ms, step_ms;
    } offers;
};

/* group.c */
/* A connection for hx_group_next(). */
void group_queue_put(struct hx_group *g, struct hx_stream *s);
void group_changed(struct hx_group *g); /* wakes who waits */
/* As long as some member is not reached, or through the relay alone, it is seen to, now and then, that all
 * know where we are. */
void group_ask_again(struct hx_group *g);
/* If a pair needs the relay, and it is so long since the nameserver told of it that it does not relay for the
 * two any more, we join anew: then it tells of all pairs. */
void group_seek_offers(struct hx_group *g);

/* group_members.c */
/* A part of /join. */
void group_told(struct hx_group *g, struct nameserver *n, const struct multipart_part *part);
void group_on_missing(struct timer *t);
/* One that has gone, and the connection to it, too. */
void group_forget(struct group_member *m);
void group_members_end(struct hx_group *g);
int group_connected(const struct hx_group *g); /* to so many members */
bool group_seeks(const struct hx_group *g);    /* some member is not reached */
bool group_lost(const struct hx_group *g);     /* most are not reached any more: it may be our own doing */
bool group_relayed(const struct hx_group *g);  /* some member is reached through the relay alone */
/* Some member may need the relay, and the nameserver has forgotten that it offered it. */
bool group_unoffered(const struct hx_group *g);

#endif
