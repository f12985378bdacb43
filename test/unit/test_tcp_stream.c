/* Accepted TCP connections as streams, on a loop of their own: what is told when, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "server/loop.h"
#include "server/tcp_stream.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000

struct world {
    struct loop *loop;
    struct timers timers;
    struct tcp_streams set;
    struct stream *stream;
    int peer; /* the other end */
    int ready, closed;
    int ready_until, closed_until; /* the loop ends when one of them is reached */
    int64_t end_ms;
};

static void on_ready(void *user, struct stream *s, int64_t now_ms)
{
    struct world *w = user;

    (void)now_ms;
    assert_ptr_equal(s, w->stream);
    w->ready++;
}

static void on_closed(void *user, struct stream *s, int64_t now_ms)
{
    struct world *w = user;

    (void)now_ms;
    assert_ptr_equal(s, w->stream);
    w->closed++;
}

static const struct tcp_stream_events events = {.ready = on_ready, .closed = on_closed};

static int turn(void *user, int64_t now_ms)
{
    struct world *w = user;

    timers_run(&w->timers, now_ms);
    if ((w->ready_until && w->ready >= w->ready_until) || (w->closed_until && w->closed >= w->closed_until) ||
        now_ms >= w->end_ms)
        return LOOP_END;
    int64_t next_ms = timers_next_ms(&w->timers);
    if (next_ms < 0 || next_ms > w->end_ms)
        next_ms = w->end_ms;
    return next_ms <= now_ms ? 0 : (int)(next_ms - now_ms);
}

/* Turns until so many more events of one kind have come, 0: of none, or the time is over. */
static void run(struct world *w, int ready, int closed, int64_t ms)
{
    w->ready_until = ready ? w->ready + ready : 0;
    w->closed_until = closed ? w->closed + closed : 0;
    w->end_ms = clock_now_ms() + ms;
    loop_run(w->loop, turn, w);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_non_null(w);
    assert_int_equal(loop_create(&w->loop), HX_OK);
    w->set = (struct tcp_streams){.loop = w->loop, .timers = &w->timers, .events = &events, .user = w};
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    w->peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(w->peer, (struct sockaddr *)&at, sizeof at), 0);
    int fd = accept4(listener, (struct sockaddr *)&at, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(tcp_stream_create(&w->stream, &w->set, fd, (struct sockaddr *)&at, len, clock_now_ms()),
                     HX_OK);
    close(listener);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    stream_close(w->stream);
    tcp_streams_end(&w->set);
    assert_null(w->set.all);
    assert_int_equal(w->set.lingering, 0);
    assert_int_equal(w->timers.len, 0);
    loop_destroy(w->loop);
    if (w->peer >= 0)
        close(w->peer);
    free(w);
    return 0;
}

static void reset_peer(struct world *w)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(w->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(w->peer);
    w->peer = -1;
}

/* What the other end reads: bytes, 0 for the end, or -errno. */
static int peer_reads(struct world *w, char *bytes, size_t len)
{
    struct pollfd p = {.fd = w->peer, .events = POLLIN};

    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    ssize_t n = recv(w->peer, bytes, len, 0);
    return n < 0 ? -errno : (int)n;
}

static void bytes_pass_both_ways_and_the_address_is_the_peers(void **state)
{
    struct world *w = *state;
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    char bytes[16];

    assert_int_equal(stream_read(w->stream, bytes, sizeof bytes), HX_EAGAIN);
    assert_int_equal(send(w->peer, "hello", 5, 0), 5);
    run(w, 1, 0, PATIENCE_MS);
    assert_int_equal(stream_read(w->stream, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "hello", 5);
    assert_int_equal(stream_write(w->stream, "you", 3), 3);
    assert_int_equal(peer_reads(w, bytes, sizeof bytes), 3);
    assert_int_equal(getsockname(w->peer, (struct sockaddr *)&own, &len), 0);
    const struct sockaddr_in *peer = (const struct sockaddr_in *)stream_peer(w->stream, &len);
    assert_int_equal(len, sizeof *peer);
    assert_int_equal(peer->sin_port, own.sin_port);
    assert_int_equal(w->stream->ops->transport, STREAM_TCP);
}

static void what_is_not_read_is_told_once(void **state)
{
    struct world *w = *state;
    char bytes[16];

    assert_int_equal(send(w->peer, "hello", 5, 0), 5);
    run(w, 1, 0, PATIENCE_MS);
    int ready = w->ready;
    run(w, 1, 0, 50); /* the bytes are still there */
    assert_int_equal(w->ready, ready);
    assert_int_equal(stream_read(w->stream, bytes, sizeof bytes), 5);
}

static void the_end_of_the_peers_direction_leaves_ours_open(void **state)
{
    struct world *w = *state;
    char bytes[16];

    assert_int_equal(send(w->peer, "last", 4, 0), 4);
    shutdown(w->peer, SHUT_WR);
    run(w, 1, 0, PATIENCE_MS);
    while (stream_read(w->stream, bytes, sizeof bytes) == HX_EAGAIN)
        run(w, 1, 0, PATIENCE_MS);
    ssize_t n;
    while ((n = stream_read(w->stream, bytes, sizeof bytes)) == HX_EAGAIN)
        run(w, 1, 0, PATIENCE_MS);
    assert_int_equal(n, HX_EEOF);
    assert_int_equal(stream_read(w->stream, bytes, sizeof bytes), HX_EEOF);
    assert_int_equal(w->closed, 0);
    assert_int_equal(stream_write(w->stream, "yes", 3), 3);
    assert_int_equal(peer_reads(w, bytes, sizeof bytes), 3);
}

static void a_reset_is_told_though_nobody_reads_or_writes(void **state)
{
    struct world *w = *state;
    char bytes[16];

    run(w, 1, 0, 50);
    reset_peer(w);
    run(w, 0, 1, PATIENCE_MS);
    assert_int_equal(w->closed, 1);
    assert_int_equal(stream_read(w->stream, bytes, sizeof bytes), HX_ECLOSED);
    assert_int_equal(stream_write(w->stream, "x", 1), HX_ECLOSED);
    assert_int_equal(stream_unacked(w->stream), HX_ECLOSED);
}

static void a_full_stream_takes_no_more_and_tells_when_it_does(void **state)
{
    static char bytes[65536];
    struct world *w = *state;
    size_t written = 0, read = 0;
    ssize_t n;

    while ((n = stream_write(w->stream, bytes, sizeof bytes)) > 0)
        written += (size_t)n;
    assert_int_equal(n, HX_EAGAIN);
    assert_true(stream_unacked(w->stream) > 0);
    run(w, 1, 0, 20);
    int ready = w->ready;
    while (read < written)
        read += (size_t)peer_reads(w, bytes, sizeof bytes);
    run(w, 1, 0, PATIENCE_MS);
    assert_true(w->ready > ready);
    assert_true(stream_write(w->stream, bytes, 1) == 1);
}

/* The kernel of the other end acknowledges as long as it has room, whoever reads there. */
static void it_is_told_when_all_is_acknowledged(void **state)
{
    static char bytes[65536];
    struct world *w = *state;
    size_t written = 0, read = 0;
    ssize_t n;

    while ((n = stream_write(w->stream, bytes, sizeof bytes)) > 0)
        written += (size_t)n;
    run(w, 1, 0, 20);
    while (read < written)
        read += (size_t)peer_reads(w, bytes, sizeof bytes);
    int64_t end_ms = clock_now_ms() + PATIENCE_MS;
    while (stream_unacked(w->stream) > 0 && clock_now_ms() < end_ms)
        run(w, 1, 0, PATIENCE_MS);
    assert_int_equal(stream_unacked(w->stream), 0);
}

static void the_peer_is_heard_when_it_acknowledges(void **state)
{
    struct world *w = *state;
    int64_t before_ms, end_ms = clock_now_ms() + PATIENCE_MS;

    run(w, 0, 0, 50);
    before_ms = clock_now_ms();
    assert_true(stream_heard_ms(w->stream) < before_ms);
    do { /* by the kernel's ticks, which may be 10 ms */
        run(w, 0, 0, 15);
        assert_int_equal(stream_write(w->stream, "x", 1), 1);
    } while (stream_heard_ms(w->stream) <= before_ms && clock_now_ms() < end_ms);
    assert_true(stream_heard_ms(w->stream) > before_ms);
    assert_true(stream_heard_ms(w->stream) <= clock_now_ms());
}

static void a_closed_stream_lingers_until_the_peer_ends_too(void **state)
{
    struct world *w = *state;
    char bytes[16];

    assert_int_equal(stream_write(w->stream, "bye", 3), 3);
    stream_close(w->stream);
    w->stream = NULL;
    assert_int_equal(w->set.lingering, 1);
    assert_int_equal(send(w->peer, "more", 4, MSG_NOSIGNAL), 4); /* no reset for it */
    run(w, 0, 0, 20);
    assert_int_equal(peer_reads(w, bytes, sizeof bytes), 3);
    assert_int_equal(peer_reads(w, bytes, sizeof bytes), 0);
    shutdown(w->peer, SHUT_WR);
    int64_t end_ms = clock_now_ms() + PATIENCE_MS;
    while (w->set.lingering > 0 && clock_now_ms() < end_ms)
        run(w, 0, 0, 5);
    assert_int_equal(w->set.lingering, 0);
    assert_int_equal(w->ready + w->closed, w->ready); /* nobody was told of it */
}

static void who_does_not_end_is_closed_after_its_time(void **state)
{
    struct world *w = *state;
    int64_t begin_ms = clock_now_ms();

    assert_int_equal(stream_write(w->stream, "bye", 3), 3);
    stream_close(w->stream);
    w->stream = NULL;
    while (w->set.lingering > 0 && clock_now_ms() < begin_ms + PATIENCE_MS)
        run(w, 0, 0, 100);
    assert_int_equal(w->set.lingering, 0);
    assert_true(clock_now_ms() - begin_ms >= TCP_LINGER_MS);
}

static void who_sends_on_and_on_is_closed_before(void **state)
{
    static char bytes[65536];
    struct world *w = *state;
    int64_t begin_ms = clock_now_ms();

    assert_int_equal(stream_write(w->stream, "bye", 3), 3);
    stream_close(w->stream);
    w->stream = NULL;
    while (w->set.lingering > 0 && clock_now_ms() < begin_ms + TCP_LINGER_MS) {
        (void)send(w->peer, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        run(w, 0, 0, 1);
    }
    assert_int_equal(w->set.lingering, 0);
    assert_true(clock_now_ms() - begin_ms < TCP_LINGER_MS);
}

static void a_stream_to_which_nothing_was_written_is_reset(void **state)
{
    struct world *w = *state;
    char bytes[16];

    stream_close(w->stream);
    w->stream = NULL;
    assert_int_equal(w->set.lingering, 0);
    assert_int_equal(peer_reads(w, bytes, sizeof bytes), -ECONNRESET);
}

static void what_the_peer_does_not_take_is_not_kept_after_the_end(void **state)
{
    static char bytes[65536];
    struct world *w = *state;

    while (stream_write(w->stream, bytes, sizeof bytes) > 0)
        ;
    stream_close(w->stream);
    w->stream = NULL;
    assert_int_equal(w->set.lingering, 0);
    int n;
    while ((n = peer_reads(w, bytes, sizeof bytes)) > 0)
        ;
    assert_int_equal(n, -ECONNRESET);
}

#define TCP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TCP_TEST(bytes_pass_both_ways_and_the_address_is_the_peers),
        TCP_TEST(what_is_not_read_is_told_once),
        TCP_TEST(the_end_of_the_peers_direction_leaves_ours_open),
        TCP_TEST(a_reset_is_told_though_nobody_reads_or_writes),
        TCP_TEST(a_full_stream_takes_no_more_and_tells_when_it_does),
        TCP_TEST(it_is_told_when_all_is_acknowledged),
        TCP_TEST(the_peer_is_heard_when_it_acknowledges),
        TCP_TEST(a_closed_stream_lingers_until_the_peer_ends_too),
        TCP_TEST(who_does_not_end_is_closed_after_its_time),
        TCP_TEST(who_sends_on_and_on_is_closed_before),
        TCP_TEST(a_stream_to_which_nothing_was_written_is_reset),
        TCP_TEST(what_the_peer_does_not_take_is_not_kept_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
