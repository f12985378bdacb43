/* bench_path: what test/bench/path_cell.sh measures with. Each prints lines that begin with the time (CLOCK_MONOTONIC,
 * seconds), so that one can be laid beside the other.
 *
 *   bench_path take PORT SECONDS         reads from 127.0.0.1:PORT until SECONDS after the first byte: "TIME BYTES" so far
 *   bench_path grow DIRECTORY SECONDS [BYTES]
 *                                        the same of the files in a directory, or until so many are there
 *   bench_path stamp SECONDS             the same of the intervals that iperf3 tells on standard input; that it
 *                                        listens goes to standard error
 *   bench_path watch IFACE NAMESPACE...  "TIME BYTES PACKETS CPU WAITS": what has come to IFACE, and the CPU seconds of the
 *                                        processes in those network namespaces (files), its own aside; until it is ended
 *   bench_path ping ADDRESS MS           ICMP echoes of 84 bytes, one each MS: "TIME RTT_MS"; until it is ended
 *   bench_path now                       "TIME"
 *   bench_path turn PORT SECONDS         64 bytes to 127.0.0.1:PORT and back, each 25 ms: "TIME RTT_MS" */
#include "test/bench/local_socket.h"
#include "test/bench/measure.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK          262144
#define STEP_US        50000.0
#define LINGER_US      150000 /* three steps */
#define TURN           64
#define TURN_STEP_S    0.025 /* of somebody who types fast, or lets a key repeat */
#define TURNS_MAX      65536
#define NAMESPACES_MAX 8

static double now_s(void)
{
    return now_us() / 1e6;
}

/* --- how much has arrived ------------------------------------------------------------------------------------ */

struct arrival {
    double seconds;         /* for how long, from the first byte */
    double first_s, told_s; /* 0: not yet */
    long long bytes;
};

/* Tells it where it is time to. Returns false once all of the time is over. */
static bool arrival_tell(struct arrival *a, bool last)
{
    double at = now_s();

    if (a->first_s == 0 && a->bytes > 0) {
        a->first_s = at;
        printf("%.6f 0\n", at);
    }
    last = last || (a->first_s > 0 && at >= a->first_s + a->seconds);
    if (a->first_s > 0 && (last || at >= a->told_s + STEP_US / 1e6)) {
        printf("%.6f %lld\n", at, a->bytes);
        a->told_s = at;
    }
    return !last;
}

/* Who watches must see the processes as they were at that time. */
static int arrived(void)
{
    const struct timespec wait = {.tv_nsec = LINGER_US * 1000L};

    fflush(stdout);
    nanosleep(&wait, NULL);
    return 0;
}

static int take(const char *port, double seconds)
{
    struct arrival a = {.seconds = seconds};
    char *data = malloc(CHUNK);
    struct pollfd fd = {.fd = local_socket_to(SOCK_STREAM, port), .events = POLLIN};

    while (data && arrival_tell(&a, false)) {
        ssize_t n = poll(&fd, 1, (int)(STEP_US / 1000)) > 0 ? recv(fd.fd, data, CHUNK, 0) : -1;

        if (n > 0)
            a.bytes += n;
        else if (fd.revents) { /* it has ended */
            arrival_tell(&a, true);
            break;
        }
    }
    free(data);
    return arrived();
}

static long long bytes_below(const char *directory)
{
    long long bytes = 0;
    DIR *d = opendir(directory);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        struct stat st;

        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
            bytes += (long long)st.st_blocks * 512; /* a name may be made in its full length at once */
    }
    if (d)
        closedir(d);
    return bytes;
}

static int grow(const char *directory, double seconds, long long most)
{
    struct arrival a = {.seconds = seconds};
    struct timespec step = {.tv_nsec = (long)(STEP_US * 1000 / 5)};

    while (a.bytes = bytes_below(directory), arrival_tell(&a, a.bytes >= most))
        nanosleep(&step, NULL);
    return arrived();
}

/* "[  5]   0.10-0.20   sec   256 KBytes  21.0 Mbits/sec": what came in that time. */
static long long interval_bytes(const char *line)
{
    const char *at = strstr(line, " sec ");
    double number;
    char unit[16];

    if (!at || sscanf(at + 5, "%lf %15s", &number, unit) != 2)
        return 0;
    switch (unit[0]) {
    case 'K':
        return (long long)(number * 1024);
    case 'M':
        return (long long)(number * 1024 * 1024);
    case 'G':
        return (long long)(number * 1024 * 1024 * 1024);
    default:
        return (long long)number;
    }
}

static int stamp(double seconds)
{
    struct arrival a = {.seconds = seconds};
    char line[512];

    while (fgets(line, sizeof line, stdin) && !strstr(line, "receiver")) {
        if (strstr(line, "listening"))
            fputs(line, stderr);
        a.bytes += interval_bytes(line);
        if (!arrival_tell(&a, false))
            break;
    }
    return arrived();
}

/* --- what it costs -------------------------------------------------------------------------------------------- */

static void came_to(const char *iface, unsigned long long *bytes, unsigned long long *packets)
{
    char line[512];
    FILE *f = fopen("/proc/self/net/dev", "r"); /* proc(5) */
    size_t len = strlen(iface);

    while (f && fgets(line, sizeof line, f)) {
        const char *name = line + strspn(line, " ");

        if (strncmp(name, iface, len) == 0 && name[len] == ':')
            sscanf(name + len + 1, "%llu %llu", bytes, packets);
    }
    if (f)
        fclose(f);
}

static double cpu_seconds(const char *process) /* 0: it is gone */
{
    char path[280], line[1024];
    unsigned long user = 0, sys = 0;
    const char *after = NULL;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%s/stat", process);
    f = fopen(path, "r");
    if (f && fgets(line, sizeof line, f))
        after = strrchr(line, ')'); /* the name may hold anything */
    if (f)
        fclose(f);
    if (!after || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        return 0;
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* How often its threads that live have waited. */
static unsigned long long waits(const char *process)
{
    unsigned long long sum = 0;
    char path[560], line[256];
    struct dirent *e;

    snprintf(path, sizeof path, "/proc/%s/task", process);
    DIR *d = opendir(path);
    while (d && (e = readdir(d))) {
        unsigned long long count;

        snprintf(path, sizeof path, "/proc/%s/task/%s/status", process, e->d_name);
        FILE *f = fopen(path, "r");
        while (f && fgets(line, sizeof line, f))
            if (sscanf(line, "voluntary_ctxt_switches: %llu", &count) == 1)
                sum += count;
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return sum;
}

struct use {
    double cpu_s;
    unsigned long long waits;
};

static struct use use_in(const ino_t *namespaces, int count)
{
    struct use use = {0};
    DIR *d = opendir("/proc");
    struct dirent *e;

    while (d && (e = readdir(d))) {
        char path[280];
        struct stat st;

        if (e->d_name[0] < '0' || e->d_name[0] > '9' || atoi(e->d_name) == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/%s/ns/net", e->d_name);
        for (int i = 0; i < count && stat(path, &st) == 0; i++)
            if (st.st_ino == namespaces[i]) {
                use.cpu_s += cpu_seconds(e->d_name);
                use.waits += waits(e->d_name);
                break;
            }
    }
    if (d)
        closedir(d);
    return use;
}

static int watch(const char *iface, char **namespaces, int count)
{
    ino_t inodes[NAMESPACES_MAX];
    struct timespec step = {.tv_nsec = (long)(STEP_US * 1000)};

    for (int i = 0; i < count; i++) {
        struct stat st;

        if (stat(namespaces[i], &st) < 0)
            die("%s: %s", namespaces[i], strerror(errno));
        inodes[i] = st.st_ino;
    }
    for (;; nanosleep(&step, NULL)) {
        unsigned long long bytes = 0, packets = 0;

        came_to(iface, &bytes, &packets);
        struct use use = use_in(inodes, count);
        printf("%.6f %llu %llu %.3f %llu\n", now_s(), bytes, packets, use.cpu_s, use.waits);
    }
}

/* --- how long the way is -------------------------------------------------------------------------------------- */

struct echo { /* RFC 792 */
    struct icmphdr head;
    double sent_us, sent_s;
    uint8_t filler[40]; /* 84 bytes with IP's header */
};

static uint16_t sum_of(const void *data, size_t len) /* RFC 1071 */
{
    const uint8_t *bytes = data;
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)(bytes[i] | bytes[i + 1] << 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static double wall_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* The kernel at the other end answers, and the kernel here says when the answer came: no process has to be scheduled. */
static void answered(int fd, uint16_t id)
{
    uint8_t packet[256], control[128];
    struct iovec data = {.iov_base = packet, .iov_len = sizeof packet};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
    size_t head = n > 0 ? (size_t)(packet[0] & 15) * 4 : 0;
    struct echo e;
    double came_us = 0;

    if (n < 0 || (size_t)n < head + sizeof e)
        return;
    memcpy(&e, packet + head, sizeof e);
    if (e.head.type != ICMP_ECHOREPLY || e.head.un.echo.id != id)
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec ts;

            memcpy(&ts, CMSG_DATA(c), sizeof ts);
            came_us = (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
        }
    printf("%.6f %.3f\n", e.sent_s, (came_us - e.sent_us) / 1e3);
}

static int ping(const char *address, double step_ms)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP), one = 1;
    uint16_t id = (uint16_t)getpid(), sequence = 0;
    double next_us = now_us();

    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) < 0)
        die("cannot ping %s: %s", address, strerror(errno));
    for (;;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        double wait_us = next_us - now_us();

        if (wait_us <= 0) {
            struct echo e = {.head = {.type = ICMP_ECHO}};

            e.head.un.echo.id = id;
            e.head.un.echo.sequence = htons(sequence++);
            e.sent_s = now_s();
            e.sent_us = wall_us();
            e.head.checksum = sum_of(&e, sizeof e);
            (void)!sendto(fd, &e, sizeof e, 0, (struct sockaddr *)&to, sizeof to);
            next_us += step_ms * 1000;
        } else if (poll(&readable, 1, (int)(wait_us / 1000) + 1) > 0)
            answered(fd, id);
    }
}

/* Each leaves when it is time to, whether the last one is back or not. Those that are still away at the end, and longer than
 * any that has come back, have taken at least until then. */
static int turn(const char *port, double seconds)
{
    static double left_s[TURNS_MAX];
    struct pollfd fd = {.fd = local_socket_to(SOCK_STREAM, port), .events = POLLIN};
    char data[TURN] = "x";
    size_t out = 0, back = 0, bytes = 0;
    double at_s = now_s(), end_s = at_s + seconds, longest_s = 0;

    for (double next_s = at_s; at_s < end_s; at_s = now_s()) {
        if (at_s >= next_s && out < TURNS_MAX) {
            left_s[out++] = at_s;
            next_s += TURN_STEP_S;
            if (send(fd.fd, data, sizeof data, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof data)
                die("64 bytes do not leave");
        }
        if (poll(&fd, 1, next_s > at_s ? (int)((next_s - at_s) * 1000) + 1 : 0) <= 0)
            continue;
        ssize_t n = recv(fd.fd, data, sizeof data, 0);
        if (n <= 0)
            die("the connection has ended");
        at_s = now_s();
        for (bytes += (size_t)n; back < bytes / TURN; back++) {
            printf("%.6f %.3f\n", left_s[back], (at_s - left_s[back]) * 1e3);
            longest_s = at_s - left_s[back] > longest_s ? at_s - left_s[back] : longest_s;
        }
    }
    for (; back < out && end_s - left_s[back] > longest_s; back++)
        printf("%.6f %.3f\n", left_s[back], (end_s - left_s[back]) * 1e3);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    setvbuf(stdout, NULL, _IOLBF, 0);
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0); /* nanoseconds */
    if (strcmp(what, "now") == 0 && argc == 2)
        return printf("%.6f\n", now_s()) < 0;
    if (strcmp(what, "take") == 0 && argc == 4)
        return take(argv[2], atof(argv[3]));
    if (strcmp(what, "grow") == 0 && (argc == 4 || argc == 5))
        return grow(argv[2], atof(argv[3]), argc == 5 ? atoll(argv[4]) : LLONG_MAX);
    if (strcmp(what, "stamp") == 0 && argc == 3)
        return stamp(atof(argv[2]));
    if (strcmp(what, "watch") == 0 && argc > 3 && argc - 3 <= NAMESPACES_MAX)
        return watch(argv[2], argv + 3, argc - 3);
    if (strcmp(what, "ping") == 0 && argc == 4)
        return ping(argv[2], atof(argv[3]));
    if (strcmp(what, "turn") == 0 && argc == 4)
        return turn(argv[2], atof(argv[3]));
    fprintf(stderr,
            "usage: bench_path now | take PORT SECONDS | grow DIRECTORY SECONDS [BYTES] | stamp SECONDS | "
            "watch IFACE NAMESPACE... | ping ADDRESS MS | turn PORT SECONDS\n");
    return 2;
}
