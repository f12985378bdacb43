/* client/mux/mux.h: many streams in one connection: HTTP/2 (RFC 9113) by libnghttp2.
 *
 * A state machine between bytes and streams: no I/O, no clock of its own. The side that connected is HTTP/2's
 * client. Everything is bounded: streams, headers, what a stream holds of unread and unsent bytes, and how
 * many frames a peer may send beyond those that data pays for. A stream whose owner does not read closes its
 * own window only. Not thread-safe.
 *
 * Callbacks are made from within mux_receive(), mux_send() and mux_destroy() alone: so none happens while an
 * owner is within mux_request(), mux_stream_write() or the like. From a callback everything may be called but
 * mux_receive() and mux_send(); mux_stream_reset() and mux_destroy(), too, of what the callback is about: the
 * memory goes when mux_receive() or mux_send() returns (after mux_destroy() with HX_ECLOSED). Nearly every
 * call may leave something for mux_send() to do or tell: ask mux_wants_send() before waiting. */
#ifndef HX_CLIENT_MUX_MUX_H
#define HX_CLIENT_MUX_MUX_H

#include "base/error.h"
#include "client/mux/pace.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MUX_STREAMS_MAX  256   /* of the peer, at once */
#define MUX_WINDOW_FIRST 65535 /* bytes that the peer may send of each stream, unread */
/* Up to: of a stream whose owner reads as fast as it comes. It is opened again once half of it is used:
 * 500 Mbit/s over 300 ms are 19 MB. */
#define MUX_WINDOW       (48 * 1024 * 1024)
#define MUX_WINDOW_TOTAL (128 * 1024 * 1024) /* of all streams together */
#define MUX_UNSENT_MAX   (256 * 1024)        /* bytes of one stream that wait to be sent */
#define MUX_ROOM         (64 * 1024)         /* of mux_stream_room() */
#define MUX_FIELDS_MAX   32                  /* header fields of one message */
#define MUX_HEADERS_MAX  16384               /* bytes of them */
#define MUX_VALUE_MAX    12320               /* bytes of one value: a path of 4 KiB, percent-encoded */

/* Codes for mux_stream_reset() (RFC 9113, 7). */
#define MUX_NO_ERROR       0
#define MUX_PROTOCOL_ERROR 1
#define MUX_INTERNAL_ERROR 2
#define MUX_CANCEL         8
#define MUX_CONNECT_ERROR  10 /* the TCP connection was reset or abnormally closed */

struct mux;
struct mux_stream;

struct mux_field {
    const char *name; /* lower case; pseudo-header fields with their colon */
    const char *value;
};

struct mux_message { /* strings live as long as the callback or call */
    const struct mux_field *fields;
    size_t count;
    bool ended; /* nothing follows the header */
};

/* The value of a field, or NULL. */
const char *mux_field(const struct mux_message *m, const char *name);

/* What a stream's owner is told; set with mux_stream_own(). Each may be NULL. */
struct mux_stream_events {
    void (*headers)(void *user, const struct mux_message *response); /* client: status and fields */
    void (*readable)(void *user); /* mux_stream_read() is worth a try: bytes, or the end */
    void (*writable)(void *user); /* after HX_EAGAIN */
    /* The stream is over, its handle is freed when this returns. HX_OK: both directions ended, and what came
     * was read (if it was not: told as soon as it is); HX_ECLOSED: the peer reset it or the connection ended;
     * `code` is HTTP/2's error code. Not told after mux_stream_reset(). */
    void (*closed)(void *user, int error, uint32_t code);
    /* closed(HX_OK) waits until mux_stream_read() has said HX_EEOF, not only until all was read: the owner
     * does not ask for the end before it has passed on what it has. Till then the stream counts. */
    bool reads_end;
};

struct mux_events {
    /* Server: a request. The stream must be owned or reset before this returns, else it is refused. */
    void (*request)(void *user, struct mux_stream *s, const struct mux_message *request);
    void (*pong)(void *user, uint64_t opaque); /* the answer to mux_ping() */
    void (*goaway)(void *user);                /* the peer takes no more requests */
};

/* HX_ENOMEM. */
int mux_create(struct mux **out, bool client, const struct mux_events *events, void *user);
void mux_destroy(struct mux *m); /* tells every owned stream closed(HX_ECLOSED) */
/* Does what the first one of a process does else, while its peer waits. */
void mux_warm_up(void);
/* Is that what a mux of this version at that side says first: to the end of its SETTINGS, and maybe more? */
bool mux_opens(bool client, const void *data, size_t len);

/* The time (base/clock.h), by which budgets of frames refill: told before mux_receive(),
 * mux_send() and mux_request(). */
void mux_set_time(struct mux *m, int64_t now_ms);
/* How many bytes mux_send() shall give at most of what streams say, as little before their time as the
 * transport can: the streams' turn is decided there. Without it: as many as there are. */
void mux_set_room(struct mux *m, size_t most);
/* What comes is read no faster than that (PACE_IN), so that the peer slows down, too; NULL: as fast as it
 * comes. It outlives the mux. */
void mux_set_pace(struct mux *m, struct pace *pace);
/* mux_stream_read() has said HX_EAGAIN for that reason: mux_set_time() is to be called now and then, and
 * lets the owner be told once there is more to be read. */
bool mux_is_paced(const struct mux *m);
/* The transport's side. mux_receive(): takes all of it; HX_EPROTO: the peer breaks HTTP/2; HX_EFLOOD: it
 * floods us, or says that we do: send what mux_send() still gives (GOAWAY), then close. mux_send(): the next
 * bytes to be written (at most 64 KiB, as many frames as there are), *data valid until the next call of
 * anything; 0: nothing now; HX_EPROTO as above, when the last bytes are given. Call it until 0 only as fast
 * as the transport takes. */
int mux_receive(struct mux *m, const uint8_t *data, size_t len);
ssize_t mux_send(struct mux *m, const uint8_t **data);
bool mux_wants_send(const struct mux *m);
/* Both sides are done: after a GOAWAY and the last stream. */
bool mux_finished(const struct mux *m);
int mux_ping(struct mux *m, uint64_t opaque); /* HX_ELIMIT: too many are under way */
void mux_goaway(struct mux *m);               /* no more requests; what runs goes on */
int mux_stream_count(const struct mux *m);

/* Client. HX_ELIMIT: as many streams as the peer allows, or so many requests in so short a time that it might
 * take them for a flood; HX_ECLOSED: it takes no more. `request` has :method, :authority (CONNECT: RFC 9113,
 * section 8.5), else also :scheme and :path. HX_EINVAL as mux_respond(). */
int mux_request(struct mux *m, struct mux_stream **out, const struct mux_message *request,
                const struct mux_stream_events *events, void *user);

/* What came before is told anew. */
void mux_stream_own(struct mux_stream *s, const struct mux_stream_events *events, void *user);
/* Server: ":status" and fields; with `ended` there is no body. Once per stream. HX_ECLOSED: the stream is
 * over; HX_EINVAL: a bound, or bytes that HTTP forbids; HX_ENOMEM. */
int mux_respond(struct mux_stream *s, const struct mux_message *response);
/* Responds with what is all, `ended`, and leaves; a stream that does not take that is reset. */
void mux_answer(struct mux_stream *s, const struct mux_message *response);
void mux_refuse(struct mux_stream *s, const char *status); /* the same with that status alone */
/* Bytes, HX_EAGAIN, HX_EEOF. The window opens again as bytes are read. */
ssize_t mux_stream_read(struct mux_stream *s, void *buf, size_t len);
/* What mux_stream_read() would give, where it lies: valid until the next call of anything. *len 0: that
 * says why there is nothing. */
const void *mux_stream_peek(struct mux_stream *s, size_t *len);
void mux_stream_skip(struct mux_stream *s, size_t len); /* so many bytes of it were read */
bool mux_stream_skip_all(struct mux_stream *s);         /* all that has come; true: the end has, too */
/* Bytes taken, as many as fit; HX_EAGAIN, then writable() is told; HX_ECLOSED, also after mux_stream_end();
 * HX_ENOMEM. */
ssize_t mux_stream_write(struct mux_stream *s, const void *buf, size_t len);
/* For who makes bytes rather than has them: where to put up to MUX_ROOM of them, valid until the next call of
 * anything; mux_stream_wrote() then writes the first `len`. Errors as mux_stream_write(). */
int mux_stream_room(struct mux_stream *s, void **out);
void mux_stream_wrote(struct mux_stream *s, size_t len);
void mux_stream_end(struct mux_stream *s);                  /* our direction, after what was written */
void mux_stream_reset(struct mux_stream *s, uint32_t code); /* both; closed() is not told */
/* For who needs nothing more of it: ends our direction, and throws away what the peer still says. Nobody owns
 * the stream any more. After mux_respond() with `ended`, too. */
void mux_stream_leave(struct mux_stream *s);
size_t mux_stream_unsent(const struct mux_stream *s);

#endif
