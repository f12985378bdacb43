#include "client/secure_channel.h"
#include "base/clock.h"
#include "shim/udt/udt.h"
#include <stdlib.h>
#include <string.h>

#define REST_READS   16 /* at once, of what nobody should have sent */
#define RECORD_FIRST 20 /* the content types of TLS, change_cipher_spec ... */
#define RECORD_LAST  23 /* ... to application_data (RFC 8446, appendix B.1) */

static ssize_t read_new(struct secure_channel *s, void *buf, size_t len)
{
    ssize_t got = (ssize_t)preview_read(&s->preview, buf, len);
    while (got == 0) {
        got = s->stream ? stream_read(s->stream, buf, len) : HX_EAGAIN;
        if (got > 0)
            got = preview_pass(&s->preview, buf, (size_t)got);
    }
    return got;
}

/* TLS itself waits for a whole record's head before it looks at its type. A bare stream may have fewer bytes
 * to say, or none before its end in order, which a peer with keys never says without TLS's own. */
static ssize_t read_stream(void *user, void *buf, size_t len)
{
    struct secure_channel *s = user;
    ssize_t got = read_new(s, buf, len);
    uint8_t first = got > 0 ? *(const uint8_t *)buf : RECORD_FIRST;
    bool is_tls = s->heard || (got != HX_EEOF && first >= RECORD_FIRST && first <= RECORD_LAST);
    s->heard = s->heard || got > 0;
    return is_tls ? got : HX_EPROTO;
}

static ssize_t write_stream(void *user, const void *buf, size_t len)
{
    struct secure_channel *s = user;
    return s->stream ? stream_write(s->stream, buf, len) : HX_EAGAIN;
}

int secure_channel_create(struct secure_channel **out, const struct keyring *keys, bool connecting)
{
    struct secure_channel *s = calloc(1, sizeof *s);
    struct tls_transport io = {.read = read_stream, .write = write_stream, .user = s};
    if (!s)
        return HX_ENOMEM;
    s->proven = !keys || keys->count == 0;
    int err = s->proven ? HX_OK : tls_create(&s->tls, keys, connecting, &io);
    if (err < 0)
        free(s);
    else
        *out = s;
    return err;
}

void secure_channel_destroy(struct secure_channel *s)
{
    if (s)
        tls_destroy(s->tls);
    free(s);
}

void secure_channel_attach(struct secure_channel *s, struct stream *stream)
{
    s->stream = stream;
    s->failed_ms = clock_now_ms(); /* if it has: the peer is told only now */
    (void)secure_channel_flush(s);
}

size_t secure_channel_early(struct secure_channel *s, const uint8_t **bytes)
{
    (void)secure_channel_prove(s);
    return s->tls ? tls_waiting(s->tls, bytes) : 0;
}

void secure_channel_take_early(struct secure_channel *s, const uint8_t *bytes, size_t len)
{
    if (!s->tls || s->heard || s->error < 0 || len > sizeof s->early)
        return;
    memcpy(s->early, bytes, len);
    s->preview.bytes = s->early;
    s->preview.len = len;
    (void)secure_channel_prove(s);
}

/* Keeps what is final. */
static ssize_t judged(struct secure_channel *s, ssize_t result)
{
    if (result >= 0 || result == HX_EAGAIN || result == HX_EEOF || result == HX_EINVAL || s->error < 0)
        return result;
    s->error = (int)result;
    s->failed_ms = clock_now_ms();
    return result;
}

int secure_channel_prove(struct secure_channel *s)
{
    if (s->proven)
        return HX_OK;
    int err = (int)judged(s, tls_handshake(s->tls));
    s->proven = err == HX_OK;
    return err;
}

/* True: UDT's end was read. What else comes behind the close_notify is to be ignored (RFC 8446, 6.1). */
static bool read_rest(struct secure_channel *s)
{
    char ignored[4096];
    for (int i = 0; !s->rest_read && i < REST_READS; i++) {
        ssize_t got = stream_read(s->stream, ignored, sizeof ignored);
        if (got == HX_EAGAIN)
            break;
        s->rest_read = got < 0;
    }
    return s->rest_read;
}

ssize_t secure_channel_read(struct secure_channel *s, void *buf, size_t len)
{
    if (!s->tls)
        return stream_read(s->stream, buf, len);
    int err = secure_channel_prove(s);
    if (err < 0)
        return err;
    ssize_t got = judged(s, tls_read(s->tls, buf, len));
    return got == HX_EEOF && !read_rest(s) ? HX_EAGAIN : got;
}

void secure_channel_note_end(struct secure_channel *s)
{
    if (!s->tls)
        udt_stream_note_end(s->stream);
    else if (s->proven && s->error == HX_OK && !s->rest_read && udt_stream_peer_has_ended(s->stream) &&
             tls_ends_here(s->tls))
        (void)read_rest(s);
}

ssize_t secure_channel_write(struct secure_channel *s, const void *buf, size_t len)
{
    if (!s->tls)
        return stream_write(s->stream, buf, len);
    int err = secure_channel_prove(s);
    return err < 0 ? err : judged(s, tls_write(s->tls, buf, len));
}

size_t secure_channel_room(struct secure_channel *s, size_t most)
{
    if (!s->tls)
        return udt_stream_room(s->stream, most);
    if (!s->proven || s->error < 0)
        return most; /* secure_channel_write() says what there is */
    if (tls_flush(s->tls) == HX_EAGAIN)
        return 0;
    size_t room = udt_stream_room(s->stream, most), data = tls_data_of(room);
    return room > 0 && data == 0 ? 1 : data;
}

int secure_channel_flush(struct secure_channel *s)
{
    return s->tls ? tls_flush(s->tls) : HX_OK;
}

int secure_channel_end(struct secure_channel *s)
{
    if (!s->tls)
        return HX_OK;
    int err = secure_channel_prove(s);
    if (err == HX_OK)
        err = (int)judged(s, tls_end(s->tls));
    return err < 0 ? err : tls_flush(s->tls);
}
