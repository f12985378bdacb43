/* Files and directories from a peer. */
#include "client/files/directory.h"
#include "client/files/incoming.h"
#include "client/files/links.h"
#include "client/files/share_job.h"
#include <errno.h>
#include <string.h>

struct put_job {
    struct share_job job;
    struct incoming in;
};

static int put_step(struct share_job *job)
{
    const struct mux_field fields[] = {{":status", "201"}};
    const struct mux_message created = {.fields = fields, .count = 1, .ended = true};
    int64_t moved = 0;
    int err = incoming_read(&((struct put_job *)job)->in, job->call.stream, &moved);
    return err == HX_OK ? mux_respond(job->call.stream, &created) : err;
}

static void put_close(struct share_job *job)
{
    incoming_close(&((struct put_job *)job)->in);
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
    struct put_job *p = share_job_create(&put_kind, c);
    if (!p)
        return;
    int err = incoming_open(&p->in, c->peer->share->root, e, sum);
    if (err < 0) {
        int system = errno;
        share_job_cancel(&p->job);
        refuse(c, err, system);
        return;
    }
    if (mux_field(c->request, "hx-holes"))
        incoming_keep_holes(&p->in);
    err = incoming_begin(&p->in, offset);
    if (err < 0) {
        int system = errno;
        incoming_close(&p->in);
        share_job_cancel(&p->job);
        refuse(c, err, system);
        return;
    }
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
    else if (!timed || !mux_field(request, "hx-size"))
        share_refuse(c, "400", "hx-size and hx-mtime are missing");
    else
        put_file(c, &e, offset, &sum);
}
