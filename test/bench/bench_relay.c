/* bench_relay: what it costs to relay. Prints one line of "key=value" pairs; CPU and memory are those of
 * process PID, the relay's. Talks to loopback only.
 *
 *   bench_relay hx PORT PID MB BYTES one|burst           datagrams of BYTES between both ends of a session
 *   bench_relay turn HOST PORT PID MB BYTES one|burst    the same through a TURN server's channel
 *   bench_relay idle PORT PID COUNT SETTLE_S             memory of sessions that are open, and idle
 *
 * "one": each datagram by itself; "burst": cut apart by the kernel, as hx sends them (udp(7), UDP_SEGMENT).
 * The nameserver has --relay, and neither --relay-per-address nor limits of introductions. */
#include "test/bench/measure.h"
#include "test/bench/relay_ends.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST     16 /* datagrams sent at once, */
#define WINDOW    64 /* and under way: no queue on the way is full with so many */
#define BYTES_MAX 1472
#define LOST_MS   200 /* what has not come then is lost */

static struct {
    struct relay_ends ends;
    size_t bytes, each; /* of a datagram; with its head */
    bool burst;
    uint64_t total, sent, arrived, lost;
    uint8_t out[BURST * BYTES_MAX];
} run;

static void send_burst(void)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control = {.head = {.cmsg_level = IPPROTO_UDP,
                          .cmsg_type = UDP_SEGMENT,
                          .cmsg_len = CMSG_LEN(sizeof(uint16_t))}};
    struct iovec parts[BURST];
    struct mmsghdr all[BURST];
    uint16_t each = (uint16_t)run.each;
    int count = run.burst ? 1 : BURST;

    memset(all, 0, sizeof all);
    memcpy(CMSG_DATA(&control.head), &each, sizeof each);
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){run.out + (size_t)i * run.each, run.burst ? BURST * run.each : run.each};
        all[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    if (run.burst) {
        all[0].msg_hdr.msg_control = &control;
        all[0].msg_hdr.msg_controllen = sizeof control;
    }
    int n = sendmmsg(run.ends.from, all, (unsigned)count, 0);
    if (n <= 0)
        die("cannot send: %s", strerror(errno));
    run.sent += run.burst ? BURST : (uint64_t)n;
}

static void take(void)
{
    static uint8_t bytes[BURST][BYTES_MAX + 1];
    struct iovec parts[BURST];
    struct mmsghdr all[BURST];
    int n;

    memset(all, 0, sizeof all);
    for (int i = 0; i < BURST; i++) {
        parts[i] = (struct iovec){bytes[i], sizeof bytes[i]};
        all[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while ((n = recvmmsg(run.ends.to, all, BURST, MSG_DONTWAIT, NULL)) > 0) {
        for (int i = 0; i < n; i++) {
            if (all[i].msg_len != run.ends.arrives_len + run.bytes)
                die("of %zu bytes %u arrive", run.bytes, all[i].msg_len);
            run.arrived++;
        }
    }
}

static void forward(void)
{
    struct pollfd fd = {.fd = run.ends.to, .events = POLLIN};

    while (run.arrived + run.lost < run.total) {
        uint64_t under_way = run.sent - run.arrived - run.lost;

        if (run.sent < run.total && under_way + BURST <= WINDOW)
            send_burst();
        else if (poll(&fd, 1, LOST_MS) == 0)
            run.lost += under_way;
        take();
    }
}

static void measure(int pid, double mb, size_t bytes, bool burst)
{
    if (bytes == 0 || bytes + run.ends.head_len > BYTES_MAX || mb <= 0)
        die("no such datagrams");
    run.bytes = bytes;
    run.burst = burst;
    run.each = run.ends.head_len + bytes;
    for (int i = 0; i < BURST; i++)
        memcpy(run.out + (size_t)i * run.each, run.ends.head, run.ends.head_len);
    run.total = ((uint64_t)(mb * 1e6 / (double)bytes) + BURST) / BURST * BURST;
    double cpu_s = process_cpu_seconds(pid), begun_us = now_us();
    forward();
    double seconds = (now_us() - begun_us) / 1e6, gb = (double)(run.arrived * bytes) / 1e9;
    cpu_s = process_cpu_seconds(pid) - cpu_s;
    printf("datagrams=%llu lost=%llu mb_per_second=%.1f cpu_s_per_gb=%.3f\n", (unsigned long long)run.total,
           (unsigned long long)run.lost, 1e3 * gb / seconds, cpu_s / gb);
}

/* Once the connections are forgotten, and their memory given back (SERVICE_TRIM_MS). */
static double settled_bytes(int pid, unsigned settle_s)
{
    sleep(settle_s);
    return process_resident_bytes(pid);
}

/* Connections alone first: what they leave behind is none of the sessions'. */
static void idle(uint16_t port, int pid, unsigned count, unsigned settle_s)
{
    relay_ends_of_hx(NULL, port, count, false);
    double before = settled_bytes(pid, settle_s), begun_us = now_us();
    relay_ends_of_hx(NULL, port, count, true);
    double grown = settled_bytes(pid, settle_s) - before;
    printf("sessions=%u seconds=%.1f kb_each=%.2f\n", count, (now_us() - begun_us) / 1e6,
           grown / count / 1e3);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "idle") == 0) {
        idle((uint16_t)atoi(argv[2]), atoi(argv[3]), (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
        return 0;
    }
    char **last = argv + argc - 4; /* PID MB BYTES one|burst */
    if (argc == 7 && strcmp(argv[1], "hx") == 0)
        relay_ends_of_hx(&run.ends, (uint16_t)atoi(argv[2]), 1, true);
    else if (argc == 8 && strcmp(argv[1], "turn") == 0)
        relay_ends_of_turn(&run.ends, argv[2], (uint16_t)atoi(argv[3]), (size_t)atoi(last[2]));
    else
        die("usage: see the head of bench_relay.c");
    measure(atoi(last[0]), atof(last[1]), (size_t)atoi(last[2]), strcmp(last[3], "burst") == 0);
    return 0;
}
