/* The requests for one entry, to one peer or to both: begins them, and makes an outcome of the answers. */
#include "client/files/between_parts.h"
#include "client/files/share.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum files_outcome because(struct between_job *j, enum files_outcome outcome, const char *reason)
{
    return files_because(j->reason, outcome, reason);
}

void between_release(struct between_leg *leg)
{
    struct mux_stream *s = leg->stream;
    leg->stream = NULL;
    if (s)
        files_let_go(s, leg->clean, leg->changed);
}

void between_end(struct between_job *j)
{
    if (!j->busy)
        return;
    j->busy = false;
    j->all->running--;
    ev_timer_stop(j->all->config.copies.each.loop, &j->turn);
    between_release(&j->legs[BETWEEN_FROM]);
    between_release(&j->legs[BETWEEN_TO]);
}

static bool begin(struct between_job *j, enum files_task task, int64_t offset);

void between_conclude(struct between_job *j, enum files_outcome outcome)
{
    struct between *b = j->all;
    if (outcome == OUTCOME_NONE)
        return;
    between_end(j);
    if (outcome == OUTCOME_FOLLOW)
        (void)begin(j, j->follow.task, j->follow.offset);
    else
        between_outcome(b, j, outcome);
    between_kick(b, 0.); /* another connection may have got something to send in this one's turn */
}

static enum between_side side_of(const struct between_leg *leg)
{
    return leg == &leg->job->legs[BETWEEN_TO] ? BETWEEN_TO : BETWEEN_FROM;
}

static int request(struct between_leg *leg, enum files_task task, bool holes,
                   const struct mux_stream_events *events)
{
    struct between_job *j = leg->job;
    struct between *b = j->all;
    enum between_side side = side_of(leg);
    char path[PATH_TEXT_MAX];
    struct file_entry e = {.path = ""};
    const struct files_ask ask = {.task = task,
                                  .e = &e,
                                  .offset = j->offset,
                                  .holes = holes,
                                  .links = side == BETWEEN_FROM ? b->config.copies.each.links : LINKS_LEAVE,
                                  .kind = &j->kind,
                                  .copy = &b->config.copies.each.copy};
    int err = HX_OK;
    if (!files_is_whole(j->task))
        err = between_entry(b, j->entry, side, path, &e);
    else
        e.path = j->entry == BETWEEN_TARGET ? b->target : b->sources[j->entry].from;
    leg->clean = leg->over = false;
    leg->sum_len = 0;
    if (err == HX_OK)
        err = b->ends[side].mux ? files_ask_peer(b->ends[side].mux, &leg->stream, &ask, events, leg)
                                : HX_ECLOSED;
    if (err < 0)
        leg->stream = NULL;
    return err;
}

/* --- what is answered --- */

static enum files_outcome verdict(struct between_leg *leg, bool put)
{
    return files_ended(&leg->answer, put, leg->job->reason);
}

static enum files_outcome asked(struct between_leg *leg, const struct mux_message *m)
{
    struct between_job *j = leg->job;
    const struct files_answer *a = &leg->answer;
    const struct plan_entry *e = &j->all->plan.entries[j->entry];
    if (a->valid && a->status == 200 && files_is_left(&j->all->config.copies.each, e, &a->there))
        return OUTCOME_LEFT;
    enum files_outcome outcome = files_asked(a, m, e, &j->follow, j->reason);
    if (outcome == OUTCOME_FOLLOW && j->follow.task == TASK_PUT) /* which begins once the source comes */
        j->follow.task = TASK_GET;
    return outcome;
}

/* To be known: it begins anew with what is there now. */
static enum files_outcome changed(struct between_job *j)
{
    struct plan_entry *p = &j->all->plan.entries[j->entry];
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    if (!p->told && between_entry(j->all, j->entry, BETWEEN_FROM, path, &e) == HX_OK)
        between_report(j->all, BETWEEN_FROM, path, FILES_HAS_CHANGED);
    p->told = true;
    j->legs[BETWEEN_TO].changed = j->task == TASK_GET;
    return because(j, OUTCOME_CHANGES, FILES_CHANGES);
}

static const struct mux_stream_events leg_events;

/* What one connection brings leaves over another one, whose turn to send may be over: so it is a turn of the
 * loop of its own. */
static void take_turn(struct between_job *j)
{
    turn_in(j->all->config.copies.each.loop, &j->turn, 0.);
}

/* The source begins to come: so the request to the other side can be made, whose file it is. */
static enum files_outcome get_begins(struct between_leg *leg, const struct mux_message *m)
{
    struct between_job *j = leg->job;
    struct plan_entry *p = &j->all->plan.entries[j->entry];
    if (leg->answer.status == 416 && j->offset > 0)
        return changed(j);
    if (!files_found(&leg->answer))
        return verdict(leg, false);
    if (leg->answer.there.type != 'f')
        return because(j, OUTCOME_FAILED, "is no file any more");
    if (leg->answer.there.size != p->size || leg->answer.there.mtime_ns != p->mtime_ns) {
        plan_change(&j->all->plan, p, leg->answer.there.size, leg->answer.there.mtime_ns);
        if (j->offset > 0)
            return changed(j);
    }
    if (leg->answer.status == 200) /* all of it comes, whatever we asked for */
        j->offset = 0;
    p->mode = (uint16_t)leg->answer.there.mode;
    int err = request(&j->legs[BETWEEN_TO], TASK_PUT, share_has_holes(m), &leg_events);
    if (err < 0)
        return because(j, OUTCOME_BUSY, SHARE_BUSY);
    take_turn(j);
    return OUTCOME_NONE;
}

static enum files_outcome put_ends(struct between_leg *leg, const struct mux_message *m)
{
    struct between_job *j = leg->job;
    enum files_outcome outcome = verdict(leg, true);
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    if (leg->answer.status == 201 && m->ended && j->legs[BETWEEN_FROM].over)
        leg->clean = true;
    if (leg->answer.status == 422 && j->offset > 0 &&
        between_entry(j->all, j->entry, BETWEEN_TO, path, &e) == HX_OK)
        between_report(j->all, BETWEEN_TO, path, FILES_HELD_OTHER);
    return outcome;
}

static enum files_outcome answered(struct between_leg *leg, const struct mux_message *m)
{
    struct between_job *j = leg->job;
    switch (j->task) {
    case TASK_LOOK:
        return files_found(&leg->answer) || (leg->answer.status == 404 && side_of(leg) == BETWEEN_TO)
                   ? OUTCOME_DONE
                   : verdict(leg, false);
    case TASK_LIST:
        return files_list_begins(&leg->answer, j->reason);
    case TASK_ASK:
        return asked(leg, m);
    case TASK_COMPARE:
        if (files_verdict(leg->answer.status, false) == OUTCOME_FAILED) { /* it is another file now */
            j->follow = (struct files_follow){TASK_GET, 0};
            return OUTCOME_FOLLOW;
        }
        return files_found(&leg->answer) ? OUTCOME_NONE : verdict(leg, false);
    case TASK_GET:
        return side_of(leg) == BETWEEN_FROM ? get_begins(leg, m) : put_ends(leg, m);
    default:
        return verdict(leg, false);
    }
}

/* Only a source is told of as a link. False: without memory. */
static bool keep_target(struct between_leg *leg)
{
    struct between_job *j = leg->job;
    struct between_source *s = &j->all->sources[j->entry];
    free(s->target);
    s->target = strdup(leg->answer.there.target);
    leg->answer.there.target = s->target;
    return s->target;
}

static void on_headers(void *user, const struct mux_message *m)
{
    struct between_leg *leg = user;
    struct between_job *j = leg->job;
    struct between *b = j->all;
    struct files_answer *a = &leg->answer;
    char target[PATH_TEXT_MAX];
    files_take_answer(a, m, j->task == TASK_LOOK && j->entry != BETWEEN_TARGET ? target : NULL, j->reason);
    if (a->valid && a->there.type == 'l')
        a->valid = keep_target(leg);
    leg->clean = m->ended && !(j->task == TASK_GET && side_of(leg) == BETWEEN_TO);
    if (j->task == TASK_LOOK)
        files_take_offers(&b->ends[side_of(leg)].offers, m);
    enum files_outcome outcome = answered(leg, m);
    if (outcome == OUTCOME_DONE && j->task == TASK_LOOK)
        between_looked(b, j, leg->answer.status, &leg->answer.there);
    between_conclude(j, outcome);
}

/* --- what follows an answer --- */

static enum files_outcome read_listing(struct between_leg *leg)
{
    struct between_job *j = leg->job;
    enum files_outcome outcome = files_read_listing(leg->stream, j->all->reader, j->reason);
    j->all->state.steps++;
    leg->clean = outcome == OUTCOME_DONE;
    return outcome;
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct between_job *j = (struct between_job *)w;
    (void)loop;
    (void)revents;
    enum files_outcome outcome = j->task == TASK_COMPARE ? between_compare(j) : between_pipe(j);
    if (outcome == OUTCOME_HASHING)
        take_turn(j);
    else
        between_conclude(j, outcome);
}

static void on_ready(void *user)
{
    struct between_leg *leg = user;
    struct between_job *j = leg->job;
    bool content = leg->answer.status == 200 || leg->answer.status == 206;
    if (j->task == TASK_LIST && content)
        between_conclude(j, read_listing(leg));
    else if (j->task == TASK_GET || j->task == TASK_COMPARE)
        take_turn(j);
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct between_leg *leg = user;
    struct between_job *j = leg->job;
    (void)error;
    leg->stream = NULL;
    bool other = code == SHARE_CHANGED && (j->task == TASK_GET || j->task == TASK_COMPARE);
    between_conclude(j, other ? changed(j) : because(j, OUTCOME_AGAIN, "the peer broke it off"));
}

static const struct mux_stream_events leg_events = {.headers = on_headers,
                                                    .readable = on_ready,
                                                    .writable = on_ready,
                                                    .closed = on_closed,
                                                    .reads_end = true};

static int begin_legs(struct between_job *j, bool sums)
{
    struct between *b = j->all;
    struct between_leg *from = &j->legs[BETWEEN_FROM], *to = &j->legs[BETWEEN_TO];
    if (sums && b->ends[BETWEEN_FROM].offers.keyed_sums && b->ends[BETWEEN_TO].offers.keyed_sums)
        file_sum_make(&j->kind);
    if (j->task == TASK_COMPARE) {
        int err = request(from, TASK_COMPARE, false, &leg_events);
        return err < 0 ? err : request(to, TASK_COMPARE, false, &leg_events);
    }
    bool reads =
        j->task == TASK_LIST || j->task == TASK_GET || (j->task == TASK_LOOK && j->entry != BETWEEN_TARGET);
    bool holes = j->task == TASK_GET && b->ends[BETWEEN_TO].offers.holes;
    return request(reads ? from : to, j->task, holes, &leg_events);
}

/* An entry is on its way, if both paths can be said. */
static int note(struct between_job *j)
{
    struct between *b = j->all;
    struct plan_entry *p = &b->plan.entries[j->entry];
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    p->state = PLAN_RUNNING;
    int err = between_entry(b, j->entry, BETWEEN_TO, path, &e);
    if (p->type == 'f' && err == HX_OK)
        memcpy(b->state.name, path, sizeof b->state.name);
    return err;
}

static bool begin(struct between_job *j, enum files_task task, int64_t offset)
{
    struct between *b = j->all;
    j->task = task;
    j->offset = offset;
    j->piped = 0;
    j->kind = (struct file_sum_kind){.keyed = false};
    j->busy = true;
    for (int i = 0; i < BETWEEN_SIDES; i++) {
        j->legs[i].answer.status = 0;
        j->legs[i].changed = false;
    }
    b->running++;
    ev_timer_init(&j->turn, on_turn, 0., 0.);
    int err = files_is_whole(task) ? HX_OK : note(j);
    if (err == HX_OK)
        err = begin_legs(j, task == TASK_GET || task == TASK_COMPARE);
    if (err == HX_OK && task == TASK_GET)
        between_tell_entry(b, j->entry, FILES_BEGUN, NULL);
    if (err == HX_OK)
        return true;
    if (err == HX_ELIMIT || err == HX_ECLOSED)
        between_conclude(j, because(j, OUTCOME_BUSY, SHARE_BUSY));
    else
        between_conclude(
            j, because(j, OUTCOME_FAILED, err == HX_ETOOBIG ? "the path is too long" : hx_error_text(err)));
    return err != HX_ELIMIT && err != HX_ECLOSED;
}

bool between_begin(struct between *b, enum files_task task, size_t entry, int64_t offset)
{
    struct between_job *j = b->jobs;
    while (j->busy)
        j++;
    j->all = b;
    j->entry = entry;
    for (int i = 0; i < BETWEEN_SIDES; i++)
        j->legs[i] = (struct between_leg){.job = j};
    return begin(j, task, offset);
}
