/* bench_tcp: the programs at the two ends of a forward, and what a nameserver's TCP costs.
 *
 *   bench_tcp echo             prints "listening on 127.0.0.1:PORT"; every connection gets its bytes back
 *   bench_tcp give BYTES       likewise; every connection gets so many bytes
 *   bench_tcp take PORT        reads to the end; prints bytes, seconds and mb_per_second
 *   bench_tcp rtt PORT COUNT   round trips of 64 bytes; prints their percentiles
 *   bench_tcp hold PORT COUNT SECONDS PID   COUNT binds held for SECONDS; CPU and memory of process PID */
#include "test/bench/local_socket.h"
#include "test/bench/measure.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536
#define PING  64

static long long give_bytes = -1; /* -1: echo */

static ssize_t send_all(int fd, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = send(fd, data + done, len - done, MSG_NOSIGNAL);

        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static void *serve_one(void *argument)
{
    int fd = (int)(intptr_t)argument, one = 1;
    char *data = calloc(1, CHUNK);
    ssize_t n = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (long long left = give_bytes; data && left > 0 && n > 0; left -= n)
        n = send_all(fd, data, left < CHUNK ? (size_t)left : CHUNK);
    while (data && give_bytes < 0 && (n = recv(fd, data, CHUNK, 0)) > 0 && send_all(fd, data, (size_t)n) > 0)
        ;
    free(data);
    close(fd);
    return NULL;
}

static _Noreturn void serve(void)
{
    int listener = local_socket_at(SOCK_STREAM, NULL);

    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            continue;
        if (pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
}

static void take(const char *port)
{
    static char data[CHUNK];
    double begin_us = now_us();
    int fd = local_socket_to(SOCK_STREAM, port);
    long long total = 0;
    ssize_t n;

    while ((n = recv(fd, data, sizeof data, 0)) > 0)
        total += n;
    if (n < 0)
        die("broken off after %lld bytes: %s", total, strerror(errno));
    double seconds = (now_us() - begin_us) / 1e6;
    printf("bytes=%lld seconds=%.3f mb_per_second=%.1f\n", total, seconds, (double)total / 1e6 / seconds);
    close(fd);
}

static void rtt(const char *port, long count)
{
    struct samples samples = {0};
    char data[PING] = {0};
    int fd = local_socket_to(SOCK_STREAM, port);

    for (long i = 0; i < count; i++) {
        double begin_us = now_us();

        if (send_all(fd, data, PING) < 0 || recv(fd, data, PING, MSG_WAITALL) != PING)
            die("broken off after %ld round trips", i);
        samples_add(&samples, (now_us() - begin_us) / 1e3);
    }
    printf("count=%ld p50_ms=%.3f p99_ms=%.3f\n", count, samples_percentile(&samples, 0.5),
           samples_percentile(&samples, 0.99));
    samples_free(&samples);
    close(fd);
}

/* Until the answer's head is there. */
static void bind_name(int fd, int i)
{
    char text[512];
    size_t len = (size_t)snprintf(text, sizeof text, "GET /bind?host_id=tcp%d HTTP/1.1\r\n\r\n", i);

    if (send_all(fd, text, len) < 0)
        die("broken off at bind %d", i);
    for (len = 0; len < sizeof text - 1; len++) {
        if (recv(fd, text + len, 1, 0) != 1)
            die("no answer to bind %d", i);
        text[len + 1] = '\0';
        if (strstr(text, "\r\n\r\n"))
            break;
    }
    if (strncmp(text, "HTTP/1.1 200", 12) != 0)
        die("bind %d was refused: %.40s", i, text);
}

static void hold(const char *port, int count, int seconds, int pid)
{
    struct rlimit limit;
    int *fds = calloc((size_t)count, sizeof *fds), lost = 0;
    char byte;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (!fds)
        die("no memory");
    double before = process_resident_bytes(pid), begin_us = now_us();
    for (int i = 0; i < count; i++) {
        fds[i] = local_socket_to(SOCK_STREAM, port);
        bind_name(fds[i], i);
    }
    double bind_seconds = (now_us() - begin_us) / 1e6, cpu = process_cpu_seconds(pid);
    sleep((unsigned)seconds);
    cpu = process_cpu_seconds(pid) - cpu;
    double held = process_resident_bytes(pid) - before;
    for (int i = 0; i < count; i++) {
        lost += recv(fds[i], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;
        close(fds[i]);
    }
    printf("held=%d lost=%d bind_seconds=%.2f cpu_percent_10k=%.2f kb_per_bind=%.2f\n", count, lost,
           bind_seconds, cpu / seconds * 100 * 10000 / count, held / 1024 / count);
    free(fds);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(what, "echo") == 0)
        serve();
    if (argc == 3 && strcmp(what, "give") == 0) {
        give_bytes = strtoll(argv[2], NULL, 10);
        serve();
    }
    if (argc == 3 && strcmp(what, "take") == 0)
        take(argv[2]);
    else if (argc == 4 && strcmp(what, "rtt") == 0)
        rtt(argv[2], strtol(argv[3], NULL, 10));
    else if (argc == 6 && strcmp(what, "hold") == 0 && atoi(argv[3]) > 0 && atoi(argv[4]) > 0)
        hold(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
    else
        die("usage: see the head of test/bench/bench_tcp.c");
    return 0;
}
