/* Many small things of a tree with one request, client/files/batch.h: asks for one after the other
 * (files_ask.c), as fast as the connection takes it, and hears the answers in the same order. */
#include "client/files/files_parts.h"
#include "client/files/share.h"
#include "client/files/source.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct plan_entry *first_entry(struct files *f)
{
    return &f->plan.entries[f->batch.asked[f->batch.first].entry];
}

static char first_type(const struct files_batch *b)
{
    return b->asked[b->first].type;
}

/* The first one is answered, or will not be. */
static void drop_first(struct files_batch *b)
{
    b->sums -= first_type(b) == 'h';
    b->first = (b->first + 1) % BATCH_ASKED_MAX;
    b->count--;
    b->answered = b->whole = b->compared = false;
    if (b->out.buffer)
        outgoing_close(&b->out);
}

enum parting { PART_IN_ORDER, PART_CLOSED, PART_BROKEN };

/* Lets the stream go. What was asked and not answered waits again. */
static void part_with(struct files *f, enum parting how)
{
    struct files_batch *b = &f->batch;
    struct mux_stream *s = b->stream;
    if (!s)
        return;
    b->stream = NULL;
    ev_timer_stop(f->config.loop, &b->timer);
    if (how == PART_IN_ORDER)
        mux_stream_leave(s);
    else
        files_let_go(s, how == PART_CLOSED, false);
    committer_flush(&f->committer);
    while (b->count > 0) {
        files_wait_again(f, b->asked[b->first].entry);
        drop_first(b);
    }
    batch_io_free(&b->io);
    free(b->scratch);
    b->scratch = NULL;
}

void files_batch_end(struct files *f)
{
    part_with(f, f->batch.count > 0 ? PART_BROKEN : PART_IN_ORDER);
}

/* Single requests do the rest. */
static void give_up(struct files *f)
{
    f->batch.offered = false;
    f->next = 0;
    part_with(f, PART_BROKEN);
    files_kick(f, 0.);
}

/* The way in which it ends early: the one that was to be answered next has to do with it. */
static void break_off(struct files *f, enum parting how, enum files_outcome outcome, const char *reason)
{
    struct files_batch *b = &f->batch;
    bool asked = b->count > 0;
    size_t entry = b->asked[b->first].entry;
    part_with(f, how);
    b->resting = outcome == OUTCOME_BUSY;
    if (asked)
        files_outcome(f, entry, outcome, reason);
    files_kick(f, b->resting ? FILES_PAUSE_S : 0.);
    if (outcome == OUTCOME_AGAIN && ++b->failures >= FILES_TRIES)
        give_up(f);
}

/* --- answers --- */

/* Our file's, for the sum that the first one asks for. */
static void begin_compare(struct files *f)
{
    struct files_batch *b = &f->batch;
    struct plan_entry *p = first_entry(f);
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    struct stat st;
    b->compared = true;
    if (plan_describe(&f->plan, p, f->local, path, &e) < 0)
        return;
    int fd = source_open(f->root, path, &st, f->reach);
    if (fd >= 0)
        (void)outgoing_open(&b->out, fd, &st, st.st_size, NULL); /* without it, they differ */
}

static bool is_same(struct files_batch *b)
{
    return b->answer.status == 200 && b->out.buffer && outgoing_sum(&b->out) == HX_OK &&
           memcmp(b->out.sum, b->io.in.bytes, DIGEST_BYTES) == 0;
}

/* A file that has come. HX_EAGAIN: once the disk has those before it. */
static int receive(struct files *f, size_t entry)
{
    const uint8_t *data = f->batch.io.in.bytes;
    char path[PATH_TEXT_MAX];
    struct file_entry e;
    struct group_member *m;
    int err = files_commit(f, entry, &m, &e, path);
    if (err < 0)
        return err;
    if (m->error == HX_OK)
        group_put(m, f->root, &e, data, data + e.size);
    f->state.moved += e.size;
    f->state.steps++;
    return HX_OK;
}

/* The first one is answered, with all that follows the line. As receive(). */
static int settle(struct files *f)
{
    struct files_batch *b = &f->batch;
    size_t entry = b->asked[b->first].entry;
    struct plan_entry *e = first_entry(f);
    char type = first_type(b);
    int status = b->answer.status;
    bool got = type == 'g' && status == 200;
    int err = got ? receive(f, entry) : HX_OK;
    if (err == HX_EAGAIN)
        return err;
    enum files_outcome outcome =
        err < 0 ? files_local_error(b->reason, err, errno) : files_verdict(status, type == 'p');
    bool same = type == 'h' && is_same(b);
    drop_first(b);
    b->failures = 0;
    if (type == 'd' && status == 201 && plan_path(&f->plan, e)[0] == '\0')
        f->fresh = true;
    if (files_is_alone(type, status)) {
        files_leave_alone(f, entry);
    } else if (type == 'h' && !same && outcome != OUTCOME_BUSY) {
        e->differs = true;
        files_wait_again(f, entry);
    } else if (!got || err < 0) {
        files_outcome(f, entry, outcome, b->reason);
    }
    b->resting = b->resting || outcome == OUTCOME_BUSY;
    return HX_OK;
}

/* A line. */
static int take_line(struct files *f)
{
    struct files_batch *b = &f->batch;
    if (b->count == 0 ||
        files_take_line(&b->io.in, &b->answer, first_type(b), first_entry(f)->size, b->reason) < 0)
        return HX_EPROTO;
    b->answered = true;
    b->whole = b->answer.bytes == 0;
    return HX_OK;
}

/* HX_OK: something was heard; HX_EAGAIN; PART_HASHING; HX_EEOF, or an error. */
static int hear(struct files *f)
{
    struct files_batch *b = &f->batch;
    if (b->count > 0 && first_type(b) == 'h' && !b->compared)
        begin_compare(f);
    if (b->out.buffer) { /* the peer reckons meanwhile, too */
        int err = outgoing_hash(&b->out);
        if (err == HX_EAGAIN)
            return PART_HASHING;
        if (err < 0)
            outgoing_close(&b->out);
    }
    int err = b->whole ? HX_OK : batch_io_read(&b->io, b->stream);
    if (err == HX_OK && !b->answered)
        err = take_line(f);
    else if (err == HX_OK)
        b->whole = true;
    return err == HX_OK && b->whole ? settle(f) : err;
}

/* --- the stream --- */

void files_batch_turn(struct files *f)
{
    if (f->batch.stream)
        turn_in(f->config.loop, &f->batch.timer, 0.);
}

/* No phase comes that asks the peer for anything. */
static bool is_last_phase(const struct files *f)
{
    bool directories = f->config.upload && f->plan.count > f->plan.files;
    return f->phase == (directories ? PHASE_ATTRIBUTES : PHASE_MOVE);
}

/* The end goes with the last question if it can: so it has come when the last answer has. */
static void end_after_last(struct files *f)
{
    struct files_batch *b = &f->batch;
    if (!b->stream || b->ended || b->sums > 0 || b->resting || !is_last_phase(f) || files_is_wanted(f) ||
        batch_io_write(&b->io, b->stream) != HX_OK)
        return;
    b->ended = true;
    mux_stream_end(b->stream);
}

/* Hears before it asks: what was answered need not be held. */
static void advance(struct files *f)
{
    struct files_batch *b = &f->batch;
    bool asking = true;
    int heard = HX_OK;
    for (int i = 0; i < BATCH_TURN && (asking || heard == HX_OK); i++) {
        heard = hear(f);
        if (heard < 0 && heard != HX_EAGAIN)
            break;
        asking = files_ask(f);
    }
    f->state.steps += heard == PART_HASHING;
    if (heard < 0)
        committer_flush(&f->committer); /* rather than to wait for more */
    if (heard == HX_EEOF && b->ended && b->count == 0)
        part_with(f, PART_CLOSED);
    else if (heard == HX_EEOF || heard == HX_EPROTO)
        break_off(f, PART_BROKEN, OUTCOME_AGAIN, "the peer's answer makes no sense");
    else if (heard >= 0 || asking)
        files_batch_turn(f);
    end_after_last(f);
}

static void on_ready(void *files)
{
    struct files *f = files;
    advance(f);
    if (files_batch_idle(f))
        files_kick(f, 0.);
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    on_ready(w->data);
}

static void on_closed(void *files, int error, uint32_t code)
{
    (void)error;
    (void)code;
    break_off(files, PART_CLOSED, OUTCOME_AGAIN, "the peer broke it off");
}

/* The request is answered, which says nothing about what it asks for. */
static void on_headers(void *files, const struct mux_message *m)
{
    struct files *f = files;
    char reason[FILES_REASON_MAX];
    int status = files_status(m, reason);
    if (status == 200)
        return;
    if (files_verdict(status, false) == OUTCOME_BUSY) {
        break_off(f, PART_BROKEN, OUTCOME_BUSY, SHARE_BUSY);
        return;
    }
    give_up(f); /* another program than before: it knows single requests */
}

static const struct mux_stream_events batch_events = {.headers = on_headers,
                                                      .readable = on_ready,
                                                      .writable = on_ready,
                                                      .closed = on_closed,
                                                      .reads_end = true};

static int begin(struct files *f)
{
    struct files_batch *b = &f->batch;
    bool follow = !f->config.upload && f->config.links == LINKS_FOLLOW;
    b->scratch = malloc(BATCH_BYTES_MAX);
    int err = b->scratch ? batch_io_init(&b->io) : HX_ENOMEM;
    if (err == HX_OK)
        err = files_batch_request(f->mux, &b->stream, follow, &batch_events, f);
    b->first = b->count = b->sums = 0;
    b->answered = b->whole = b->compared = b->ended = false;
    if (err < 0) {
        batch_io_free(&b->io);
        free(b->scratch);
        b->scratch = NULL;
    }
    return err;
}

void files_batch_run(struct files *f)
{
    struct files_batch *b = &f->batch;
    if (!b->offered || !f->mux || b->resting)
        return;
    if (!b->stream && !files_is_wanted(f))
        return;
    if (!b->stream && begin(f) < 0)
        files_kick(f, FILES_PAUSE_S);
    else if (f->running > 0 && files_batch_idle(f)) /* the big files may take long */
        files_batch_end(f);
    else
        advance(f);
}

bool files_batch_idle(const struct files *f)
{
    const struct files_batch *b = &f->batch;
    return !b->offered || (b->count == 0 && !files_is_wanted(f) && !(b->stream && is_last_phase(f)));
}

void files_batch_init(struct files *f)
{
    ev_timer_init(&f->batch.timer, on_turn, 0., 0.);
    f->batch.timer.data = f;
}
