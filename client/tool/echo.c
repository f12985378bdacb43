/* The peer's own bytes, back to it: what hx bind --echo does. The contract is in client/tool/serve.h. */
#include "client/mux/rest.h"
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
    mux_stream_reset(e->stream, MUX_INTERNAL_ERROR);
    buf_free(&e->rest);
    free(e);
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
        if (got < 0 || rest_write(&e->rest, e->stream, data, (size_t)got) < 0) {
            echo_reset(e);
            return;
        }
    }
}

static void on_writable(void *user)
{
    struct echo *e = user;
    int err = rest_flush(&e->rest, e->stream);
    if (err == HX_OK)
        on_readable(e);
    else if (err != HX_EAGAIN)
        echo_reset(e);
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
