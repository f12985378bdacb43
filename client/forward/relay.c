#include "client/forward/relay.h"
#include "base/buf.h"
#include "client/forward/say.h"
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define READS_MAX 4 /* reads of a descriptor before the others get their turn */

enum fd_kind {
    FD_SOCKET, /* never blocks: MSG_DONTWAIT */
    FD_FILE,   /* never blocks for long */
    FD_OTHER   /* a pipe, a terminal: asked before each use. O_NONBLOCK would be every other program's, too */
};

struct relay {
    ev_io in_io, out_io;
    struct ev_loop *loop;
    struct mux_stream *stream; /* NULL once it is closed */
    struct relay_config config;
    enum fd_kind in_kind, out_kind;
    struct buf up;   /* what did not fit: to the stream */
    bool up_ended;   /* our end was told to the peer */
    bool peer_ended; /* all was read from the stream */
    bool down_ended; /* and written */
};

static enum fd_kind kind_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return FD_OTHER;
    return S_ISSOCK(st.st_mode) ? FD_SOCKET : S_ISREG(st.st_mode) ? FD_FILE : FD_OTHER;
}

/* Closing with a linger time of zero sends RST: the other side learns that this was no end. */
static void close_fds(const struct relay *r, bool broken)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (!r->config.owns_fds)
        return;
    if (broken && r->out_kind == FD_SOCKET)
        (void)setsockopt(r->config.out_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(r->config.out_fd);
    if (r->config.in_fd != r->config.out_fd)
        close(r->config.in_fd);
}

static void release(struct relay *r, bool broken)
{
    ev_io_stop(r->loop, &r->in_io);
    ev_io_stop(r->loop, &r->out_io);
    close_fds(r, broken);
    buf_free(&r->up);
    free(r);
}

static void end(struct relay *r, int error, int system)
{
    struct relay_config config = r->config;
    if (r->stream)
        mux_stream_reset(r->stream, MUX_CONNECT_ERROR);
    release(r, error < 0);
    config.done(config.user, error, system);
}

static void end_if_whole(struct relay *r)
{
    if (r->up_ended && r->down_ended && !r->stream)
        end(r, HX_OK, 0);
}

/* -1 with errno EAGAIN: not now. */
static ssize_t put_out(struct relay *r, const void *data, size_t len)
{
    struct pollfd out = {.fd = r->config.out_fd, .events = POLLOUT};
    switch (r->out_kind) {
    case FD_SOCKET:
        return send(r->config.out_fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    case FD_FILE:
        return write(r->config.out_fd, data, len);
    default:
        if (poll(&out, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
        /* what polls writable takes PIPE_BUF bytes without blocking (pipe(7)) */
        return write(r->config.out_fd, data, len < PIPE_BUF ? len : PIPE_BUF);
    }
}

/* Writes as much as the descriptor takes. HX_OK, also if less; HX_ESYS. */
static int put_some(struct relay *r, const char *data, size_t len, size_t *done)
{
    *done = 0;
    while (*done < len) {
        ssize_t put = put_out(r, data + *done, len - *done);
        if (put >= 0)
            *done += (size_t)put;
        else if (errno == EAGAIN)
            return HX_OK;
        else if (errno != EINTR)
            return HX_ESYS;
    }
    return HX_OK;
}

static void end_output(struct relay *r)
{
    r->down_ended = true;
    ev_io_stop(r->loop, &r->out_io);
    if (r->out_kind == FD_SOCKET)
        (void)shutdown(r->config.out_fd, SHUT_WR);
}

/* From the stream to the descriptor, until one of them has enough. What does not fit stays in the stream:
 * so its window closes, and its end is seen when all is written. *full: it is the descriptor that has. */
static int pull_some(struct relay *r, bool *full)
{
    size_t len, done = 0;
    char none;
    *full = false;
    while (r->stream && !r->peer_ended) {
        const char *data = mux_stream_peek(r->stream, &len);
        if (len == 0) {
            int err = (int)mux_stream_read(r->stream, &none, sizeof none);
            r->peer_ended = err == HX_EEOF;
            return err == HX_EAGAIN || r->peer_ended ? HX_OK : err;
        }
        int err = put_some(r, data, len, &done);
        if (err < 0)
            return err;
        mux_stream_skip(r->stream, done);
        *full = done < len;
        if (*full)
            return HX_OK;
    }
    return HX_OK;
}

static void pull(struct relay *r)
{
    bool full;
    int err = pull_some(r, &full);
    if (err < 0) {
        end(r, err, err == HX_ESYS ? errno : 0);
        return;
    }
    if (full) {
        ev_io_start(r->loop, &r->out_io);
        return;
    }
    ev_io_stop(r->loop, &r->out_io);
    if (r->peer_ended && !r->down_ended)
        end_output(r);
    end_if_whole(r);
}

/* -1 with errno EAGAIN: not now. */
static ssize_t get_in(struct relay *r, void *data, size_t len)
{
    struct pollfd in = {.fd = r->config.in_fd, .events = POLLIN};
    if (r->in_kind == FD_SOCKET)
        return recv(r->config.in_fd, data, len, MSG_DONTWAIT);
    if (r->in_kind == FD_OTHER && poll(&in, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t got = read(r->config.in_fd, data, len);
    return got < 0 && errno == EBADF ? 0 : got; /* a closed standard input has nothing to say */
}

/* HX_OK: all of it was taken, HX_EAGAIN: the stream has enough for now, what did not fit is kept. */
static int give(struct relay *r, const char *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t put = mux_stream_write(r->stream, data + done, len - done);
        if (put == HX_EAGAIN) {
            int err = buf_append(&r->up, data + done, len - done);
            return err < 0 ? err : HX_EAGAIN;
        }
        if (put < 0)
            return (int)put;
        done += (size_t)put;
    }
    return HX_OK;
}

/* From the descriptor to the stream, up to a turn's share. */
static int push_some(struct relay *r)
{
    char data[RELAY_BUFFER];
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t got = get_in(r, data, sizeof data);
        if (got < 0)
            return errno == EAGAIN || errno == EINTR ? HX_OK : HX_ESYS;
        if (got == 0) {
            r->up_ended = true;
            mux_stream_end(r->stream);
            return HX_OK;
        }
        int err = give(r, data, (size_t)got);
        if (err < 0)
            return err;
    }
    return HX_OK;
}

static void on_in(struct ev_loop *loop, ev_io *w, int revents)
{
    struct relay *r = w->data;
    (void)revents;
    int err = push_some(r);
    if (err == HX_EAGAIN || r->up_ended)
        ev_io_stop(loop, w);
    else if (err < 0)
        end(r, err, err == HX_ESYS ? errno : 0);
}

static void on_out(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    pull(w->data);
}

static void on_readable(void *user)
{
    pull(user);
}

static void on_writable(void *user)
{
    struct relay *r = user;
    while (r->up.len > 0) {
        ssize_t put = mux_stream_write(r->stream, buf_data(&r->up), r->up.len);
        if (put == HX_EAGAIN)
            return;
        if (put < 0) {
            end(r, (int)put, 0);
            return;
        }
        buf_consume(&r->up, (size_t)put);
    }
    buf_free(&r->up);
    if (!r->up_ended)
        ev_io_start(r->loop, &r->in_io);
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct relay *r = user;
    (void)code;
    r->stream = NULL;
    if (error < 0)
        end(r, error, 0);
    else
        end_if_whole(r);
}

static void on_headers(void *user, const struct mux_message *response)
{
    struct relay *r = user;
    const char *status = mux_field(response, ":status");
    if (r->config.asks && (!status || strcmp(status, "200") != 0))
        end(r, HX_ECLOSED, 0);
}

static const struct mux_stream_events stream_events = {.headers = on_headers,
                                                       .readable = on_readable,
                                                       .writable = on_writable,
                                                       .closed = on_closed,
                                                       .reads_end = true};

int relay_start(struct relay **out, struct ev_loop *loop, struct mux_stream *s,
                const struct relay_config *config)
{
    int on = 1;
    struct relay *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    r->loop = loop;
    r->stream = s;
    r->config = *config;
    r->up_ended = config->in_ended;
    r->in_kind = kind_of(config->in_fd);
    r->out_kind = kind_of(config->out_fd);
    buf_init(&r->up, 0);
    if (r->out_kind == FD_SOCKET) /* others' sockets may be of another kind: then it fails, rightly */
        (void)setsockopt(config->out_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ev_io_init(&r->in_io, on_in, config->in_fd, EV_READ);
    ev_io_init(&r->out_io, on_out, config->out_fd, EV_WRITE);
    r->in_io.data = r->out_io.data = r;
    mux_stream_own(s, &stream_events, r);
    if (!r->up_ended)
        ev_io_start(loop, &r->in_io);
    ev_feed_event(loop, &r->out_io, EV_WRITE); /* what has come before us */
    *out = r;
    return HX_OK;
}

void relay_abort(struct relay *r)
{
    if (r->stream)
        mux_stream_reset(r->stream, MUX_CONNECT_ERROR);
    release(r, true);
}

void relay_say_broken(const char *who, const struct authority *target, int error, int system)
{
    char text[AUTHORITY_TEXT_MAX];
    if (error >= 0)
        return;
    authority_format(target, text);
    say_often(SAY_REFUSED, "%s%sconnection to %s broke: %s", who ? who : "", who ? ": " : "", text,
              system != 0 ? strerror(system) : hx_error_text(error));
}
