/* What is small in a tree, from one peer to another one by a batch of each (client/files/batch.h):
 * directories are made and given their attributes there; of a file that may be there both sides are asked
 * for the sum; one that is not the same is got here and put there. Each side answers in the order in which
 * it was asked. */
#include "client/files/between_parts.h"
#include <stdlib.h>
#include <string.h>

static struct between_item *first(struct between_asked *a)
{
    return &a->items[a->first];
}

static void drop_first(struct between_asked *a)
{
    a->first = (a->first + 1) % BATCH_ASKED_MAX;
    a->count--;
    a->answered = false;
}

/* 0: it takes a request of its own, or none. */
static char question(struct between *b, size_t entry)
{
    const struct files_config *c = &b->config.copies.each;
    const struct plan_entry *e = &b->plan.entries[entry];
    bool fresh = between_source_of(b, entry)->fresh;
    if (b->batch.off || e->alone || e->type == 'l')
        return 0;
    if (e->type == 'd')
        return b->phase == PHASE_MAKE ? 'd' : 'a';
    if (fresh || e->differs)
        return e->size <= BATCH_FILE_MAX ? 'g' : 0;
    return c->no_clobber || c->update || e->size > BATCH_SUM_MAX ? 0 : 'h';
}

static void wait_again(struct between *b, size_t entry)
{
    size_t order = files_place(&b->plan, b->phase, entry);
    b->plan.entries[entry].state = PLAN_WAITING;
    size_t *next = question(b, entry) ? &b->batch.next : &b->next;
    if (order < *next)
        *next = order;
    between_kick(b, 0.);
}

static void wait_for_sums(struct between *b, size_t entry)
{
    struct between_batch *batch = &b->batch;
    size_t order = files_place(&b->plan, b->phase, entry);
    b->plan.entries[entry].state = PLAN_WAITING;
    if (!batch->again || order < batch->later)
        batch->later = order;
    batch->again = true;
}

static void end_of_sums(struct between *b)
{
    struct between_batch *batch = &b->batch;
    if (batch->again && batch->later < batch->next)
        batch->next = batch->later;
    batch->again = false;
}

/* Both go: what was asked and not answered waits again. */
static void part_with(struct between *b, bool in_order)
{
    for (int i = 0; i < BETWEEN_SIDES; i++) {
        struct between_asked *a = &b->batch.asked[i];
        struct mux_stream *s = a->stream;
        a->stream = NULL;
        for (; a->count > 0; drop_first(a))
            wait_again(b, first(a)->entry);
        if (a->open)
            batch_io_free(&a->io);
        a->open = false;
        if (s && in_order)
            mux_stream_leave(s);
        else if (s)
            mux_stream_reset(s, MUX_CANCEL);
    }
    end_of_sums(b);
    ev_timer_stop(b->config.copies.each.loop, &b->batch.turn);
}

void between_batch_end(struct between *b)
{
    bool idle = b->batch.asked[BETWEEN_FROM].count == 0 && b->batch.asked[BETWEEN_TO].count == 0;
    part_with(b, idle);
}

/* A few times; then single requests do the rest. */
static void break_off(struct between *b, bool for_good)
{
    part_with(b, false);
    b->batch.off = for_good || ++b->batch.failures >= FILES_TRIES;
    b->batch.resting = !b->batch.off;
    if (b->batch.off)
        b->next = 0; /* what was left to it, too */
    between_kick(b, b->batch.off ? 0. : FILES_PAUSE_S);
}

/* --- questions --- */

bool between_batch_takes(struct between *b, size_t entry)
{
    return question(b, entry) != 0;
}

/* HX_ETOOBIG, HX_ENOMEM: nothing was asked. */
static int ask(struct between *b, enum between_side side, char type, size_t entry, size_t pair)
{
    struct between_asked *a = &b->batch.asked[side];
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    int err = between_entry(b, entry, side, path, &e);
    if (err == HX_OK)
        err = files_question(&a->io.out, type, &e);
    if (err < 0)
        return err;
    a->items[(a->first + a->count++) % BATCH_ASKED_MAX] = (struct between_item){entry, type, pair};
    return HX_OK;
}

static void ask_about(struct between *b, size_t entry, char type)
{
    struct between_batch *batch = &b->batch;
    size_t pair = batch->pairs_made % BATCH_ASKED_MAX;
    enum between_side side = type == 'd' || type == 'a' ? BETWEEN_TO : BETWEEN_FROM;
    int err = ask(b, side, type, entry, pair);
    b->plan.entries[entry].state = PLAN_RUNNING;
    if (err == HX_OK && type == 'g')
        between_tell_entry(b, entry, FILES_BEGUN, NULL);
    if (err == HX_OK && type == 'h') {
        bool asked = ask(b, BETWEEN_TO, type, entry, pair) == HX_OK; /* else as if it were not there */
        batch->pairs[pair] = (struct between_pair){.heard = !asked, .differs = !asked};
        batch->pairs_made++;
    }
    if (err < 0)
        between_entry_outcome(b, entry, BETWEEN_FROM, OUTCOME_FAILED,
                              err == HX_ETOOBIG ? "the path is too long" : hx_error_text(err));
}

/* The next one, if there is room for it and its answer. */
static bool ask_next(struct between *b)
{
    struct between_batch *batch = &b->batch;
    const struct between_asked *from = &batch->asked[BETWEEN_FROM], *to = &batch->asked[BETWEEN_TO];
    if (from->io.out.len > 0 || to->io.out.len > 0 || from->count + to->count > BATCH_ASKED_MAX - 2)
        return false;
    while ((batch->next = files_next_waiting(&b->plan, b->phase, batch->next)) < b->plan.count) {
        size_t i = files_place(&b->plan, b->phase, batch->next++);
        char type = question(b, i);
        if (!type)
            continue;
        ask_about(b, i, type);
        return true;
    }
    if (!batch->again || from->count + to->count > 0)
        return false;
    end_of_sums(b);
    return true;
}

/* --- answers --- */

/* What came of the source goes on, as it came. */
static void pass_on(struct between *b, size_t entry)
{
    const struct plan_entry *p = &b->plan.entries[entry];
    struct between_asked *to = &b->batch.asked[BETWEEN_TO];
    const uint8_t *bytes = b->batch.asked[BETWEEN_FROM].io.in.bytes;
    int err = ask(b, BETWEEN_TO, 'p', entry, 0);
    if (err == HX_OK)
        err = buf_append(&to->io.out, bytes, (size_t)p->size + DIGEST_BYTES);
    if (err == HX_ENOMEM) /* a line without its bytes cannot be taken back */
        b->batch.broken = true;
    else if (err < 0)
        between_entry_outcome(b, entry, BETWEEN_TO, OUTCOME_FAILED, "the path is too long");
    else
        b->state.moved += p->size;
}

/* One side's sum, NULL: it has none. */
static void take_sum(struct between *b, const struct between_item *item, const uint8_t *sum)
{
    struct between_pair *pair = &b->batch.pairs[item->pair];
    pair->differs = pair->differs || !sum || (pair->heard > 0 && memcmp(pair->sum, sum, DIGEST_BYTES) != 0);
    if (sum)
        memcpy(pair->sum, sum, DIGEST_BYTES);
    if (++pair->heard < BETWEEN_SIDES)
        return;
    b->plan.entries[item->entry].differs = pair->differs;
    if (pair->differs && question(b, item->entry))
        wait_for_sums(b, item->entry);
    else if (pair->differs)
        wait_again(b, item->entry);
    else
        between_entry_outcome(b, item->entry, BETWEEN_TO, OUTCOME_DONE, "");
}

/* The first one is answered, with all that follows the line. */
static void settle(struct between *b, enum between_side side)
{
    struct between_asked *a = &b->batch.asked[side];
    const struct between_item item = *first(a);
    int status = a->answer.status;
    drop_first(a);
    b->batch.failures = 0;
    b->state.steps++;
    if (item.type == 'h') {
        take_sum(b, &item, status == 200 ? a->io.in.bytes : NULL);
    } else if (files_is_alone(item.type, status)) {
        b->plan.entries[item.entry].alone = true;
        wait_again(b, item.entry);
    } else if (item.type == 'g' && status == 200) {
        pass_on(b, item.entry);
    } else {
        enum files_outcome outcome = files_verdict(status, item.type == 'p');
        b->batch.resting = b->batch.resting || files_waits(outcome);
        between_entry_outcome(b, item.entry, side, outcome, a->reason);
    }
}

static int take_line(struct between *b, struct between_asked *a)
{
    if (a->count == 0 || files_take_line(&a->io.in, &a->answer, first(a)->type,
                                         b->plan.entries[first(a)->entry].size, a->reason) < 0)
        return HX_EPROTO;
    a->answered = a->answer.bytes > 0;
    return HX_OK;
}

/* HX_OK: something was heard; HX_EAGAIN, or an error. */
static int hear(struct between *b, enum between_side side)
{
    struct between_asked *a = &b->batch.asked[side];
    bool bytes = a->answered; /* else a line comes */
    int err = batch_io_read(&a->io, a->stream);
    if (err == HX_OK && !bytes)
        err = take_line(b, a);
    if (err == HX_OK && (bytes || !a->answered))
        settle(b, side);
    return err == HX_EEOF ? HX_EPROTO : err;
}

/* --- the streams --- */

static void take_turn(struct between *b)
{
    turn_in(b->config.copies.each.loop, &b->batch.turn, 0.);
}

/* Answers of the source wait for those before them to have left for the destination: so one is held at
 * most. */
static void advance(struct between *b)
{
    struct between_asked *from = &b->batch.asked[BETWEEN_FROM], *to = &b->batch.asked[BETWEEN_TO];
    bool goes_on = true;
    for (int i = 0; i < BATCH_TURN && goes_on; i++) {
        int err = batch_io_write(&from->io, from->stream);
        int there = batch_io_write(&to->io, to->stream);
        int heard = hear(b, BETWEEN_TO);
        int come = to->stream && to->io.out.len == 0 ? hear(b, BETWEEN_FROM) : HX_EAGAIN;
        if (!from->stream) /* all is over, by what an answer has led to */
            return;
        if (heard == HX_EPROTO || come == HX_EPROTO || b->batch.broken) {
            b->batch.broken = false;
            break_off(b, false);
            return;
        }
        if (err == HX_ECLOSED || there == HX_ECLOSED || heard == HX_ECLOSED || come == HX_ECLOSED)
            return; /* closed() is about to be told */
        goes_on = ask_next(b) || heard == HX_OK || come == HX_OK;
    }
    if (goes_on)
        take_turn(b);
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct between *b = w->data;
    (void)loop;
    (void)revents;
    if (!b->batch.asked[BETWEEN_FROM].stream)
        return;
    advance(b);
    if (between_batch_idle(b))
        between_kick(b, 0.);
}

static void on_ready(void *user)
{
    take_turn(((struct between_asked *)user)->all);
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct between_asked *a = user;
    (void)error;
    (void)code;
    a->stream = NULL;
    break_off(a->all, false);
}

/* The request is answered, which says nothing about what it asks for. */
static void on_headers(void *user, const struct mux_message *m)
{
    struct between_asked *a = user;
    char reason[FILES_REASON_MAX];
    int status = files_status(m, reason);
    if (status != 200)
        break_off(a->all, files_verdict(status, false) != OUTCOME_BUSY);
}

static int begin(struct between *b, enum between_side side)
{
    static const struct mux_stream_events events = {.headers = on_headers,
                                                    .readable = on_ready,
                                                    .writable = on_ready,
                                                    .closed = on_closed,
                                                    .reads_end = true};
    struct between_asked *a = &b->batch.asked[side];
    bool follow = side == BETWEEN_FROM && b->config.copies.each.links == LINKS_FOLLOW;
    a->all = b;
    a->first = a->count = 0;
    a->answered = false;
    int err = batch_io_init(&a->io);
    if (err < 0)
        return err;
    a->open = true;
    return files_batch_request(b->ends[side].mux, &a->stream, follow, &events, a);
}

bool between_batch_idle(const struct between *b)
{
    const struct between_batch *batch = &b->batch;
    return batch->asked[BETWEEN_FROM].count == 0 && batch->asked[BETWEEN_TO].count == 0 && !batch->again;
}

/* Entries of this phase wait for it. */
static bool is_wanted(struct between *b)
{
    const struct plan *p = &b->plan;
    size_t n = files_next_waiting(p, b->phase, b->batch.next);
    while (n < p->count && !question(b, files_place(p, b->phase, n)))
        n = files_next_waiting(p, b->phase, n + 1);
    return n < p->count;
}

void between_batch_run(struct between *b)
{
    struct between_batch *batch = &b->batch;
    if (batch->off || batch->resting)
        return;
    bool open = batch->asked[BETWEEN_FROM].stream;
    bool idle = between_batch_idle(b) && !is_wanted(b);
    if (!open && idle)
        return;
    if (open && idle && b->running > 0) /* the big files may take longer than a peer lets it rest */
        between_batch_end(b);
    else if (!open && (begin(b, BETWEEN_FROM) < 0 || begin(b, BETWEEN_TO) < 0))
        break_off(b, false);
    else
        take_turn(b);
}

void between_batch_init(struct between *b)
{
    ev_timer_init(&b->batch.turn, on_turn, 0., 0.);
    b->batch.turn.data = b;
}
