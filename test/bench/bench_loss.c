/* bench_loss: own clients (shim/udt/udt.h) hold names over a network that loses datagrams, and then connect
 * to their own names and to those of test/stock/stock_holder.
 *
 *   bench_loss PORT OWN STOCK SECONDS
 *
 * Binds own-0, own-1... and prints "bound"; SECONDS after that connects to each of them and of stock-0,
 * stock-1... one at a time, and prints one line of "key=value" pairs. Talks to 127.0.0.1:PORT only. */
#include "base/clock.h"
#include "shim/udt/udt.h"
#include "test/bench/measure.h"
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS    20000 /* for what takes milliseconds without a loss */
#define ANSWER_MAX 1024
#define PART       "\n--hx_hole_punching\r\n" /* the head has the boundary behind '=' */
#define VISITOR    "visitor"

struct client {
    struct stream *stream;
    bool connected, lost;
    char answer[ANSWER_MAX]; /* NUL-terminated; what does not fit is dropped */
    size_t len;
};

static struct udt_port *port;
static struct sockaddr_in server = {.sin_family = AF_INET};

static void take(struct client *c)
{
    char bytes[ANSWER_MAX];
    ssize_t n;

    while ((n = stream_read(c->stream, bytes, sizeof bytes)) > 0) {
        size_t room = ANSWER_MAX - 1 - c->len, more = (size_t)n < room ? (size_t)n : room;

        memcpy(c->answer + c->len, bytes, more);
        c->len += more;
        c->answer[c->len] = '\0';
    }
}

static void turn(int wait_ms)
{
    struct pollfd fd = {.fd = udt_port_fd(port), .events = POLLIN};
    int timeout_ms = udt_port_timeout_ms(port);

    poll(&fd, 1, timeout_ms >= 0 && timeout_ms < wait_ms ? timeout_ms : wait_ms);
    struct udt_event ev;
    while (udt_port_next(port, &ev)) {
        struct client *c = ev.stream->user;

        c->connected |= ev.type == UDT_EV_CONNECTED;
        c->lost |= ev.type == UDT_EV_CONNECT_FAILED || ev.type == UDT_EV_CLOSED;
        if (ev.type == UDT_EV_READABLE)
            take(c);
    }
}

static int parts(const struct client *c)
{
    int count = 0;

    for (const char *at = c->answer; (at = strstr(at, PART)); at += strlen(PART))
        count++;
    return count;
}

/* Connects, asks, and waits until the answer has come with so many parts. */
static bool ask(struct client *c, const char *target, int parts_due)
{
    int64_t end_ms = clock_now_ms() + WAIT_MS;
    char request[128];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n\r\n", target);

    if (udt_connect(&c->stream, port, (struct sockaddr *)&server, sizeof server, WAIT_MS, c) < 0)
        return false;
    while (!c->connected && !c->lost)
        turn(100);
    if (c->lost || stream_write(c->stream, request, (size_t)len) != len)
        return false;
    while (!c->lost && clock_now_ms() < end_ms && (!strstr(c->answer, "\r\n\r\n") || parts(c) < parts_due))
        turn(100);
    return strncmp(c->answer, "HTTP/1.1 200", 12) == 0 && parts(c) >= parts_due;
}

static void visit(const char *kind, int count, struct samples *us, int *failed)
{
    for (int i = 0; i < count; i++) {
        struct client c = {0};
        double begun_us = now_us();
        char target[96];

        snprintf(target, sizeof target, "/connect?host_id=%s-%d&name=" VISITOR, kind, i);
        if (ask(&c, target, 2))
            samples_add(us, now_us() - begun_us);
        else
            ++*failed;
        stream_close(c.stream);
    }
}

static void idle(double seconds)
{
    for (double end_us = now_us() + seconds * 1e6; now_us() < end_us;)
        turn(100);
}

static bool all_told(const struct client *held, int count)
{
    for (int i = 0; i < count; i++) {
        if (!strstr(held[i].answer, VISITOR))
            return false;
    }
    return true;
}

static void report(struct client *held, int count, struct samples *us, int failed)
{
    int64_t end_ms = clock_now_ms() + WAIT_MS;
    int lost = 0, told = 0;

    while (!all_told(held, count) && clock_now_ms() < end_ms)
        turn(100);
    for (int i = 0; i < count; i++) {
        lost += held[i].lost;
        told += strstr(held[i].answer, VISITOR) != NULL;
    }
    printf("lost=%d told=%d failed=%d p50_ms=%.1f max_ms=%.1f\n", lost, told, failed,
           samples_percentile(us, 0.5) / 1e3, samples_percentile(us, 1) / 1e3);
}

static void hold(int own, int stock, double seconds)
{
    struct client *held = calloc((size_t)own, sizeof *held);
    struct samples us = {0};
    int failed = 0;

    for (int i = 0; i < own; i++) {
        char target[64];

        snprintf(target, sizeof target, "/bind?host_id=own-%d", i);
        if (!held || !ask(&held[i], target, 0))
            die("own-%d cannot bind", i);
    }
    printf("bound\n");
    fflush(stdout);
    idle(seconds);
    visit("own", own, &us, &failed);
    visit("stock", stock, &us, &failed);
    report(held, own, &us, failed);
    for (int i = 0; i < own; i++)
        stream_close(held[i].stream);
    samples_free(&us);
    free(held);
}

int main(int argc, char **argv)
{
    struct udt_port_config config = {0};

    if (argc != 5 || atoi(argv[2]) <= 0)
        die("usage: bench_loss PORT OWN STOCK SECONDS");
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons((uint16_t)atoi(argv[1]));
    if (udt_port_open(&port, &config) < 0)
        die("cannot open a UDP port");
    hold(atoi(argv[2]), atoi(argv[3]), atof(argv[4]));
    udt_shutdown(200);
    return 0;
}
