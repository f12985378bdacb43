/* server/conn_state.h: the inside of a connection, for conn.c and conn_*.c alone. */
#ifndef HX_SERVER_CONN_STATE_H
#define HX_SERVER_CONN_STATE_H

#include "base/buf.h"
#include "base/container_of.h"
#include "base/timers.h"
#include "proto/endpoint.h"
#include "proto/request.h"
#include "server/auth.h"
#include "server/config.h"
#include "server/conn.h"
#include "server/counters.h"
#include "server/groups.h"
#include "server/log.h"
#include "server/log_address.h"
#include "server/registry.h"
#include "server/tunnel.h"

enum conn_state {
    CONN_READ_REQUEST,
    CONN_AUTHORIZE, /* until it may do what it asks for */
    CONN_ANSWER,
    CONN_ASK,   /* until the registry has answered */
    CONN_FLUSH, /* the answer was written; until little of it waits no further request is read */
    CONN_STREAM_BIND,
    CONN_STREAM_CONNECT,
    CONN_STREAM_JOIN,
    CONN_TUNNEL, /* of TCP: datagrams are carried */
    CONN_DRAIN,  /* nothing more will be written; until all is acknowledged */
    CONN_DONE
};

/* What a connection has proven, or is about to: only those have one that name a key. */
struct conn_auth {
    struct conn *conn;
    struct conn_auth *prev, *next; /* in world->proving while `waits` */
    struct owners_claim claim;
    struct authorization_key key; /* if `proven` */
    uint32_t proofs;              /* accepted on this connection: each has spent a nonce */
    bool waits;
    bool proven;       /* for the request that is answered */
    bool claim_failed; /* the name could not be made the key's */
};

struct conn {
    struct conn_world *world;
    struct conn *all_prev, *all_next;
    struct conn *ready_prev, *ready_next; /* in world->ready while `queued` */
    struct conn *done_next;
    struct stream *stream;
    enum conn_state state : 8;
    bool queued : 1;
    bool peer_closed : 1;
    bool input_ended : 1;  /* HX_EEOF was read */
    bool answered : 1;     /* at least one request was */
    bool begun : 1;        /* bytes of the next request have come */
    bool asking : 1;       /* within a call to the registry */
    bool waits : 1;        /* this /connect has been told to wait for its name */
    bool introduced : 1;   /* has its own address and, at least once, the holder's */
    bool streamed : 1;     /* has come to a streaming answer */
    bool kicked : 1;       /* its name was taken from it by the operator */
    bool starved : 1;      /* there was no memory for a probe */
    bool asked_key : 1;    /* was told once to prove a key, which counts as no refusal */
    bool revoked : 1;      /* may not any more what it did */
    uint8_t probes;        /* challenges written since probed_ms: CONN_PROBES_MAX at most */
    uint8_t turn_requests; /* done in this turn: CONN_TURN_REQUESTS at most */
    uint8_t reports_due;   /* of attempts; that come while an answer streams */
    struct timer deadline; /* of the state */
    struct timer idle;     /* when a silent peer is given up */
    struct timer hold; /* while it is set, output waits: a part shall leave then (server/simultaneous.h) */
    struct registry_member member;
    struct group_member *joined; /* NULL: it is in no session */
    union {
        struct tunnel *tunnel;           /* of TCP; NULL: it is none */
        struct tunnel_member *by_tunnel; /* of UDT; NULL: it has not come by one */
    };
    int64_t id;
    int64_t since_ms;
    int64_t asked_ms;    /* when the registry was */
    int64_t probed_ms;   /* holder: of the first challenge that it has not answered; 0: none */
    int64_t reminded_ms; /* of the last one */
    int64_t measured_ms; /* holder: of the output whose acknowledgement is awaited, to measure; 0: none */
    int rtt_ms;          /* holder: a round trip, rather too long than too short; -1: not measured */
    enum reply_reason refused;
    unsigned turn_bytes;
    unsigned ignored;              /* bytes that came during a streaming answer, and are no report */
    struct request_parser *parser; /* NULL once an answer streams */
    struct request *request;       /* that is answered; NULL: none */
    struct conn_auth *auth;        /* NULL: it has named no key */
    struct buf in;
    struct buf out;
};

static inline struct conn *conn_of(const struct registry_member *m)
{
    return container_of(m, struct conn, member);
}

#define conn_log(c, level, event, ...) conn_log_kind((c), (level), (event), (event), ##__VA_ARGS__)
#define conn_log_kind(c, level, kind, event, ...) \
    conn_log_of((c), (level), (kind), (const struct endpoint *)0, (event), ##__VA_ARGS__)
/* `source`: conn_source(c) for what the peer does wrong, else NULL; of log_event_of(). */
#define conn_log_of(c, level, kind, source, event, ...)                                \
    log_event_of((level), (kind), (source), (event), "conn", LOG_NUM((c)->id), "peer", \
                 LOG_ADDRESS(&(c)->member.peer), "transport", conn_transport(c), ##__VA_ARGS__)

/* Whom its misbehaviour is counted to: of those that come by a tunnel, who has that. */
static inline const struct endpoint *conn_source(const struct conn *c)
{
    return tunnels_source(c->world->tunnels, &c->member.peer);
}

/* For log lines; NULL: UDT, which is not said. */
static inline const char *conn_transport(const struct conn *c)
{
    return c->member.reach == REACH_TCP ? "tcp" : NULL;
}

/* It holds a name: of its own, or in a session. */
static inline bool conn_holds(const struct conn *c)
{
    return c->state == CONN_STREAM_BIND || c->state == CONN_STREAM_JOIN;
}

/* Its name in a session, for its log lines; NULL: it joins none. */
static inline const char *conn_member_name(const struct conn *c)
{
    return c->request && c->request->target == REQUEST_JOIN ? c->request->name : NULL;
}

/* It waits for its name if nobody holds it; a /join that waits streams meanwhile. */
static inline bool conn_may_wait(const struct conn *c)
{
    return c->request->target == REQUEST_CONNECT && c->request->wait_s > 0;
}

/* The name that a connection is about, for its log lines; NULL: none. */
static inline const char *conn_name(const struct conn *c)
{
    const struct request *q = c->request;

    return q && q->target != REQUEST_TUNNEL && q->host_id[0] ? q->host_id : NULL;
}

/* conn.c */
void conn_enter(struct conn *c, enum conn_state next); /* the only writer of c->state */
void conn_queue(struct conn *c);                       /* asks for a turn */
void conn_leave(struct conn *c);                       /* it holds and waits for no name any more */
/* Leaves the registry; CONN_DONE. */
void conn_end(struct conn *c, enum counter counter, const char *reason);
void conn_fail(struct conn *c, int err); /* conn_end() with the reason that fits */
/* Frees what only requests need. */
void conn_begin_stream(struct conn *c, enum conn_state next);

/* conn_out.c; all return HX_OK or the stream's or buf_append()'s error, which the caller gives to
 * conn_fail(). */
int conn_flush(struct conn *c); /* writes what the stream takes, unless output is held */
/* What has been written into c->out leaves in `ms`; what is held already does not wait any longer for it.
 * 0: at once. */
int conn_flush_later(struct conn *c, int64_t ms);
bool conn_has_room(const struct conn *c);
int conn_flushed(struct conn *c); /* an answer was written: the next request, once there is room */
int conn_write_root(struct conn *c);
int conn_write_stream_head(struct conn *c);
/* `told`: what the peer tells of itself; NULL: nothing. */
int conn_write_part(struct conn *c, const char *name, const struct endpoint *peer,
                    const struct registry_told *told);
int conn_write_member(struct conn *c, const struct groups_part *part);
/* Writes a refusal and goes on to CONN_FLUSH or CONN_DRAIN. */
int conn_refuse(struct conn *c, const struct reply *reply);
int conn_refuse_for(struct conn *c, enum reply_reason reason);
int conn_finish_answer(struct conn *c, bool close);
/* Ends a streaming answer with the last chunk. */
void conn_finish_stream(struct conn *c);

/* conn_tunnel.c */
int conn_begin_tunnel(struct conn *c);
int conn_carry(struct conn *c);
/* The server stops: what those that came by it still say must leave. Again when the deadline has come. False:
 * it is no tunnel, or the server does not stop. */
bool conn_stop_tunnel(struct conn *c);
/* All that came by it end, too. */
void conn_end_tunnel(struct conn *c);
/* HX_OK: and if it has come by a tunnel, it ends with that. HX_ECLOSED: that has ended already. */
int conn_join_tunnel(struct conn *c);
void conn_leave_tunnel(struct conn *c); /* whichever it is */

/* conn_report.c */
/* So many more attempts may be told of. Bounded by what they have cost: an introduction is limited in its
 * rate (server/policy.h), as a connection is. */
void conn_expect_reports(struct conn *c, int count);
/* Bytes that come while an answer streams: reports that are due, and what is ignored. */
void conn_hear(struct conn *c, const char *data, size_t len);

/* conn_answer.c: requests that are answered by the registry, and what the registry tells */
int conn_answer(struct conn *c);
int conn_asked(struct conn *c);
void conn_ask_over(struct conn *c);
int conn_stream_bind(struct conn *c); /* HX_OK: the holder has had its turn */
extern const struct registry_events conn_registry_events;

/* conn_alive.c: whether who holds a name lives */
/* Writes what readers ignore, into an answer that streams. */
void conn_probe(struct conn *c);
/* As registry_events have them. */
int64_t conn_challenge(struct registry_member *m);
void conn_remind(struct registry_member *m);
bool conn_lives(const struct registry_member *m);
void conn_replaced(struct registry_member *m, enum registry_how how);
/* In its turn: true: it was challenged, and has been heard. */
bool conn_heard(struct conn *c);

/* conn_auth.c: who may do what it asks for */
#define CONN_KEY_TEXT_MAX 24
int conn_authorize(struct conn *c);
/* It waits for no verdict any more. */
void conn_leave_auth(struct conn *c);
/* As registry_events has it. */
bool conn_displaces(const struct registry_member *m, const struct registry_member *holder);
/* The header lines of an answer `r`, for `text`: its own, and what there is to say of nonces. HX_OK;
 * HX_ENOMEM. */
int conn_auth_headers(const struct conn *c, const struct reply *r, char *text, size_t size);
/* The beginning of the key that was proven, for log lines; NULL: none was. */
const char *conn_format_key(char text[CONN_KEY_TEXT_MAX], const struct conn *c);
/* The key that a forbidden request has named, so that the operator may write a line with it; NULL: another
 * refusal, or none was. */
const char *conn_format_named(char text[AUTHORIZATION_KEY_TEXT_MAX], const struct conn *c,
                              const struct reply *r);
#define CONN_LOG_KEY(c) conn_format_key((char[CONN_KEY_TEXT_MAX]){0}, (c))
/* conn_drain.c: while the server is drained */
bool conn_is_sent_away(const struct conn *c);   /* its stream has ended for that, or since the server stops */
bool conn_is_turned_over(const struct conn *c); /* its request is for another nameserver */
/* `reason`, or what fits better. */
enum reply_reason conn_reason_when_drained(const struct conn *c, enum reply_reason reason);
void conn_point_elsewhere(const struct conn *c, struct reply *reply); /* and says when to come back */

/* conn_join.c: members of sessions */
void conn_join(struct conn *c);
int conn_joined(struct conn *c);
int conn_stream_join(struct conn *c);

#endif
