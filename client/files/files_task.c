/* What the tasks of hx cp make of the peer's answers. Each function says with what the job ends, or that it
 * goes on; only files_job.c ends it. */
#include "client/files/files_parts.h"
#include "client/files/share.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Some of them may be better the next time. */
enum files_outcome files_local_error(char reason[FILES_REASON_MAX], int error, int system)
{
    static const struct {
        int system;
        enum files_outcome outcome;
        const char *reason;
    } known[] = {{EBADMSG, OUTCOME_AGAIN, "the sum of what arrived is wrong"},
                 {ESTALE, OUTCOME_CHANGES, FILES_CHANGES},
                 {EWOULDBLOCK, OUTCOME_BUSY, "is being written by another program"},
                 {EMFILE, OUTCOME_BUSY, "this process has too many files open (ulimit -n)"},
                 {ENFILE, OUTCOME_BUSY, "this machine has too many files open"},
                 {EEXIST, OUTCOME_FAILED, "exists, and is no file"},
                 {ENOTUNIQ, OUTCOME_FAILED, "is here with other content, and is not replaced (--overwrite)"},
                 {ELOOP, OUTCOME_FAILED, "is a symbolic link, or behind one"}};
    if (error == HX_EPROTO)
        return files_because(reason, OUTCOME_AGAIN, "what the peer sends has not the length it said");
    if (error == HX_ETOOBIG)
        return files_because(reason, OUTCOME_FAILED, "the path is too long");
    if (error != HX_ESYS)
        return files_because(reason, OUTCOME_FAILED, hx_error_text(error));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].system == system)
            return files_because(reason, known[i].outcome, known[i].reason);
    return files_because(reason, OUTCOME_FAILED, strerror(system));
}

/* The same for the job's file. */
static enum files_outcome because(struct files_job *j, enum files_outcome outcome, const char *reason)
{
    return files_because(j->reason, outcome, reason);
}

static enum files_outcome local_error(struct files_job *j, int error)
{
    return files_local_error(j->reason, error, errno);
}

static enum files_outcome follow(struct files_job *j, enum files_task task, int64_t offset)
{
    j->follow.task = task;
    j->follow.offset = offset;
    return OUTCOME_FOLLOW;
}

/* The file itself, from its first byte on. */
static enum files_outcome follow_whole(struct files_job *j)
{
    return follow(j, j->files->config.upload ? TASK_PUT : TASK_GET, 0);
}

/* --- the header of an answer --- */

/* What was held of a file was of another one: to be known by who wonders why it takes so long. */
static enum files_outcome mismatch(struct files_job *j, bool wrong_sum, int64_t held,
                                   enum files_outcome outcome)
{
    struct files *f = j->files;
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    const char *base = f->config.upload ? f->remote : f->local;
    if (wrong_sum && held > 0 && plan_describe(&f->plan, &f->plan.entries[j->entry], base, path, &e) == HX_OK)
        files_report(f, path, FILES_HELD_OTHER);
    return outcome;
}

/* It begins anew with what is there now: to be known, too. */
static enum files_outcome changed(struct files_job *j)
{
    struct files *f = j->files;
    struct plan_entry *p = &f->plan.entries[j->entry];
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    const char *base = f->config.upload ? f->remote : f->local;
    if (!p->told && plan_describe(&f->plan, p, base, path, &e) == HX_OK)
        files_report(f, path, FILES_HAS_CHANGED);
    p->told = true;
    return because(j, OUTCOME_CHANGES, FILES_CHANGES);
}

enum files_outcome files_broken_off(struct files_job *j, uint32_t code)
{
    if (code == SHARE_CHANGED && !files_is_whole(j->task))
        return changed(j);
    return because(j, OUTCOME_AGAIN, "the peer broke it off");
}

static enum files_outcome end_with_verdict(struct files_job *j, const struct mux_message *m)
{
    enum files_outcome verdict = files_ended(&j->answer, j->task == TASK_PUT, j->reason);
    if (j->answer.status == 201 && m->ended && j->outgoing && j->out.sum_sent == DIGEST_BYTES)
        j->clean = true;
    return mismatch(j, j->answer.status == 422, j->task == TASK_PUT ? j->offset : 0, verdict);
}

static enum files_outcome looked(struct files_job *j, const struct mux_message *m)
{
    bool free_name = j->files->config.upload && j->answer.status == 404;
    return files_found(&j->answer) || free_name ? OUTCOME_DONE : end_with_verdict(j, m);
}

static enum files_outcome list_begins(struct files_job *j, const struct mux_message *m)
{
    (void)m;
    return files_list_begins(&j->answer, j->reason);
}

static enum files_outcome asked(struct files_job *j, const struct mux_message *m)
{
    const struct files_answer *a = &j->answer;
    struct plan_entry *e = &j->files->plan.entries[j->entry];
    if (a->valid && a->status == 200 && files_leave(j->files, e, &a->there))
        return OUTCOME_LEFT;
    return files_asked(a, m, e, &j->follow, j->reason);
}

/* Ours has holes, the peer's has none, or it does not know them: then it is the sum of all bytes. */
static enum files_outcome compare_plainly(struct files_job *j)
{
    struct stat st;
    int fd = fcntl(j->out.fd, F_DUPFD_CLOEXEC, 0);
    outgoing_close(&j->out);
    int err = fd < 0 || fstat(fd, &st) < 0 ? HX_ESYS : outgoing_open(&j->out, fd, &st, j->offset, &j->kind);
    j->outgoing = err == HX_OK;
    return err < 0 ? local_error(j, err) : OUTCOME_NONE;
}

static enum files_outcome compare_begins(struct files_job *j, const struct mux_message *m)
{
    if (files_verdict(j->answer.status, false) == OUTCOME_FAILED) /* it is another file now */
        return follow_whole(j);
    if (!files_found(&j->answer))
        return end_with_verdict(j, m);
    return share_has_holes(m) == j->out.holes ? OUTCOME_NONE : compare_plainly(j);
}

/* What was received of a former version is of no use. */
static void drop_part(struct files_job *j)
{
    (void)incoming_begin(&j->in, 0);
    incoming_close(&j->in);
    j->incoming = false;
}

/* It is another file than was listed, or than the part is of: from now on the plan is for this one, all of
 * which comes, unless only a piece of it was asked for. */
static enum files_outcome get_another(struct files_job *j)
{
    struct files *f = j->files;
    struct plan_entry *p = &f->plan.entries[j->entry];
    struct file_entry e;
    char path[PATH_TEXT_MAX];
    bool begun = j->in.held > 0;
    drop_part(j);
    plan_change(&f->plan, p, j->answer.there.size, j->answer.there.mtime_ns);
    p->mode = (uint16_t)j->answer.there.mode;
    if (begun)
        (void)changed(j);
    if (j->answer.status != 200)
        return because(j, OUTCOME_CHANGES, FILES_CHANGES);
    int err = plan_describe(&f->plan, p, f->local, path, &e);
    if (err == HX_OK)
        err = incoming_open(&j->in, f->root, &e, &j->kind);
    j->incoming = err == HX_OK;
    return err < 0 ? local_error(j, err) : OUTCOME_NONE;
}

static enum files_outcome get_begins(struct files_job *j, const struct mux_message *m)
{
    const struct plan_entry *e = &j->files->plan.entries[j->entry];
    if (j->answer.status == 416 && j->offset > 0) { /* it has become shorter than what we have of it */
        drop_part(j);
        (void)changed(j);
        return follow_whole(j);
    }
    if (!files_found(&j->answer))
        return end_with_verdict(j, m);
    if (j->answer.there.type != 'f')
        return because(j, OUTCOME_FAILED, "is no file any more");
    enum files_outcome outcome = OUTCOME_NONE;
    if (j->answer.there.size != e->size || j->answer.there.mtime_ns != e->mtime_ns)
        outcome = get_another(j);
    if (outcome == OUTCOME_NONE && share_has_holes(m))
        incoming_keep_holes(&j->in);
    if (outcome == OUTCOME_NONE && j->answer.status == 200 && incoming_begin(&j->in, 0) < 0)
        return local_error(j, HX_ESYS); /* all of it comes, whatever we asked for */
    return outcome;
}

/* --- bytes --- */

static enum files_outcome read_listing(struct files_job *j)
{
    struct files *f = j->files;
    enum files_outcome outcome = files_read_listing(j->stream, f->reader, j->reason);
    f->state.steps++;
    j->clean = outcome == OUTCOME_DONE;
    return outcome;
}

/* Bytes have moved, or not. */
static void count(struct files *f, int64_t before)
{
    if (f->state.moved == before)
        return;
    f->state.steps++;
    f->state.busy = false;
}

static enum files_outcome read_file(struct files_job *j)
{
    int64_t before = j->files->state.moved;
    int err = incoming_read(&j->in, j->stream, &j->files->state.moved);
    int system = errno;
    count(j->files, before);
    if (err == PART_HASHING)
        return OUTCOME_HASHING;
    if (err == HX_EAGAIN || err == HX_ECLOSED) /* ECLOSED: closed() is about to be told */
        return OUTCOME_NONE;
    errno = system;
    if (err < 0)
        return mismatch(j, err == HX_ESYS && system == EBADMSG, j->in.held, local_error(j, err));
    j->clean = true;
    return OUTCOME_DONE;
}

static enum files_outcome write_file(struct files_job *j)
{
    int64_t before = j->files->state.moved;
    int err = outgoing_write(&j->out, j->stream, &j->files->state.moved);
    int system = errno;
    count(j->files, before);
    if (err == PART_HASHING)
        return OUTCOME_HASHING;
    errno = system;
    if (err == HX_ESYS && system == ESTALE) {
        j->changed = j->task == TASK_PUT;
        return changed(j);
    }
    return err == HX_OK || err == HX_EAGAIN || err == HX_ECLOSED ? OUTCOME_NONE : local_error(j, err);
}

/* The sum of the peer's file against that of ours, which is reckoned meanwhile. */
static enum files_outcome read_sum(struct files_job *j)
{
    uint8_t data[DIGEST_BYTES + 1];
    ssize_t got;
    int err = outgoing_hash(&j->out);
    if (err < 0)
        return err == HX_EAGAIN ? OUTCOME_HASHING : local_error(j, err);
    while ((got = mux_stream_read(j->stream, data, sizeof data - j->sum_len)) > 0) {
        if ((size_t)got > DIGEST_BYTES - j->sum_len)
            return local_error(j, HX_EPROTO);
        memcpy(j->sum + j->sum_len, data, (size_t)got);
        j->sum_len += (size_t)got;
    }
    if (got != HX_EEOF)
        return OUTCOME_NONE;
    j->clean = true;
    bool same = j->sum_len == DIGEST_BYTES && outgoing_sum(&j->out) == HX_OK &&
                memcmp(j->sum, j->out.sum, DIGEST_BYTES) == 0;
    return same ? OUTCOME_DONE : follow_whole(j);
}

const struct files_task_kind files_tasks[] = {
    [TASK_LOOK] = {.answered = looked},
    [TASK_LIST] = {.answered = list_begins, .ready = read_listing},
    [TASK_MAKE] = {.answered = end_with_verdict},
    [TASK_ATTRIBUTES] = {.answered = end_with_verdict},
    [TASK_LINK] = {.answered = end_with_verdict},
    [TASK_ASK] = {.answered = asked},
    [TASK_COMPARE] = {.side = SIDE_OUTGOING, .answered = compare_begins, .ready = read_sum, .at_once = true},
    [TASK_GET] = {.side = SIDE_INCOMING, .answered = get_begins, .ready = read_file},
    [TASK_PUT] = {.side = SIDE_OUTGOING, .answered = end_with_verdict, .ready = write_file, .at_once = true},
};
