#include "client/run/run.h"
#include "base/clock.h"
#include "client/mux/link_loop.h"
#include "client/mux/rest.h"
#include "client/run/child.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TERM_MAX     64
#define FINISH_S     (CHILD_END_S + 3) /* what is killed may be in the midst of a system call */
#define READS_MAX    4                 /* frames of a descriptor before the others get their turn */
#define AFTER_MAX    (256 * 1024) /* bytes of a terminal whose command has ended; the kernel holds fewer */
#define END_OF_INPUT "\x04\x04" /* at a terminal: one ends a line that has begun, the next one says the end */

struct run {
    const struct run_peer *peer;
    struct mux_stream *stream;
    struct child child;
    ev_io exited, in_io, out_io, errors_io;
    struct frame_reader frames; /* with a terminal */
    bool terminal;
    bool in_full;               /* the command does not read for now */
    bool out_open, errors_open; /* more may come from there */
    struct buf unsent;          /* frames that the stream did not take; nothing is read meanwhile */
    int status;                 /* of the command; HX_EAGAIN: it has not ended */
    size_t after;               /* bytes of its terminal since */
    bool told;                  /* FRAME_EXIT is written, or in `unsent` */
};

static _Thread_local int running; /* of this peer */

static pthread_mutex_t gone_mutex = PTHREAD_MUTEX_INITIALIZER; /* a count falls under it */
static pthread_cond_t gone = PTHREAD_COND_INITIALIZER;

static void on_gone(void *offer)
{
    pthread_mutex_lock(&gone_mutex);
    atomic_fetch_sub(&((struct run_offer *)offer)->count, 1);
    pthread_cond_broadcast(&gone);
    pthread_mutex_unlock(&gone_mutex);
}

void run_finish(struct run_offer *offer)
{
    int64_t until_ms = clock_now_ms() + FINISH_S * 1000LL;
    pthread_mutex_lock(&gone_mutex);
    while (atomic_load(&offer->count) > 0 && clock_wait(&gone, &gone_mutex, until_ms))
        continue;
    pthread_mutex_unlock(&gone_mutex);
}

/* The child ends with `r`. */
static void run_free(struct run *r)
{
    struct run_offer *offer = r->peer->offer;
    ev_io_stop(r->peer->loop, &r->exited);
    ev_io_stop(r->peer->loop, &r->in_io);
    ev_io_stop(r->peer->loop, &r->out_io);
    ev_io_stop(r->peer->loop, &r->errors_io);
    if (r->peer->ended)
        r->peer->ended(r->peer->user, r->told ? r->status : -1);
    if (r->told) {
        child_reap(&r->child);
        on_gone(offer);
    } else {
        child_hang_up(&r->child, on_gone, offer);
    }
    buf_free(&r->unsent);
    free(r);
    running--;
}

static int put_exit(struct run *r)
{
    uint8_t frame[FRAME_HEAD + 1];
    frame_head(frame, FRAME_EXIT, 1);
    frame[FRAME_HEAD] = (uint8_t)r->status;
    r->told = true;
    return rest_write(&r->unsent, r->stream, frame, sizeof frame);
}

/* After each step, `err` being what it has returned: what is to be waited for now. Frees `r` when nothing
 * is. */
static void settle(struct run *r, int err)
{
    bool over = r->status >= 0 && !r->out_open && !r->errors_open;
    if (err == HX_OK && over && !r->told && r->unsent.len == 0)
        err = put_exit(r);
    if (err < 0) {
        mux_stream_reset(r->stream, MUX_INTERNAL_ERROR);
        run_free(r);
        return;
    }
    bool reads = r->unsent.len == 0;
    if (r->told && reads) {
        mux_stream_leave(r->stream);
        run_free(r);
        return;
    }
    link_loop_watch(r->peer->loop, &r->in_io, r->in_full);
    link_loop_watch(r->peer->loop, &r->out_io, r->out_open && reads);
    link_loop_watch(r->peer->loop, &r->errors_io, r->errors_open && reads);
    if (r->terminal && r->status >= 0 && r->out_open && reads)
        ev_feed_event(r->peer->loop, &r->out_io, EV_READ); /* no end comes while others have the terminal */
}

static void close_input(struct run *r)
{
    r->in_full = false;
    if (r->terminal || r->child.in < 0)
        return;
    ev_io_stop(r->peer->loop, &r->in_io);
    close(r->child.in);
    r->child.in = -1;
}

static ssize_t write_input(struct run *r, const void *data, size_t len)
{
    if (r->child.in < 0) /* it reads nothing more: its output may still be worth having */
        return (ssize_t)len;
    ssize_t n = write(r->child.in, data, len);
    if (n >= 0)
        return n;
    if (errno == EAGAIN || errno == EINTR) {
        r->in_full = true;
        return 0;
    }
    close_input(r);
    return (ssize_t)len;
}

static ssize_t take_frame(void *user, enum frame_type type, const uint8_t *data, size_t len)
{
    struct run *r = user;
    if (type == FRAME_INPUT)
        return write_input(r, data, len);
    struct window w = frame_window_read(data);
    child_resize(&r->child, &w);
    return (ssize_t)len;
}

static void end_input(struct run *r)
{
    if (r->terminal)
        (void)!write(r->child.in, END_OF_INPUT, sizeof END_OF_INPUT - 1);
    close_input(r);
}

/* From the stream to the command, until one of them has enough. */
static int pull(struct run *r)
{
    size_t len;
    char none;
    r->in_full = false;
    while (!r->in_full) {
        const void *data = mux_stream_peek(r->stream, &len);
        if (len == 0) {
            if (mux_stream_read(r->stream, &none, sizeof none) == HX_EEOF)
                end_input(r);
            return HX_OK;
        }
        ssize_t n = r->terminal ? frame_feed(&r->frames, data, len) : write_input(r, data, len);
        if (n < 0)
            return (int)n;
        mux_stream_skip(r->stream, (size_t)n);
    }
    return HX_OK;
}

static bool ended_for_us(struct run *r, ssize_t got)
{
    if (got > 0)
        return r->after > AFTER_MAX;
    bool later = got < 0 && (errno == EAGAIN || errno == EINTR);
    return !later || (r->terminal && r->status >= 0);
}

static int read_output(struct run *r, int fd, enum frame_type type, bool *open)
{
    uint8_t frame[FRAME_HEAD + FRAME_MAX];
    for (int i = 0; i < READS_MAX && r->unsent.len == 0 && *open; i++) {
        ssize_t got = read(fd, frame + FRAME_HEAD, FRAME_MAX);
        if (got > 0 && r->terminal && r->status >= 0)
            r->after += (size_t)got;
        *open = !ended_for_us(r, got);
        if (got <= 0)
            return HX_OK;
        frame_head(frame, type, (size_t)got);
        int err = rest_write(&r->unsent, r->stream, frame, FRAME_HEAD + (size_t)got);
        if (err < 0)
            return err;
    }
    return HX_OK;
}

static void on_out(struct ev_loop *loop, ev_io *w, int revents)
{
    struct run *r = w->data;
    (void)loop;
    (void)revents;
    settle(r, read_output(r, r->child.out, FRAME_OUTPUT, &r->out_open));
}

static void on_errors(struct ev_loop *loop, ev_io *w, int revents)
{
    struct run *r = w->data;
    (void)loop;
    (void)revents;
    settle(r, read_output(r, r->child.errors, FRAME_ERRORS, &r->errors_open));
}

static void on_in(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    settle(w->data, pull(w->data));
}

static void on_exited(struct ev_loop *loop, ev_io *w, int revents)
{
    struct run *r = w->data;
    (void)revents;
    r->status = child_status(&r->child);
    if (r->status >= 0)
        ev_io_stop(loop, w);
    settle(r, HX_OK);
}

static void on_readable(void *user)
{
    settle(user, pull(user));
}

static void on_writable(void *user)
{
    struct run *r = user;
    int err = rest_flush(&r->unsent, r->stream);
    if (err != HX_EAGAIN)
        settle(r, err);
}

/* It cannot end in order before we have said how the command has ended. */
static void on_closed(void *user, int error, uint32_t code)
{
    (void)error;
    (void)code;
    run_free(user);
}

static void begin(struct run *r, const struct run_peer *peer, struct mux_stream *s)
{
    static const struct mux_stream_events events = {
        .readable = on_readable, .writable = on_writable, .closed = on_closed, .reads_end = true};
    r->peer = peer;
    r->stream = s;
    r->status = HX_EAGAIN;
    r->out_open = true;
    r->errors_open = !r->terminal;
    r->frames =
        (struct frame_reader){.take = take_frame, .user = r, .types = 1U << FRAME_INPUT | 1U << FRAME_WINDOW};
    buf_init(&r->unsent, 0);
    ev_io_init(&r->exited, on_exited, r->child.pid_fd, EV_READ);
    ev_io_init(&r->in_io, on_in, r->child.in, EV_WRITE);
    ev_io_init(&r->out_io, on_out, r->child.out, EV_READ);
    ev_io_init(&r->errors_io, on_errors, r->child.errors, EV_READ);
    r->exited.data = r->in_io.data = r->out_io.data = r->errors_io.data = r;
    mux_stream_own(s, &events, r);
    ev_io_start(peer->loop, &r->exited);
    settle(r, HX_OK);
}

static void refuse(const struct run_peer *peer, struct mux_stream *s, const char *status, const char *reason)
{
    if (peer->failed)
        peer->failed(peer->user, reason);
    mux_refuse(s, status);
}

/* A word of the peer's that becomes part of an environment: as terminals are named (terminfo(5)). */
static bool is_term(const char *term)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._";
    size_t len = strspn(term, allowed);
    return len > 0 && len <= TERM_MAX && term[len] == '\0';
}

static bool answer(struct run *r, const struct run_peer *peer, struct mux_stream *s)
{
    const struct mux_field fields[] = {{":status", "200"}, {RUN_FIELD, "1"}};
    const struct mux_message response = {.fields = fields, .count = 2};
    if (mux_respond(s, &response) < 0) {
        child_hang_up(&r->child, on_gone, peer->offer);
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
        return false;
    }
    running++;
    begin(r, peer, s);
    return true;
}

static bool take_place(struct run_offer *offer)
{
    if (running >= RUN_PEER_MAX)
        return false;
    if (atomic_fetch_add(&offer->count, 1) < RUN_MAX)
        return true;
    on_gone(offer);
    return false;
}

bool run_request(const struct run_peer *peer, struct mux_stream *s, const struct mux_message *request)
{
    const char *tty = mux_field(request, RUN_TTY);
    const char *term = mux_field(request, RUN_TERM);
    struct child_config child = {.command = peer->offer->command, .label = peer->label, .terminal = tty};
    if (tty && (window_parse(&child.window, tty) < 0 || (term && !is_term(term)))) {
        refuse(peer, s, "400", "it asks for no terminal that there is");
        return false;
    }
    child.term = tty ? term : NULL;
    if (tty && !peer->offer->terminal) {
        refuse(peer, s, "403", "it asks for a terminal, which --pty gives");
        return false;
    }
    if (!take_place(peer->offer)) {
        refuse(peer, s, "429", "too many commands run");
        return false;
    }
    struct run *r = calloc(1, sizeof *r);
    if (!r || child_start(&r->child, &child) < 0) {
        refuse(peer, s, "500", strerror(errno));
        on_gone(peer->offer);
        free(r);
        return false;
    }
    r->terminal = tty;
    if (answer(r, peer, s))
        return true;
    free(r);
    return false;
}
