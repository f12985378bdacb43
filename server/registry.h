/* server/registry.h: which connections hold which name, and who wants to reach them. It is asked by a member,
 * which lies inside a connection, and answers it by value: at once, or later. A connection cannot tell which
 * registry it has: registry_local.c keeps the names of one process; one that shares them with other servers
 * would answer a little later (DESIGN section 10).
 *
 * A name is held by one session: one connection, or one of each reach (`Bind-Session`): one of each
 * address family, one through a tunnel, one over TCP (server/reach.h). */
#ifndef HX_SERVER_REGISTRY_H
#define HX_SERVER_REGISTRY_H

#include "proto/endpoint.h"
#include "proto/request.h"
#include "proto/session.h"
#include "server/reach.h"
#include "server/reply.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counters;
struct policy;
struct relay;
struct timers;

enum registry_result {
    REGISTRY_NO_ANSWER, /* not yet */
    REGISTRY_WAITS,     /* connect: for the name, or for a connection that the peer can meet */
    REGISTRY_ASKS,      /* bind: the holder, `holder`, is asked whether it lives */
    REGISTRY_BOUND,     /* bind: the name is the member's */
    REGISTRY_ADMITTED,  /* connect: the name is held; the introduction follows */
    REGISTRY_MET,       /* connect: `holder` is its address. Again when the name moves */
    REGISTRY_REFUSED    /* `reason`; the member is in no name any more */
};

enum registry_how { /* how a name was bound */
                    REGISTRY_FREE,
                    REGISTRY_JOINED,       /* further connection of the session */
                    REGISTRY_SAME_SESSION, /* in place of the session's connection of the same reach; by a
                                            * tunnel: in place of those by UDP */
                    REGISTRY_SAME_ADDRESS, /* in place of who held it from the same address and port */
                    REGISTRY_SILENT,       /* in place of who did not answer the challenge */
                    REGISTRY_OWNER,        /* by its owner, in place of who has not proven to be it */
                    REGISTRY_KICKED        /* not at all: its holder is told that it has lost it */
};

struct registry_answer {
    enum registry_result result;
    enum reply_reason reason; /* REFUSED */
    enum registry_how how;    /* BOUND */
    struct endpoint holder;   /* ASKS; MET; BOUND in place of somebody: that one */
    bool unheard;             /* MET: the holder was not told */
    int later_ms;             /* MET: the member shall be told so much later (server/simultaneous.h) */
};

/* What one side of an introduction is told of the other beside its address, if both tell something. */
struct registry_told {
    struct session session; /* the same for both */
    const char *lines;      /* of the other; proto/peer_fields.h */
};

struct registry_member;

/* What a member is told. Where it says so the member's own connection may end, and so call registry_leave()
 * for it; nothing else of the registry may be called. */
struct registry_events {
    /* m->answer is new. Also from within registry_bind() or registry_connect(). `told`: MET, what the holder
     * tells; NULL: nothing. Valid during the call. The connection may end. */
    void (*answered)(struct registry_member *m, const struct registry_told *told);
    /* To a holder: `peer`, who calls itself `name` and tells `told`, or NULL, wants to reach it; it shall be
     * told in `later_ms`. HX_OK: it is being told; HX_EAGAIN: it has no room now, and will call
     * registry_proceed(); else its connection has ended. */
    int (*introduce)(struct registry_member *m, const char *name, const struct endpoint *peer,
                     const struct registry_told *told, int64_t later_ms);
    /* To a holder: is asked whether it lives. Returns for how many ms its answer may be awaited. */
    int64_t (*challenge)(struct registry_member *m);
    /* To a holder that was asked: some time has passed, it may ask its peer again. */
    void (*remind)(struct registry_member *m);
    /* To a holder that was asked: whether it was heard since. */
    bool (*lives)(const struct registry_member *m);
    /* To one that binds: whether the name is its own by right, and `holder` has not proven the same. NULL: it
     * never is. */
    bool (*displaces)(const struct registry_member *m, const struct registry_member *holder);
    /* To a holder: its name is another one's; it is in no name any more. May end. */
    void (*replaced)(struct registry_member *m, enum registry_how how);
};

struct registry_member {
    const struct registry_events *events; /* set once, with `peer` and `reach`, by the owner */
    struct endpoint peer;
    enum reach reach;
    int least_rtt_ms; /* of its way to us and back, -1: not known; the owner keeps it up to date */
    char *lines;      /* what it tells those whom it meets, or NULL; unchanged while it is in the registry */
    struct registry_answer answer; /* the last one; read it */
    struct {                       /* the registry's own */
        struct registry_name *name;
        struct registry_member *prev, *next;
        const struct request *request;
        struct { /* connect: hashes of what was told of the holder last; 0: nothing */
            unsigned address, candidates;
        } told;
        uint8_t role;
        bool counted; /* pending: its rate has been taken */
    } in;
};

/* What a registry, or groups (server/groups.h), is made with. All of it stays the caller's, and must live as
 * long. */
struct registry_config {
    struct timers *timers;
    struct policy *policy;
    struct counters *counters;
    struct relay *relay;   /* NULL: there is none */
    const int64_t *now_ms; /* of base/clock.h, as of this turn */
};

struct registry;
struct registry_totals {
    size_t names, waiters;
};

/* A name that is held, for who looks: `holder` is the first of its connections, the others stand behind it
 * (in.next). */
struct registry_shown {
    const char *name;
    const struct registry_member *holder;
    uint64_t introductions; /* since it is held */
    int64_t held_ms;        /* since when that is, whatever connections its holder has had */
};
typedef void registry_visit(void *user, const struct registry_shown *name);

struct registry_ops {
    void (*bind)(struct registry *r, struct registry_member *m, const struct request *q);
    void (*connect)(struct registry *r, struct registry_member *m, const struct request *q);
    void (*leave)(struct registry *r, struct registry_member *m);
    bool (*proceed)(struct registry *r, struct registry_member *m);
    void (*heard)(struct registry *r, struct registry_member *m);
    void (*totals)(const struct registry *r, struct registry_totals *out);
    bool (*look)(struct registry *r, uint64_t *at, int most, registry_visit *visit, void *user);
    bool (*find)(struct registry *r, const char *name, registry_visit *visit, void *user);
    bool (*kick)(struct registry *r, const char *name);
    void (*destroy)(struct registry *r);
};

struct registry {
    const struct registry_ops *ops;
};

/* Asks for the name q->host_id; `m` must be in none. A HEAD asks what would be, and changes nothing: BOUND or
 * MET is then said of what is not done. *q must stay as it is as long as `m` is in the registry. */
static inline void registry_bind(struct registry *r, struct registry_member *m, const struct request *q)
{
    r->ops->bind(r, m, q);
}
/* Asks to be introduced to who holds q->host_id; waits for the name if q->wait_s is not 0,
 * until it leaves. */
static inline void registry_connect(struct registry *r, struct registry_member *m, const struct request *q)
{
    r->ops->connect(r, m, q);
}
/* Fine if it is in no name. */
static inline void registry_leave(struct registry *r, struct registry_member *m)
{
    r->ops->leave(r, m);
}
/* A holder streams, and has room: who waits to be introduced may come, a bounded number of them. True: more
 * of them could come at once; call again after others had their turn. */
static inline bool registry_proceed(struct registry *r, struct registry_member *m)
{
    return r->ops->proceed(r, m);
}
/* A holder that was challenged has been heard. */
static inline void registry_heard(struct registry *r, struct registry_member *m)
{
    r->ops->heard(r, m);
}
static inline void registry_totals(const struct registry *r, struct registry_totals *out)
{
    r->ops->totals(r, out);
}
/* `most` of the names that are held, or fewer, from *at on, which then says where it goes on: 0 at the
 * beginning. False: there are no more. It costs what it tells, whatever the registry has. */
static inline bool registry_look(struct registry *r, uint64_t *at, int most, registry_visit *visit,
                                 void *user)
{
    return r->ops->look(r, at, most, visit, user);
}
/* The same for one. False: nobody holds it. */
static inline bool registry_find_held(struct registry *r, const char *name, registry_visit *visit, void *user)
{
    return r->ops->find(r, name, visit, user);
}
/* Takes it from its holder, who may bind it anew. False: nobody holds it. */
static inline bool registry_kick(struct registry *r, const char *name)
{
    return r->ops->kick(r, name);
}
/* No member may be in it. NULL is fine. */
static inline void registry_destroy(struct registry *r)
{
    if (r)
        r->ops->destroy(r);
}

#endif
