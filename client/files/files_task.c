/* What the tasks of hx cp make of the peer's answers. Each function says with what the job ends, or that it
 * goes on; only files_job.c ends it. */
#include "client/files/files_parts.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum files_outcome files_because(struct files_job *j, enum files_outcome outcome, const char *reason)
{
    snprintf(j->reason, sizeof j->reason, "%s", reason);
    return outcome;
}

/* Some of them may be better the next time. */
enum files_outcome files_local_error(struct files_job *j, int error)
{
    static const struct {
        int system;
        enum files_outcome outcome;
        const char *reason;
    } known[] = {{EBADMSG, OUTCOME_AGAIN, "the SHA-256 of what arrived is wrong"},
                 {ESTALE, OUTCOME_AGAIN, "it changes while it is read"},
                 {EWOULDBLOCK, OUTCOME_BUSY, "is being written by another program"},
                 {EEXIST, OUTCOME_FAILED, "exists, and is no file"},
                 {ELOOP, OUTCOME_FAILED, "is a symbolic link, or behind one"}};
    int system = errno;
    if (error == HX_EPROTO)
        return files_because(j, OUTCOME_AGAIN, "what the peer sends has not the length it said");
    if (error == HX_ETOOBIG)
        return files_because(j, OUTCOME_FAILED, "the path is too long");
    if (error != HX_ESYS)
        return files_because(j, OUTCOME_FAILED, hx_error_text(error));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].system == system)
            return files_because(j, known[i].outcome, known[i].reason);
    return files_because(j, OUTCOME_FAILED, strerror(system));
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

/* The fields say what is there. */
static bool found(const struct files_job *j)
{
    return j->valid && j->there.type != 's' && files_verdict(j) == OUTCOME_DONE;
}

static enum files_outcome end_with_verdict(struct files_job *j, const struct mux_message *m)
{
    enum files_outcome verdict = files_verdict(j);
    if (verdict == OUTCOME_DONE && j->status != 201)
        return files_because(j, OUTCOME_FAILED, "the peer's answer makes no sense");
    if (j->status == 201 && m->ended && j->outgoing && j->out.sum_sent == DIGEST_BYTES)
        j->clean = true;
    return verdict;
}

static enum files_outcome looked(struct files_job *j, const struct mux_message *m)
{
    bool free_name = j->files->config.upload && j->status == 404;
    return found(j) || free_name ? OUTCOME_DONE : end_with_verdict(j, m);
}

static enum files_outcome list_begins(struct files_job *j, const struct mux_message *m)
{
    if (!found(j))
        return end_with_verdict(j, m);
    return j->there.type == 'd' ? OUTCOME_NONE : files_because(j, OUTCOME_FAILED, "is no directory any more");
}

static enum files_outcome asked(struct files_job *j, const struct mux_message *m)
{
    const struct plan_entry *e = &j->files->plan.entries[j->entry];
    const char *part = mux_field(m, "hx-part");
    int64_t held = 0;
    if (!j->valid)
        return end_with_verdict(j, m);
    if (j->status == 200 && j->there.type == 'f' && j->there.size == e->size &&
        j->there.mtime_ns == e->mtime_ns)
        return follow(j, TASK_COMPARE, e->size);
    if (j->status != 200 && j->status != 404)
        return files_verdict(j);
    if (part && listing_number(&held, part, 0, e->size) < 0)
        return files_local_error(j, HX_EPROTO);
    return follow(j, TASK_PUT, held);
}

static enum files_outcome compare_begins(struct files_job *j, const struct mux_message *m)
{
    if (files_verdict(j) == OUTCOME_FAILED) /* it is another file now */
        return follow_whole(j);
    return found(j) ? OUTCOME_NONE : end_with_verdict(j, m);
}

static enum files_outcome get_begins(struct files_job *j, const struct mux_message *m)
{
    struct files *f = j->files;
    struct plan_entry *e = &f->plan.entries[j->entry];
    if (!found(j))
        return end_with_verdict(j, m);
    if (j->there.type != 'f')
        return files_because(j, OUTCOME_FAILED, "is no file any more");
    if (j->there.size != e->size || j->there.mtime_ns != e->mtime_ns) {
        plan_change(&f->plan, e, j->there.size, j->there.mtime_ns);
        return files_because(j, OUTCOME_AGAIN, "it changes while it is copied");
    }
    if (j->status == 200 && part_begin(&j->in.part, 0) < 0) /* all of it, whatever we asked for */
        return files_local_error(j, HX_ESYS);
    return OUTCOME_NONE;
}

/* --- bytes --- */

static enum files_outcome read_listing(struct files_job *j)
{
    char data[16384];
    struct files *f = j->files;
    ssize_t got;
    int err = HX_OK;
    while (err == HX_OK && (got = mux_stream_read(j->stream, data, sizeof data)) > 0)
        err = listing_feed(f->reader, data, (size_t)got);
    f->state.steps++;
    if (err == HX_ETOOBIG || err == HX_ENOMEM)
        return files_because(j, OUTCOME_FAILED, err == HX_ETOOBIG ? "too many entries" : hx_error_text(err));
    if (err < 0)
        return files_because(j, OUTCOME_FAILED, "the peer's listing is malformed");
    if (got != HX_EEOF)
        return OUTCOME_NONE;
    if (!f->reader->ended)
        return files_because(j, OUTCOME_AGAIN, "the listing is not whole");
    j->clean = true;
    return OUTCOME_DONE;
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
    if (err == HX_EAGAIN || err == HX_ECLOSED) /* ECLOSED: closed() is about to be told */
        return OUTCOME_NONE;
    errno = system;
    if (err < 0)
        return files_local_error(j, err);
    j->clean = true;
    return OUTCOME_DONE;
}

static enum files_outcome write_file(struct files_job *j)
{
    int64_t before = j->files->state.moved;
    int err = outgoing_write(&j->out, j->stream, &j->files->state.moved);
    int system = errno;
    count(j->files, before);
    errno = system;
    return err == HX_OK || err == HX_EAGAIN || err == HX_ECLOSED ? OUTCOME_NONE : files_local_error(j, err);
}

/* The sum of the peer's file against that of ours. */
static enum files_outcome read_sum(struct files_job *j)
{
    uint8_t data[DIGEST_BYTES + 1];
    ssize_t got;
    while ((got = mux_stream_read(j->stream, data, sizeof data - j->sum_len)) > 0) {
        if ((size_t)got > DIGEST_BYTES - j->sum_len)
            return files_local_error(j, HX_EPROTO);
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
    [TASK_LOOK] = {.method = "HEAD", .whole = true, .answered = looked},
    [TASK_LIST] = {.method = "GET", .whole = true, .answered = list_begins, .ready = read_listing},
    [TASK_MAKE] = {.method = "PUT", .answered = end_with_verdict},
    [TASK_ATTRIBUTES] = {.method = "PUT", .answered = end_with_verdict},
    [TASK_ASK] = {.method = "HEAD", .answered = asked},
    [TASK_COMPARE] = {.method = "GET", .side = SIDE_OUTGOING, .answered = compare_begins, .ready = read_sum},
    [TASK_GET] = {.method = "GET", .side = SIDE_INCOMING, .answered = get_begins, .ready = read_file},
    [TASK_PUT] = {.method = "PUT",
                  .side = SIDE_OUTGOING,
                  .answered = end_with_verdict,
                  .ready = write_file,
                  .at_once = true},
};
