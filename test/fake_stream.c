#include "test/fake_stream.h"
#include "proto/endpoint.h"
#include <stdlib.h>
#include <string.h>

static struct fake_stream *fake(struct stream *s)
{
    return (struct fake_stream *)s; /* its first member */
}

static void *grown(void *old, size_t len)
{
    void *p = realloc(old, len);

    if (!p)
        abort();
    return p;
}

static ssize_t fake_read(struct stream *s, void *buf, size_t len)
{
    struct fake_stream *f = fake(s);

    if (len == 0 || f->closed)
        abort(); /* the program under test broke the stream's contract */
    if (f->input_len == 0)
        return f->gone ? HX_ECLOSED : f->input_ends ? HX_EEOF : HX_EAGAIN;
    if (len > f->input_len)
        len = f->input_len;
    if (f->read_max > 0 && len > f->read_max)
        len = f->read_max;
    memcpy(buf, f->input, len);
    f->input_len -= len;
    memmove(f->input, f->input + len, f->input_len);
    return (ssize_t)len;
}

static ssize_t fake_write(struct stream *s, const void *buf, size_t len)
{
    struct fake_stream *f = fake(s);

    if (len == 0 || f->closed)
        abort();
    if (f->gone)
        return HX_ECLOSED;
    if (f->write_max > 0 && len > f->write_max)
        len = f->write_max;
    if (len > f->room)
        len = f->room;
    if (len == 0)
        return HX_EAGAIN;
    f->room -= len;
    f->output = grown(f->output, f->output_len + len + 1);
    memcpy(f->output + f->output_len, buf, len);
    f->output_len += len;
    f->output[f->output_len] = '\0';
    if (!f->acks)
        f->unacked += (int)((len + FAKE_DATAGRAM_BYTES - 1) / FAKE_DATAGRAM_BYTES);
    return (ssize_t)len;
}

static int fake_unacked(struct stream *s)
{
    return fake(s)->gone ? HX_ECLOSED : fake(s)->unacked;
}

static int64_t fake_heard_ms(struct stream *s)
{
    return fake(s)->heard_ms;
}

static void fake_ask(struct stream *s)
{
    fake(s)->asked++;
}

static const struct sockaddr *fake_peer(struct stream *s, socklen_t *len)
{
    *len = fake(s)->peer_len;
    return (const struct sockaddr *)&fake(s)->peer;
}

static void fake_close(struct stream *s)
{
    if (fake(s)->closed)
        abort();
    fake(s)->closed = true;
}

#define FAKE_STREAM_OPS(over)                                                                 \
    {                                                                                         \
        .transport = (over), .read = fake_read, .write = fake_write, .unacked = fake_unacked, \
        .heard_ms = fake_heard_ms, .ask = fake_ask, .peer = fake_peer, .close = fake_close    \
    }
static const struct stream_ops fake_stream_ops = FAKE_STREAM_OPS(STREAM_UDT),
                               fake_tcp_ops = FAKE_STREAM_OPS(STREAM_TCP);

void fake_stream_init(struct fake_stream *f, const char *peer)
{
    struct endpoint e;

    if (endpoint_parse(&e, peer, strlen(peer)) < 0)
        abort();
    *f = (struct fake_stream){.stream.ops = &fake_stream_ops, .room = SIZE_MAX, .acks = true};
    f->peer_len = endpoint_to_sockaddr(&e, &f->peer);
    f->output = grown(NULL, 1);
    f->output[0] = '\0';
}

void fake_stream_over_tcp(struct fake_stream *f)
{
    f->stream.ops = &fake_tcp_ops;
}

void fake_stream_free(struct fake_stream *f)
{
    free(f->input);
    free(f->output);
}

void fake_stream_say_bytes(struct fake_stream *f, const char *data, size_t len)
{
    f->input = grown(f->input, f->input_len + len);
    memcpy(f->input + f->input_len, data, len);
    f->input_len += len;
}

void fake_stream_say(struct fake_stream *f, const char *text)
{
    fake_stream_say_bytes(f, text, strlen(text));
}

void fake_stream_forget(struct fake_stream *f)
{
    f->output_len = 0;
    f->output[0] = '\0';
}
