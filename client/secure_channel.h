/* client/secure_channel.h: a connection's bytes on their way between UDT and the application: as they are,
 * or, with keys, as TLS (secure/tls.h). The stream's mutex is held, and nobody has closed the connection
 * yet.
 *
 * TLS may begin before there is a stream: what each side will say first can go to the other one ahead of
 * it, as early bytes, by a way that may lose them, repeat them or bring them late. They are said in the
 * stream all the same: whoever has had them before compares, and drops them there. */
#ifndef HX_CLIENT_SECURE_CHANNEL_H
#define HX_CLIENT_SECURE_CHANNEL_H

#include "base/preview.h"
#include "proto/probe.h"
#include "secure/tls.h"
#include "shim/stream.h"
#include <stdbool.h>

struct secure_channel {
    struct stream *stream; /* NULL: there is none yet */
    struct tls *tls;       /* NULL: bytes pass as they are */
    int error;             /* TLS has failed, for good */
    int64_t failed_ms;
    bool heard;                     /* the peer has said something */
    bool proven;                    /* both sides; from the beginning if there are no keys */
    bool rest_read;                 /* UDT's own end behind the peer's close_notify */
    uint8_t early[PROBE_EARLY_MAX]; /* what the peer will say first */
    struct preview preview;         /* of these */
};

/* `keys` NULL or empty: none; else they are copied. HX_ENOMEM. */
int secure_channel_create(struct secure_channel **out, const struct keyring *keys, bool connecting);
void secure_channel_destroy(struct secure_channel *s); /* the connection may be closed by now; NULL is fine */
/* From now on its bytes take this stream, which it does not own. What waited leaves. */
void secure_channel_attach(struct secure_channel *s, struct stream *stream);
/* While there is no stream: what we shall say first, as far as it is known. Returns how many bytes, 0
 * without keys; valid until the next call of anything else. */
size_t secure_channel_early(struct secure_channel *s, const uint8_t **bytes);
/* What the peer will say first has come. It counts once, and only while nothing has come in the stream. */
void secure_channel_take_early(struct secure_channel *s, const uint8_t *bytes, size_t len);
/* HX_OK: proven; HX_EAGAIN, HX_EAUTH, HX_EPROTO, HX_ECLOSED. */
int secure_channel_prove(struct secure_channel *s);
/* As stream_read() and stream_write(), and what secure_channel_prove() says. With keys HX_EEOF means that
 * the peer has said so itself, under TLS, and that UDT's end behind it was read, too: that is what the
 * peer waits for. */
ssize_t secure_channel_read(struct secure_channel *s, void *buf, size_t len);
ssize_t secure_channel_write(struct secure_channel *s, const void *buf, size_t len);
/* How many of `most` bytes secure_channel_write() would take now, as udt_stream_room(): together with what
 * they become they fill datagrams. 0: as after HX_EAGAIN. */
size_t secure_channel_room(struct secure_channel *s, size_t most);
/* If the application has read every byte and only the end is left to be read, the peer is told so now: who
 * has got what was agreed on may never ask again. */
void secure_channel_note_end(struct secure_channel *s);
/* HX_OK: UDT has everything; HX_EAGAIN: something waits for room. */
int secure_channel_flush(struct secure_channel *s);
/* Ends our direction for TLS: HX_OK: UDT may end it, too. HX_EAGAIN: not yet, call again. */
int secure_channel_end(struct secure_channel *s);

#endif
