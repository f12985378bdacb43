/* test/unit/link_fixture.h: links over socket pairs. Defines what client/mux/link.c wants of libhx, so that
 * libhx stays outside. Brings cmocka. */
#ifndef HX_TEST_LINK_FIXTURE_H
#define HX_TEST_LINK_FIXTURE_H

#include "client/mux/link.h"
#include "client/mux/link_loop.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 5000
#define BIG         (4 * 1024 * 1024)

/* ---- what libhx does ---- */

struct hx_stream {
    int fd, always; /* always: readable, as hx_stream_write_fd() is while there may be room */
    int handshake;  /* what hx_handshake() says */
    bool aborted, finished;
    bool gone_at_end; /* the peer is not there any more when its end is read */
    bool gone_unread; /* it is not there any more, but what it has said can be read */
    bool gone;
    atomic_bool *lingers; /* hx_close() waits while it is set; NULL: it does not */
    atomic_int *closed;   /* 1: at once, 2: in order */
};

int hx_handshake(struct hx_stream *s, int timeout_ms)
{
    assert_int_equal(timeout_ms, 0);
    return s->handshake;
}

static inline ssize_t result(ssize_t n)
{
    return n >= 0 ? n : errno == EAGAIN ? HX_EAGAIN : HX_ECLOSED;
}

ssize_t hx_read(struct hx_stream *s, void *buf, size_t len, int timeout_ms)
{
    assert_int_equal(timeout_ms, 0);
    ssize_t n = s->gone ? HX_ECLOSED : result(recv(s->fd, buf, len, MSG_DONTWAIT));
    s->gone = s->gone || (n == 0 && s->gone_at_end);
    return n;
}

ssize_t hx_write(struct hx_stream *s, const void *buf, size_t len, int timeout_ms)
{
    assert_int_equal(timeout_ms, 0);
    assert_false(s->finished);
    return s->gone || s->gone_unread ? HX_ECLOSED
                                     : result(send(s->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL));
}

size_t hx_write_room(struct hx_stream *s, size_t most)
{
    (void)s;
    return most;
}

int hx_shutdown(struct hx_stream *s)
{
    if (s->gone || s->gone_unread)
        return HX_ECLOSED;
    s->finished = true;
    return shutdown(s->fd, SHUT_WR) == 0 ? HX_OK : HX_ECLOSED;
}

void hx_abort(struct hx_stream *s)
{
    s->aborted = true;
}

static inline void leave_nothing_unread(int fd)
{
    char bytes[4096];
    (void)shutdown(fd, SHUT_RD);
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
}

int hx_close(struct hx_stream *s)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (!s->aborted && s->finished && s->lingers && atomic_load(s->lingers))
        nanosleep(&moment, NULL);
    if (s->closed)
        atomic_store(s->closed, s->finished && !s->aborted ? 2 : 1);
    if (s->finished && !s->aborted) /* else the kernel tells the peer of a reset, and our end is lost to it */
        leave_nothing_unread(s->fd);
    close(s->fd);
    close(s->always);
    free(s);
    return HX_OK;
}

int hx_stream_fd(struct hx_stream *s)
{
    return s->fd;
}

int hx_stream_write_fd(struct hx_stream *s)
{
    return s->always;
}

static inline struct hx_stream *stream_on(int fd)
{
    struct hx_stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->fd = fd;
    s->always = eventfd(1, EFD_CLOEXEC);
    return s;
}

/* ---- a side with its link ---- */

struct side {
    struct link *link;
    int ups, downs, error, pongs;
    int64_t rtt_us;
    struct mux_stream *stream; /* the last request, or ours */
    size_t got;
    bool eof, echoes;
    int closed, closed_error;
    atomic_bool lingers;
    atomic_int hx_closed;
};

static struct ev_loop *loop;
static struct side near, far;

static inline int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline void on_readable(void *user)
{
    struct side *s = user;
    char data[10000];
    ssize_t n;
    while ((n = mux_stream_read(s->stream, data, sizeof data)) > 0)
        s->got += (size_t)n;
    s->eof = n == HX_EEOF;
    if (s->eof && s->echoes)
        mux_stream_end(s->stream);
}

static inline void on_closed(void *user, int error, uint32_t code)
{
    struct side *s = user;
    (void)code;
    s->closed++;
    s->closed_error = error;
    s->stream = NULL;
}

static const struct mux_stream_events stream_events = {.readable = on_readable, .closed = on_closed};

static inline void on_up(void *user)
{
    ((struct side *)user)->ups++;
}

static inline void on_request(void *user, struct mux_stream *stream, const struct mux_message *request)
{
    static const struct mux_field fields[] = {{":status", "200"}};
    static const struct mux_message response = {.fields = fields, .count = 1};
    struct side *s = user;
    (void)request;
    s->stream = stream;
    mux_stream_own(stream, &stream_events, s);
    assert_int_equal(mux_respond(stream, &response), HX_OK);
}

static inline void on_pong(void *user, int64_t rtt_us)
{
    struct side *s = user;
    s->pongs++;
    s->rtt_us = rtt_us;
}

static inline void on_down(void *user, int error)
{
    struct side *s = user;
    s->downs++;
    s->error = error;
    link_destroy(s->link);
    s->link = NULL;
}

static const struct link_events events = {on_up, on_request, on_pong, on_down};

static int handshake_ms;  /* of the links that are made next; 0: the default */
static struct pace *pace; /* likewise; NULL: none */

static inline void create(struct side *side, struct hx_stream *s, bool connecting, int keepalive_ms,
                          int dead_ms)
{
    const struct link_config config = {.connecting = connecting,
                                       .keepalive_ms = keepalive_ms,
                                       .dead_ms = dead_ms,
                                       .handshake_ms = handshake_ms,
                                       .pace = pace,
                                       .events = &events,
                                       .user = side};
    s->lingers = &side->lingers;
    s->closed = &side->hx_closed;
    assert_int_equal(link_create(&side->link, loop, s, &config), HX_OK);
}

static inline void turn(void)
{
    const struct timespec moment = {.tv_nsec = 200000};
    ev_run(loop, EVRUN_NOWAIT);
    nanosleep(&moment, NULL);
}

#define AWAIT(condition)                           \
    do {                                           \
        int64_t until_ms = now_ms() + PATIENCE_MS; \
        while (!(condition)) {                     \
            if (now_ms() > until_ms)               \
                fail_msg("never: %s", #condition); \
            turn();                                \
        }                                          \
    } while (0)

static inline void run_for(int ms)
{
    for (int64_t until_ms = now_ms() + ms; now_ms() < until_ms;)
        turn();
}

static inline void socket_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static inline void create_both(int keepalive_ms, int dead_ms)
{
    int fds[2];
    socket_pair(fds);
    create(&near, stream_on(fds[0]), true, keepalive_ms, dead_ms);
    create(&far, stream_on(fds[1]), false, keepalive_ms, dead_ms);
    AWAIT(near.ups == 1 && far.ups == 1);
}

/* A link whose peer is ourselves; returns the peer's end. */
static inline int create_near(int keepalive_ms, int dead_ms)
{
    int fds[2];
    socket_pair(fds);
    create(&near, stream_on(fds[0]), true, keepalive_ms, dead_ms);
    return fds[1];
}

static inline void request(void)
{
    static const struct mux_field fields[] = {
        {":method", "POST"}, {":scheme", "hx"}, {":authority", "peer"}, {":path", "/echo"}};
    static const struct mux_message message = {.fields = fields, .count = 4};
    assert_int_equal(mux_request(link_mux(near.link), &near.stream, &message, &stream_events, &near), HX_OK);
    AWAIT(far.stream);
}

static inline int begin(void **state)
{
    (void)state;
    near = far = (struct side){.rtt_us = -1};
    loop = link_loop_create();
    assert_non_null(loop);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    link_destroy(near.link);
    link_destroy(far.link);
    ev_loop_destroy(loop);
    return 0;
}

#endif
