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
    }
    return err;
}

int incoming_hash(struct incoming *in)
{
    return part_hash(&in->part, in->buffer);
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

int incoming_read(struct incoming *in, struct mux_stream *s, int64_t *moved)
{
    for (;;) {
        ssize_t got = mux_stream_read(s, in->buffer, PART_BUFFER);
        if (got == HX_EEOF)
            return in->sum_len == DIGEST_BYTES ? part_commit(&in->part, in->sum) : HX_EPROTO;
        if (got <= 0)
            return got < 0 ? (int)got : HX_EAGAIN;
        int err = take(in, (size_t)got, moved);
        if (err < 0)
            return err;
    }
}

void incoming_close(struct incoming *in)
{
    part_close(&in->part);
    free(in->buffer);
    in->buffer = NULL;
}
