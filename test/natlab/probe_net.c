#include "test/natlab/probe_net.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

void die(const char *what)
{
    perror(what);
    exit(1);
}

int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t now_ms(void)
{
    return now_us() / 1000;
}

struct sockaddr_in endpoint(const char *addr, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

    if (inet_pton(AF_INET, addr, &a.sin_addr) != 1) {
        fprintf(stderr, "probe: %s is no IPv4 address\n", addr);
        exit(2);
    }
    return a;
}

struct sockaddr_in endpoint_parse(const char *text)
{
    char addr[INET_ADDRSTRLEN];
    char port[6];

    if (sscanf(text, "%15[0-9.]:%5[0-9]", addr, port) != 2) {
        fprintf(stderr, "probe: '%s' is no ip:port\n", text);
        exit(1);
    }
    return endpoint(addr, port);
}

bool same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

void format(const struct sockaddr_in *a, char *out, size_t len)
{
    char addr[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &a->sin_addr, addr, sizeof addr);
    snprintf(out, len, "%s:%u", addr, (unsigned)ntohs(a->sin_port));
}

int udp_socket(const struct sockaddr_in *local)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || (local && bind(fd, (const struct sockaddr *)local, sizeof *local) < 0))
        die("probe: socket");
    return fd;
}

void say(int fd, const struct sockaddr_in *to, const char *text)
{
    /* A refusal told by ICMP, or a full queue, is a datagram lost: the callers expect losses. */
    (void)sendto(fd, text, strlen(text), 0, (const struct sockaddr *)to, sizeof *to);
}

bool hear(int fd, char *text, struct sockaddr_in *from, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    for (int64_t left = deadline - now_ms(); poll(&p, 1, left > 0 ? (int)left : 0) == 1;
         left = deadline - now_ms()) {
        socklen_t len = sizeof *from;
        ssize_t n = recvfrom(fd, text, TEXT_MAX - 1, MSG_DONTWAIT, (struct sockaddr *)from, &len);

        if (n >= 0) {
            text[n] = '\0';
            return true;
        }
    }
    return false;
}

bool ask(int fd, const struct sockaddr_in *to, const char *question, char *text, struct sockaddr_in *from)
{
    for (int64_t deadline = now_ms() + ASKED_MS; now_ms() < deadline;) {
        say(fd, to, question);
        for (int64_t again = now_ms() + ASK_MS; hear(fd, text, from, again);) {
            if (same(from, to))
                return true;
        }
    }
    return false;
}
