/* test/unit/forward_fixture.h: forwards and dialling, with two muxes back to back in place of the
 * punched connection, and real sockets. Defines link_mux(), so that client/mux/link.c stays
 * outside. Brings cmocka. */
#ifndef HX_TEST_FORWARD_FIXTURE_H
#define HX_TEST_FORWARD_FIXTURE_H

#include "client/forward/allow.h"
#include "client/forward/forward_conn.h"
#include "client/forward/reverse.h"
#include "test/unit/cuts.h"
#include <arpa/inet.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 5000

struct link { /* stands for the one of client/mux/link.c */
    struct mux *mux;
};

struct mux *link_mux(struct link *l)
{
    return l->mux;
}

struct hx_stream *link_stream(struct link *l)
{
    (void)l;
    return NULL; /* there are no datagrams */
}

struct answer { /* of a peer who does not dial */
    const char *status, *error;
};

static struct ev_loop *loop;
static struct link near;
static struct mux *far;
static struct allow *allow;
static struct forward *forward;
static const struct answer *scripted; /* NULL: dial_request() answers */
static bool silent;                   /* nobody answers */
static struct reverse *far_reverse;   /* NULL: no -R */
static int requests;
static int target_fd;
static uint16_t target_port;

static inline void on_request(void *user, struct mux_stream *s, const struct mux_message *request)
{
    static const struct mux_stream_events none;
    (void)user;
    requests++;
    if (far_reverse && reverse_request(far_reverse, s, request))
        return;
    if (!scripted && !silent) {
        dial_request(loop, allow, "peer", s, request);
        return;
    }
    mux_stream_own(s, &none, NULL);
    if (silent)
        return;
    const struct mux_field fields[] = {{":status", scripted->status}, {"proxy-status", scripted->error}};
    const struct mux_message response = {.fields = fields, .count = 2, .ended = true};
    assert_int_equal(mux_respond(s, &response), HX_OK);
}

static inline void make_link(void)
{
    static const struct mux_events events = {.request = on_request};
    assert_int_equal(mux_create(&near.mux, true, &events, NULL), HX_OK);
    assert_int_equal(mux_create(&far, false, &events, NULL), HX_OK);
}

static inline void break_link(void)
{
    mux_destroy(near.mux);
    mux_destroy(far);
    near.mux = far = NULL;
    if (forward)
        forward_set_link(forward, NULL);
}

static inline bool carry(struct mux *from, struct mux *to)
{
    const uint8_t *data;
    bool any = false;
    for (ssize_t len; (len = mux_send(from, &data)) > 0; any = true)
        assert_int_equal(mux_receive(to, data, (size_t)len), HX_OK);
    return any;
}

/* One turn of both sides. */
static inline void turn(void)
{
    const struct timespec moment = {.tv_nsec = 200000};
    ev_run(loop, EVRUN_NOWAIT);
    while (near.mux && (carry(near.mux, far) || carry(far, near.mux)))
        continue;
    nanosleep(&moment, NULL);
}

#define AWAIT(condition)                           \
    do {                                           \
        int turns = 2 * PATIENCE_MS;               \
        while (!(condition)) {                     \
            if (turns-- == 0)                      \
                fail_msg("never: %s", #condition); \
            turn();                                \
        }                                          \
    } while (0)

static inline uint16_t port_of(int fd)
{
    struct sockaddr_in sa = {0};
    socklen_t len = sizeof sa;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    return ntohs(sa.sin_port);
}

static inline int tcp(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static inline int begin(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char target[64];
    (void)state;
    target_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(target_fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(target_fd, 64), 0);
    target_port = port_of(target_fd);
    loop = ev_loop_new(EVFLAG_AUTO);
    assert_non_null(loop);
    assert_int_equal(allow_create(&allow), HX_OK);
    snprintf(target, sizeof target, "127.0.0.1:%hu", target_port);
    assert_int_equal(allow_add(allow, target), HX_OK);
    snprintf(target, sizeof target, "localhost:%hu", target_port);
    assert_int_equal(allow_add(allow, target), HX_OK);
    scripted = NULL;
    silent = false;
    requests = 0;
    make_link();
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    forward_destroy(forward);
    forward = NULL;
    mux_destroy(near.mux);
    mux_destroy(far);
    near.mux = far = NULL;
    ev_loop_destroy(loop);
    allow_destroy(allow);
    close(target_fd);
    return 0;
}

static inline void start_forward(enum forward_kind kind, const char *host, uint16_t port)
{
    char spec[128], error[FORWARD_ERROR_MAX];
    if (kind == FORWARD_SOCKS)
        snprintf(spec, sizeof spec, "127.0.0.1:0");
    else
        snprintf(spec, sizeof spec, "127.0.0.1:0:%s:%hu", host, port);
    assert_int_equal(forward_create(&forward, loop, kind, spec, error), HX_OK);
}

static inline int client(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = tcp();
    sa.sin_port = htons(port_of(forward->listeners[0].socket.fd));
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

/* Bytes that come, up to `len`; less if the connection ends before. errno ECONNRESET: it was reset. */
static inline size_t receive(int fd, void *data, size_t len)
{
    size_t have = 0;
    errno = EAGAIN;
    for (int i = 0; i < PATIENCE_MS * 2 && have < len; i++) {
        ssize_t got = recv(fd, (char *)data + have, len - have, MSG_DONTWAIT);
        if (got == 0)
            errno = 0;
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return have;
        have += got > 0 ? (size_t)got : 0;
        turn();
    }
    return have;
}

static inline void check_receives(int fd, const void *expected, size_t len)
{
    char data[64];
    assert_int_equal(receive(fd, data, len), len);
    assert_memory_equal(data, expected, len);
}

static inline void check_is_reset(int fd)
{
    char data[1];
    assert_int_equal(receive(fd, data, 1), 0);
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static inline void check_ends(int fd)
{
    char data[1];
    assert_int_equal(receive(fd, data, 1), 0);
    assert_int_equal(errno, 0);
    close(fd);
}

static inline int accept_target(void)
{
    int fd = -1;
    AWAIT((fd = accept4(target_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    return fd;
}

static inline void say(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* A question, an answer, and both ends, between a client and the target. */
static inline void check_dialogue(int fd)
{
    int other = accept_target();
    say(fd, "ping", 4);
    check_receives(other, "ping", 4);
    say(other, "pong", 4);
    check_receives(fd, "pong", 4);
    shutdown(fd, SHUT_WR);
    check_ends(other);
    check_ends(fd);
}

/* The same, and nothing is left. */
static inline void check_talk(int fd)
{
    check_dialogue(fd);
    AWAIT(forward->count == 0 && mux_stream_count(near.mux) == 0 && mux_stream_count(far) == 0);
}

#endif
