#include "client/files/between.h"
#include "client/files/between_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 256 /* of a peer, with ':' */

void between_kick(struct between *b, double seconds)
{
    turn_in(b->config.copies.each.loop, &b->kick, seconds);
}

void between_report(struct between *b, enum between_side side, const char *path, const char *reason)
{
    const struct files_config *c = &b->config.copies.each;
    char text[NAME_MAX_BYTES + PATH_TEXT_MAX];
    snprintf(text, sizeof text, "%s:%s", b->config.names[side], path);
    c->report(c->user, text, reason);
}

void between_tell(struct between *b, enum files_event event, const char *path, const char *reason)
{
    const struct files_config *c = &b->config.copies.each;
    if (c->told)
        c->told(c->user, event, path, -1, reason);
}

struct between_source *between_source_of(struct between *b, size_t entry)
{
    size_t low = 0, high = b->count; /* the last one that begins at `entry` or before */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (b->sources[middle].first <= entry)
            low = middle;
        else
            high = middle;
    }
    return &b->sources[low];
}

int between_entry(struct between *b, size_t entry, enum between_side side, char path[PATH_TEXT_MAX],
                  struct file_entry *out)
{
    const struct between_source *s = between_source_of(b, entry);
    const char *base = side == BETWEEN_FROM ? s->from : s->to;
    return plan_describe(&b->plan, &b->plan.entries[entry], base, path, out);
}

/* The only writer of b->phase. */
static void enter(struct between *b, enum files_phase phase)
{
    files_phase_begins(&b->plan, phase);
    b->phase = phase;
    b->next = b->batch.next = 0;
    b->state.steps++;
    between_kick(b, 0.);
}

static void over(struct between *b)
{
    if (b->state.over)
        return;
    b->state.over = true;
    between_batch_end(b);
    ev_timer_stop(b->config.copies.each.loop, &b->kick);
    b->config.copies.each.done(b->config.copies.each.user);
}

/* --- looking and listing --- */

static void look(struct between *b)
{
    if (b->target_state == PLAN_WAITING) {
        b->target_state = PLAN_RUNNING;
        (void)between_begin(b, TASK_LOOK, BETWEEN_TARGET, 0);
    }
    bool all = b->target_state == PLAN_DONE;
    for (size_t i = 0; i < b->count; i++) {
        struct between_source *s = &b->sources[i];
        all = all && (s->out || s->state == PLAN_DONE);
        if (s->out || s->state != PLAN_WAITING || b->running == FILES_JOBS)
            continue;
        s->state = PLAN_RUNNING;
        (void)between_begin(b, TASK_LOOK, i, 0);
    }
    if (!all || b->running > 0 || b->phase != PHASE_LOOK)
        return;
    between_choose(b);
    bool one = b->count == 1 && b->sources[0].base.type != 'd'; /* which takes single requests */
    b->batch.off = one || !b->ends[BETWEEN_FROM].offers.batch || !b->ends[BETWEEN_TO].offers.batch;
    enter(b, PHASE_LIST);
}

static void tell_what_would_be(struct between *b)
{
    const struct files_config *c = &b->config.copies.each;
    char path[PATH_TEXT_MAX];
    for (size_t i = 0; i < b->plan.count; i++) {
        const struct between_source *s = between_source_of(b, i);
        if (path_join(path, s->leaf, plan_path(&b->plan, &b->plan.entries[i])) == HX_OK)
            c->would(c->user, path, b->plan.entries[i].type == 'd');
    }
}

static void listed_all(struct between *b)
{
    b->state.listed = true;
    b->state.files = b->plan.files;
    if (b->config.copies.each.would)
        tell_what_would_be(b);
    enter(b, b->config.copies.each.would ? PHASE_OVER : PHASE_MAKE);
}

/* A directory's own entry, if it is made, or what is no directory. False: it does not fit. */
static bool add_base(struct between *b, struct between_source *s)
{
    struct file_entry e = s->base;
    e.path = "";
    return (e.type == 'd' && s->to[0] == '\0') || between_listed(b, &e) == HX_OK;
}

/* One after the other, since the plan has the entries of each in one piece. */
static void list(struct between *b)
{
    for (; b->listing < b->count && b->running == 0 && b->phase == PHASE_LIST; b->listing++) {
        struct between_source *s = &b->sources[b->listing];
        s->first = b->plan.count;
        if (s->out)
            continue;
        if (!add_base(b, s)) {
            between_source_fails(b, s, BETWEEN_FROM, "too many entries");
            continue;
        }
        if (s->base.type != 'd')
            continue;
        b->uncounted = 0;
        listing_reader_init(b->reader, between_listed, b);
        (void)between_begin(b, TASK_LIST, b->listing, 0);
        return;
    }
    if (b->listing == b->count && b->running == 0 && b->phase == PHASE_LIST)
        listed_all(b);
}

/* From the first source on: what a part of a listing has brought is of no use. */
static void list_again(struct between *b)
{
    plan_clear(&b->plan);
    b->listing = 0;
    b->state.skipped = 0;
}

/* --- the entries --- */

/* A small file where nothing was is just sent, once. */
static enum files_task first_task(struct between *b, size_t entry)
{
    const struct files_config *c = &b->config.copies.each;
    enum files_task task = files_phases[b->phase].task;
    const struct plan_entry *e = &b->plan.entries[entry];
    bool fresh = (between_source_of(b, entry)->fresh || e->differs) && e->size < FILES_ASK_MIN;
    return task != TASK_GET || (fresh && !e->alone && !c->no_clobber && !c->update) ? task : TASK_ASK;
}

/* Nothing of this phase is left for the batches either. */
static bool is_done(struct between *b)
{
    return files_next_waiting(&b->plan, b->phase, b->batch.next) == b->plan.count && between_batch_idle(b);
}

static void entries(struct between *b)
{
    enum files_phase phase = b->phase;
    between_batch_run(b);
    while (b->running < FILES_JOBS && b->phase == phase &&
           (b->next = files_next_waiting(&b->plan, phase, b->next)) < b->plan.count) {
        size_t i = files_place(&b->plan, phase, b->next);
        if (!between_batch_takes(b, i) && !between_begin(b, first_task(b, i), i, 0))
            return;
        b->next++;
    }
    if (b->phase == phase && b->next == b->plan.count && b->running == 0 && is_done(b))
        enter(b, files_phases[phase].next);
}

static void on_kick(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct between *b = w->data;
    (void)loop;
    (void)revents;
    b->batch.resting = false;
    if (b->phase == PHASE_OVER)
        over(b);
    else if (!b->ends[BETWEEN_FROM].mux || !b->ends[BETWEEN_TO].mux)
        return;
    else if (b->phase == PHASE_LOOK)
        look(b);
    else if (b->phase == PHASE_LIST)
        list(b);
    else
        entries(b);
}

/* --- what came of it --- */

static void end_all(struct between *b)
{
    for (int i = 0; i < FILES_JOBS; i++)
        if (b->jobs[i].all)
            between_end(&b->jobs[i]);
    between_batch_end(b);
    enter(b, PHASE_OVER);
}

/* Of a source, or of the destination as a whole. */
static void whole_outcome(struct between *b, struct between_job *j, enum files_outcome outcome)
{
    bool target = j->entry == BETWEEN_TARGET;
    struct between_source *s = target ? NULL : &b->sources[j->entry];
    outcome = files_of_tries(target ? &b->target_tries : &s->tries, outcome);
    uint8_t state = outcome == OUTCOME_DONE ? PLAN_DONE : PLAN_WAITING;
    if (outcome == OUTCOME_FAILED && target) {
        b->state.failed++;
        between_report(b, BETWEEN_TO, b->target, j->reason);
        between_tell(b, FILES_FAILED, b->target, j->reason);
        end_all(b);
        return;
    }
    if (outcome == OUTCOME_FAILED)
        between_source_fails(b, s, BETWEEN_FROM, j->reason);
    if (outcome == OUTCOME_FAILED && j->task == TASK_LIST) /* a part of it is not copied */
        plan_cut(&b->plan, s->first);
    if (target)
        b->target_state = state;
    else if (j->task == TASK_LOOK)
        s->state = state;
    else if (outcome == OUTCOME_DONE || outcome == OUTCOME_FAILED)
        b->listing++;
    else
        list_again(b);
    if (outcome == OUTCOME_DONE && j->task == TASK_LIST)
        b->state.skipped += b->reader->skipped - b->uncounted;
    between_kick(b, files_waits(outcome) || outcome == OUTCOME_AGAIN ? FILES_PAUSE_S : 0.);
}

void between_tell_entry(struct between *b, size_t entry, enum files_event event, const char *reason)
{
    const struct files_config *c = &b->config.copies.each;
    const struct plan_entry *e = &b->plan.entries[entry];
    char path[PATH_TEXT_MAX];
    if (c->told && e->type != 'd' &&
        path_join(path, between_source_of(b, entry)->leaf, plan_path(&b->plan, e)) == HX_OK)
        c->told(c->user, event, path, e->size, reason);
}

static void entry_fails(struct between *b, size_t entry, enum between_side side, const char *reason)
{
    char path[PATH_TEXT_MAX];
    struct file_entry shown;
    b->plan.entries[entry].state = PLAN_FAILED;
    b->state.failed++;
    if (between_entry(b, entry, side, path, &shown) < 0)
        path[0] = '\0';
    between_report(b, side, path, reason);
    between_tell_entry(b, entry, FILES_FAILED, reason);
}

static void note_busy(struct between *b, enum files_outcome outcome, const char *reason)
{
    bool attached = b->ends[BETWEEN_FROM].mux && b->ends[BETWEEN_TO].mux;
    files_note_busy(&b->state, outcome, reason, attached);
}

void between_entry_outcome(struct between *b, size_t entry, enum between_side side,
                           enum files_outcome outcome, const char *reason)
{
    struct plan_entry *e = &b->plan.entries[entry];
    size_t order = files_place(&b->plan, b->phase, entry);
    note_busy(b, outcome, reason);
    if (outcome == OUTCOME_BUSY) /* it is not fetched again before the destination can take it */
        e->alone = true;
    e->state = PLAN_WAITING;
    if (outcome == OUTCOME_LEFT)
        files_note_left(&b->state, &b->plan, e);
    if (outcome == OUTCOME_DONE)
        files_note_done(&b->state, e);
    if (outcome == OUTCOME_LEFT || outcome == OUTCOME_DONE)
        between_tell_entry(b, entry, outcome == OUTCOME_DONE ? FILES_DONE : FILES_LEFT, NULL);
    if (outcome == OUTCOME_OVER || outcome == OUTCOME_FAILED ||
        files_is_last_try(e, outcome, b->config.copies.each.changes_ms))
        entry_fails(b, entry, side, reason);
    if (outcome == OUTCOME_OVER) {
        b->state.superseded = true;
        end_all(b);
        return;
    }
    if (e->state == PLAN_WAITING && order < b->next)
        b->next = order;
    if (e->state == PLAN_WAITING && order < b->batch.next)
        b->batch.next = order;
    between_kick(b, files_waits(outcome) ? FILES_PAUSE_S : 0.);
}

void between_outcome(struct between *b, struct between_job *j, enum files_outcome outcome)
{
    /* What the source was asked last, the fault is its own. */
    bool reads = j->task == TASK_GET && j->legs[BETWEEN_TO].answer.status == 0;
    if (!files_is_whole(j->task)) {
        between_entry_outcome(b, j->entry, reads ? BETWEEN_FROM : BETWEEN_TO, outcome, j->reason);
        return;
    }
    note_busy(b, outcome, j->reason);
    whole_outcome(b, j, outcome);
}

/* --- from outside --- */

int between_create(struct between **out, const struct between_config *config)
{
    const struct files_config *c = &config->copies.each;
    struct between *b = calloc(1, sizeof *b);
    if (!b) {
        c->report(c->user, c->remote, hx_error_text(HX_ENOMEM));
        return HX_ENOMEM;
    }
    b->config = *config;
    b->phase = PHASE_LOOK;
    ev_timer_init(&b->kick, on_kick, 0., 0.);
    b->kick.data = b;
    between_batch_init(b);
    b->reader = malloc(sizeof *b->reader);
    int err = b->reader ? between_sources(b) : HX_ENOMEM;
    if (err == HX_ENOMEM)
        c->report(c->user, c->remote, hx_error_text(err));
    if (err < 0) {
        between_destroy(b);
        return err;
    }
    between_kick(b, 0.);
    *out = b;
    return HX_OK;
}

void between_destroy(struct between *b)
{
    if (!b)
        return;
    for (int i = 0; i < FILES_JOBS; i++)
        if (b->jobs[i].all)
            between_end(&b->jobs[i]);
    between_batch_end(b);
    ev_timer_stop(b->config.copies.each.loop, &b->kick);
    plan_clear(&b->plan);
    free(b->reader);
    between_sources_free(b);
    free(b);
}

void between_attach(struct between *b, enum between_side side, struct mux *m)
{
    b->ends[side].mux = m;
    b->batch.failures = b->target_tries = 0;
    files_forget_tries(&b->plan);
    for (size_t i = 0; i < b->count; i++)
        b->sources[i].tries = 0;
    if (!b->state.over)
        between_kick(b, 0.);
}

void between_detach(struct between *b, enum between_side side)
{
    b->ends[side].mux = NULL;
}

void between_state(struct between *b, struct files_state *out)
{
    *out = b->state;
    out->total = b->plan.bytes;
    out->looked = b->phase > PHASE_LOOK;
    for (int i = 0; i < FILES_JOBS; i++) {
        const struct between_job *j = &b->jobs[i];
        if (!j->busy || j->task != TASK_GET)
            continue;
        int64_t at = j->offset + j->piped, size = b->plan.entries[j->entry].size;
        out->done += at < size ? at : size;
        out->peer_works = out->peer_works || j->legs[BETWEEN_FROM].over;
    }
}
