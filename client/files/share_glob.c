/* Which paths of the share a pattern means. */
#include "client/files/glob.h"
#include "client/files/share_job.h"
#include <errno.h>
#include <string.h>

struct glob_job {
    struct share_job job;
    struct glob *glob;
    uint64_t entries, skipped;
    bool ended;
    size_t len, sent; /* of the line that is on its way */
    char line[LISTING_LINE_MAX + 1];
};

/* HX_OK: a line is made, if it can be written; HX_EAGAIN: not yet. */
static int next_line(struct glob_job *j)
{
    struct file_entry e;
    int err = glob_next(j->glob, &e);
    int len = 0;
    if (err == HX_EAGAIN)
        return err;
    if (err == HX_OK) {
        len = listing_format(j->line, &e);
        j->skipped += e.type == 's' || len < 0;
        j->entries += e.type != 's' && len >= 0;
    } else { /* of what is beyond the bounds it is only told that there may be more */
        j->skipped += err == HX_ELIMIT;
        j->ended = true;
        len = listing_format_end(j->line, j->entries, j->skipped);
    }
    j->sent = 0;
    j->len = len < 0 ? 0 : (size_t)len;
    return HX_OK;
}

static int glob_step(struct share_job *job)
{
    struct glob_job *j = (struct glob_job *)job;
    for (;;) {
        while (j->sent < j->len) {
            ssize_t put = mux_stream_write(job->call.stream, j->line + j->sent, j->len - j->sent);
            if (put <= 0)
                return put < 0 ? (int)put : HX_EAGAIN;
            j->sent += (size_t)put;
        }
        if (j->ended) {
            mux_stream_end(job->call.stream);
            return HX_OK;
        }
        if (next_line(j) == HX_EAGAIN)
            return SHARE_TURN;
    }
}

static void glob_close(struct share_job *job)
{
    glob_destroy(((struct glob_job *)job)->glob);
}

static const struct share_job_kind glob_kind = {.size = sizeof(struct glob_job),
                                                .scarce = SHARE_WALK,
                                                .step = glob_step,
                                                .answered = true,
                                                .close = glob_close};

void share_glob(const struct share_call *c, const char *encoded)
{
    const struct mux_field fields[] = {
        {":status", "200"}, {"hx-type", "directory"}, {SHARE_GLOB, SHARE_GLOB_VERSION}};
    const struct mux_message answer = {.fields = fields, .count = 3};
    char pattern[PATH_TEXT_MAX];
    size_t len = strlen(encoded);
    bool slash = len > 0 && encoded[len - 1] == '/';
    int err = path_decode(pattern, encoded, len - slash);
    if (err < 0) {
        share_refuse_error(c, HX_EINVAL, 0);
        return;
    }
    struct glob_job *j = share_job_create(&glob_kind, c);
    if (!j)
        return;
    err = glob_create(&j->glob, c->peer->share->root, pattern, share_reach(c->request), slash);
    if (err < 0) {
        share_job_cancel(&j->job);
        share_refuse_error(c, err, errno);
        return;
    }
    if (share_links(c->request) == LINKS_COPY)
        glob_copies_links(j->glob);
    share_job_begin(&j->job);
    (void)mux_respond(c->stream, &answer); /* the stream's owner hears of it if it broke */
}
