/* test/natlab/delay_line.c: a long wire between two network interfaces, which this kernel cannot make: it has
 * no netem.
 *
 *   delay_line IFACE IFACE DELAY_MS [--jitter MS] [--late PERCENT,MS] [--loss PERCENT,PERCENT]
 *
 * Takes every Ethernet frame of either interface and sends it through the other one, DELAY_MS later. With
 * --jitter each of them waits up to so much longer, whatever the others do, so that neighbours change places; with
 * --late so many come so much later than the rest. With --loss so many of the IP packets from the first interface, and of
 * those from the second one, are lost. Runs in the network namespace that holds both, which have
 * no addresses; prints "ready". The wire holds a bounded number of bytes each way; what does not fit is
 * dropped, as a router's queue does. Ends when standard input ends or by SIGTERM, and tells whether it has kept up: frames in
 * all, those that left more than 1 ms after they were due, the worst of them, those that were dropped, and its
 * own CPU seconds; then, of either interface, the IP packets that came and those that --loss has taken. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX      1514
#define SLOT_BYTES     2048    /* the kernel's head and a frame */
#define BLOCK_BYTES    1048576 /* in which it takes its memory */
#define SLOTS_PER_MS   160     /* 240 MB/s */
#define SLOTS_AT_LEAST 4096    /* what may come while somebody else has the processor */
#define MOST_MS        10000
#define BATCH          32
#define STEP_US        50 /* frames that are due within it leave together */
#define LATE_US        1000
#define TARDY_US \
    1000000 /* nobody waits for longer; and what seems to have come so long ago has met a step of the clock */

struct held { /* one that waits in its slot */
    int64_t due_us;
    uint64_t order; /* of those that are due at once */
    uint32_t slot;
};

/* One direction. The kernel puts a frame into the next slot of a ring that both see, with the time at which it came, and
 * there it stays until it leaves: the kernel goes on only to slots that are free. */
struct way {
    int from, to;
    uint8_t *ring;
    bool *taken; /* of each slot: its frame is held */
    uint32_t slots, next;
    struct held *heap; /* the earliest first */
    uint32_t count;
    double loss; /* 0..1 */
    uint64_t order, frames, late, dropped, packets, lost;
    int64_t worst_us;
};

static int64_t delay_us, jitter_us, later_us;
static double late_share;
static volatile sig_atomic_t ended;
static uint64_t dice = 88172645463325252;

static void on_signal(int signal)
{
    (void)signal;
    ended = 1;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "delay_line: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static double chance(void) /* 0..1; xorshift64* */
{
    dice ^= dice >> 12;
    dice ^= dice << 25;
    dice ^= dice >> 27;
    return (double)((dice * 2685821657736338717U) >> 11) / 9007199254740992.0;
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

static void open_way(struct way *w, const char *iface)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(iface)};
    int one = 1, version = TPACKET_V2;
    int64_t most = SLOTS_AT_LEAST + (delay_us + jitter_us + later_us) * SLOTS_PER_MS / 1000;
    struct tpacket_req ring = {.tp_block_size = BLOCK_BYTES, .tp_frame_size = SLOT_BYTES};

    ring.tp_block_nr = (uint32_t)(most * SLOT_BYTES / BLOCK_BYTES) + 1;
    ring.tp_frame_nr = ring.tp_block_nr * (BLOCK_BYTES / SLOT_BYTES);
    w->slots = ring.tp_frame_nr;
    w->heap = calloc(w->slots, sizeof *w->heap);
    w->taken = calloc(w->slots, sizeof *w->taken);
    w->from =
        socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0); /* of protocol 0: nothing comes before it is bound */
    if (!w->heap || !w->taken || w->from < 0)
        fail(iface);
    setsockopt(w->from, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    if (setsockopt(w->from, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
        setsockopt(w->from, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) < 0)
        fail("no ring");
    w->ring = mmap(NULL, (size_t)w->slots * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, w->from, 0);
    if (w->ring == MAP_FAILED)
        fail("no ring");
    switch_off(w->from, iface, ETHTOOL_SGRO);
    if (address.sll_ifindex == 0 || bind(w->from, (struct sockaddr *)&address, sizeof address) < 0)
        fail(iface);
}

static struct tpacket2_hdr *slot(const struct way *w, uint32_t i)
{
    return (struct tpacket2_hdr *)(w->ring + (size_t)i * SLOT_BYTES);
}

static bool before(const struct held *a, const struct held *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void hold(struct way *w, struct held h)
{
    uint32_t i = w->count++;

    for (; i > 0 && before(&h, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = h;
}

static struct held earliest(struct way *w) /* which is held no longer */
{
    struct held first = w->heap[0], last = w->heap[--w->count];
    uint32_t i = 0, child;

    while ((child = 2 * i + 1) < w->count) {
        if (child + 1 < w->count && before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

static void release(struct way *w, uint32_t i)
{
    w->taken[i] = false;
    __atomic_store_n(&slot(w, i)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

static bool is_lost(struct way *w, const uint8_t *frame)
{
    bool arp = frame[12] == ETHERTYPE_ARP >> 8 && frame[13] == (ETHERTYPE_ARP & 255);
    bool lost = !arp && chance() < w->loss; /* who asks for an address asks again after a second */

    w->packets += !arp;
    w->lost += lost;
    return lost;
}

static void take(struct way *w)
{
    int64_t at_us = now_us(CLOCK_MONOTONIC);
    int64_t wall_us = now_us(CLOCK_REALTIME); /* what the kernel's times are of */

    for (;; w->next = (w->next + 1) % w->slots) {
        const struct tpacket2_hdr *head = slot(w, w->next);
        int64_t ago_us;

        if (w->taken[w->next] || !(__atomic_load_n(&head->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
            return;
        w->frames++;
        if (head->tp_len > FRAME_MAX || head->tp_snaplen < head->tp_len) {
            w->dropped++;
            release(w, w->next);
            continue;
        }
        if (is_lost(w, (const uint8_t *)head + head->tp_mac)) {
            release(w, w->next);
            continue;
        }
        ago_us = wall_us - ((int64_t)head->tp_sec * 1000000 + head->tp_nsec / 1000);
        if (ago_us < 0 || ago_us > TARDY_US)
            ago_us = 0;
        w->taken[w->next] = true;
        hold(w, (struct held){.due_us = at_us - ago_us + delay_us + (int64_t)(chance() * (double)jitter_us) +
                                        (chance() < late_share ? later_us : 0),
                              .order = w->order++,
                              .slot = w->next});
    }
}

static void gone(struct way *w, const struct held *h, int64_t at_us)
{
    w->late += at_us - h->due_us > LATE_US;
    if (at_us - h->due_us > w->worst_us)
        w->worst_us = at_us - h->due_us;
    release(w, h->slot);
}

/* Returns when the next frame is due; INT64_MAX: none is held. Who takes them may have no room for the moment: they stay. */
static int64_t give(struct way *w)
{
    int64_t at_us = now_us(CLOCK_MONOTONIC);

    while (w->count > 0 && w->heap[0].due_us <= at_us) {
        struct mmsghdr messages[BATCH] = {0};
        struct iovec data[BATCH];
        struct held batch[BATCH];
        int n = 0, sent;

        for (; n < BATCH && w->count > 0 && w->heap[0].due_us <= at_us; n++) {
            batch[n] = earliest(w);
            struct tpacket2_hdr *head = slot(w, batch[n].slot);

            data[n] = (struct iovec){.iov_base = (uint8_t *)head + head->tp_mac, .iov_len = head->tp_len};
            messages[n].msg_hdr = (struct msghdr){.msg_iov = &data[n], .msg_iovlen = 1};
        }
        sent = sendmmsg(w->to, messages, (unsigned)n, 0);
        for (int i = 0; i < n; i++) {
            bool lapsed = i >= sent && at_us - batch[i].due_us > TARDY_US;

            w->dropped += lapsed;
            if (i < sent || lapsed)
                gone(w, &batch[i], at_us);
            else
                hold(w, batch[i]);
        }
        if (sent < n)
            return at_us + STEP_US;
    }
    return w->count > 0 ? w->heap[0].due_us : INT64_MAX;
}

/* While a frame is held, the next one that comes is not due before `delay_us` from now: it need not wake us. */
static void await_next(struct pollfd fds[3], int64_t next_us)
{
    bool held = next_us != INT64_MAX;
    int64_t wait_us = held ? next_us - now_us(CLOCK_MONOTONIC) : 100000;
    struct timespec wait;

    if (held && wait_us > delay_us)
        wait_us = delay_us;
    if (wait_us < STEP_US)
        wait_us = STEP_US;
    wait = (struct timespec){.tv_nsec = wait_us < 100000 ? wait_us * 1000 : 100000000};
    if (ppoll(held ? &fds[2] : fds, held ? 1 : 3, &wait, NULL) < 0 && errno != EINTR)
        fail("poll");
}

static void tell(const struct way ways[2])
{
    uint64_t frames = 0, late = 0, dropped = 0;
    int64_t worst_us = 0;
    struct rusage used;

    for (const struct way *w = ways; w < ways + 2; w++) {
        struct tpacket_stats kernel = {0};
        socklen_t len = sizeof kernel;

        getsockopt(w->from, SOL_PACKET, PACKET_STATISTICS, &kernel, &len);
        frames += w->frames;
        late += w->late;
        dropped += w->dropped + kernel.tp_drops;
        worst_us = w->worst_us > worst_us ? w->worst_us : worst_us;
    }
    getrusage(RUSAGE_SELF, &used);
    printf("frames=%" PRIu64 " late=%" PRIu64 " worst_us=%" PRId64 " dropped=%" PRIu64 " cpu_s=%.3f", frames,
           late, worst_us, dropped,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    for (const struct way *w = ways; w < ways + 2; w++)
        printf(" packets=%" PRIu64 " lost=%" PRIu64, w->packets, w->lost);
    puts("");
}

static _Noreturn void refuse(void)
{
    fprintf(stderr, "usage: delay_line IFACE IFACE DELAY_MS [--jitter MS] [--late PERCENT,MS] [--loss "
                    "PERCENT,PERCENT]\n");
    exit(2);
}

/* "A" or "A,B", each of 0 to `most_a` or `most_b` */
static void numbers(const char *text, double *a, double most_a, double *b, double most_b)
{
    char *end;

    *a = strtod(text, &end);
    if (b && *end == ',')
        *b = strtod(end + 1, &end);
    else if (b)
        refuse();
    if (end == text || *end || !(*a >= 0 && *a <= most_a) || (b && !(*b >= 0 && *b <= most_b)))
        refuse();
}

static void options(struct way ways[2], int argc, char **argv)
{
    static const struct option known[] = {{"jitter", required_argument, NULL, 'j'},
                                          {"late", required_argument, NULL, 'r'},
                                          {"loss", required_argument, NULL, 'l'},
                                          {0}};
    double delay_ms = 0, jitter_ms = 0, late_percent = 0, late_ms = 0, loss[2] = {0};

    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (c) {
        case 'j':
            numbers(optarg, &jitter_ms, MOST_MS, NULL, 0);
            break;
        case 'r':
            numbers(optarg, &late_percent, 100, &late_ms, MOST_MS);
            break;
        case 'l':
            numbers(optarg, &loss[0], 100, &loss[1], 100);
            break;
        default:
            refuse();
        }
    if (argc - optind != 3)
        refuse();
    numbers(argv[optind + 2], &delay_ms, MOST_MS, NULL, 0);
    delay_us = (int64_t)(delay_ms * 1000);
    jitter_us = (int64_t)(jitter_ms * 1000);
    later_us = (int64_t)(late_ms * 1000);
    late_share = late_percent / 100;
    for (int i = 0; i < 2; i++)
        ways[i].loss = loss[i] / 100;
}

int main(int argc, char **argv)
{
    static struct way ways[2];
    struct pollfd fds[3];

    options(ways, argc, argv);
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* nanoseconds */
    for (int i = 0; i < 2; i++) {
        open_way(&ways[i], argv[optind + i]);
        fds[i] = (struct pollfd){.fd = ways[i].from, .events = POLLIN};
    }
    ways[0].to = ways[1].from;
    ways[1].to = ways[0].from;
    fds[2] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    signal(SIGTERM, on_signal);
    puts("ready");
    fflush(stdout);
    while (!ended) {
        int64_t first_us, second_us;
        char byte;

        take(&ways[0]);
        take(&ways[1]);
        first_us = give(&ways[0]);
        second_us = give(&ways[1]);
        await_next(fds, first_us < second_us ? first_us : second_us);
        ended = ended || ((fds[2].revents & (POLLIN | POLLHUP)) && read(STDIN_FILENO, &byte, 1) <= 0);
    }
    tell(ways);
    return 0;
}
