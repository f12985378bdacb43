/* Many small things for a peer, one after the other: client/files/batch.h. */
#include "client/files/batch_io.h"
#include "client/files/directory.h"
#include "client/files/group.h"
#include "client/files/outgoing.h"
#include "client/files/share_job.h"
#include "client/files/walk.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct batch_job {
    struct share_job job;
    struct batch_io io;
    struct committer committer; /* of what is written: it is answered once it is on the disk */
    struct file_entry entry;    /* what is to be done */
    char path[PATH_TEXT_MAX];   /* its */
    bool content;               /* the entry's bytes are on their way */
    bool ready;                 /* all is here that it takes */
    bool hashing;
    struct outgoing out; /* if so */
    enum reach reach;
    bool no_more; /* the peer has said all */
    int error;    /* of an answer */
};

/* For this side's log. */
static void told(const struct batch_job *b, const char *what, const char *path, const char *reason)
{
    struct share_call c = b->job.call;
    c.what = what;
    c.path = path;
    share_failed_for(&c, reason);
}

static int answer(struct batch_job *b, int status, const void *bytes, size_t len)
{
    struct batch_answer a = {.status = status, .bytes = (int64_t)len, .reason = ""};
    return batch_io_answer(&b->io, &a, bytes);
}

static int refuse(struct batch_job *b, int status, const char *reason)
{
    struct batch_answer a = {.status = status, .reason = reason};
    return batch_io_answer(&b->io, &a, NULL);
}

static int refuse_error(struct batch_job *b, int error, int system)
{
    struct share_refusal r = share_refusal(error, system);
    return refuse(b, atoi(r.status), r.reason);
}

static void on_committed(void *job, const struct group *g)
{
    struct batch_job *b = job;
    for (size_t i = 0; i < g->count; i++) {
        const struct group_member *m = &g->members[i];
        struct share_refusal r = share_refusal(m->error, share_put_errno(m->system));
        int err;
        if (m->error < 0)
            told(b, "receiving", m->path, r.reason);
        err = m->error < 0 ? refuse(b, atoi(r.status), r.reason) : answer(b, m->status, NULL, 0);
        if (err < 0)
            b->error = err;
    }
    share_job_turn(&b->job);
}

/* What is written. HX_EAGAIN: the disk is busy. */
static int change(struct batch_job *b)
{
    const struct file_entry *e = &b->entry;
    const struct share *share = b->job.call.peer->share;
    struct group_member *m;
    bool made = true;
    int err = committer_add(&b->committer, &m, e->path);
    if (err < 0)
        return err;
    if (e->path[0] == '\0')
        group_note(m, HX_EINVAL);
    else if (!share->writable)
        group_note(m, HX_EREFUSED);
    else if (e->type == 'p')
        group_put(m, share->root, e, b->io.in.bytes, b->io.in.bytes + e->size);
    else if (e->type == 'a')
        group_settle(m, e);
    else
        group_note(m, directory_make(share->root, e->path, e->mode, &made));
    m->status = made ? 201 : 200;
    return HX_OK;
}

/* The file that is asked for, if it still is that. -1: it was answered. */
static int open_file(struct batch_job *b, struct stat *st, int *err)
{
    const struct file_entry *e = &b->entry;
    struct file_entry now;
    int fd = e->path[0] ? share_file(b->job.call.peer->share, e->path, b->reach, st) : -1;
    if (fd < 0) {
        *err = refuse_error(b, HX_ESYS, e->path[0] ? errno : EINVAL);
        return -1;
    }
    file_entry_from(&now, st);
    bool same = now.type == 'f' && now.size == e->size && now.mtime_ns == e->mtime_ns;
    if (same && (e->type == 'h' || e->size <= BATCH_FILE_MAX))
        return fd;
    close(fd);
    *err = same ? refuse(b, 413, "is too big for a batch") : refuse(b, 412, "has another size or time");
    return -1;
}

static int send_file(struct batch_job *b)
{
    struct stat st;
    int err;
    int fd = open_file(b, &st, &err);
    if (fd < 0)
        return err;
    err = outgoing_read_whole(fd, &st, b->io.in.bytes);
    if (err == HX_OK)
        return answer(b, 200, b->io.in.bytes, (size_t)st.st_size + DIGEST_BYTES);
    int system = errno;
    told(b, "sending", b->path, share_refusal(err, system).reason);
    return refuse_error(b, err, system);
}

static int begin_hash(struct batch_job *b)
{
    struct stat st;
    int err;
    int fd = open_file(b, &st, &err);
    if (fd < 0)
        return err;
    err = outgoing_open(&b->out, fd, &st, st.st_size, NULL);
    b->hashing = err == HX_OK;
    return err < 0 ? refuse_error(b, err, errno) : HX_OK;
}

/* HX_EAGAIN: there is more of it. */
static int hash(struct batch_job *b)
{
    int err = outgoing_hash(&b->out);
    if (err == HX_EAGAIN)
        return err;
    if (err == HX_OK)
        err = outgoing_sum(&b->out);
    int system = errno;
    outgoing_close(&b->out);
    b->hashing = false;
    return err < 0 ? refuse_error(b, err, system) : answer(b, 200, b->out.sum, DIGEST_BYTES);
}

/* A line has come, or the bytes that follow it. */
static int take(struct batch_job *b)
{
    b->ready = b->content;
    if (b->content)
        return HX_OK;
    int err = batch_parse(&b->entry, b->path, b->io.in.line);
    b->content = b->entry.type == 'p';
    if (err < 0 || (b->content && b->entry.size > BATCH_FILE_MAX))
        return HX_EPROTO;
    if (b->content)
        batch_input_expect(&b->io.in, (size_t)b->entry.size + DIGEST_BYTES);
    b->ready = !b->content;
    return HX_OK;
}

/* What was written so far is to be on the disk before anything else is done. HX_OK: it is, there are answers;
 * HX_EAGAIN: on_committed() comes. */
static int await_disk(struct batch_job *b)
{
    committer_flush(&b->committer);
    return b->io.out.len > 0 || b->error < 0 ? HX_OK : HX_EAGAIN;
}

static int perform(struct batch_job *b)
{
    int err = HX_EAGAIN;
    if (strchr("dap", b->entry.type))
        err = change(b);
    else if (committer_idle(&b->committer))
        err = b->entry.type == 'g' ? send_file(b) : begin_hash(b);
    if (err == HX_EAGAIN)
        return await_disk(b);
    b->ready = b->content = false;
    return err;
}

/* Once the answers are written: the next thing. HX_EAGAIN: nothing more has come, or the disk is busy. */
static int advance(struct batch_job *b)
{
    if (b->hashing) {
        int err = hash(b);
        return err == HX_EAGAIN ? SHARE_TURN : err;
    }
    if (b->ready)
        return perform(b);
    int err = b->no_more ? HX_EEOF : batch_io_read(&b->io, b->job.call.stream);
    if (err == HX_OK)
        return take(b);
    b->no_more = err == HX_EEOF;
    if (err != HX_EAGAIN && err != HX_EEOF)
        return err;
    if (b->no_more && committer_idle(&b->committer))
        return HX_OK;
    return await_disk(b); /* rather than to wait for more */
}

static int batch_step(struct share_job *job)
{
    struct batch_job *b = (struct batch_job *)job;
    for (int i = 0; i < BATCH_TURN; i++) {
        int err = b->error == HX_OK ? batch_io_write(&b->io, job->call.stream) : b->error;
        if (err == HX_OK && b->no_more && committer_idle(&b->committer)) {
            mux_stream_end(job->call.stream);
            return HX_OK;
        }
        if (err == HX_OK)
            err = advance(b);
        if (err != HX_OK)
            return err;
    }
    return SHARE_TURN;
}

static void batch_close(struct share_job *job)
{
    struct batch_job *b = (struct batch_job *)job;
    committer_end(&b->committer);
    if (b->hashing)
        outgoing_close(&b->out);
    batch_io_free(&b->io);
}

static const struct share_job_kind batch_kind = {.size = sizeof(struct batch_job),
                                                 .scarce = SHARE_BATCH,
                                                 .step = batch_step,
                                                 .answered = true,
                                                 .close = batch_close};

void share_batch(struct share_call *c)
{
    static const struct mux_field fields[] = {{":status", "200"}};
    const struct mux_message begun = {.fields = fields, .count = 1};
    const char *version = mux_field(c->request, "hx-batch");
    c->what = "a batch at";
    if (strcmp(version, BATCH_VERSION) != 0 || c->path[0]) {
        share_refuse(c, "400", "hx-batch is not " BATCH_VERSION ", or the path is not that of the share");
        return;
    }
    struct batch_job *b = share_job_create(&batch_kind, c);
    if (!b)
        return;
    b->reach = share_reach(c->request);
    committer_init(&b->committer, c->peer->loop, c->peer->share->root, on_committed, b);
    if (batch_io_init(&b->io) < 0) {
        share_job_cancel(&b->job);
        share_refuse_error(c, HX_ENOMEM, 0);
        return;
    }
    share_job_begin(&b->job);
    (void)mux_respond(c->stream, &begun); /* the stream's owner hears of it if it broke */
}
