/* Files and directory trees for a peer. */
#include "client/files/outgoing.h"
#include "client/files/share_job.h"
#include "client/files/share_lines.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct get_job {
    struct share_job job;
    struct outgoing out;
};

static int get_step(struct share_job *job)
{
    int64_t moved = 0;
    return outgoing_write(&((struct get_job *)job)->out, job->call.stream, &moved);
}

static void get_close(struct share_job *job)
{
    outgoing_close(&((struct get_job *)job)->out);
}

static const struct share_job_kind get_kind = {
    .size = sizeof(struct get_job), .step = get_step, .answered = true, .close = get_close};

struct list_job {
    struct share_job job;
    struct share_walk *walk;
    struct share_lines lines;
};

static int list_step(struct share_job *job)
{
    struct list_job *l = (struct list_job *)job;
    struct file_entry e;
    int err;
    while ((err = share_lines_write(&l->lines, job->call.stream)) == HX_OK && !l->lines.ended) {
        if (share_walk_next(l->walk, &e) == HX_OK)
            share_lines_add(&l->lines, &e);
        else
            share_lines_end(&l->lines);
    }
    return err;
}

static void list_close(struct share_job *job)
{
    share_walk_destroy(((struct list_job *)job)->walk);
}

static const struct share_job_kind list_kind = {.size = sizeof(struct list_job),
                                                .scarce = SHARE_WALK,
                                                .step = list_step,
                                                .answered = true,
                                                .close = list_close};

/* "bytes=N-"; 0 without the field. */
static int parse_range(int64_t *out, const char *range)
{
    char number[24];
    *out = 0;
    if (!range)
        return HX_OK;
    size_t len = strlen(range);
    if (strncmp(range, "bytes=", 6) != 0 || range[len - 1] != '-' || len - 7 >= sizeof number)
        return HX_EINVAL;
    memcpy(number, range + 6, len - 7);
    number[len - 7] = '\0';
    return listing_number(out, number, 0, FILE_SIZE_MAX);
}

/* Takes `fd` over. */
static void get_file(const struct share_call *c, int fd, const struct stat *st)
{
    const char *range = mux_field(c->request, "range");
    struct file_entry e = {0};
    struct file_sum_kind sum;
    int64_t offset;
    file_entry_from(&e, st);
    if (parse_range(&offset, range) < 0 || offset > e.size || e.type != 'f') {
        close(fd);
        share_refuse(c, "416", "there is no such range");
        return;
    }
    if (file_sum_parse(&sum, c->request) < 0) {
        close(fd);
        share_refuse(c, "400", "malformed fields");
        return;
    }
    struct get_job *g = share_job_create(&get_kind, c);
    if (!g) {
        close(fd);
        return;
    }
    int err = outgoing_open(&g->out, fd, st, offset, &sum);
    if (err < 0) {
        share_job_cancel(&g->job);
        share_refuse_error(c, err, errno);
        return;
    }
    if (share_has_holes(c->request) && outgoing_is_sparse(st))
        outgoing_keep_holes(&g->out);
    share_job_begin(&g->job);
    share_describe_body(c->stream, range ? "206" : "200", &e, g->out.holes);
}

static void get_directory(const struct share_call *c)
{
    struct stat st;
    struct file_entry e = {0};
    const char *depth = mux_field(c->request, SHARE_DEPTH);
    if (depth && strcmp(depth, "1") != 0) {
        share_refuse(c, "400", "malformed fields");
        return;
    }
    struct list_job *l = share_job_create(&list_kind, c);
    if (!l)
        return;
    const char *version = mux_field(c->request, "hx-listing");
    l->lines.parts = version && strcmp(version, LISTING_VERSION) == 0;
    const struct share_walk_how how = {.links = share_links(c->request), .flat = depth};
    int err = share_walk_create(&l->walk, c->peer->share, c->path, &how, &st);
    if (err < 0) {
        int system = errno;
        share_job_cancel(&l->job);
        share_refuse_error(c, err, system);
        return;
    }
    file_entry_from(&e, &st);
    share_job_begin(&l->job);
    share_describe_body(c->stream, "200", &e, false);
}

void share_get(struct share_call *c)
{
    struct stat st;
    int fd = share_file(c->peer->share, c->path, share_reach(c->request), &st);
    c->what = fd < 0 && errno == EISDIR ? "listing" : "sending";
    if (fd >= 0)
        get_file(c, fd, &st);
    else if (errno == EISDIR)
        get_directory(c);
    else
        share_refuse_error(c, HX_ESYS, errno);
}
