/* server/conn.h: one connection, from its first request to its last byte, as one state machine. It talks to
 * its peer through struct stream and to other connections through the registry; it reads no clock.
 *
 * What a peer sends after a request whose answer streams is read and ignored up to CONN_IGNORED_MAX bytes,
 * but for reports of attempts (proto/attempt_report.h): one for each introduction with a session. More ends
 * the connection. */
#ifndef HX_SERVER_CONN_H
#define HX_SERVER_CONN_H

#include "server/reply.h"
#include "shim/stream.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONN_CHALLENGE_MS     1000 /* DESIGN section 3: a holder that lives is heard within so long, or within */
#define CONN_CHALLENGE_RTT    4    /* so many of its round trips, */
#define CONN_CHALLENGE_MAX_MS 10000 /* and this at most: its own slowness is what it is measured by */
#define CONN_SLOW_RTT_MS      1000 /* a round trip until one was measured: its challenge is given four of these */
#define CONN_OVERDUE_MS       250 /* a challenge may be lost: it is written again after this, or 5/4 round trips */
#define CONN_PROBES_MAX       12 /* challenges to one holder in one test of its life; its window has 32 packets */
#define CONN_ASK_MS           15000 /* at most, until the registry answers; above CONN_CHALLENGE_MAX_MS */
#define CONN_DRAIN_MS         2000 /* at most, until the last bytes are acknowledged: UDT drops them on close */
#define CONN_STOP_MS          1000 /* the same once the server stops */
#define CONN_REFUSED_MS       2000 /* a connection above a limit: until its request is there to be answered */
#define CONN_OUT_LOW          4096 /* bytes of output waiting; above, no further request is read */
#define CONN_IGNORED_MAX      65536 /* bytes */
#define CONN_REPORTS_BEFORE \
    4 /* attempts that a new holder may tell of beside those that it is told of itself */
#define CONN_TURN_REQUESTS 16    /* requests or introductions in a row; then others have a turn */
#define CONN_TURN_BYTES    16384 /* bytes read from one connection in a row */

struct auth;
struct conn;
struct conn_auth;
struct counters;
struct drain;
struct groups;
struct introductions;
struct policy;
struct registry;
struct transcripts;
struct tunnels;

/* What the connections of one server share; the server owns all of it. */
struct conn_world {
    const struct server_config *config;
    struct registry *registry;
    struct groups *groups;
    struct timers *timers;
    struct policy *policy;
    struct tunnels *tunnels;
    struct counters *counters;
    struct auth *auth;                   /* NULL: nobody need prove who it is */
    struct introductions *introductions; /* that somebody looks at; not the server's. NULL: nobody does */
    struct transcripts *transcripts;     /* NULL: none are written */
    int64_t now_ms;                      /* of base/clock.h, the one reading for this turn of the loop */
    struct conn *all;
    struct conn *ready;        /* those that wait for a turn, first come first */
    struct conn *done;         /* those that the sweep shall destroy */
    struct conn_auth *proving; /* those whose proofs wait to be verified, first come first */
    struct conn *judged;       /* the next one to be judged by new rules; NULL: none */
    struct drain *drain;       /* NULL: the server is not drained */
    bool stopping;
    size_t holders; /* of a name, or in a session */
    int64_t last_id;
};

/* Owns `s` once it has returned HX_OK. `refused`: not REPLY_NOTHING for one above a limit, which gets that
 * answer to its first request and no more. HX_OK, HX_ENOMEM, or HX_EINVAL: the peer's address is no IP
 * address. */
int conn_create(struct conn **out, struct conn_world *w, struct stream *s, enum reply_reason refused);
/* Closes the stream. NULL is fine. Called by the server's sweep and its end alone, never inside a
 * callback. */
void conn_destroy(struct conn *c);

/* The stream can be read or written again, or it is the connection's turn. */
void conn_ready(struct conn *c);
/* The peer has closed: what it sent before may still be read. */
void conn_peer_closed(struct conn *c);
/* The server is drained from now on: who waits for a name is refused. */
void conn_drain(struct conn *c);
/* The server stops: ends the answer in order. */
void conn_stop(struct conn *c);

/* Verifies a bounded number of the proofs that wait. */
void conn_prove_waiting(struct conn_world *w);
/* What it holds, or waits for, is judged by new rules, with the key that it has proven. */
void conn_judge(struct conn *c);

const struct endpoint *conn_peer(const struct conn *c);
bool conn_refused(const struct conn *c);                  /* created with a reason to refuse it */
size_t conn_queued_bytes(const struct conn *c);           /* output that the stream has not taken */
struct conn *conn_next(const struct conn *c);             /* in world->all */
struct conn *conn_last_ready(const struct conn_world *w); /* NULL: none */
struct conn *conn_next_done(struct conn_world *w);        /* taken out of world->done; NULL: none */

#endif
