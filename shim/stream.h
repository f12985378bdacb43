/* shim/stream.h: a reliable byte stream to one peer. udt_stream in shim/, fake_stream in test/; whoever reads
 * and writes one cannot tell which it has. Nothing here blocks. */
#ifndef HX_SHIM_STREAM_H
#define HX_SHIM_STREAM_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct stream;

enum stream_transport { STREAM_UDT, STREAM_TCP };

struct stream_ops {
    enum stream_transport transport;
    /* Bytes > 0; HX_EAGAIN; HX_EEOF: the peer has ended its direction and all of it was read; HX_ECLOSED: the
     * connection is gone and nothing is left to read. `len` must be > 0. */
    ssize_t (*read)(struct stream *s, void *buf, size_t len);
    /* Bytes > 0, maybe fewer than `len`; HX_EAGAIN; HX_ECLOSED. `len` must be > 0. */
    ssize_t (*write)(struct stream *s, const void *buf, size_t len);
    /* Datagrams written that the peer's transport has not acknowledged; 0: all has arrived there.
     * HX_ECLOSED. */
    int (*unacked)(struct stream *s);
    /* When the peer was last heard, in milliseconds of base/clock.h. */
    int64_t (*heard_ms)(struct stream *s);
    /* Asks the peer's transport for a sign of life, past all that waits to be sent: its answer moves
     * heard_ms(). The question may be lost, and the answer too. */
    void (*ask)(struct stream *s);
    /* The peer's address as the socket sees it (IPv4 perhaps as mapped); valid as long as `s`. */
    const struct sockaddr *(*peer)(struct stream *s, socklen_t *len);
    /* Ends the connection at once: what is not acknowledged may be lost. Frees `s`; no event names it
     * again. */
    void (*close)(struct stream *s);
};

struct stream {
    const struct stream_ops *ops;
    void *user; /* the owner's; the stream never touches it */
};

static inline ssize_t stream_read(struct stream *s, void *buf, size_t len)
{
    return s->ops->read(s, buf, len);
}
static inline ssize_t stream_write(struct stream *s, const void *buf, size_t len)
{
    return s->ops->write(s, buf, len);
}
static inline int stream_unacked(struct stream *s)
{
    return s->ops->unacked(s);
}
static inline int64_t stream_heard_ms(struct stream *s)
{
    return s->ops->heard_ms(s);
}
static inline void stream_ask(struct stream *s)
{
    s->ops->ask(s);
}
static inline const struct sockaddr *stream_peer(struct stream *s, socklen_t *len)
{
    return s->ops->peer(s, len);
}
static inline void stream_close(struct stream *s)
{
    if (s)
        s->ops->close(s);
}

#endif
