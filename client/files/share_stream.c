/* A file from a peer that does not know how long it will be: what comes out of a pipe. */
#include "base/clock.h"
#include "client/files/extent.h"
#include "client/files/part.h"
#include "client/files/share_job.h"
#include "client/files/walk.h"
#include <errno.h>
#include <string.h>

struct stream_job {
    struct share_job job;
    struct part part;
    int64_t left; /* bytes of the piece that has begun */
    bool ended;   /* it was the last one */
    size_t head_len, sum_len;
    uint8_t head[EXTENT_HEAD];
    uint8_t sum[DIGEST_BYTES];
    uint8_t buffer[PART_BUFFER];
};

/* As mux_stream_read(), but that the end comes too early. */
static ssize_t take(const struct stream_job *j, void *to, size_t len)
{
    ssize_t got = mux_stream_read(j->job.call.stream, to, len);
    return got == HX_EEOF ? HX_EPROTO : got;
}

static int take_head(struct stream_job *j)
{
    ssize_t got = take(j, j->head + j->head_len, sizeof j->head - j->head_len);
    if (got < 0)
        return (int)got;
    j->head_len += (size_t)got;
    if (j->head_len < sizeof j->head)
        return HX_OK;
    uint64_t head = get64(j->head);
    j->head_len = 0;
    if (head > SHARE_PIECE_MAX && head != EXTENT_HOLE)
        return HX_EPROTO;
    j->left = head == EXTENT_HOLE ? 0 : (int64_t)head;
    j->ended = head == 0;
    return HX_OK;
}

static int take_piece(struct stream_job *j)
{
    size_t most = j->left < PART_BUFFER ? (size_t)j->left : PART_BUFFER;
    ssize_t got = take(j, j->buffer, most);
    if (got < 0)
        return (int)got;
    j->left -= got;
    return part_write(&j->part, j->buffer, (size_t)got);
}

/* Only now is it known what it is: its time is when its last byte was written. */
static int commit(struct stream_job *j)
{
    struct file_entry written;
    struct stat st;
    uint8_t more;
    ssize_t got = mux_stream_read(j->job.call.stream, &more, 1);
    if (got != HX_EEOF)
        return got < 0 ? (int)got : HX_EPROTO;
    if (fstat(j->part.fd, &st) < 0)
        return HX_ESYS;
    file_entry_from(&written, &st);
    j->part.expected = j->part.size;
    j->part.mtime_ns = written.mtime_ns;
    int err = part_commit(&j->part, j->sum);
    return err == HX_OK ? share_job_created(&j->job) : err;
}

static int stream_step(struct share_job *job)
{
    struct stream_job *j = (struct stream_job *)job;
    int err = HX_OK;
    while (err == HX_OK && !j->ended)
        err = j->left > 0 ? take_piece(j) : take_head(j);
    while (err == HX_OK && j->sum_len < sizeof j->sum) {
        ssize_t got = take(j, j->sum + j->sum_len, sizeof j->sum - j->sum_len);
        j->sum_len += got > 0 ? (size_t)got : 0;
        err = got < 0 ? (int)got : HX_OK;
    }
    return err == HX_OK ? commit(j) : err;
}

/* What is not whole can never be: nobody knows how it would go on. */
static void stream_close(struct share_job *job)
{
    part_discard(&((struct stream_job *)job)->part);
}

static const struct share_job_kind stream_kind = {
    .size = sizeof(struct stream_job), .step = stream_step, .close = stream_close};

void share_put_stream(const struct share_call *c, const struct file_entry *e, const struct file_sum_kind *sum)
{
    struct file_entry any = *e;
    struct stream_job *j = share_job_create(&stream_kind, c);
    if (!j)
        return;
    any.size = FILE_SIZE_MAX;
    any.mtime_ns = clock_now_us(); /* no other part of ours has its name */
    int err = part_open(&j->part, c->peer->share->root, &any);
    bool open = err == HX_OK;
    if (err == HX_OK)
        err = part_begin(&j->part, 0);
    if (err == HX_OK)
        err = file_sum_use(&j->part.digest, sum);
    if (err < 0) {
        int system = errno;
        if (open)
            part_close(&j->part);
        share_job_cancel(&j->job);
        share_refuse_error(c, err, share_put_errno(system));
        return;
    }
    share_job_begin(&j->job);
}
