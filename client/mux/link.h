/* client/mux/link.h: one punched connection with many streams in it: an hx_stream, read and written by a
 * libev loop, with a mux inside. Belongs to its loop's thread.
 *
 * The link finishes the handshake of the keys, sends what the mux wants to send before the loop
 * sleeps, asks the peer for a sign of life (HTTP/2's PING) every keepalive_ms, and is down when none
 * has come for dead_ms. */
#ifndef HX_CLIENT_MUX_LINK_H
#define HX_CLIENT_MUX_LINK_H

#include "client/hx.h"
#include "client/mux/mux.h"
#include <ev.h>

/* For the proof of the keys: three flights, of which some may be lost twice on a path of 600 ms. */
#define LINK_HANDSHAKE_MS 15000
#define LINK_KEEPALIVE_MS 15000 /* keeps the NATs' mappings, which live 30 s and more (RFC 4787, REQ-5) */
#define LINK_ANSWER_MS    5000  /* for the peer's sign of life: a dead path is noticed after both */
#define LINK_LEAVE_MS     20    /* in which the last words are confirmed on a short path */
#define LINK_PINGS_MAX    16    /* of link_ping() under way */

struct link;

struct link_events {
    void (*up)(void *user); /* both sides are proven: requests may be made, and may come */
    void (*request)(void *user, struct mux_stream *s, const struct mux_message *request);
    void (*pong)(void *user, int64_t rtt_us); /* the answer to link_ping() */
    /* The last one; every stream has been told closed() before. HX_OK: ended in order. Call link_destroy(),
     * here or later. HX_EAUTH, HX_ETIMEDOUT, HX_ECLOSED, HX_EPROTO, HX_EFLOOD. */
    void (*down)(void *user, int error);
};

struct link_config {
    bool connecting;   /* this side called hx_connect() */
    int keepalive_ms;  /* 0: LINK_KEEPALIVE_MS */
    int dead_ms;       /* 0: keepalive_ms and LINK_ANSWER_MS */
    int handshake_ms;  /* 0: LINK_HANDSHAKE_MS; for the proof of the keys */
    struct pace *pace; /* of what its streams move; NULL: as fast as it goes. Outlives the link */
    const struct link_events *events;
    void *user;
};

/* Takes `s` over, also when it fails (HX_ENOMEM). */
int link_create(struct link **out, struct ev_loop *loop, struct hx_stream *s,
                const struct link_config *config);
/* At once; down() is not told, the streams are. NULL is fine. From callbacks of the link and its streams only
 * within down(). */
void link_destroy(struct link *l);
/* Ends in order: no new requests, what runs goes on, then both directions end; down() is told. The peer,
 * whose link does the same when its last stream is over, has passed everything on by then. */
void link_finish(struct link *l);
/* The same for who needs nothing more of the peer and owes it nothing either, every answer having come:
 * tells it that this was all, and is down within LINK_LEAVE_MS, whether that has been heard or not. What
 * it says last leaves this host all the same: hx_cleanup() sees to it. */
void link_leave(struct link *l);
struct mux *link_mux(struct link *l);
/* For what goes beside it; never to read or write. NULL: both directions have ended. */
struct hx_stream *link_stream(struct link *l);
/* As hx_stream_path(); HX_ECLOSED also when both directions have ended. `l` may be NULL: HX_ECLOSED. */
static inline int link_path(struct link *l, struct hx_path *out)
{
    struct hx_stream *s = l ? link_stream(l) : NULL;
    return s ? hx_stream_path(s, out) : HX_ECLOSED;
}
/* pong() tells the round-trip time, once for each, in this order. HX_ELIMIT: LINK_PINGS_MAX are under way. */
int link_ping(struct link *l);

#endif
