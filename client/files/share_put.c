/* Files and directories from a peer. */
#include "base/container_of.h"
#include "client/files/directory.h"
#include "client/files/incoming.h"
#include "client/files/links.h"
#include "client/files/share_job.h"
#include <errno.h>
#include <string.h>

#define HOLD_WAIT_S 5. /* for an earlier copy of the same key to let go; its disk may be slow */

struct put_job {
    struct share_job job;
    struct incoming in;
    struct hold hold;
    bool waits; /* for the part, which is not open yet */
    bool late;  /* it has waited for long enough */
    ev_timer patience;
    struct file_entry e; /* what is put; its path is the job's */
    int64_t offset;
    struct file_sum_kind sum;
    bool holes;
};

static int open_part(struct put_job *p)
{
    struct stat st;
    int err = incoming_open(&p->in, p->job.call.peer->share->root, &p->e, &p->sum);
    if (err < 0)
        return err;
    if (p->holes)
        incoming_keep_holes(&p->in);
    err = incoming_begin(&p->in, p->offset);
    if (err == HX_OK && fstat(p->in.part.fd, &st) < 0)
        err = HX_ESYS;
    if (err == HX_OK) {
        hold_take(&p->hold, &(struct hold_file){st.st_dev, st.st_ino});
        return HX_OK;
    }
    int system = errno;
    incoming_close(&p->in);
    errno = system;
    return err;
}

/* The part is locked. HX_EAGAIN: by an earlier copy of the same key, which was told to let go. */
static int claim_part(struct put_job *p)
{
    struct stat st;
    enum hold_claim claim = HOLD_FOREIGN;
    if (part_stat(p->job.call.peer->share->root, &p->e, &st) == HX_OK)
        claim = hold_claim(&p->hold, &(struct hold_file){st.st_dev, st.st_ino});
    if (claim == HOLD_OLDER && !p->late)
        return HX_EAGAIN;
    errno = claim == HOLD_NEWER ? ECANCELED : EWOULDBLOCK;
    return HX_ESYS;
}

static int get_part(struct put_job *p)
{
    int err = open_part(p);
    return err == HX_ESYS && errno == EWOULDBLOCK ? claim_part(p) : err;
}

static void on_hold(struct hold *h)
{
    share_job_turn(&container_of(h, struct put_job, hold)->job);
}

static void on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct put_job *p = container_of(w, struct put_job, patience);
    (void)loop;
    (void)revents;
    p->late = true;
    share_job_turn(&p->job);
}

static int put_step(struct share_job *job)
{
    struct put_job *p = (struct put_job *)job;
    int64_t moved = 0;
    int err = HX_OK;
    if (atomic_load(&p->hold.over)) {
        errno = ECANCELED;
        return HX_ESYS;
    }
    if (p->waits)
        err = get_part(p);
    if (err == HX_OK && p->waits) {
        p->waits = false;
        ev_timer_stop(job->call.peer->loop, &p->patience);
    }
    if (err < 0) {
        errno = share_put_errno(errno);
        return err;
    }
    err = incoming_read(&p->in, job->call.stream, &moved);
    return err == HX_OK ? share_job_created(job) : err;
}

static void put_close(struct share_job *job)
{
    struct put_job *p = (struct put_job *)job;
    int system = errno;
    ev_timer_stop(job->call.peer->loop, &p->patience);
    if (!p->waits)
        incoming_close(&p->in);
    if (!p->waits && job->changed)
        part_drop(job->call.peer->share->root, &p->e);
    hold_end(&p->hold);
    errno = system;
}

static const struct share_job_kind put_kind = {
    .size = sizeof(struct put_job), .step = put_step, .close = put_close};

static void refuse(const struct share_call *c, int error, int system)
{
    share_refuse_error(c, error, share_put_errno(system));
}

static void put_file(const struct share_call *c, const struct file_entry *e, int64_t offset,
                     const struct file_sum_kind *sum)
{
    struct hold_owner owner;
    struct put_job *p = share_job_create(&put_kind, c);
    if (!p)
        return;
    p->e = *e;
    p->e.path = p->job.call.path;
    p->offset = offset;
    p->sum = *sum;
    p->holes = share_has_holes(c->request);
    share_owner(&owner, c);
    hold_init(&p->hold, &owner, c->peer->loop, on_hold);
    ev_timer_init(&p->patience, on_patience, HOLD_WAIT_S, 0.);
    int err = get_part(p);
    if (err < 0 && err != HX_EAGAIN) {
        int system = errno;
        share_job_cancel(&p->job);
        refuse(c, err, system);
        return;
    }
    p->waits = err == HX_EAGAIN;
    if (p->waits)
        ev_timer_start(c->peer->loop, &p->patience);
    share_job_begin(&p->job);
}

static void put_directory(const struct share_call *c, const struct file_entry *e, bool whole)
{
    int root = c->peer->share->root;
    bool made;
    int err = directory_make(root, e->path, e->mode, &made);
    if (err == HX_OK && whole)
        err = directory_set_attributes(root, e->path, e->mode, e->mtime_ns);
    if (err < 0)
        refuse(c, err, errno);
    else
        share_created(c->stream);
}

static void put_link(const struct share_call *c, const struct file_entry *e)
{
    char target[PATH_TEXT_MAX];
    const char *text = mux_field(c->request, "hx-target");
    if (!text || listing_decode_target(target, text) < 0) {
        share_refuse(c, "400", "hx-target is missing, or too long");
        return;
    }
    if (!link_is_safe(e->path, target)) {
        share_refuse(c, "403", "the link leads out of the shared directory");
        return;
    }
    int err = link_make(c->peer->share->root, e->path, target, e->mtime_ns);
    if (err < 0)
        refuse(c, err, errno);
    else
        share_created(c->stream);
}

void share_put(struct share_call *c)
{
    struct file_entry e = {.path = c->path};
    struct file_sum_kind sum;
    int64_t offset = 0;
    const struct mux_message *request = c->request;
    const char *type = mux_field(request, "hx-type");
    const char *from = mux_field(request, "hx-offset");
    bool directory = type && strcmp(type, "directory") == 0;
    bool timed = mux_field(request, "hx-mtime");
    c->what = "receiving";
    if (!c->peer->share->writable)
        share_refuse_error(c, HX_EREFUSED, 0);
    else if (c->path[0] == '\0')
        share_refuse_error(c, HX_ESYS, EISDIR);
    else if (share_fields(&e, request) < 0 || !mux_field(request, "hx-mode") ||
             file_sum_parse(&sum, request) < 0 ||
             (from && listing_number(&offset, from, 0, FILE_SIZE_MAX) < 0))
        share_refuse(c, "400", "malformed fields");
    else if (type && strcmp(type, "link") == 0)
        put_link(c, &e);
    else if (directory)
        put_directory(c, &e, timed);
    else if (mux_field(request, SHARE_STREAM))
        share_put_stream(c, &e, &sum);
    else if (!timed || !mux_field(request, "hx-size"))
        share_refuse(c, "400", "hx-size and hx-mtime are missing");
    else
        put_file(c, &e, offset, &sum);
}
