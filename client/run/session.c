#include "client/run/session.h"
#include "client/mux/rest.h"
#include "client/run/escape.h"
#include "client/run/terminal.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define INPUT_MAX 16384 /* bytes of standard input at once */

struct session {
    struct ev_loop *loop;
    struct mux_stream *stream;
    struct session_config config;
    ev_io in, out, errors; /* the latter two while they are full */
    ev_signal resized;
    bool in_ended;
    struct buf unsent; /* what the stream did not take; no input is read meanwhile */
    struct escape escape;
    struct frame_reader frames;
    int status; /* of the command; HX_EAGAIN: not told yet */
    int system; /* errno of HX_ESYS */
};

static void session_free(struct session *s)
{
    ev_io_stop(s->loop, &s->in);
    ev_io_stop(s->loop, &s->out);
    ev_io_stop(s->loop, &s->errors);
    ev_signal_stop(s->loop, &s->resized);
    terminal_restore();
    buf_free(&s->unsent);
    free(s);
}

static void end(struct session *s, int error)
{
    struct session_config config = s->config;
    int status = s->status;
    int system = error == HX_ESYS ? s->system : 0;
    if (s->stream && error == HX_OK)
        mux_stream_leave(s->stream);
    else if (s->stream)
        mux_stream_reset(s->stream, MUX_CANCEL);
    session_free(s);
    config.done(config.user, error, system, status);
}

/* Bytes written, 0 when the descriptor takes none for now. It is asked first: O_NONBLOCK would be every other
 * program's that has it, too. */
static ssize_t put_out(struct session *s, ev_io *w, const void *data, size_t len)
{
    struct pollfd out = {.fd = w->fd, .events = POLLOUT};
    if (poll(&out, 1, 0) > 0) {
        /* what polls writable takes PIPE_BUF bytes without blocking (pipe(7)) */
        ssize_t put = write(w->fd, data, len < PIPE_BUF ? len : PIPE_BUF);
        if (put >= 0)
            return put;
        if (errno != EAGAIN && errno != EINTR) {
            s->system = errno;
            return HX_ESYS;
        }
    }
    ev_io_start(s->loop, w);
    return 0;
}

static ssize_t take_frame(void *user, enum frame_type type, const uint8_t *data, size_t len)
{
    struct session *s = user;
    if (type == FRAME_EXIT) {
        s->status = data[0];
        return (ssize_t)len;
    }
    return put_out(s, type == FRAME_OUTPUT ? &s->out : &s->errors, data, len);
}

/* What the command says, until our standard output or error has enough. */
static void pull(struct session *s)
{
    size_t len;
    char none;
    while (s->status < 0 && !ev_is_active(&s->out) && !ev_is_active(&s->errors)) {
        const void *data = mux_stream_peek(s->stream, &len);
        ssize_t n = len > 0 ? frame_feed(&s->frames, data, len)
                            : mux_stream_read(s->stream, &none, sizeof none); /* which has nothing */
        if (n == HX_EAGAIN)
            return;
        if (n < 0) {
            end(s, n == HX_EEOF ? HX_ECLOSED : (int)n);
            return;
        }
        mux_stream_skip(s->stream, (size_t)n);
    }
    if (s->status >= 0)
        end(s, HX_OK);
}

static int give_typed(struct session *s, const char *data, size_t len)
{
    char frame[FRAME_HEAD + INPUT_MAX + 1];
    bool leave;
    size_t kept = escape_filter(&s->escape, frame + FRAME_HEAD, data, len, &leave);
    if (leave)
        return HX_ECANCELED;
    if (kept == 0)
        return HX_OK;
    frame_head((uint8_t *)frame, FRAME_INPUT, kept);
    return rest_write(&s->unsent, s->stream, frame, FRAME_HEAD + kept);
}

static int give_window(struct session *s)
{
    uint8_t frame[FRAME_HEAD + FRAME_CONTROL_MAX];
    struct window w = terminal_window(STDIN_FILENO);
    frame_head(frame, FRAME_WINDOW, FRAME_CONTROL_MAX);
    frame_window(frame + FRAME_HEAD, &w);
    return rest_write(&s->unsent, s->stream, frame, sizeof frame);
}

static int read_input(struct session *s)
{
    char data[INPUT_MAX];
    ssize_t got = read(STDIN_FILENO, data, sizeof data);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return HX_OK;
    if (got < 0 && errno != EBADF &&
        errno != EIO) { /* none, or a terminal that has hung up: nothing to say */
        s->system = errno;
        return HX_ESYS;
    }
    if (got <= 0) {
        s->in_ended = true;
        mux_stream_end(s->stream);
        return HX_OK;
    }
    return s->config.terminal ? give_typed(s, data, (size_t)got)
                              : rest_write(&s->unsent, s->stream, data, (size_t)got);
}

static void watch_input(struct session *s)
{
    if (s->in_ended || s->unsent.len > 0)
        ev_io_stop(s->loop, &s->in);
    else
        ev_io_start(s->loop, &s->in);
}

static void settle(struct session *s, int err)
{
    if (err < 0)
        end(s, err);
    else
        watch_input(s);
}

static void on_in(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    settle(w->data, read_input(w->data));
}

static void on_resized(struct ev_loop *loop, ev_signal *w, int revents)
{
    struct session *s = w->data;
    (void)loop;
    (void)revents;
    settle(s, s->in_ended ? HX_OK : give_window(s));
}

static void on_room(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)revents;
    ev_io_stop(loop, w);
    pull(w->data);
}

static void on_readable(void *user)
{
    pull(user);
}

static void on_writable(void *user)
{
    struct session *s = user;
    int err = rest_flush(&s->unsent, s->stream);
    if (err != HX_EAGAIN)
        settle(s, err);
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct session *s = user;
    (void)code;
    s->stream = NULL;
    end(s, error < 0 ? error : HX_ECLOSED);
}

int session_start(struct session **out, struct ev_loop *loop, struct mux_stream *stream,
                  const struct session_config *config)
{
    static const struct mux_stream_events events = {
        .readable = on_readable, .writable = on_writable, .closed = on_closed, .reads_end = true};
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return HX_ENOMEM;
    *s = (struct session){
        .loop = loop, .stream = stream, .config = *config, .in_ended = config->in_ended, .status = HX_EAGAIN};
    s->frames = (struct frame_reader){
        .take = take_frame, .user = s, .types = 1U << FRAME_OUTPUT | 1U << FRAME_ERRORS | 1U << FRAME_EXIT};
    buf_init(&s->unsent, 0);
    ev_io_init(&s->in, on_in, STDIN_FILENO, EV_READ);
    ev_io_init(&s->out, on_room, STDOUT_FILENO, EV_WRITE);
    ev_io_init(&s->errors, on_room, STDERR_FILENO, EV_WRITE);
    ev_signal_init(&s->resized, on_resized, SIGWINCH);
    s->in.data = s->out.data = s->errors.data = s->resized.data = s;
    if (config->terminal && terminal_raw(STDIN_FILENO) < 0) {
        free(s);
        return HX_ESYS;
    }
    mux_stream_own(stream, &events, s);
    if (config->terminal)
        ev_signal_start(loop, &s->resized);
    watch_input(s);
    if (config->terminal)
        (void)give_window(s); /* it may have changed since; what breaks the stream is told in its time */
    ev_feed_event(loop, &s->out, EV_WRITE); /* what has come before us */
    *out = s;
    return HX_OK;
}

void session_abort(struct session *s)
{
    if (!s)
        return;
    if (s->stream)
        mux_stream_reset(s->stream, MUX_CANCEL);
    session_free(s);
}
