#include "client/forward/relay.h"
#include "test/unit/mux_pair.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG           (5 * 1024 * 1024)
#define CONNECT_ERROR 0x0a

static struct ev_loop *loop;
static struct pair p;
static struct end *client, *server;
static struct relay *relay;
static int done_count, done_error, done_system;

static void on_done(void *user, int error, int system)
{
    (void)user;
    done_count++;
    done_error = error;
    done_system = system;
    relay = NULL;
}

static int begin(void **state)
{
    (void)state;
    loop = ev_loop_new(EVFLAG_AUTO);
    assert_non_null(loop);
    pair_create(&p);
    client = open_stream(&p, &server);
    done_count = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (relay)
        relay_abort(relay);
    relay = NULL;
    pair_destroy(&p);
    ev_loop_destroy(loop);
    return 0;
}

static void start_relay(int in_fd, int out_fd, bool owns_fds)
{
    const struct relay_config config = {
        .in_fd = in_fd, .out_fd = out_fd, .owns_fds = owns_fds, .done = on_done};
    assert_int_equal(relay_start(&relay, loop, server->s, &config), HX_OK);
}

static void turn(void)
{
    ev_run(loop, EVRUN_NOWAIT);
    run(&p);
}

#define AWAIT(condition)                           \
    do {                                           \
        int turns = 5000;                          \
        while (!(condition)) {                     \
            if (turns-- == 0)                      \
                fail_msg("never: %s", #condition); \
            turn();                                \
            usleep(100);                           \
        }                                          \
    } while (0)

/* The relay has one side of it, which it owns; returns the other. */
static int relayed_socket(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    start_relay(fds[0], fds[0], true);
    return fds[1];
}

/* The same by TCP, which can be reset. */
static int relayed_tcp(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(connect(near, (struct sockaddr *)&sa, sizeof sa), 0);
    int far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(far >= 0);
    close(listener);
    start_relay(near, near, true);
    return far;
}

/* Takes what has come; -1: nothing, 0: the end. */
static ssize_t take(int fd, uint64_t *hash, size_t *got)
{
    uint8_t data[65536];
    ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
    if (n > 0) {
        *hash = hash_add(*hash, data, (size_t)n);
        *got += (size_t)n;
    }
    return n;
}

static void check_is_whole(int fd, size_t len)
{
    uint64_t hash = 0;
    size_t got = 0;
    while (got < len)
        AWAIT(take(fd, &hash, &got) > 0);
    assert_int_equal(got, len);
    assert_true(hash == body_hash(len, 1));
}

static void send_body(size_t len)
{
    size_t at = 0;
    while (at < len)
        AWAIT((at += write_body(client, at, len - at, 1)) == len);
}

static void each_direction_is_whole_and_ends_for_itself(void **state)
{
    uint64_t hash = 0;
    size_t got = 0;
    (void)state;
    int fd = relayed_socket();
    assert_int_equal(write_body(client, 0, 200000, 1), 200000);
    mux_stream_end(client->s);
    check_is_whole(fd, 200000);
    AWAIT(take(fd, &hash, &got) == 0); /* half closed */
    assert_int_equal(done_count, 0);
    assert_int_equal(write(fd, "answer", 6), 6);
    AWAIT(client->got == 6);
    assert_false(client->eof);
    close(fd);
    AWAIT(done_count == 1);
    assert_int_equal(done_error, HX_OK);
    AWAIT(client->closed == 1);
    assert_true(client->eof);
    assert_int_equal(client->error, HX_OK);
}

static void the_end_of_the_socket_leaves_the_other_direction_open(void **state)
{
    (void)state;
    int fd = relayed_socket();
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    AWAIT(client->eof);
    assert_int_equal(write_body(client, 0, 100000, 1), 100000);
    check_is_whole(fd, 100000);
    mux_stream_end(client->s);
    AWAIT(done_count == 1);
    assert_int_equal(done_error, HX_OK);
    close(fd);
}

static void much_comes_out_of_a_socket_in_order(void **state)
{
    uint8_t data[10000];
    size_t at = 0;
    (void)state;
    int fd = relayed_socket();
    while (at < BIG) {
        size_t n = BIG - at < sizeof data ? BIG - at : sizeof data;
        for (size_t i = 0; i < n; i++)
            data[i] = body_byte(at + i, 1);
        ssize_t put = send(fd, data, n, MSG_DONTWAIT);
        at += put > 0 ? (size_t)put : 0;
        turn();
    }
    close(fd);
    AWAIT(client->eof);
    assert_int_equal(client->got, BIG);
    assert_true(client->hash == body_hash(BIG, 1));
}

static void a_socket_that_takes_nothing_stops_the_stream_and_nothing_is_lost(void **state)
{
    size_t at = 0;
    uint64_t hash = 0;
    size_t got = 0;
    (void)state;
    int fd = relayed_socket();
    for (int still = 0; still < 50; still++) {
        size_t put = write_body(client, at, BIG - at, 1);
        at += put;
        still = put > 0 ? 0 : still;
        turn();
    }
    assert_in_range(at, 1, 2 * 1024 * 1024); /* a first window, and what the socket and both sides hold */
    while (got < BIG) {
        at += write_body(client, at, BIG - at, 1);
        turn();
        (void)take(fd, &hash, &got);
    }
    assert_true(hash == body_hash(BIG, 1));
    close(fd);
}

static void the_stream_lives_until_all_was_written(void **state)
{
    size_t len = 400000; /* more than the socket takes */
    (void)state;
    int fd = relayed_socket();
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    send_body(len);
    mux_stream_end(client->s);
    for (int i = 0; i < 50; i++)
        turn();
    assert_int_equal(mux_stream_count(p.server.m), 1);
    check_is_whole(fd, len);
    AWAIT(done_count == 1);
    assert_int_equal(done_error, HX_OK);
    AWAIT(mux_stream_count(p.server.m) == 0);
    close(fd);
}

static void a_stream_that_breaks_resets_the_tcp_connection(void **state)
{
    char byte;
    (void)state;
    int fd = relayed_tcp();
    turn();
    mux_stream_reset(client->s, CONNECT_ERROR);
    client->s = NULL;
    AWAIT(done_count == 1);
    assert_int_equal(done_error, HX_ECLOSED);
    assert_int_equal(done_system, 0);
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static void a_tcp_connection_that_breaks_resets_the_stream(void **state)
{
    struct linger at_once = {.l_onoff = 1};
    (void)state;
    int fd = relayed_tcp();
    turn();
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
    AWAIT(done_count == 1);
    assert_int_equal(done_error, HX_ESYS);
    assert_int_equal(done_system, ECONNRESET);
    AWAIT(client->closed == 1);
    assert_int_equal(client->error, HX_ECLOSED);
    assert_int_equal(client->code, CONNECT_ERROR);
}

static void a_link_that_breaks_resets_the_tcp_connection(void **state)
{
    char byte;
    (void)state;
    int fd = relayed_tcp();
    turn();
    mux_destroy(p.server.m);
    p.server.m = NULL;
    assert_int_equal(done_count, 1);
    assert_int_equal(done_error, HX_ECLOSED);
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static void an_aborted_relay_resets_both_sides_and_tells_nothing(void **state)
{
    char byte;
    (void)state;
    int fd = relayed_tcp();
    turn();
    relay_abort(relay);
    relay = NULL;
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    run(&p);
    assert_int_equal(client->closed, 1);
    assert_int_equal(client->error, HX_ECLOSED);
    assert_int_equal(done_count, 0);
    close(fd);
}

static int temporary_file(size_t len)
{
    char name[] = "/tmp/hx-test-relay.XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    for (size_t at = 0; at < len; at++) {
        uint8_t byte = body_byte(at, 1);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    return fd;
}

static void regular_files_are_read_and_written(void **state)
{
    uint64_t hash = 0;
    size_t len = 150000, at = 0;
    uint8_t byte;
    (void)state;
    int in = temporary_file(len);
    int out = temporary_file(0);
    start_relay(in, out, false);
    send_body(len);
    mux_stream_end(client->s);
    AWAIT(done_count == 1);
    assert_int_equal(done_error, HX_OK);
    AWAIT(client->eof);
    assert_int_equal(client->got, len);
    assert_true(client->hash == body_hash(len, 1));
    for (; pread(out, &byte, 1, (off_t)at) == 1; at++)
        hash = hash_add(hash, &byte, 1);
    assert_int_equal(at, len);
    assert_true(hash == body_hash(len, 1));
    assert_int_equal(close(in), 0); /* still ours */
    assert_int_equal(close(out), 0);
}

static void a_pipe_that_nobody_reads_does_not_block_the_loop_and_keeps_its_flags(void **state)
{
    int in[2], out[2];
    char data[4096];
    ssize_t n;
    size_t got = 0;
    (void)state;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    start_relay(in[0], out[1], false);
    send_body(300000); /* a pipe takes 64 KB */
    mux_stream_end(client->s);
    alarm(20);
    for (int i = 0; i < 50; i++)
        turn();
    alarm(0);
    assert_int_equal(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
    close(in[1]);
    assert_int_equal(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
    while (done_count == 0) {
        turn();
        while ((n = read(out[0], data, sizeof data)) > 0)
            got += (size_t)n;
    }
    assert_int_equal(done_error, HX_OK);
    while ((n = read(out[0], data, sizeof data)) > 0)
        got += (size_t)n;
    assert_int_equal(got, 300000);
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

static void a_pipe_whose_reader_has_gone_is_a_failure(void **state)
{
    int in[2], out[2];
    (void)state;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    close(out[0]);
    start_relay(in[0], out[1], false);
    send_body(10);
    AWAIT(done_count == 1);
    assert_int_equal(done_error, HX_ESYS);
    assert_int_equal(done_system, EPIPE);
    AWAIT(client->closed == 1);
    assert_int_equal(client->error, HX_ECLOSED);
    close(in[0]);
    close(in[1]);
    close(out[1]);
}

static void an_input_that_is_closed_or_null_has_nothing_to_say(void **state)
{
    (void)state;
    int null = open("/dev/null", O_WRONLY); /* what main() makes of a closed one */
    start_relay(null, null, false);
    AWAIT(client->eof);
    send_body(1000);
    mux_stream_end(client->s);
    AWAIT(done_count == 1);
    assert_int_equal(done_error, HX_OK);
    close(null);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_direction_is_whole_and_ends_for_itself),
        TEST(the_end_of_the_socket_leaves_the_other_direction_open),
        TEST(much_comes_out_of_a_socket_in_order),
        TEST(a_socket_that_takes_nothing_stops_the_stream_and_nothing_is_lost),
        TEST(the_stream_lives_until_all_was_written),
        TEST(a_stream_that_breaks_resets_the_tcp_connection),
        TEST(a_tcp_connection_that_breaks_resets_the_stream),
        TEST(a_link_that_breaks_resets_the_tcp_connection),
        TEST(an_aborted_relay_resets_both_sides_and_tells_nothing),
        TEST(regular_files_are_read_and_written),
        TEST(a_pipe_that_nobody_reads_does_not_block_the_loop_and_keeps_its_flags),
        TEST(a_pipe_whose_reader_has_gone_is_a_failure),
        TEST(an_input_that_is_closed_or_null_has_nothing_to_say),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
