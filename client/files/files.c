#include "client/files/directory.h"
#include "client/files/files_parts.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCAL_TURN 256 /* directories made, or given their attributes, here in one turn of the loop */

void files_kick(struct files *f, double seconds)
{
    turn_in(f->config.loop, &f->kick, seconds);
}

void files_report(struct files *f, const char *path, const char *reason)
{
    f->config.report(f->config.user, path[0] ? path : ".", reason);
}

static void over(struct files *f)
{
    if (f->state.over)
        return;
    files_batch_end(f);
    f->state.over = true;
    ev_timer_stop(f->config.loop, &f->kick);
    f->config.done(f->config.user);
}

/* The only writer of f->phase. */
static void enter(struct files *f, enum files_phase phase)
{
    files_phase_begins(&f->plan, phase);
    f->phase = phase;
    if (!f->state.looked && f->config.looked)
        f->config.looked(f->config.user);
    f->state.looked = true;
    f->next = f->batch.next = 0;
    f->state.steps++;
    files_kick(f, 0.);
}

static void end_all(struct files *f)
{
    for (int i = 0; i < FILES_JOBS; i++)
        files_job_end(&f->jobs[i]);
    files_batch_end(f);
    f->running = 0;
    enter(f, PHASE_OVER); /* over() from there */
}

void files_fail(struct files *f, const char *path, const char *reason)
{
    f->state.failed++;
    files_report(f, path, reason);
    if (f->config.told)
        f->config.told(f->config.user, FILES_FAILED, path[0] ? path : ".", -1, reason);
    end_all(f);
}

/* What the upload's destination is: the rules of cp. */
static void choose_remote(struct files *f, int status, const struct file_entry *e)
{
    const struct files_target t = {.slash = f->remote_slash,
                                   .must = f->config.into,
                                   .exists = status == 200,
                                   .into = status == 200 && e->type == 'd'};
    const char *why = files_target_refusal(&t, f->directory);
    f->state.no_target = t.must && !t.into;
    if (why)
        files_fail(f, f->remote, why);
    else if (t.into && path_join(f->remote, f->remote, f->leaf) < 0)
        files_fail(f, f->remote, "the path is too long");
    if (f->phase == PHASE_OVER)
        return;
    f->make_base = f->directory && (!t.into || f->leaf[0]);
    f->fresh = !t.exists;
    enter(f, PHASE_LIST);
}

void files_looked(struct files *f, int status, const struct file_entry *e)
{
    if (!f->config.upload)
        f->directory = e->type == 'd';
    f->state.single = !f->directory;
    f->batch.offered = f->batch.offered && f->directory; /* one file takes one request */
    if (f->config.upload) {
        choose_remote(f, status, e);
        return;
    }
    f->base = *e;
    f->base.path = "";
    if ((f->remote_slash || !f->remote[0]) && !f->directory) /* the share itself is never a file */
        files_fail(f, f->remote, "is no directory");
    else if (files_destination(f, f->directory) == HX_OK)
        enter(f, PHASE_LIST);
}

void files_list_end(struct files *f, uint64_t skipped)
{
    bool asked = f->config.planned && !f->config.would;
    f->state.skipped = skipped - f->uncounted;
    f->state.listed = true;
    files_leave_here(f);
    f->state.files = f->plan.files;
    if (f->config.would)
        files_tell_what_would_be(f);
    enter(f, f->config.would ? PHASE_OVER : asked ? PHASE_ASKED : PHASE_MAKE);
    if (asked)
        f->config.planned(f->config.user);
}

void files_go(struct files *f)
{
    if (f->phase == PHASE_ASKED)
        enter(f, PHASE_MAKE);
}

static void wait_for_answer(struct files *f)
{
    f->state.steps++; /* whoever is asked may take time */
}

/* The plan begins with the tree's own directory, or is only the file. */
static int begin_list(struct files *f)
{
    plan_clear(&f->plan);
    f->uncounted = 0;
    if (f->config.listed)
        (void)f->config.listed(f->config.user, NULL);
    if (f->directory && !f->make_base)
        return HX_OK;
    return files_listed(f, &f->base);
}

static void list(struct files *f)
{
    int err = HX_OK;
    if (f->plan.count == 0 && !f->walk && !f->running)
        err = begin_list(f);
    if (err == HX_OK && !f->directory) {
        files_list_end(f, 0);
        return;
    }
    if (err == HX_OK && f->config.upload)
        err = files_walk(f);
    else if (err == HX_OK && !f->running && f->mux)
        files_job_begin(f, TASK_LIST, 0);
    if (err == HX_EAGAIN)
        files_kick(f, 0.);
    else if (err < 0 && f->phase != PHASE_OVER)
        files_fail(f, f->leaf, err == HX_ETOOBIG ? "too many entries" : hx_error_text(err));
}

static void look(struct files *f)
{
    if (f->mux && f->running == 0)
        files_job_begin(f, TASK_LOOK, 0);
}

static void entries(struct files *f);

/* What is done in each phase, when the loop comes to it. */
static void (*const steps[])(struct files *f) = {
    [PHASE_LOOK] = look,    [PHASE_LIST] = list,    [PHASE_ASKED] = wait_for_answer, [PHASE_MAKE] = entries,
    [PHASE_MOVE] = entries, [PHASE_LINK] = entries, [PHASE_ATTRIBUTES] = entries,    [PHASE_OVER] = over};

/* What this phase does is asked of the peer. */
static bool is_remote(const struct files *f)
{
    return f->config.upload || f->phase == PHASE_MOVE;
}

enum files_phase files_asks(const struct files *f)
{
    return is_remote(f) ? f->phase : PHASE_OVER;
}

static void on_committed(void *files, const struct group *g)
{
    struct files *f = files;
    char reason[FILES_REASON_MAX] = "";
    for (size_t i = 0; i < g->count && f->phase != PHASE_OVER; i++) {
        const struct group_member *m = &g->members[i];
        enum files_outcome outcome =
            m->error < 0 ? files_local_error(reason, m->error, m->system) : OUTCOME_DONE;
        files_outcome(f, m->tag, outcome, reason);
    }
    files_batch_turn(f);
}

int files_commit(struct files *f, size_t entry, struct group_member **m, struct file_entry *e,
                 char path[PATH_TEXT_MAX])
{
    struct plan_entry *p = &f->plan.entries[entry];
    int bad = plan_describe(&f->plan, p, f->local, path, e);
    f->committer.root = f->root;
    int err = committer_add(&f->committer, m, bad < 0 ? plan_path(&f->plan, p) : path);
    if (err < 0)
        return err;
    p->state = PLAN_RUNNING;
    (*m)->tag = entry;
    group_note(*m, bad);
    return HX_OK;
}

/* Here: of one directory or link, as it is this phase's. */
static int local_entry(struct files *f, size_t entry)
{
    struct file_entry e;
    struct group_member *m;
    char path[PATH_TEXT_MAX];
    bool made = false;
    int err = files_commit(f, entry, &m, &e, path);
    if (err < 0)
        return err;
    if (m->error == HX_OK && f->phase == PHASE_ATTRIBUTES)
        group_settle(m, &e);
    else if (m->error == HX_OK && e.type == 'l')
        group_note(m, link_make(f->root, path, e.target, e.mtime_ns));
    else if (m->error == HX_OK)
        group_note(m, directory_make(f->root, path, e.mode, &made));
    if (made && plan_path(&f->plan, &f->plan.entries[entry])[0] == '\0')
        f->fresh = true;
    return HX_OK;
}

static void local_entries(struct files *f)
{
    int err = HX_OK;
    f->next = files_next_waiting(&f->plan, f->phase, f->next);
    for (int i = 0; i < LOCAL_TURN && f->next < f->plan.count && err == HX_OK; i++) {
        err = local_entry(f, files_place(&f->plan, f->phase, f->next));
        if (err == HX_OK)
            f->next = files_next_waiting(&f->plan, f->phase, f->next + 1);
    }
    f->state.steps++;
    if (err < 0 && err != HX_EAGAIN)
        files_fail(f, f->local, err == HX_ESYS ? strerror(errno) : hx_error_text(err));
    else if (f->next < f->plan.count && err == HX_OK)
        files_kick(f, 0.);
    else
        committer_flush(&f->committer);
    if (f->next == f->plan.count && committer_idle(&f->committer))
        enter(f, files_phases[f->phase].next);
}

/* The index of the next entry that waits for a request of its own, or plan.count. */
static size_t next_entry(struct files *f)
{
    struct plan *p = &f->plan;
    while ((f->next = files_next_waiting(p, f->phase, f->next)) < p->count) {
        size_t i = files_place(p, f->phase, f->next);
        if (p->entries[i].alone || !f->batch.offered)
            return i;
        f->next++;
    }
    return p->count;
}

static void remote_entries(struct files *f)
{
    enum files_phase phase = f->phase;
    size_t i;
    files_batch_run(f);
    while (f->mux && f->running < FILES_JOBS && (i = next_entry(f)) < f->plan.count) {
        if (!files_job_begin(f, files_phases[phase].task, i) || f->phase != phase)
            return;
    }
    if (f->running == 0 && next_entry(f) == f->plan.count && files_batch_idle(f) &&
        committer_idle(&f->committer))
        enter(f, files_phases[phase].next);
}

static void entries(struct files *f)
{
    if (is_remote(f))
        remote_entries(f);
    else
        local_entries(f);
}

static void on_kick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct files *f = w->data;
    (void)loop;
    (void)revents;
    f->batch.resting = false;
    steps[f->phase](f);
}

static void fail_entry(struct files *f, struct plan_entry *e, const char *reason)
{
    char path[PATH_TEXT_MAX];
    struct file_entry shown;
    e->state = PLAN_FAILED;
    f->state.failed++;
    if (plan_describe(&f->plan, e, f->config.upload ? f->remote : f->local, path, &shown) < 0)
        path[0] = '\0';
    files_report(f, path, reason);
    files_tell(f, FILES_FAILED, e, reason);
}

static void note_busy(struct files *f, enum files_outcome outcome, const char *reason)
{
    files_note_busy(&f->state, outcome, reason, f->mux);
}

/* Of a job without an entry: the whole hangs on it. */
static void whole_outcome(struct files *f, struct files_job *j, enum files_outcome outcome)
{
    outcome = files_of_tries(&f->tries, outcome);
    if (j->task == TASK_LIST && outcome != OUTCOME_DONE)
        plan_clear(&f->plan);
    if (outcome == OUTCOME_FAILED)
        files_fail(f, f->remote, j->reason);
    else if (outcome != OUTCOME_DONE)
        files_kick(f, FILES_PAUSE_S);
}

void files_outcome(struct files *f, size_t entry, enum files_outcome outcome, const char *reason)
{
    struct plan_entry *e = &f->plan.entries[entry];
    bool done = outcome == OUTCOME_DONE;
    size_t order = files_place(&f->plan, f->phase, entry);
    note_busy(f, outcome, reason);
    if (outcome == OUTCOME_OVER) {
        f->state.superseded = true;
        fail_entry(f, e, reason);
        end_all(f);
        return;
    }
    if (outcome == OUTCOME_LEFT) {
        files_kick(f, 0.);
        return;
    }
    e->state = PLAN_WAITING;
    if (done) {
        files_note_done(&f->state, e);
        files_tell(f, FILES_DONE, e, NULL);
    }
    if (outcome == OUTCOME_FAILED || files_is_last_try(e, outcome, f->config.changes_ms))
        fail_entry(f, e, reason);
    else if (!done && order < f->next)
        f->next = order;
    if (!done && order < f->batch.next)
        f->batch.next = order;
    files_kick(f, files_waits(outcome) ? FILES_PAUSE_S : 0.);
}

void files_job_outcome(struct files *f, struct files_job *j, enum files_outcome outcome)
{
    if (!files_is_whole(j->task)) {
        files_outcome(f, j->entry, outcome, j->reason);
        return;
    }
    note_busy(f, outcome, j->reason);
    whole_outcome(f, j, outcome);
}

int files_create(struct files **out, const struct files_config *config)
{
    struct files *f = calloc(1, sizeof *f);
    if (!f) {
        config->report(config->user, config->local, hx_error_text(HX_ENOMEM));
        return HX_ENOMEM;
    }
    f->config = *config;
    f->root = -1;
    f->reach = config->links == LINKS_FOLLOW ? REACH_ANY : REACH_PLAIN;
    ev_timer_init(&f->kick, on_kick, 0., 0.);
    f->kick.data = f;
    files_batch_init(f);
    committer_init(&f->committer, config->loop, -1, on_committed, f);
    int err = path_clean(f->remote, config->remote, &f->remote_slash);
    if (err < 0)
        config->report(config->user, config->remote, files_path_reason(err));
    else if (config->upload)
        err = files_source(f);
    if (err < 0) {
        files_destroy(f);
        return err;
    }
    f->remote_slash = f->remote_slash && f->remote[0];
    if (!config->upload)
        (void)path_written_leaf(f->leaf, config->remote);
    f->state.single = config->upload && !f->directory;
    if (f->state.single && f->base.type == 'f' && config->into_known) {
        const struct file_entry known = {.type = 'd'};
        choose_remote(f, 200, &known);
    }
    *out = f;
    return HX_OK;
}

void files_destroy(struct files *f)
{
    if (!f)
        return;
    for (int i = 0; i < FILES_JOBS; i++)
        files_job_end(&f->jobs[i]);
    files_batch_end(f);
    committer_end(&f->committer);
    ev_timer_stop(f->config.loop, &f->kick);
    walk_destroy(f->walk);
    free(f->reader);
    plan_clear(&f->plan);
    if (f->root >= 0)
        close(f->root);
    free(f);
}

void files_attach(struct files *f, struct mux *m)
{
    f->mux = m;
    f->batch.failures = f->tries = 0;
    files_forget_tries(&f->plan);
    if (!f->state.over)
        files_kick(f, 0.);
}

void files_detach(struct files *f)
{
    f->mux = NULL;
}

void files_state(struct files *f, struct files_state *out)
{
    *out = f->state;
    out->total = f->plan.bytes;
    out->peer_works = (f->batch.count > 0 && f->batch.io.out.len == 0) || !committer_idle(&f->committer);
    for (int i = 0; i < FILES_JOBS; i++) {
        const struct files_job *j = &f->jobs[i];
        if (j->incoming)
            out->done += j->in.size;
        if (j->outgoing && j->task == TASK_PUT)
            out->done += j->out.offset;
        if (j->outgoing && j->out.sum_sent == DIGEST_BYTES)
            out->peer_works = true;
    }
}
