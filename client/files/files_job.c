/* One request after the other for one entry: begins them, and ends them with what files_task.c makes
 * of the answers. */
#include "client/files/files_parts.h"
#include "client/files/share.h"
#include "client/files/source.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool begin(struct files_job *j, enum files_task task, int64_t offset);

static const struct files_task_kind *kind_of(const struct files_job *j)
{
    return &files_tasks[j->task];
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
    struct mux_stream *s = j->stream;
    close_files(j);
    ev_timer_stop(j->files->config.loop, &j->timer);
    j->stream = NULL;
    j->files->running--;
    files_let_go(s, j->clean, j->changed);
}

void files_job_end(struct files_job *j)
{
    if (j->stream)
        release(j);
}

/* The last thing that an event of the stream or the timer does: the only way in which a running job ends. */
static void conclude(struct files_job *j, enum files_outcome outcome)
{
    struct files *f = j->files;
    if (outcome == OUTCOME_NONE)
        return;
    release(j);
    if (outcome == OUTCOME_FOLLOW) {
        f->plan.entries[j->entry].state = PLAN_WAITING;
        (void)begin(j, j->follow.task, j->follow.offset);
        return;
    }
    files_job_outcome(f, j, outcome);
    if (outcome == OUTCOME_DONE && j->task == TASK_LOOK)
        files_looked(f, j->answer.status, &j->answer.there);
    else if (outcome == OUTCOME_DONE && j->task == TASK_LIST)
        files_list_end(f, f->reader->skipped);
}

static void on_ready(void *job)
{
    struct files_job *j = job;
    const struct files_task_kind *kind = kind_of(j);
    bool answered = j->answer.status == 200 || j->answer.status == 206;
    if (!kind->ready || !(answered || kind->at_once))
        return;
    enum files_outcome outcome = kind->ready(j);
    if (outcome != OUTCOME_HASHING) {
        conclude(j, outcome);
        return;
    }
    j->files->state.steps++;
    turn_in(j->files->config.loop, &j->timer, 0.);
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    on_ready(w->data);
}

static void on_closed(void *job, int error, uint32_t code)
{
    struct files_job *j = job;
    (void)error;
    j->clean = true; /* nothing is left to be reset */
    conclude(j, files_broken_off(j, code));
}

static void on_headers(void *job, const struct mux_message *m)
{
    struct files_job *j = job;
    struct files *f = j->files;
    bool source = j->task == TASK_LOOK && !f->config.upload; /* only that may be told of as a link */
    files_take_answer(&j->answer, m, source ? f->base_target : NULL, j->reason);
    if (j->task == TASK_LOOK) {
        files_take_offers(&f->offers, m);
        f->batch.offered = f->offers.batch;
    }
    if (j->task == TASK_ASK) /* the first answer, if it is known that there is a directory */
        f->offers.holes = mux_field(m, "hx-holes");
    j->clean = m->ended && j->task != TASK_PUT;
    conclude(j, kind_of(j)->answered(j, m));
}

static const struct mux_stream_events job_events = {.headers = on_headers,
                                                    .readable = on_ready,
                                                    .writable = on_ready,
                                                    .closed = on_closed,
                                                    .reads_end = true};

/* This side's file for TASK_PUT and TASK_COMPARE; the plan follows it if it has changed. */
static int open_outgoing(struct files_job *j, const char *path, int64_t *offset)
{
    struct stat st;
    struct file_entry now;
    struct files *f = j->files;
    struct plan_entry *e = &f->plan.entries[j->entry];
    int fd = source_open(f->root, path, &st, f->reach);
    if (fd < 0)
        return HX_ESYS;
    file_entry_from(&now, &st);
    if (now.size != e->size || now.mtime_ns != e->mtime_ns) {
        plan_change(&f->plan, e, now.size, now.mtime_ns);
        *offset = 0;
    }
    e->mode = (uint16_t)now.mode;
    int err = outgoing_open(&j->out, fd, &st, *offset, &j->kind);
    j->outgoing = err == HX_OK;
    if (j->outgoing && (j->task == TASK_COMPARE || f->offers.holes) && outgoing_is_sparse(&st))
        outgoing_keep_holes(&j->out);
    return err;
}

/* Opens what the task needs here, and says from which byte on. */
static int open_files(struct files_job *j, int64_t *offset)
{
    struct files *f = j->files;
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    if (kind_of(j)->side == SIDE_NONE)
        return HX_OK;
    if (plan_describe(&f->plan, &f->plan.entries[j->entry], f->local, path, &e) < 0)
        return HX_ETOOBIG;
    snprintf(f->state.name, sizeof f->state.name, "%s", path);
    if (j->task != TASK_COMPARE)
        files_tell(f, FILES_BEGUN, &f->plan.entries[j->entry], NULL);
    if (kind_of(j)->side == SIDE_OUTGOING)
        return open_outgoing(j, path, offset);
    int err = incoming_open(&j->in, f->root, &e, &j->kind);
    j->incoming = err == HX_OK;
    *offset = j->incoming ? j->in.size : 0;
    return err;
}

/* Could not be begun: the slot stays free. False: later. */
static bool refuse(struct files_job *j, int error)
{
    int system = errno;
    close_files(j);
    enum files_outcome outcome = files_local_error(j->reason, error, system);
    files_job_outcome(j->files, j, outcome);
    return outcome != OUTCOME_BUSY;
}

static int request(struct files_job *j, int64_t offset)
{
    struct files *f = j->files;
    char path[PATH_TEXT_MAX];
    struct file_entry e = {.path = f->remote};
    const struct files_ask ask = {.task = j->task,
                                  .e = &e,
                                  .offset = offset,
                                  .holes = j->task == TASK_GET || (j->outgoing && j->out.holes),
                                  .links = f->config.upload ? LINKS_LEAVE : f->config.links,
                                  .kind = &j->kind,
                                  .copy = &f->config.copy};
    if (!files_is_whole(j->task) &&
        plan_describe(&f->plan, &f->plan.entries[j->entry], f->remote, path, &e) < 0)
        return HX_ETOOBIG;
    return files_ask_peer(f->mux, &j->stream, &ask, &job_events, j);
}

static bool begin(struct files_job *j, enum files_task task, int64_t offset)
{
    struct files *f = j->files;
    j->task = task;
    j->answer.status = 0;
    j->clean = j->changed = false;
    j->sum_len = 0;
    j->kind = (struct file_sum_kind){.keyed = false};
    if (f->offers.keyed_sums && kind_of(j)->side != SIDE_NONE)
        file_sum_make(&j->kind);
    int err = open_files(j, &offset);
    if (err < 0)
        return refuse(j, err);
    j->offset = offset;
    err = f->mux ? request(j, offset) : HX_ECLOSED;
    if (err == HX_ELIMIT || err == HX_ECLOSED) {
        close_files(j);
        snprintf(j->reason, sizeof j->reason, SHARE_BUSY);
        files_job_outcome(f, j, OUTCOME_BUSY);
        return false;
    }
    if (err < 0)
        return refuse(j, err);
    f->running++;
    if (!files_is_whole(j->task))
        f->plan.entries[j->entry].state = PLAN_RUNNING;
    ev_timer_init(&j->timer, on_turn, 0., 0.);
    j->timer.data = j;
    if (kind_of(j)->at_once)
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
        return p->size >= FILES_ASK_MIN || files_leaves(f) ? TASK_ASK : TASK_PUT;
    if (p->differs || plan_describe(&f->plan, p, f->local, path, &e) < 0 ||
        !files_seems_same(f, &e, &fd, &st))
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
