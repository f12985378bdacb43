#include "client/files/incoming.h"
#include <stdlib.h>
#include <string.h>

int incoming_open(struct incoming *in, int root, const struct file_entry *e)
{
    in->sum_len = 0;
    in->buffer = malloc(PART_BUFFER);
    int err = in->buffer ? part_open(&in->part, root, e) : HX_ENOMEM;
    if (err < 0) {
        free(in->buffer);
        in->buffer = NULL;
    } else {
        in->held = in->part.size;
    }
    return err;
}

/* The file's bytes into the part, what follows into the sum. */
static int take(struct incoming *in, size_t len, int64_t *moved)
{
    int64_t left = in->part.expected - in->part.size;
    size_t content = left < (int64_t)len ? (size_t)left : len;
    if (len - content > DIGEST_BYTES - in->sum_len)
        return HX_EPROTO;
    int err = part_write(&in->part, in->buffer, content);
    if (err < 0)
        return err;
    *moved += (int64_t)content;
    memcpy(in->sum + in->sum_len, in->buffer + content, len - content);
    in->sum_len += len - content;
    return HX_OK;
}

/* HX_OK: the content is here, and its sum. */
static int take_all(struct incoming *in, struct mux_stream *s, int64_t *moved)
{
    while (in->part.size < in->part.expected || in->sum_len < DIGEST_BYTES) {
        ssize_t got = mux_stream_read(s, in->buffer, PART_BUFFER);
        if (got <= 0)
            return got == HX_EEOF ? HX_EPROTO : got < 0 ? (int)got : HX_EAGAIN;
        int err = take(in, (size_t)got, moved);
        if (err < 0)
            return err;
    }
    return HX_OK;
}

int incoming_read(struct incoming *in, struct mux_stream *s, int64_t *moved)
{
    uint8_t more;
    int err = take_all(in, s, moved);
    if (err < 0 && err != HX_EAGAIN)
        return err;
    int hash = part_hash(&in->part, in->buffer);
    if (hash == HX_EAGAIN)
        return PART_HASHING;
    if (hash < 0 || err < 0)
        return hash < 0 ? hash : err;
    ssize_t got = mux_stream_read(s, &more, 1);
    if (got == HX_EEOF)
        return part_commit(&in->part, in->sum);
    return got < 0 ? (int)got : HX_EPROTO;
}

void incoming_close(struct incoming *in)
{
    part_close(&in->part);
    free(in->buffer);
    in->buffer = NULL;
}
