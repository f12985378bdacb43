/* Which paths of the share a pattern means. */
#include "client/files/glob.h"
#include "client/files/share_job.h"
#include "client/files/share_lines.h"
#include <errno.h>
#include <string.h>

struct glob_job {
    struct share_job job;
    struct glob *glob;
    struct share_lines lines;
};

static int glob_step(struct share_job *job)
{
    struct glob_job *j = (struct glob_job *)job;
    struct file_entry e;
    int err;
    while ((err = share_lines_write(&j->lines, job->call.stream)) == HX_OK && !j->lines.ended) {
        int found = glob_next(j->glob, &e);
        if (found == HX_EAGAIN)
            return SHARE_TURN;
        if (found == HX_OK) {
            share_lines_add(&j->lines, &e);
        } else { /* of what is beyond the bounds it is only told that there may be more */
            j->lines.skipped += found == HX_ELIMIT;
            share_lines_end(&j->lines);
        }
    }
    return err;
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
