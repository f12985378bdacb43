#include "client/files/outgoing.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int outgoing_open(struct outgoing *o, int fd, const struct stat *st, int64_t offset)
{
    memset(o, 0, sizeof *o);
    o->fd = fd;
    o->size = st->st_size;
    o->offset = offset;
    o->changed = st->st_mtim;
    int err = offset < 0 || offset > o->size ? HX_EINVAL : HX_OK;
    if (err == HX_OK)
        err = digest_init(&o->digest);
    if (err == HX_OK) {
        o->buffer = malloc(PART_BUFFER);
        err = o->buffer ? HX_OK : HX_ENOMEM;
    }
    if (err < 0)
        outgoing_close(o);
    return err;
}

void outgoing_close(struct outgoing *o)
{
    int saved = errno;
    digest_free(&o->digest);
    free(o->buffer);
    o->buffer = NULL;
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
    errno = saved;
}

/* At most `len` bytes into the buffer; a file that has become shorter has changed. */
static ssize_t load(const struct outgoing *o, int64_t at, int64_t len)
{
    ssize_t got = pread(o->fd, o->buffer, len < PART_BUFFER ? (size_t)len : PART_BUFFER, at);
    if (got > 0)
        return got;
    errno = got < 0 ? errno : ESTALE;
    return HX_ESYS;
}

int outgoing_hash(struct outgoing *o)
{
    if (o->hashed == o->offset)
        return HX_OK;
    ssize_t got = load(o, o->hashed, o->offset - o->hashed);
    if (got < 0)
        return HX_ESYS;
    digest_update(&o->digest, o->buffer, (size_t)got);
    o->hashed += got;
    return o->hashed == o->offset ? HX_OK : HX_EAGAIN;
}

static int write_content(struct outgoing *o, struct mux_stream *s, int64_t *moved)
{
    while (o->offset < o->size) {
        size_t unsent = mux_stream_unsent(s);
        size_t room = unsent < MUX_UNSENT_MAX ? MUX_UNSENT_MAX - unsent : 1; /* 1: to be told when there is */
        int64_t left = o->size - o->offset;
        ssize_t got = load(o, o->offset, left < (int64_t)room ? left : (int64_t)room);
        if (got < 0)
            return HX_ESYS;
        ssize_t put = mux_stream_write(s, o->buffer, (size_t)got);
        if (put <= 0)
            return put < 0 ? (int)put : HX_EAGAIN;
        digest_update(&o->digest, o->buffer, (size_t)put);
        o->offset += put;
        o->hashed += put;
        *moved += put;
    }
    return HX_OK;
}

int outgoing_sum(struct outgoing *o)
{
    struct stat st;
    if (o->summed)
        return HX_OK;
    if (fstat(o->fd, &st) < 0)
        return HX_ESYS;
    if (st.st_size != o->size || st.st_mtim.tv_sec != o->changed.tv_sec ||
        st.st_mtim.tv_nsec != o->changed.tv_nsec) {
        errno = ESTALE;
        return HX_ESYS;
    }
    o->summed = true;
    return digest_final(&o->digest, o->sum);
}

int outgoing_write(struct outgoing *o, struct mux_stream *s, int64_t *moved)
{
    int err = write_content(o, s, moved);
    if (err == HX_OK)
        err = outgoing_sum(o);
    while (err == HX_OK && o->sum_sent < DIGEST_BYTES) {
        ssize_t put = mux_stream_write(s, o->sum + o->sum_sent, DIGEST_BYTES - o->sum_sent);
        if (put <= 0)
            return put < 0 ? (int)put : HX_EAGAIN;
        o->sum_sent += (size_t)put;
    }
    if (err == HX_OK)
        mux_stream_end(s);
    return err;
}
