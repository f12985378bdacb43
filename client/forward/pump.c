#include "client/forward/pump.h"
#include "client/forward/say.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)
#define READS_MAX    16 /* reads of the peer's bytes before the others get their turn */

/* One direction's bytes on their way: read when empty, then written out. */
struct side {
    char *data;
    size_t start, len;
};

struct pump {
    struct hx_stream *stream;
    const struct pump_config *config;
    struct side up, down; /* to the peer; from the peer */
    bool in_ended, shut, peer_ended;
    bool heard;       /* the peer has said something */
    bool out_is_file; /* never blocks for long */
    bool failed;
};

enum { POLL_IN, POLL_OUT, POLL_READ, POLL_WRITE, POLL_INTERRUPT, POLL_OTHER, POLL_COUNT };

static void fail_stream(struct pump *p, int error)
{
    p->failed = true;
    if (error == HX_ECANCELED)
        say_error("interrupted before everything had arrived");
    else if (error == HX_ETIMEDOUT)
        say_error("the peer has not taken everything in time: see what its program waits for");
    else
        say_error("the peer went away before everything had arrived (%s): it may have failed, or be busy "
                  "with another connection; look there, then try again",
                  hx_strerror(error));
}

static void fail_system(struct pump *p, const char *what)
{
    p->failed = true;
    say_error("%s: %s", what, strerror(errno));
}

static void read_input(struct pump *p)
{
    ssize_t got = read(p->config->in_fd, p->up.data, BUFFER_BYTES);
    if (got > 0) {
        p->up.start = 0;
        p->up.len = (size_t)got;
    } else if (got == 0 || errno == EBADF) { /* a closed standard input has nothing to say */
        p->in_ended = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        fail_system(p, "cannot read standard input");
    }
}

static void write_peer(struct pump *p)
{
    while (p->up.len > 0 && !p->failed) {
        ssize_t put = hx_write(p->stream, p->up.data + p->up.start, p->up.len, 0);
        if (put == HX_EAGAIN)
            return;
        if (put < 0) {
            fail_stream(p, (int)put);
            return;
        }
        p->up.start += (size_t)put;
        p->up.len -= (size_t)put;
    }
}

/* Is the peer none whose bytes are for standard output? Then the connection ends at once, for both. */
static bool is_wrong(struct pump *p, const char *first, size_t len)
{
    const char *wrong = p->config->wrong && !p->heard ? p->config->wrong(first, len) : NULL;
    p->heard = true;
    if (!wrong)
        return false;
    p->failed = true;
    say_error("%s", wrong);
    hx_abort(p->stream);
    return true;
}

/* Fills the buffer as far as bytes are there. */
static void read_peer(struct pump *p)
{
    struct side *d = &p->down;
    if (d->len == 0)
        d->start = 0;
    for (int i = 0; i < READS_MAX && d->start + d->len < BUFFER_BYTES && !p->peer_ended; i++) {
        size_t used = d->start + d->len;
        ssize_t got = hx_read(p->stream, d->data + used, BUFFER_BYTES - used, 0);
        if (got == HX_EAGAIN)
            return;
        if (got < 0) {
            fail_stream(p, (int)got);
            return;
        }
        if (got == 0)
            p->peer_ended = true;
        else if (is_wrong(p, d->data + used, (size_t)got))
            return;
        d->len += (size_t)got;
    }
}

/* After the peer's end its descriptor speaks once more: when the connection is gone. What it has confirmed by
 * then is hx_close()'s to judge; what was still to be sent is lost. */
static void notice_end(struct pump *p)
{
    char byte;
    if (!p->shut && hx_read(p->stream, &byte, 1, 0) < 0)
        fail_stream(p, HX_ECLOSED);
}

static bool can_write(int fd)
{
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    return poll(&out, 1, 0) > 0;
}

/* A pipe that polls writable takes PIPE_BUF bytes without blocking (pipe(7)); O_NONBLOCK would change it for
 * every other program that has it. */
static void write_output(struct pump *p)
{
    struct side *d = &p->down;
    do {
        size_t len = p->out_is_file || d->len < PIPE_BUF ? d->len : PIPE_BUF;
        ssize_t put = write(p->config->out_fd, d->data + d->start, len);
        if (put < 0) {
            if (errno != EINTR && errno != EAGAIN)
                fail_system(p, "cannot write standard output");
            return;
        }
        d->start += (size_t)put;
        d->len -= (size_t)put;
    } while (d->len > 0 && (p->out_is_file || can_write(p->config->out_fd)));
}

static void fill_poll(const struct pump *p, struct pollfd fds[POLL_COUNT])
{
    bool room = p->down.start + p->down.len < BUFFER_BYTES || p->down.len == 0;
    bool ended = p->peer_ended && p->shut;
    const struct pollfd all[POLL_COUNT] = {
        [POLL_IN] = {!p->in_ended && p->up.len == 0 ? p->config->in_fd : -1, POLLIN, 0},
        [POLL_OUT] = {p->down.len > 0 ? p->config->out_fd : -1, POLLOUT, 0},
        [POLL_READ] = {room && !ended ? hx_stream_fd(p->stream) : -1, POLLIN, 0},
        [POLL_WRITE] = {p->up.len > 0 ? hx_stream_write_fd(p->stream) : -1, POLLIN, 0},
        [POLL_INTERRUPT] = {p->config->interrupt_fd, POLLIN, 0},
        [POLL_OTHER] = {p->config->other_fd, POLLIN, 0},
    };
    memcpy(fds, all, sizeof all);
}

static void turn(struct pump *p)
{
    struct pollfd fds[POLL_COUNT];
    fill_poll(p, fds);
    if (poll(fds, POLL_COUNT, -1) < 0) {
        if (errno != EINTR)
            fail_system(p, "cannot poll");
        return;
    }
    if (fds[POLL_INTERRUPT].revents) {
        fail_stream(p, HX_ECANCELED);
        return;
    }
    if (fds[POLL_READ].revents) {
        if (p->peer_ended)
            notice_end(p);
        else
            read_peer(p);
    }
    if (fds[POLL_OUT].revents && !p->failed)
        write_output(p);
    if (fds[POLL_IN].revents && !p->failed)
        read_input(p);
    if ((fds[POLL_IN].revents || fds[POLL_WRITE].revents) && !p->failed)
        write_peer(p);
    if (fds[POLL_OTHER].revents)
        p->config->on_other(p->config->user);
}

static void run(struct pump *p)
{
    while (!p->failed) {
        if (p->in_ended && p->up.len == 0 && !p->shut) {
            int err = hx_shutdown(p->stream);
            p->shut = true;
            if (err < 0)
                fail_stream(p, err);
            continue;
        }
        if (p->shut && p->peer_ended && p->down.len == 0)
            return;
        turn(p);
    }
}

bool pump_run(struct hx_stream *s, const struct pump_config *config)
{
    struct stat out;
    struct pump p = {.stream = s, .config = config};
    p.up.data = malloc(BUFFER_BYTES);
    p.down.data = malloc(BUFFER_BYTES);
    p.out_is_file = fstat(config->out_fd, &out) == 0 && S_ISREG(out.st_mode);
    if (p.up.data && p.down.data)
        run(&p);
    else
        fail_system(&p, "cannot begin");
    free(p.up.data);
    free(p.down.data);
    if (p.failed) { /* the reason has been told */
        (void)hx_close(s);
        return false;
    }
    int err = hx_close(s);
    if (err < 0)
        fail_stream(&p, err);
    return err == HX_OK;
}
