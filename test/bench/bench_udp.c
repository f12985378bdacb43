/* bench_udp: what a forward makes of datagrams, beside what carries the same ones without it. All on 127.0.0.1.
 *
 *   bench_udp echo [PORT]               gives back what comes; "listening on 127.0.0.1:PORT"
 *   bench_udp relay PORT                passes everything on to PORT, and the answers to who has spoken last; likewise
 *   bench_udp turns COUNT BYTES PORT... COUNT datagrams to each of them and back, one at a time, each port in its turn:
 *                                       "port= count= lost= p50_ms= p99_ms=" for each
 *   bench_udp rate MBIT SECONDS BYTES PORT
 *                                       at that rate to an echo behind PORT and back: "sent= lost= percent="
 *   bench_udp window COUNT BYTES WINDOW PORT
 *                                       the same, as fast as the answers come: so many at a time are on their way, and
 *                                       one until one is back: a forward has its way then
 *   bench_udp voice SECONDS PORT        160 bytes each 20 ms and back: a line "TIME RTT_MS" for each (bench_path.c), and for
 *                                       one that is lost "TIME lost" */
#include "test/bench/local_socket.h"
#include "test/bench/measure.h"
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER       (4 * 1024 * 1024) /* bytes, as far as the kernel lets a socket have them */
#define LONGEST      65536
#define PATIENCE_MS  3000 /* what is not back by then is lost */
#define PORTS_MAX    8
#define STEP_US      1000.0 /* a program that sends at a rate wakes up so often */
#define VOICE_BYTES  160    /* 20 ms of G.711 (RFC 3551) */
#define VOICE_US     20000.0
#define VOICE_MAX    65536
#define VOICE_END_US 1.5e6 /* for the last ones to come back */

static int with_room(int fd)
{
    int bytes = BUFFER;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return fd;
}

static int connected_to(const char *port)
{
    return with_room(local_socket_to(SOCK_DGRAM, port));
}

static int listening(const char *port)
{
    return with_room(local_socket_at(SOCK_DGRAM, port));
}

/* --- the far end, and what stands in the place of a forward ----------------------------------------------------- */

static uint8_t bytes[LONGEST];

/* With `onward`: -1, or the socket to whoever is relayed to. */
static _Noreturn void serve(int fd, int onward)
{
    struct sockaddr_in from = {0};
    struct pollfd ends[2] = {{.fd = fd, .events = POLLIN}, {.fd = onward, .events = POLLIN}};

    for (;;) {
        if (onward >= 0)
            (void)poll(ends, 2, -1);
        socklen_t len = sizeof from;
        ssize_t n = onward < 0 || ends[0].revents
                        ? recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len)
                        : -1;
        if (n >= 0 && onward >= 0)
            (void)!send(onward, bytes, (size_t)n, 0);
        else if (n >= 0)
            (void)!sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, len);
        if (onward < 0 || !ends[1].revents || (n = recv(onward, bytes, sizeof bytes, MSG_DONTWAIT)) < 0)
            continue;
        (void)!sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, sizeof from);
    }
}

/* --- one at a time ---------------------------------------------------------------------------------------------- */

/* The answer that says `number`, or false: it does not come. */
static bool answered(int fd, uint64_t number, double until_us)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    uint64_t heard = 0;

    for (double left_us; (left_us = until_us - now_us()) > 0;) {
        if (poll(&readable, 1, (int)(left_us / 1000) + 1) <= 0)
            continue;
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < (ssize_t)sizeof heard)
            continue;
        memcpy(&heard, bytes, sizeof heard);
        if (heard == number)
            return true;
    }
    return false;
}

static int turns(uint64_t count, size_t len, char **ports, int n)
{
    static uint8_t data[LONGEST];
    struct samples took[PORTS_MAX] = {0};
    int fds[PORTS_MAX];

    for (int p = 0; p < n; p++)
        fds[p] = connected_to(ports[p]);
    for (uint64_t i = 0; i < count; i++)
        for (int p = 0; p < n; p++) {
            double began = now_us();

            memcpy(data, &i, sizeof i);
            (void)!send(fds[p], data, len, 0);
            if (answered(fds[p], i, began + PATIENCE_MS * 1e3))
                samples_add(&took[p], (now_us() - began) / 1e3);
        }
    for (int p = 0; p < n; p++) {
        printf("port=%s count=%llu lost=%llu p50_ms=%.4f p99_ms=%.4f\n", ports[p], (unsigned long long)count,
               (unsigned long long)(count - took[p].count), samples_percentile(&took[p], 0.5),
               samples_percentile(&took[p], 0.99));
        samples_free(&took[p]);
    }
    return 0;
}

/* --- many ------------------------------------------------------------------------------------------------------- */

struct many {
    int fd;
    uint64_t sent, back;
    uint64_t done; /* all before this one are back, or lost */
    size_t len;
};

static void send_one(struct many *m)
{
    static uint8_t data[LONGEST];

    memcpy(data, &m->sent, sizeof m->sent);
    (void)!send(m->fd, data, m->len, 0);
    m->sent++;
}

/* Takes what has come, and waits for the first for so long. Returns how many. */
static uint64_t take(struct many *m, int wait_ms)
{
    struct pollfd readable = {.fd = m->fd, .events = POLLIN};
    uint64_t before = m->back, number = 0;

    if (wait_ms > 0 && poll(&readable, 1, wait_ms) <= 0)
        return 0;
    while (recv(m->fd, bytes, sizeof bytes, MSG_DONTWAIT) >= 0) {
        memcpy(&number, bytes, sizeof number);
        m->done = number >= m->done ? number + 1 : m->done;
        m->back++;
    }
    return m->back - before;
}

static int told(struct many *m)
{
    while (take(m, PATIENCE_MS) > 0)
        ;
    printf("sent=%llu lost=%llu percent=%.4f\n", (unsigned long long)m->sent,
           (unsigned long long)(m->sent - m->back), 100.0 * (double)(m->sent - m->back) / (double)m->sent);
    return 0;
}

static int rate(double mbit, double seconds, size_t len, const char *port)
{
    struct many m = {.fd = connected_to(port), .len = len};
    double each_us = (double)len * 8 / mbit;

    send_one(&m);
    (void)take(&m, PATIENCE_MS);
    double began = now_us() - each_us, now = began;

    for (; now < began + seconds * 1e6; now = now_us()) {
        while (now >= began + (double)m.sent * each_us)
            send_one(&m);
        const struct timespec step = {.tv_nsec = (long)(STEP_US * 1000)};
        nanosleep(&step, NULL);
        (void)take(&m, 0);
    }
    return told(&m);
}

static int windowed(uint64_t count, size_t len, uint64_t window, const char *port)
{
    struct many m = {.fd = connected_to(port), .len = len};

    while (m.sent < count) {
        while (m.sent < count && m.sent < m.done + (m.back > 0 ? window : 1))
            send_one(&m);
        if (take(&m, PATIENCE_MS) == 0)
            m.done = m.sent;
    }
    return told(&m);
}

/* --- voice ------------------------------------------------------------------------------------------------------ */

static int voice(double seconds, const char *port)
{
    static double left_us[VOICE_MAX], took_us[VOICE_MAX];
    struct pollfd readable = {.fd = connected_to(port), .events = POLLIN};
    uint8_t data[VOICE_BYTES] = {0};
    double at = now_us(), end = at + seconds * 1e6;
    uint64_t sent = 0, number = 0;

    for (double next = at; (at = now_us()) < end + VOICE_END_US;) {
        if (at >= next && at < end && sent < VOICE_MAX) {
            memcpy(data, &sent, sizeof sent);
            left_us[sent++] = at;
            (void)!send(readable.fd, data, sizeof data, 0);
            next += VOICE_US;
        }
        double until = at < end ? next : end + VOICE_END_US;
        if (poll(&readable, 1, until > at ? (int)((until - at) / 1000) + 1 : 0) <= 0)
            continue;
        ssize_t n = recv(readable.fd, data, sizeof data, MSG_DONTWAIT);
        memcpy(&number, data, sizeof number);
        if (n == sizeof data && number < sent && took_us[number] == 0)
            took_us[number] = now_us() - left_us[number];
    }
    for (uint64_t i = 0; i < sent; i++)
        if (took_us[i] > 0)
            printf("%.6f %.3f\n", left_us[i] / 1e6, took_us[i] / 1e3);
        else
            printf("%.6f lost\n", left_us[i] / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0); /* nanoseconds */
    if (strcmp(what, "echo") == 0 && argc <= 3)
        serve(listening(argv[2]), -1);
    if (strcmp(what, "relay") == 0 && argc == 3)
        serve(listening(NULL), connected_to(argv[2]));
    if (strcmp(what, "turns") == 0 && argc > 4 && argc - 4 <= PORTS_MAX)
        return turns(strtoull(argv[2], NULL, 10), (size_t)atoi(argv[3]), argv + 4, argc - 4);
    if (strcmp(what, "rate") == 0 && argc == 6)
        return rate(atof(argv[2]), atof(argv[3]), (size_t)atoi(argv[4]), argv[5]);
    if (strcmp(what, "window") == 0 && argc == 6)
        return windowed(strtoull(argv[2], NULL, 10), (size_t)atoi(argv[3]), strtoull(argv[4], NULL, 10),
                        argv[5]);
    if (strcmp(what, "voice") == 0 && argc == 4)
        return voice(atof(argv[2]), argv[3]);
    fprintf(stderr, "usage: bench_udp echo [PORT] | relay PORT | turns COUNT BYTES PORT... | rate MBIT "
                    "SECONDS BYTES PORT | "
                    "window COUNT BYTES WINDOW PORT | voice SECONDS PORT\n");
    return 2;
}
