/* client/mux/parts.h: what the files of mux/ share; nobody else includes it.
 *
 * mux.c: the transport's side. session.c: what nghttp2 tells us. stream.c: a stream's owner's side.
 * headers.c: messages, checked and copied. window.c: flow control. budget.c: how many frames are too many.
 * out.c: what waits for mux_send(), and the frames of DATA. turn.c: whose DATA are next. */
#ifndef HX_CLIENT_MUX_PARTS_H
#define HX_CLIENT_MUX_PARTS_H

#include "base/buf.h"
#include "base/token_bucket.h"
#include "client/mux/mux.h"
#include <nghttp2/nghttp2.h>
#include <sys/queue.h>

#define MUX_HANDLES_MAX (2 * MUX_STREAMS_MAX) /* those that are over but for what is unread count, too */
#define MUX_PINGS_MAX   8                     /* ours, under way at once */
#define MUX_ACKS_MAX    1000                  /* answers to PING and SETTINGS that wait to be sent */
#define MUX_PIECE       8192                  /* bytes that nghttp2 is given before its answers are fetched */
#define MUX_TELL        65536                 /* ... before owners are told that they may read */

#define MUX_FRAME_HEAD  9     /* bytes (RFC 9113, section 4.1) */
#define MUX_FRAME_MAX   16384 /* bytes of one frame's payload: what every peer takes (section 4.2) */
#define MUX_FRAME_LEAST 256   /* bytes of DATA that are worth a frame while a stream has more */
#define MUX_OUT_SIZE    (64 * 1024)
#define MUX_OUT_SPARE   (MUX_FRAME_HEAD + MUX_FRAME_MAX + 64) /* more than nghttp2 gives at once */

struct mux_head { /* a message while its fields arrive */
    struct mux_field fields[MUX_FIELDS_MAX];
    size_t count;
    size_t bytes;                                    /* of names and values */
    size_t used;                                     /* of text */
    char text[MUX_HEADERS_MAX + 2 * MUX_FIELDS_MAX]; /* each string with its NUL */
};

TAILQ_HEAD(mux_turns, mux_stream);

struct mux {
    nghttp2_session *session;
    bool client;
    struct mux_events events;
    void *user;
    int error;   /* != HX_OK: the connection has failed with it */
    bool doomed; /* mux_destroy() was called */
    bool going;  /* mux_goaway() was called */
    bool broken; /* nghttp2 gives nothing more */
    int depth;   /* > 0: a callback may be running */
    struct mux_stream *streams;
    int count;              /* of them */
    int open;               /* client: requests that nghttp2 has not closed */
    struct mux_stream *due; /* streams whose owners are to be told something, in order */
    struct mux_stream **due_tail;
    bool due_soon;           /* not only of bytes, for which more may be on the way */
    struct mux_stream *dead; /* to be freed when no callback runs any more */
    struct mux_head head;    /* of the one stream whose header is arriving */
    int32_t lent;            /* bytes of the streams' windows above their first ones */
    uint64_t pings[MUX_PINGS_MAX];
    size_t ping_count;
    int64_t now_ms;            /* of mux_set_time() */
    struct pace *pace;         /* of mux_set_pace() */
    bool paced;                /* some stream waits for that */
    struct token_bucket taken; /* frames from the peer */
    struct token_bucket sent;  /* frames of ours */
    struct mux_turns favoured; /* streams that have something to say, in order (turn.c) */
    struct mux_turns others;
    size_t ahead;    /* bytes of favoured ones since one of the others had its turn */
    size_t room;     /* of mux_set_room() */
    size_t out_len;  /* bytes in out */
    bool answers;    /* mux_fill() gives no DATA */
    bool out_given;  /* mux_send() has returned them */
    bool out_urgent; /* they hold DATA of a favoured stream */
    uint8_t out[MUX_OUT_SIZE];
};

enum mux_due { DUE_READABLE = 1, DUE_WRITABLE = 2, DUE_CLOSED = 4 };

struct mux_stream {
    struct mux *mux;
    struct mux_stream *next, **link; /* in mux->streams; `next` alone: in mux->dead */
    struct mux_stream *due_next;
    bool queued;  /* in mux->due */
    unsigned due; /* for what */
    int32_t id;
    struct mux_stream_events events;
    void *user;
    struct buf received, unsent;
    int32_t window;          /* bytes that the peer may send unread */
    int32_t passed;          /* bytes read since it grew */
    bool owned;              /* its owner is known */
    bool answered;           /* headers: client, the final ones came; server, ours were given to nghttp2 */
    bool peer_ended;         /* all that the peer sends is in `received` */
    bool end_read;           /* and mux_stream_read() has said HX_EEOF */
    bool ending;             /* mux_stream_end() was called */
    bool ended;              /* our END_STREAM is in mux->out */
    bool deferred;           /* nghttp2 waits for nghttp2_session_resume_data() */
    bool has_turn;           /* its next frame of DATA may leave */
    bool turn_favoured;      /* and is ahead of others' */
    struct mux_turns *turns; /* in which of them it waits; NULL: in none */
    TAILQ_ENTRY(mux_stream) turn;
    int32_t quantum;            /* bytes of its turn that are left */
    struct token_bucket favour; /* bytes that are */
    bool stopped;               /* mux_stream_write() said HX_EAGAIN */
    bool paced;                 /* mux_stream_read() did, though there are bytes */
    bool closed;   /* nghttp2 has closed it, or the connection is gone: no calls of nghttp2 with its id */
    bool freed;    /* its owner has no right to it any more; in mux->dead, or about to be */
    uint32_t code; /* once closed */
};

/* headers.c. HX_ETOOBIG: a bound of mux.h. */
int mux_head_add(struct mux_head *h, const uint8_t *name, size_t name_len, const uint8_t *value,
                 size_t value_len);
/* Fills `out` with pointers into `m`. HX_EINVAL: bounds, bad bytes, or pseudo-fields behind others. */
int mux_head_out(const struct mux_message *m, nghttp2_nv out[MUX_FIELDS_MAX]);

/* session.c. HX_ENOMEM. */
int mux_session_create(struct mux *m);

/* out.c. Fills m->out from nghttp2; HX_OK or m->error. */
int mux_fill(struct mux *m);
ssize_t mux_data_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                      nghttp2_data_source *source, void *user);
int mux_data_send(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t len,
                  nghttp2_data_source *source, void *user);

/* turn.c. A stream waits for its turn from when it has something to say and nghttp2 has asked for it. */
void mux_turn_join(struct mux_stream *s);
void mux_turn_leave(struct mux_stream *s);
struct mux_stream *mux_turn_next(const struct mux *m); /* NULL: none may send anything */
void mux_turn_sent(struct mux_stream *s, size_t len);

/* budget.c */
int mux_budget_take(struct mux *m, const nghttp2_frame_hd *hd);  /* a frame has come; HX_OK or HX_EFLOOD */
void mux_budget_send(struct mux *m, const nghttp2_frame_hd *hd); /* a frame of ours leaves */
bool mux_budget_has_room(struct mux *m);                         /* for a request of ours */
void mux_budget_data(struct mux *m, size_t bytes);               /* data went either way */
void mux_budget_stream(struct mux *m);                           /* a stream has ended in order */
void mux_budget_options(nghttp2_option *o);

/* window.c: how much the peer may send; each stream begins, reads, ends. */
void mux_window_begin(struct mux_stream *s);
void mux_window_read(struct mux_stream *s, size_t len); /* its owner has read them */
void mux_window_end(struct mux_stream *s);

/* stream.c */
struct mux_stream *mux_stream_create(struct mux *m); /* NULL: no memory */
void mux_stream_free(struct mux_stream *s);          /* when no callback runs any more */
void mux_stream_due(struct mux_stream *s, enum mux_due what);
void mux_stream_closed(struct mux_stream *s, uint32_t code); /* tells later */
bool mux_tell(struct mux *m);                                /* what is due; false: nothing was */
void mux_resume(struct mux *m); /* those that the pace has kept from reading may try again */
void mux_reap(struct mux *m);   /* frees the dead */

/* mux.c: around all that may call back. mux_leave() may free `m`, and says false then. */
void mux_enter(struct mux *m);
bool mux_leave(struct mux *m);

#endif
