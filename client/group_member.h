/* client/group_member.h: another member of a session, and our connection to it. Everything with the engine's
 * lock held.
 *
 *               told of                    punched             has the key
 *   (new) ───────────────────► PUNCHING ──────────► PROVING ──────────────► REST
 *                               ▲   │ not reached      │ not proven         │ │ ▲
 *                        is due │   ▼                  │           fell     │ │ │ it lives
 *                              WAITING ◄───────────────┴────── silent ──────┘ ▼ │
 *                                                                           CHECKING
 *
 * REST: connected, or closed by one of the two, which is left as it is. CHECKING: the nameserver knows the
 * member as another one than before, as after a restart of either: does the connection live? Until a new one
 * is proven, the old one stays. */
#ifndef HX_CLIENT_GROUP_MEMBER_H
#define HX_CLIENT_GROUP_MEMBER_H

#include "base/token_bucket.h"
#include "client/engine.h"
#include "client/nameserver.h"
#include "client/punch.h"
#include "client/stream.h"
#include "proto/multipart.h"

struct hx_group;

enum group_member_state { PAIR_REST, PAIR_CHECKING, PAIR_WAITING, PAIR_PUNCHING, PAIR_PROVING };

struct group_member {
    struct hx_group *g;
    char name[HOST_ID_MAX + 1];
    bool calling; /* our part in the pair: the smaller name calls */
    /* What the nameserver has told of it. */
    bool here;          /* it is in the session */
    int64_t missing_ms; /* when we have joined anew, and it was not told since; 0: it was */
    struct candidates peer;
    struct nat_mapping mapping;
    struct session session;
    int64_t session_ms;       /* when that was told last */
    struct token_bucket told; /* how often that is listened to */
    /* Our connection. */
    enum group_member_state state; /* changed by enter() alone */
    struct session met;            /* of the attempt, or of the connection */
    struct hx_stream *stream;      /* proven: the application's, or in the queue. NULL: none */
    enum agent_reach reach;        /* of it */
    struct hx_stream *trial;       /* PROVING: the new one */
    int64_t began_ms;              /* PROVING, CHECKING: since then */
    int failures;                  /* attempts in a row */
    int tries_left;                /* attempts; 0: no limit */
    bool unproven;                 /* the last one has failed for want of a key */
    struct timer timer;
    struct { /* of the attempt, told when it is proven */
        char kind[16];
        struct endpoint peer;
        int64_t elapsed_ms;
        enum agent_reach reach;
    } punched;
};

/* HX_OK; HX_ENOMEM. Not in the table yet. */
int group_member_create(struct group_member **out, struct hx_group *g, const char *name);
/* The connection, if there is one, stays the application's. */
void group_member_destroy(struct group_member *m);
/* The nameserver tells of it; `n` has. */
void group_member_told(struct group_member *m, struct nameserver *n, const struct multipart_part *part);
/* It has gone from the session; a connection, or an attempt, goes on. False: nothing is left of it. */
bool group_member_left(struct group_member *m);
bool group_member_connected(const struct group_member *m);
bool group_member_sought(const struct group_member *m);    /* it is being reached */
bool group_member_lost(const struct group_member *m);      /* the connection is there, but no path */
bool group_member_unoffered(const struct group_member *m); /* it is sought; the relay's offer is over */
bool group_member_relayed(const struct group_member *m);

#endif
