#include "client/files/incoming.h"
#include <stdlib.h>
#include <string.h>

static int write_block(void *part, const uint8_t *data, size_t len)
{
    return part_write(part, data, len);
}

int incoming_open(struct incoming *in, int root, const struct file_entry *e, const struct file_sum_kind *sum)
{
    in->sum_len = in->head_len = 0;
    in->holes = false;
    in->extent = 0;
    in->queue = NULL;
    in->buffer = malloc(PART_BUFFER);
    int err = in->buffer ? part_open(&in->part, root, e) : HX_ENOMEM;
    if (err == HX_OK && (err = file_sum_use(&in->part.digest, sum)) < 0)
        part_close(&in->part);
    if (err < 0) {
        free(in->buffer);
        in->buffer = NULL;
    } else {
        in->held = in->size = in->part.size;
    }
    return err;
}

int incoming_begin(struct incoming *in, int64_t offset)
{
    int err = part_begin(&in->part, offset);
    in->size = in->part.size;
    return err;
}

void incoming_keep_holes(struct incoming *in)
{
    in->holes = in->part.digest.by_blocks = true;
}

/* A large file is written and hashed beside the loop, if nothing is left to be hashed before that. */
static uint8_t *room(struct incoming *in)
{
    if (!in->queue && in->part.hashed == in->part.size && in->part.expected - in->size >= BLOCK_QUEUE_WORTH)
        in->queue = block_queue_create(write_block, &in->part);
    return in->queue ? block_queue_room(in->queue) : in->buffer;
}

/* The file's bytes into the part, what follows into the sum. */
static int take(struct incoming *in, const uint8_t *data, size_t len, int64_t *moved)
{
    int64_t left = in->part.expected - in->size;
    size_t content = left < (int64_t)len ? (size_t)left : len;
    if (len - content > DIGEST_BYTES - in->sum_len)
        return HX_EPROTO;
    memcpy(in->sum + in->sum_len, data + content, len - content);
    in->sum_len += len - content;
    if (content == 0)
        return HX_OK;
    int err = in->queue ? block_queue_give(in->queue, content) : part_write(&in->part, data, content);
    if (err < 0)
        return err;
    in->size += (int64_t)content;
    in->extent -= in->holes ? (int64_t)content : 0;
    *moved += (int64_t)content;
    return HX_OK;
}

/* The next extent's head. A hole is passed at once. */
static int take_extent(struct incoming *in, struct mux_stream *s)
{
    ssize_t got = mux_stream_read(s, in->head + in->head_len, sizeof in->head - in->head_len);
    if (got <= 0)
        return got == HX_EEOF ? HX_EPROTO : got < 0 ? (int)got : HX_EAGAIN;
    in->head_len += (size_t)got;
    if (in->head_len < sizeof in->head)
        return HX_OK;
    uint64_t head = get64(in->head);
    uint64_t len = head & ~EXTENT_HOLE;
    in->head_len = 0;
    if (len == 0 || len > (uint64_t)(in->part.expected - in->size))
        return HX_EPROTO;
    if (!(head & EXTENT_HOLE)) {
        in->extent = (int64_t)len;
        return HX_OK;
    }
    int err = in->queue ? block_queue_wait(in->queue) : HX_OK;
    if (err == HX_OK)
        err = part_skip(&in->part, (int64_t)len);
    in->size += err == HX_OK ? (int64_t)len : 0;
    return err;
}

/* HX_OK: the content is here, and its sum. */
static int take_all(struct incoming *in, struct mux_stream *s, int64_t *moved)
{
    while (in->size < in->part.expected || in->sum_len < DIGEST_BYTES) {
        bool content = in->holes && in->size < in->part.expected;
        if (content && in->extent == 0) {
            int err = take_extent(in, s);
            if (err < 0)
                return err;
            continue;
        }
        uint8_t *data = room(in);
        bool bounded = content && in->extent < PART_BUFFER;
        ssize_t got = mux_stream_read(s, data, bounded ? (size_t)in->extent : PART_BUFFER);
        if (got <= 0)
            return got == HX_EEOF ? HX_EPROTO : got < 0 ? (int)got : HX_EAGAIN;
        int err = take(in, data, (size_t)got, moved);
        if (err < 0)
            return err;
    }
    return HX_OK;
}

int incoming_read(struct incoming *in, struct mux_stream *s, int64_t *moved)
{
    uint8_t more;
    int err = take_all(in, s, moved);
    if (err == HX_OK && in->queue)
        err = block_queue_wait(in->queue);
    if (err < 0 && (err != HX_EAGAIN || in->queue))
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
    block_queue_destroy(in->queue);
    in->queue = NULL;
    part_close(&in->part);
    free(in->buffer);
    in->buffer = NULL;
}
