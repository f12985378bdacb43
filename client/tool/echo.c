/* The peer's own bytes, back to it: what hx bind --echo does. The contract is in client/tool/serve.h. */
#include "base/buf.h"
#include "client/tool/serve.h"
#include <stdlib.h>

#define ECHO_BUFFER_BYTES (32 * 1024)

struct echo {
    struct mux_stream *stream;
    /* What the stream did not take. Nothing is read until it has left, so the peer's window closes. */
    struct buf rest;
};

static void echo_reset(struct echo *e)
{
    mux_stream_reset(e->stream, 2); /* INTERNAL_ERROR (RFC 9113, section 7) */
    buf_free(&e->rest);
    free(e);
}

/* HX_OK: all of it was taken, or is kept. */
static int give_back(struct echo *e, const char *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t put = mux_stream_write(e->stream, data + done, len - done);
        if (put == HX_EAGAIN)
            return buf_append(&e->rest, data + done, len - done);
        if (put < 0)
            return (int)put;
        done += (size_t)put;
    }
    return HX_OK;
}

static void on_readable(void *user)
{
    char data[ECHO_BUFFER_BYTES];
    struct echo *e = user;
    while (e->rest.len == 0) {
        ssize_t got = mux_stream_read(e->stream, data, sizeof data);
        if (got == HX_EEOF) {
            mux_stream_end(e->stream);
            return;
        }
        if (got == HX_EAGAIN)
            return;
        if (got < 0 || give_back(e, data, (size_t)got) < 0) {
            echo_reset(e);
            return;
        }
    }
}

static void on_writable(void *user)
{
    struct echo *e = user;
    while (e->rest.len > 0) {
        ssize_t put = mux_stream_write(e->stream, buf_data(&e->rest), e->rest.len);
        if (put == HX_EAGAIN)
            return;
        if (put < 0) {
            echo_reset(e);
            return;
        }
        buf_consume(&e->rest, (size_t)put);
    }
    buf_free(&e->rest);
    on_readable(e);
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct echo *e = user;
    (void)error;
    (void)code;
    buf_free(&e->rest);
    free(e);
}

int echo_start(struct mux_stream *s)
{
    static const struct mux_stream_events events = {
        .readable = on_readable, .writable = on_writable, .closed = on_closed};
    struct echo *e = calloc(1, sizeof *e);
    if (!e)
        return HX_ENOMEM;
    e->stream = s;
    buf_init(&e->rest, 0);
    mux_stream_own(s, &events, e);
    return HX_OK;
}
