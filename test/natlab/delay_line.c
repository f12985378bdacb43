/* test/natlab/delay_line.c: a long wire between two network interfaces, which this kernel cannot make: it has
 * no netem.
 *
 *   delay_line IFACE IFACE DELAY_MS
 *
 * Takes every Ethernet frame of either interface and sends it through the other one, DELAY_MS later. Runs in
 * the network namespace that holds both, which have no addresses; prints "ready". The wire holds a bounded
 * number of bytes each way; what does not fit is dropped, as a router's queue does. Ends when standard input
 * ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX  1514
#define HELD_MAX   32768   /* frames on the wire each way: at 50 ms, 1 GB/s */
#define SOCKET_MAX 8388608 /* bytes that may wait in the kernel */
#define BATCH      64

struct frame {
    int64_t due_us;
    uint32_t len;
    uint8_t data[FRAME_MAX];
};

struct way { /* one direction */
    int from, to;
    struct frame *held; /* a ring */
    unsigned head, count;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "delay_line: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The interfaces would else hand over segments of 64 KB, as no wire does. */
static void switch_off(int fd, const char *iface, uint32_t command)
{
    struct ethtool_value value = {.cmd = command, .data = 0};
    struct ifreq request = {.ifr_data = (char *)&value};

    strncpy(request.ifr_name, iface, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCETHTOOL, &request) < 0)
        fail("cannot switch off segmentation");
}

static int open_interface(const char *iface)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(iface)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    int one = 1, bytes = SOCKET_MAX;

    if (fd < 0 || address.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail(iface);
    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    switch_off(fd, iface, ETHTOOL_SGRO);
    return fd;
}

static void take(struct way *w, int64_t due_us)
{
    for (int i = 0; i < BATCH; i++) {
        static uint8_t overflow[FRAME_MAX];
        struct frame *f = &w->held[(w->head + w->count) % HELD_MAX];
        bool room = w->count < HELD_MAX;
        ssize_t n = recv(w->from, room ? f->data : overflow, FRAME_MAX, MSG_TRUNC);

        if (n < 0)
            return;
        if (!room || n > FRAME_MAX)
            continue;
        f->len = (uint32_t)n;
        f->due_us = due_us;
        w->count++;
    }
}

/* Returns when the next frame is due; INT64_MAX: none is held. */
static int64_t give(struct way *w, int64_t at_us)
{
    while (w->count > 0 && w->held[w->head].due_us <= at_us) {
        struct frame *f = &w->held[w->head];

        (void)!send(w->to, f->data, f->len, 0);
        w->head = (w->head + 1) % HELD_MAX;
        w->count--;
    }
    return w->count > 0 ? w->held[w->head].due_us : INT64_MAX;
}

int main(int argc, char **argv)
{
    static struct frame held[2][HELD_MAX];
    struct way ways[2];
    struct pollfd fds[3];
    int64_t delay_us = argc == 4 ? strtoll(argv[3], NULL, 10) * 1000 : -1;

    if (delay_us < 0 || delay_us > 10000000) {
        fprintf(stderr, "usage: delay_line IFACE IFACE DELAY_MS\n");
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        ways[i] = (struct way){.from = open_interface(argv[1 + i]), .held = held[i]};
        fds[i] = (struct pollfd){.fd = ways[i].from, .events = POLLIN};
    }
    ways[0].to = ways[1].from;
    ways[1].to = ways[0].from;
    fds[2] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    puts("ready");
    fflush(stdout);
    for (;;) {
        int64_t at_us = now_us();
        int64_t first_us = give(&ways[0], at_us);
        int64_t second_us = give(&ways[1], at_us);
        int64_t wait_us = (first_us < second_us ? first_us : second_us) - at_us;
        struct timespec wait = {.tv_nsec = wait_us < 100000 ? (wait_us > 0 ? wait_us * 1000 : 0) : 100000000};
        char byte;

        if (ppoll(fds, 3, &wait, NULL) < 0 && errno != EINTR)
            fail("poll");
        if ((fds[2].revents & (POLLIN | POLLHUP)) && read(STDIN_FILENO, &byte, 1) <= 0)
            return 0;
        at_us = now_us();
        take(&ways[0], at_us + delay_us);
        take(&ways[1], at_us + delay_us);
    }
}
