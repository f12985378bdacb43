/* Files and directory trees for a peer. */
#include "client/files/outgoing.h"
#include "client/files/share_job.h"
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
    uint64_t entries, skipped;
    bool parts;       /* the peer knows lines of what has a part's name */
    bool ended;       /* the last line is made */
    size_t len, sent; /* of the line that is on its way */
    char line[LISTING_LINE_MAX + 1];
};

/* The next line; none if the entry has a path that cannot be written. */
static void list_next(struct list_job *l)
{
    struct file_entry e;
    int len;
    if (share_walk_next(l->walk, &e) == HX_EEOF) {
        l->ended = true;
        len = listing_format_end(l->line, l->entries, l->skipped);
    } else {
        bool part = e.type == 's' && e.why == SKIP_PART;
        len = e.path[0] && (!part || l->parts) ? listing_format(l->line, &e) : HX_EINVAL;
        if ((e.type == 's' || len < 0) && !part) /* the top has no line: it is counted */
            l->skipped++;
        else if (!part)
            l->entries++;
    }
    l->sent = 0;
    l->len = len < 0 ? 0 : (size_t)len;
}

static int list_step(struct share_job *job)
{
    struct list_job *l = (struct list_job *)job;
    for (;;) {
        while (l->sent < l->len) {
            ssize_t put = mux_stream_write(job->call.stream, l->line + l->sent, l->len - l->sent);
            if (put <= 0)
                return put < 0 ? (int)put : HX_EAGAIN;
            l->sent += (size_t)put;
        }
        if (l->ended) {
            mux_stream_end(job->call.stream);
            return HX_OK;
        }
        list_next(l);
    }
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
    l->parts = version && strcmp(version, LISTING_VERSION) == 0;
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
