/* One request after the other for one entry. */
#include "client/files/beneath.h"
#include "client/files/files_parts.h"
#include "client/files/share.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define H2_CANCEL 0x8 /* RFC 9113, section 7 */

static const struct mux_stream_events job_events;

static bool begin(struct files_job *j, enum files_task task, int64_t offset);

static void set_reason(struct files_job *j, const char *reason)
{
    snprintf(j->reason, sizeof j->reason, "%s", reason);
}

static void close_files(struct files_job *j)
{
    if (j->incoming)
        incoming_close(&j->in);
    if (j->outgoing)
        outgoing_close(&j->out);
    j->incoming = j->outgoing = false;
}

/* Lets the stream go: the slot is free. */
static void release(struct files_job *j)
{
    static const struct mux_stream_events nothing = {.closed = NULL};
    struct mux_stream *s = j->stream;
    close_files(j);
    ev_timer_stop(j->files->config.loop, &j->timer);
    j->stream = NULL;
    j->files->running--;
    if (j->clean)
        mux_stream_own(s, &nothing, NULL);
    else
        mux_stream_reset(s, H2_CANCEL);
}

void files_job_end(struct files_job *j)
{
    if (j->stream)
        release(j);
}

static void finish(struct files_job *j, enum files_outcome outcome)
{
    release(j);
    files_outcome(j->files, j, outcome);
}

static void fail(struct files_job *j, enum files_outcome outcome, const char *reason)
{
    set_reason(j, reason);
    finish(j, outcome);
}

/* Of this side's file; some of them may be better the next time. */
static void fail_local(struct files_job *j, int error)
{
    if (error == HX_EPROTO)
        fail(j, OUTCOME_AGAIN, "what the peer sends has not the length it said");
    else if (error != HX_ESYS)
        fail(j, OUTCOME_FAILED, hx_error_text(error));
    else if (errno == EBADMSG)
        fail(j, OUTCOME_AGAIN, "the SHA-256 of what arrived is wrong");
    else if (errno == ESTALE)
        fail(j, OUTCOME_AGAIN, "it changes while it is read");
    else if (errno == EWOULDBLOCK)
        fail(j, OUTCOME_BUSY, "is being written by another program");
    else
        fail(j, OUTCOME_FAILED, strerror(errno));
}

/* Goes on with another request for the same entry. */
static void follow(struct files_job *j, enum files_task task, int64_t offset)
{
    struct files *f = j->files;
    release(j);
    f->plan.entries[j->entry].state = PLAN_WAITING;
    (void)begin(j, task, offset);
}

static void read_listing(struct files_job *j)
{
    char data[16384];
    struct files *f = j->files;
    ssize_t got;
    int err = HX_OK;
    while (err == HX_OK && (got = mux_stream_read(j->stream, data, sizeof data)) > 0)
        err = listing_feed(f->reader, data, (size_t)got);
    f->state.steps++;
    if (err == HX_ETOOBIG || err == HX_ENOMEM) {
        fail(j, OUTCOME_FAILED, err == HX_ETOOBIG ? "too many entries" : hx_error_text(err));
    } else if (err < 0) {
        fail(j, OUTCOME_FAILED, "the peer's listing is malformed");
    } else if (got == HX_EEOF && f->reader->ended) {
        uint64_t skipped = f->reader->skipped;
        j->clean = true;
        finish(j, OUTCOME_DONE);
        files_list_end(f, skipped);
    } else if (got == HX_EEOF) {
        fail(j, OUTCOME_AGAIN, "the listing is not whole");
    }
}

/* Bytes have moved, or not. */
static void count(struct files *f, int64_t before)
{
    if (f->state.moved == before)
        return;
    f->state.steps++;
    f->state.busy = false;
}

static void read_file(struct files_job *j)
{
    int64_t before = j->files->state.moved;
    int err = incoming_read(&j->in, j->stream, &j->files->state.moved);
    count(j->files, before);
    if (err == HX_OK) {
        j->clean = true;
        finish(j, OUTCOME_DONE);
    } else if (err != HX_EAGAIN && err != HX_ECLOSED) { /* ECLOSED: closed() is about to be told */
        fail_local(j, err);
    }
}

static void write_file(struct files_job *j)
{
    int64_t before = j->files->state.moved;
    int err = outgoing_write(&j->out, j->stream, &j->files->state.moved);
    count(j->files, before);
    if (err < 0 && err != HX_EAGAIN && err != HX_ECLOSED)
        fail_local(j, err);
}

/* The sum of the peer's file against that of ours. */
static void read_sum(struct files_job *j)
{
    uint8_t data[DIGEST_BYTES + 1];
    ssize_t got;
    while ((got = mux_stream_read(j->stream, data, sizeof data - j->sum_len)) > 0) {
        if ((size_t)got > DIGEST_BYTES - j->sum_len) {
            fail_local(j, HX_EPROTO);
            return;
        }
        memcpy(j->sum + j->sum_len, data, (size_t)got);
        j->sum_len += (size_t)got;
    }
    if (got != HX_EEOF)
        return;
    j->clean = true;
    bool same = j->sum_len == DIGEST_BYTES && outgoing_sum(&j->out) == HX_OK &&
                memcmp(j->sum, j->out.sum, DIGEST_BYTES) == 0;
    if (same)
        finish(j, OUTCOME_DONE);
    else
        follow(j, j->files->config.upload ? TASK_PUT : TASK_GET, 0);
}

static void on_ready(void *job)
{
    struct files_job *j = job;
    bool answered = j->status == 200 || j->status == 206;
    if (j->task == TASK_LIST && answered)
        read_listing(j);
    else if (j->task == TASK_GET && answered && j->hashed)
        read_file(j);
    else if (j->task == TASK_COMPARE && answered && j->hashed)
        read_sum(j);
    else if (j->task == TASK_PUT && j->hashed)
        write_file(j);
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct files_job *j = w->data;
    (void)revents;
    int err = j->incoming ? incoming_hash(&j->in) : outgoing_hash(&j->out);
    j->files->state.steps++;
    if (err == HX_EAGAIN) {
        ev_timer_set(w, 0., 0.);
        ev_timer_start(loop, w);
    } else if (err < 0) {
        fail_local(j, err);
    } else {
        j->hashed = true;
        on_ready(j);
    }
}

static void on_closed(void *job, int error, uint32_t code)
{
    struct files_job *j = job;
    (void)error;
    (void)code;
    j->clean = true; /* nothing is left to be reset */
    fail(j, OUTCOME_AGAIN, "the peer broke it off");
}

/* The answer to TASK_ASK: what of the file is there. */
static void take_ask(struct files_job *j, const struct file_entry *there, const struct mux_message *m)
{
    const struct plan_entry *e = &j->files->plan.entries[j->entry];
    const char *part = mux_field(m, "hx-part");
    int64_t held = 0;
    if (j->status == 200 && there->type == 'f' && there->size == e->size && there->mtime_ns == e->mtime_ns)
        follow(j, TASK_COMPARE, e->size);
    else if (j->status != 200 && j->status != 404)
        finish(j, files_verdict(j));
    else if (part && listing_number(&held, part, 0, e->size) < 0)
        fail_local(j, HX_EPROTO);
    else
        follow(j, TASK_PUT, held);
}

static void take_get(struct files_job *j, const struct file_entry *there)
{
    struct files *f = j->files;
    struct plan_entry *e = &f->plan.entries[j->entry];
    if (there->type != 'f') {
        fail(j, OUTCOME_FAILED, "is no file any more");
    } else if (there->size != e->size || there->mtime_ns != e->mtime_ns) {
        plan_change(&f->plan, e, there->size, there->mtime_ns);
        fail(j, OUTCOME_AGAIN, "it changes while it is copied");
    } else if (j->status == 200 && part_begin(&j->in.part, 0) < 0) { /* all of it, whatever we asked for */
        fail_local(j, HX_ESYS);
    }
}

static void on_headers(void *job, const struct mux_message *m)
{
    struct files_job *j = job;
    struct file_entry there = {.path = ""};
    const char *type = mux_field(m, "hx-type");
    files_answer(j, m);
    j->clean = m->ended && j->task != TASK_PUT;
    there.type = !type ? 's' : strcmp(type, "directory") == 0 ? 'd' : 'f';
    bool valid = share_fields(&there, m) == HX_OK;
    bool found = valid && type && files_verdict(j) == OUTCOME_DONE;
    if (j->task == TASK_LOOK && (found || (j->files->config.upload && j->status == 404))) {
        struct files *f = j->files;
        int status = j->status;
        finish(j, OUTCOME_DONE);
        files_looked(f, status, &there);
    } else if (j->task == TASK_ASK && valid) {
        take_ask(j, &there, m);
    } else if (j->task == TASK_COMPARE && files_verdict(j) == OUTCOME_FAILED) {
        follow(j, j->files->config.upload ? TASK_PUT : TASK_GET, 0); /* it is another file now */
    } else if (j->task == TASK_GET && found) {
        take_get(j, &there);
    } else if ((j->task == TASK_LIST || j->task == TASK_COMPARE) && found) {
        if (j->task == TASK_LIST && there.type != 'd')
            fail(j, OUTCOME_FAILED, "is no directory any more");
    } else if (files_verdict(j) == OUTCOME_DONE && j->status != 201) {
        fail(j, OUTCOME_FAILED, "the peer's answer makes no sense");
    } else {
        j->clean =
            j->clean || (j->status == 201 && m->ended && j->outgoing && j->out.sum_sent == DIGEST_BYTES);
        finish(j, files_verdict(j));
    }
}

static const struct mux_stream_events job_events = {
    .headers = on_headers, .readable = on_ready, .writable = on_ready, .closed = on_closed};

/* This side's file for TASK_PUT and TASK_COMPARE; the plan follows it if it has changed. */
static int open_outgoing(struct files_job *j, const char *path, int64_t offset)
{
    struct stat st;
    struct file_entry now;
    struct files *f = j->files;
    struct plan_entry *e = &f->plan.entries[j->entry];
    int fd = beneath_file(f->root, path, &st);
    if (fd < 0)
        return HX_ESYS;
    file_entry_from(&now, &st);
    if (now.size != e->size || now.mtime_ns != e->mtime_ns) {
        plan_change(&f->plan, e, now.size, now.mtime_ns);
        offset = 0;
    }
    e->mode = (uint16_t)now.mode;
    int err = outgoing_open(&j->out, fd, &st, offset);
    j->outgoing = err == HX_OK;
    return err;
}

/* Opens what the task needs here, and says from which byte on. */
static int open_files(struct files_job *j, int64_t *offset)
{
    struct files *f = j->files;
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    int err = HX_OK;
    if (files_entry(f, &f->plan.entries[j->entry], f->local, path, &e) < 0)
        return HX_ETOOBIG;
    snprintf(f->state.name, sizeof f->state.name, "%s", path);
    if (j->task == TASK_GET) {
        err = incoming_open(&j->in, f->root, &e);
        j->incoming = err == HX_OK;
        *offset = j->incoming ? j->in.part.size : 0;
    } else if (j->task == TASK_PUT || j->task == TASK_COMPARE) {
        err = open_outgoing(j, path, *offset);
        *offset = j->outgoing ? j->out.offset : 0;
    }
    return err;
}

/* Could not be begun: the slot stays free. */
static void refuse(struct files_job *j, int error)
{
    close_files(j);
    if (error == HX_ESYS && errno == EWOULDBLOCK) {
        files_outcome(j->files, j, OUTCOME_BUSY);
        return;
    }
    set_reason(j, error != HX_ESYS  ? hx_error_text(error)
                  : errno == EEXIST ? "exists, and is no file"
                  : errno == ELOOP  ? "is a symbolic link, or behind one"
                                    : strerror(errno));
    files_outcome(j->files, j, OUTCOME_FAILED);
}

static bool begin(struct files_job *j, enum files_task task, int64_t offset)
{
    struct files *f = j->files;
    bool whole = task == TASK_LOOK || task == TASK_LIST;
    j->task = task;
    j->status = 0;
    j->hashed = j->clean = false;
    j->sum_len = 0;
    int err = task == TASK_ASK || task == TASK_MAKE || task == TASK_ATTRIBUTES || whole
                  ? HX_OK
                  : open_files(j, &offset);
    if (err < 0) {
        refuse(j, err);
        return true;
    }
    err = f->mux ? files_request(j, offset, &job_events) : HX_ECLOSED;
    if (err == HX_ELIMIT || err == HX_ECLOSED) {
        close_files(j);
        files_outcome(f, j, OUTCOME_BUSY);
        return false;
    }
    if (err < 0) {
        refuse(j, err);
        return true;
    }
    f->running++;
    if (!whole)
        f->plan.entries[j->entry].state = PLAN_RUNNING;
    ev_timer_init(&j->timer, on_turn, 0., 0.);
    j->timer.data = j;
    if (j->incoming || j->outgoing)
        ev_timer_start(f->config.loop, &j->timer);
    return true;
}

static int on_listed(void *files, const struct file_entry *e)
{
    return files_listed(files, e);
}

/* A file's first request. */
static enum files_task first_task(struct files *f, size_t index, int64_t *offset)
{
    struct plan_entry *p = &f->plan.entries[index];
    struct file_entry e;
    struct stat st;
    char path[PATH_TEXT_MAX];
    int fd;
    if (f->config.upload)
        return p->size >= FILES_ASK_MIN ? TASK_ASK : TASK_PUT;
    if (files_entry(f, p, f->local, path, &e) < 0 || !files_seems_same(f, &e, &fd, &st))
        return TASK_GET;
    close(fd);
    *offset = p->size;
    return TASK_COMPARE;
}

bool files_job_begin(struct files *f, enum files_task task, size_t entry)
{
    struct files_job *j = f->jobs;
    int64_t offset = 0;
    while (j->stream)
        j++;
    j->files = f;
    j->entry = entry;
    if (task == TASK_GET)
        task = first_task(f, entry, &offset);
    if (task == TASK_LIST && !f->reader)
        f->reader = malloc(sizeof *f->reader);
    if (task == TASK_LIST && !f->reader) {
        files_fail(f, f->remote, hx_error_text(HX_ENOMEM));
        return true;
    }
    if (task == TASK_LIST)
        listing_reader_init(f->reader, on_listed, f);
    return begin(j, task, offset);
}
