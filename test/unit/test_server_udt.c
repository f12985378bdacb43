/* The nameserver over real UDT on loopback, against clients that are no HTTP clients: silent, slow, cut off,
 * flooding. The server runs in a process of its own, forked before either has started UDT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/endpoint.h"
#include "server/log.h"
#include "test/unit/serve_fixture.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_S 1 /* the server's --request-timeout */
#define ROOT      "GET / HTTP/1.1\r\n\r\n"
#define PATIENCE  8000 /* ms that a test waits for what must come */

static pid_t server_pid;
static struct sockaddr_storage server_address;
static socklen_t server_len;
static struct udt_port *port;
static FILE *server_log;

struct peer {
    struct stream *stream;
    bool connected;
    bool closed;
    char said[1 << 16]; /* by the server, NUL-terminated; what does not fit is dropped */
    size_t len;
};

/* ---- the server's process ---- */

static int serve(int ready_fd)
{
    struct server_config config;

    server_config_defaults(&config);
    config.request_timeout_ms = TIMEOUT_S * 1000;
    return serve_on_loopback(&config, ready_fd) ? 0 : 1;
}

static int start_server(void **state)
{
    struct udt_port_config pc = {.local = NULL};
    int ready[2];

    (void)state;
    server_log = tmpfile();
    if (!server_log || pipe(ready) < 0)
        return -1;
    server_pid = fork();
    if (server_pid == 0) {
        dup2(fileno(server_log), STDERR_FILENO);
        _exit(serve(ready[1]));
    }
    close(ready[1]);
    ssize_t n = read(ready[0], &server_address, sizeof server_address);
    close(ready[0]);
    server_len = n > 0 ? (socklen_t)n : 0;
    return n > 0 && udt_port_open(&port, &pc) == HX_OK ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    udt_shutdown(100);
    kill(server_pid, SIGTERM);
    int status;
    waitpid(server_pid, &status, 0);
    fclose(server_log);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* ---- clients ---- */

static void take_bytes(struct peer *p)
{
    char bytes[4096];
    ssize_t n;

    while ((n = stream_read(p->stream, bytes, sizeof bytes)) > 0) {
        if (p->len + (size_t)n >= sizeof p->said)
            continue;
        memcpy(p->said + p->len, bytes, (size_t)n);
        p->len += (size_t)n;
        p->said[p->len] = '\0';
    }
    if (n == HX_ECLOSED)
        p->closed = true;
}

/* Takes what comes within `ms`, but returns once *done is true. */
static void run_until(const bool *done, int ms)
{
    int64_t end = clock_now_ms() + ms;

    while (!*done && clock_now_ms() < end) {
        struct pollfd fd = {.fd = udt_port_fd(port), .events = POLLIN};
        struct udt_event ev;

        poll(&fd, 1, 10);
        while (udt_port_next(port, &ev) == 1) {
            struct peer *p = ev.stream->user;

            if (ev.type == UDT_EV_CONNECTED)
                p->connected = true;
            else if (ev.type == UDT_EV_READABLE || ev.type == UDT_EV_CLOSED)
                take_bytes(p);
        }
    }
}

static struct peer *connected_peer(void)
{
    struct peer *p = calloc(1, sizeof *p);

    assert_non_null(p);
    assert_int_equal(
        udt_connect(&p->stream, port, (struct sockaddr *)&server_address, server_len, UDT_CONNECT_MS, p),
        HX_OK);
    run_until(&p->connected, PATIENCE);
    assert_true(p->connected);
    return p;
}

static void say(struct peer *p, const char *text)
{
    assert_int_equal(stream_write(p->stream, text, strlen(text)), strlen(text));
}

static void leave(struct peer *p)
{
    stream_close(p->stream);
    free(p);
}

static bool heard(struct peer *p, const char *text, int ms)
{
    int64_t end = clock_now_ms() + ms;
    const bool never = false;

    while (!strstr(p->said, text) && !p->closed && clock_now_ms() < end)
        run_until(&never, 5);
    return strstr(p->said, text) != NULL;
}

static bool logged(const char *text)
{
    static char log[1 << 20];
    const bool never = false;

    for (int64_t end = clock_now_ms() + PATIENCE; clock_now_ms() < end; run_until(&never, 20)) {
        ssize_t n = pread(fileno(server_log), log, sizeof log - 1, 0);

        log[n < 0 ? 0 : n] = '\0';
        if (strstr(log, text))
            return true;
    }
    return false;
}

/* Somebody who asks while the others do what they do. Returns the time it took, in ms. */
static int64_t time_of_another(void)
{
    struct peer *p = connected_peer();
    int64_t begin = clock_now_ms();

    say(p, ROOT);
    assert_true(heard(p, "hx-nameserver", PATIENCE));
    begin = clock_now_ms() - begin;
    leave(p);
    return begin;
}

static void a_client_that_says_nothing_gets_408_and_is_closed(void **state)
{
    struct peer *p = connected_peer();

    (void)state;
    assert_true(heard(p, "HTTP/1.1 408 ", PATIENCE));
    run_until(&p->closed, PATIENCE);
    assert_true(p->closed);
    leave(p);
}

static void a_client_that_says_half_a_request_slowly_gets_408_and_others_are_served(void **state)
{
    struct peer *p = connected_peer();
    const bool never = false;
    const char *next = ROOT;

    (void)state;
    while (!p->len && *next) {
        if (stream_write(p->stream, next++, 1) < 0)
            break;
        run_until(&never, 150);
        assert_true(time_of_another() < TIMEOUT_S * 1000 - 100); /* it does not wait for the slow one */
    }
    assert_true(heard(p, "HTTP/1.1 408 ", PATIENCE));
    leave(p);
}

static void a_client_that_vanishes_within_a_request_is_noted(void **state)
{
    struct peer *p = connected_peer();
    bool never = false;

    (void)state;
    say(p, "GET /bind?host_id=va");
    run_until(&never, 50);
    leave(p);
    assert_true(logged("reason=\"vanished within a request\""));
}

static void an_answer_before_the_close_arrives_whole(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct peer *p = connected_peer();

        say(p, "hello\r\n\r\n");
        assert_true(heard(p, "HTTP/1.1 400 ", PATIENCE));
        run_until(&p->closed, PATIENCE);
        assert_true(p->closed);
        assert_string_equal(p->said + p->len - 2, "\r\n");
        leave(p);
    }
}

static void a_flood_of_requests_gets_all_answers_and_others_are_served(void **state)
{
    struct peer *p = connected_peer();
    const bool never = false;
    int sent = 0;
    size_t answers = 0;

    (void)state;
    while (sent < 200 && !p->closed) {
        if (stream_write(p->stream, ROOT, strlen(ROOT)) == (ssize_t)strlen(ROOT))
            sent++;
        else
            run_until(&never, 1);
        take_bytes(p); /* or the server drops a reader who is slow, where a machine is */
    }
    assert_int_equal(sent, 200);
    assert_true(time_of_another() < 2000); /* 200 requests take some 50 ms */
    for (int64_t end = clock_now_ms() + PATIENCE; answers < 200 && clock_now_ms() < end;
         run_until(&never, 5)) {
        answers = 0;
        for (const char *at = p->said; (at = strstr(at, "HTTP/1.1 200 OK")) != NULL; at++)
            answers++;
    }
    assert_int_equal(answers, 200);
    leave(p);
}

static void two_meet_and_the_first_one_who_leaves_frees_the_name(void **state)
{
    struct peer *h1 = connected_peer(), *h2 = connected_peer(), *late = connected_peer();

    (void)state;
    say(h1, "GET /bind?host_id=meet HTTP/1.1\r\n\r\n");
    assert_true(heard(h1, "\r\n\r\n", PATIENCE));
    say(h2, "GET /connect?host_id=meet&name=two HTTP/1.1\r\n\r\n");
    assert_true(heard(h1, "\r\ntwo: 127.0.0.1:", PATIENCE));
    assert_true(heard(h2, "\r\nmeet: 127.0.0.1:", PATIENCE));
    assert_true(heard(h2, "\r\ntwo: 127.0.0.1:", PATIENCE));
    leave(h1);
    assert_true(logged("name=meet reason=\"closed by the peer\""));
    say(late, "GET /connect?host_id=meet HTTP/1.1\r\n\r\n");
    assert_true(heard(late, "HTTP/1.1 404 ", PATIENCE));
    leave(late);
    leave(h2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_says_nothing_gets_408_and_is_closed),
        cmocka_unit_test(a_client_that_says_half_a_request_slowly_gets_408_and_others_are_served),
        cmocka_unit_test(a_client_that_vanishes_within_a_request_is_noted),
        cmocka_unit_test(an_answer_before_the_close_arrives_whole),
        cmocka_unit_test(a_flood_of_requests_gets_all_answers_and_others_are_served),
        cmocka_unit_test(two_meet_and_the_first_one_who_leaves_frees_the_name),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
