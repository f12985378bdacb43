/* client/stream.h: hx_stream, a punched connection in the application's hands.
 *
 * Its own mutex guards reading, writing and what is known to wait, so that one stream's bytes never wait for
 * another's. Order of locks: the engine's, then the stream's. */
#ifndef HX_CLIENT_STREAM_H
#define HX_CLIENT_STREAM_H

#include "base/fair_share.h"
#include "client/api.h"
#include "client/rejoin.h"
#include "client/secure_channel.h"
#include "proto/endpoint.h"
#include "secure/key.h"
#include "shim/udt/udt.h"
#include <stdbool.h>

#define STREAM_SILENCE_MS 30000 /* the peer's UDT is never that quiet: the connection has ended */
#define STREAM_MISSED_MS  12000 /* longer than between two of its keepalives: the way to it may be blocked */
#define STREAM_LINGER_MS  30000
/* A younger one is closed so late: the peer may not know yet that it is connected, and would not hear
 * of its end. */
#define STREAM_SETTLE_MS 500
#define STREAM_ALERT_MS  800 /* so late one whose proof has failed: the peer is told why before */

/* Who holds several connections (client/group.h), and is told what becomes of one. With the engine's lock
 * held. */
struct stream_owner {                              /* zeroed: nobody */
    void (*news)(void *user, struct hx_stream *s); /* not proven yet: hx_handshake() may say more by now */
    void (*reach_changed)(void *user, struct hx_stream *s, enum agent_reach reach);
    /* It has fallen silent. May call stream_end_paths(), stream_disown() and stream_discard(). */
    void (*silent)(void *user, struct hx_stream *s);
    /* The last: the application has closed it, or the library ends; `broken`: since the other side had gone
     * without an end. Calls nothing of `s`. */
    void (*closed)(void *user, struct hx_stream *s, bool broken);
    void *user;
};

struct stream_info {
    struct endpoint peer;
    struct endpoint external;
    const char *name;           /* the peer's, copied */
    int linger_ms;              /* as in hx_config */
    const struct keyring *keys; /* copied; empty: the bytes pass as they are */
    bool connecting;
    struct udt_port *port; /* connecting: the one that it leaves from; NULL if that is nobody's business */
    /* Now the stream's, after an error, too: */
    struct secure_channel *channel; /* that has begun early; NULL: a new one */
    struct agent *agent;            /* of its paths; NULL: its peer has one address */
    struct rejoin *rejoin;          /* connecting: when they have ended */
    struct reporter reporter;       /* of changes of the path; zeroed: nobody */
    struct stream_owner owner;
};

/* Takes over `s`, which is connected; after an error, too (it is closed). The engine's lock is held. HX_OK,
 * HX_ENOMEM. */
int stream_adopt(struct hx_stream **out, struct stream *s, const struct stream_info *info);
/* Closes the connection at once and frees the handle. The engine's lock is held. NULL is fine. */
void stream_discard(struct hx_stream *s);
/* For client/stream_queue.h. */
struct fair_share_member *stream_waiting(struct hx_stream *s);
struct hx_stream *stream_of_waiting(struct fair_share_member *m);
const char *stream_name(const struct hx_stream *s);
const struct endpoint *stream_endpoint(const struct hx_stream *s);

/* For its owner, with the engine's lock held. */
void stream_disown(struct hx_stream *s); /* from now on nobody is told */
/* Its agent ends, so that another connection can have the session; the rest waits for the application. */
void stream_end_paths(struct hx_stream *s);
bool stream_gone(struct hx_stream *s); /* the connection has ended, this way or that */
/* When the peer's UDT was last heard; asks it for a sign of life. -1: its connection was given up. */
int64_t stream_ask_for_life(struct hx_stream *s);

#endif
