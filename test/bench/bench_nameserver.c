/* bench_nameserver: the client's side of `make bench`. Each run prints one line of "key=value" pairs.
 *
 *   bench_nameserver sessions PORT COUNT           fresh connection, GET /, answer, close; one at a time
 *   bench_nameserver introductions PORT COUNT      H2 asks /connect on a fresh connection; until H1 has its part
 *   bench_nameserver hold PORT COUNT SECONDS PID   COUNT binds held; CPU and memory of the server, process PID
 *
 * Talks to 127.0.0.1:PORT only. */
#include "shim/udt/udt.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS    10000
#define ANSWER_MAX 2048

struct session {
    struct stream *stream;
    bool connected, failed;
    char answer[ANSWER_MAX]; /* NUL-terminated */
    size_t len;
};

static struct sockaddr_in server = {.sin_family = AF_INET};

static void die(const char *what)
{
    fprintf(stderr, "bench_nameserver: %s\n", what);
    exit(1);
}

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static struct udt_port *open_port(void)
{
    struct udt_port_config config = {0};
    struct udt_port *p;

    if (udt_port_open(&p, &config) < 0)
        die("cannot open a UDP port");
    return p;
}

static void read_answer(struct session *s)
{
    ssize_t n;

    while (s->len < ANSWER_MAX - 1 &&
           (n = stream_read(s->stream, s->answer + s->len, ANSWER_MAX - 1 - s->len)) > 0)
        s->len += (size_t)n;
    s->answer[s->len] = '\0';
}

static void turn(struct udt_port *p, int wait_ms)
{
    struct pollfd fd = {.fd = udt_port_fd(p), .events = POLLIN};

    if (wait_ms)
        poll(&fd, 1, wait_ms);
    struct udt_event ev;
    while (udt_port_next(p, &ev)) {
        struct session *s = ev.stream->user;

        s->connected |= ev.type == UDT_EV_CONNECTED;
        s->failed |= ev.type == UDT_EV_CONNECT_FAILED || ev.type == UDT_EV_CLOSED;
        if (ev.type == UDT_EV_READABLE)
            read_answer(s);
    }
}

static void begin(struct session *s, struct udt_port *p)
{
    memset(s, 0, sizeof *s);
    if (udt_connect(&s->stream, p, (struct sockaddr *)&server, sizeof server, WAIT_MS, s) < 0)
        die("cannot connect");
}

static void await_connected(struct session *s, struct udt_port *p)
{
    for (double end = now_us() + WAIT_MS * 1e3; !s->connected;) {
        if (s->failed || now_us() > end)
            die("no connection to the server");
        turn(p, 100);
    }
}

/* Until the answer holds `text`, `count` times. */
static void await_text(struct session *s, struct udt_port *p, const char *text, int count)
{
    for (double end = now_us() + WAIT_MS * 1e3;;) {
        int found = 0;

        for (const char *at = s->answer; (at = strstr(at, text)); at += strlen(text))
            found++;
        if (found >= count)
            return;
        if (s->failed || now_us() > end)
            die("the server did not answer");
        turn(p, 100);
    }
}

static void say(struct session *s, const char *request)
{
    if (stream_write(s->stream, request, strlen(request)) != (ssize_t)strlen(request))
        die("cannot write a request");
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_latency(double *us, int count)
{
    qsort(us, (size_t)count, sizeof *us, by_value);
    printf("p50_ms=%.3f p99_ms=%.3f max_ms=%.3f\n", us[count / 2] / 1e3, us[(int)((count - 1) * 0.99)] / 1e3,
           us[count - 1] / 1e3);
}

static void sessions(int count)
{
    double *us = calloc((size_t)count, sizeof *us);
    struct udt_port *p = open_port();
    double start = now_us();
    struct session s;

    for (int i = 0; i < count; i++) {
        double begun = now_us();

        begin(&s, p);
        await_connected(&s, p);
        say(&s, "GET / HTTP/1.1\r\n\r\n");
        await_text(&s, p, "\r\n\r\n", 1);
        us[i] = now_us() - begun;
        stream_close(s.stream);
    }
    printf("sessions=%d per_second=%.0f ", count, count / (now_us() - start) * 1e6);
    print_latency(us, count);
    free(us);
}

static void introductions(int count)
{
    double *us = calloc((size_t)count, sizeof *us);
    struct udt_port *left = open_port(), *right = open_port();
    struct session h1, h2;

    begin(&h1, left);
    await_connected(&h1, left);
    say(&h1, "GET /bind?host_id=bench HTTP/1.1\r\n\r\n");
    await_text(&h1, left, "\r\n\r\n", 1);
    for (int i = 0; i < count; i++) {
        double begun;

        begin(&h2, right);
        await_connected(&h2, right);
        h1.len = 0;
        h1.answer[0] = '\0';
        begun = now_us();
        say(&h2, "GET /connect?host_id=bench HTTP/1.1\r\n\r\n");
        await_text(&h1, left, "hx_hole_punching\r\n: ", 1);
        us[i] = now_us() - begun;
        await_text(&h2, right, "hx_hole_punching\r\n", 2);
        stream_close(h2.stream);
    }
    printf("introductions=%d ", count);
    print_latency(us, count);
    stream_close(h1.stream);
    free(us);
}

/* User and system time so far, in seconds. */
static double cpu_seconds(int pid)
{
    char path[64], line[1024], *after;
    unsigned long user = 0, sys = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f || !fgets(line, sizeof line, f))
        die("the server is gone");
    fclose(f);
    after = strrchr(line, ')'); /* proc(5): the name may hold anything */
    if (!after || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        die("cannot read /proc");
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static long resident_kb(int pid)
{
    char path[64], line[256];
    long kb = -1;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    }
    if (f)
        fclose(f);
    return kb;
}

static void hold(int count, int seconds, int pid)
{
    struct session *s = calloc((size_t)count, sizeof *s);
    long empty_kb = resident_kb(pid), held_kb;
    struct udt_port *p = open_port();
    int alive = 0;

    for (int i = 0; i < count; i++) {
        char request[128];

        begin(&s[i], p);
        await_connected(&s[i], p);
        snprintf(request, sizeof request, "GET /bind?host_id=bench%d HTTP/1.1\r\n\r\n", i);
        say(&s[i], request);
        await_text(&s[i], p, "200 OK", 1);
    }
    double end;
    for (end = now_us() + 2e6; now_us() < end;) /* the handshakes' timers run out */
        turn(p, 100);
    double cpu = cpu_seconds(pid);
    for (end = now_us() + seconds * 1e6; now_us() < end;)
        turn(p, 100);
    cpu = cpu_seconds(pid) - cpu;
    held_kb = resident_kb(pid);
    for (int i = 0; i < count; i++)
        alive += !s[i].failed;
    printf("held=%d alive=%d seconds=%d cpu_percent=%.2f resident_mb=%.1f per_bind_kb=%.1f\n", count, alive,
           seconds, cpu / seconds * 100, (double)held_kb / 1024, (double)(held_kb - empty_kb) / count);
    for (int i = 0; i < count; i++)
        stream_close(s[i].stream);
    free(s);
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[3]) : 0;

    if (count <= 0 || atoi(argv[2]) <= 0)
        die("usage: sessions|introductions PORT COUNT, or hold PORT COUNT SECONDS PID");
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons((uint16_t)atoi(argv[2]));
    if (strcmp(argv[1], "sessions") == 0)
        sessions(count);
    else if (strcmp(argv[1], "introductions") == 0)
        introductions(count);
    else if (strcmp(argv[1], "hold") == 0 && argc == 6)
        hold(count, atoi(argv[4]), atoi(argv[5]));
    else
        die("unknown run");
    fflush(stdout);
    udt_shutdown(200);
    return 0;
}
