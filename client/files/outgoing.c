#include "client/files/outgoing.h"
#include "client/files/disk.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int outgoing_open(struct outgoing *o, int fd, const struct stat *st, int64_t offset,
                  const struct file_sum_kind *sum)
{
    memset(o, 0, sizeof *o);
    o->fd = fd;
    o->size = st->st_size;
    o->offset = offset;
    o->changed = st->st_mtim;
    int err = offset < 0 || offset > o->size ? HX_EINVAL : HX_OK;
    if (err == HX_OK)
        err = file_sum_init(&o->digest);
    if (err == HX_OK && sum)
        err = file_sum_use(&o->digest, sum);
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
    file_sum_free(&o->digest);
    free(o->buffer);
    o->buffer = NULL;
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
    errno = saved;
}

/* At most `len` bytes into `buffer`; a file that has become shorter has changed. */
static ssize_t load(const struct outgoing *o, uint8_t buffer[PART_BUFFER], int64_t at, int64_t len)
{
    ssize_t got = pread(o->fd, buffer, len < PART_BUFFER ? (size_t)len : PART_BUFFER, at);
    if (got > 0)
        return got;
    errno = got < 0 ? errno : ESTALE;
    return HX_ESYS;
}

int outgoing_hash(struct outgoing *o)
{
    int err = file_sum_read(&o->digest, o->fd, &o->hashed, o->offset, o->buffer);
    if (err != HX_EEOF)
        return err;
    errno = ESTALE; /* it has become shorter */
    return HX_ESYS;
}

_Static_assert(PART_BUFFER <= MUX_ROOM, "load() fits");

/* Straight into the stream, and hashed where it lies: so a byte is copied once, and nobody waits for another
 * thread. A piece that is small stays in the processor's cache. */
static int write_piece(struct outgoing *o, struct mux_stream *s, int64_t *moved)
{
    void *data;
    int err = mux_stream_room(s, &data);
    if (err < 0)
        return err;
    ssize_t got = load(o, data, o->offset, o->holes ? o->extent : o->size - o->offset);
    if (got < 0)
        return HX_ESYS;
    if (o->hashed == o->offset) { /* else outgoing_hash() comes to it */
        file_sum_update(&o->digest, data, (size_t)got);
        o->hashed += got;
    }
    mux_stream_wrote(s, (size_t)got);
    o->offset += got;
    o->extent -= o->holes ? got : 0;
    *moved += got;
    return HX_OK;
}

bool outgoing_is_sparse(const struct stat *st)
{
    return st->st_blocks <= (st->st_size - OUTGOING_HOLES_WORTH) / 512;
}

void outgoing_keep_holes(struct outgoing *o)
{
    o->holes = o->digest.by_blocks = true;
}

/* What is at the offset: data, or a hole. A file system that knows no holes says that all is data. */
static void next_extent(struct outgoing *o)
{
    int64_t len = disk_hole(o->fd, o->offset, o->size);
    bool hole = len > 0;
    if (!hole) {
        off_t end = lseek(o->fd, o->offset, SEEK_HOLE);
        len = (end < 0 || end > o->size ? o->size : end) - o->offset;
    }
    put64(o->head, (uint64_t)len | (hole ? EXTENT_HOLE : 0));
    o->head_left = sizeof o->head;
    o->extent = len;
}

static void pass_hole(struct outgoing *o)
{
    if (o->hashed == o->offset) { /* else outgoing_hash() comes to it */
        file_sum_skip(&o->digest, o->extent);
        o->hashed += o->extent;
    }
    o->offset += o->extent;
    o->extent = 0;
}

/* HX_OK: at the offset there is data, or the end. */
static int write_extents(struct outgoing *o, struct mux_stream *s)
{
    while (o->holes && o->offset < o->size && (o->extent == 0 || o->head_left > 0)) {
        if (o->extent == 0)
            next_extent(o);
        ssize_t put = mux_stream_write(s, o->head + sizeof o->head - o->head_left, o->head_left);
        if (put <= 0)
            return put < 0 ? (int)put : HX_EAGAIN;
        o->head_left -= (size_t)put;
        if (o->head_left == 0 && get64(o->head) & EXTENT_HOLE)
            pass_hole(o);
    }
    return HX_OK;
}

static int write_content(struct outgoing *o, struct mux_stream *s, int64_t *moved)
{
    int err = write_extents(o, s);
    while (err == HX_OK && o->offset < o->size) {
        err = write_piece(o, s, moved);
        if (err == HX_OK)
            err = write_extents(o, s);
    }
    return err;
}

/* What was there when it was opened is still there, as far as the file says. */
static int unchanged(int fd, int64_t size, const struct timespec *changed)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return HX_ESYS;
    if (st.st_size > size)
        return HX_OK;
    if (st.st_size == size && st.st_mtim.tv_sec == changed->tv_sec && st.st_mtim.tv_nsec == changed->tv_nsec)
        return HX_OK;
    errno = ESTALE;
    return HX_ESYS;
}

int outgoing_sum(struct outgoing *o)
{
    if (o->summed)
        return HX_OK;
    int err = unchanged(o->fd, o->size, &o->changed);
    if (err < 0)
        return err;
    o->summed = true;
    return file_sum_final(&o->digest, o->sum);
}

int outgoing_write(struct outgoing *o, struct mux_stream *s, int64_t *moved)
{
    int err = write_content(o, s, moved);
    if (err < 0 && err != HX_EAGAIN)
        return err;
    int hash = outgoing_hash(o);
    if (hash == HX_EAGAIN)
        return PART_HASHING;
    if (hash < 0)
        return hash;
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

/* A file that is shorter than it was has changed. */
static int read_all(int fd, int64_t size, uint8_t *out)
{
    int64_t at = 0;
    while (at < size) {
        ssize_t got = pread(fd, out + at, (size_t)(size - at), at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : ESTALE;
            return HX_ESYS;
        }
        at += got;
    }
    return HX_OK;
}

int outgoing_read_whole(int fd, const struct stat *st, uint8_t *out)
{
    struct digest d;
    int err = read_all(fd, st->st_size, out);
    if (err == HX_OK)
        err = unchanged(fd, st->st_size, &st->st_mtim);
    disk_close(fd);
    if (err == HX_OK)
        err = digest_init(&d);
    if (err < 0)
        return err;
    digest_update(&d, out, (size_t)st->st_size);
    err = digest_final(&d, out + st->st_size);
    digest_free(&d);
    return err;
}
