/* server/tcp_stream.h: accepted TCP connections as streams (shim/stream.h), on the loop.
 *
 * Who closes one whose answer has arrived, while the peer may still send, must not reset it: some systems
 * then throw away what they have not read yet (RFC 9112, 9.6). Such a connection is kept for a while
 * behind the owner's back: our direction is ended, what comes is dropped, and it is closed when the peer's
 * direction ends, too. */
#ifndef HX_SERVER_TCP_STREAM_H
#define HX_SERVER_TCP_STREAM_H

#include "base/timers.h"
#include "shim/stream.h"
#include <stdint.h>

#define TCP_LINGER_MS    2000   /* at most; as CONN_DRAIN_MS */
#define TCP_LINGER_BYTES 262144 /* that come meanwhile; more end it */
#define TCP_LINGER_MAX   1024   /* connections; more are closed at once */
#define TCP_ACKED_MS     5      /* between two looks whether all is acknowledged; doubled each time */
#define TCP_ACKED_MAX_MS 500

struct loop;

/* Events come from the loop, but for `ready` when all that was written has been acknowledged. */
struct tcp_stream_events {
    void (*ready)(void *user, struct stream *s, int64_t now_ms);  /* can be read or written again */
    void (*closed)(void *user, struct stream *s, int64_t now_ms); /* by the peer, in both directions */
};

struct tcp_streams { /* the owner sets the first part; the rest is private and zeroed at the start */
    struct loop *loop;
    struct timers *timers;
    const struct tcp_stream_events *events;
    void *user;
    struct tcp_stream *all;
    size_t lingering;
};

/* Takes `fd`, which is non-blocking, when it returns HX_OK. HX_ENOMEM; HX_ESYS. Nothing of it is called
 * before the next turn. */
int tcp_stream_create(struct stream **out, struct tcp_streams *set, int fd, const struct sockaddr *peer,
                      socklen_t len, int64_t now_ms);
/* The loop ends: no more events; those that linger are closed. The owners close the others. */
void tcp_streams_end(struct tcp_streams *set);

#endif
