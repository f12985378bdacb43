/* test/natlab/nat_box.c: a NAT for UDP over IPv4 whose behaviour is said in the words of RFC 4787. The lab uses it
 * where the kernel's connection tracking cannot be told to do the same: the port that it gives to a new destination
 * is the old one or a random one, never the next one (nf_nat_core.c begins its search at a random offset).
 *
 *   nat_box OUTSIDE [NAME=VALUE...] WAN LAN...
 *
 *   mapping=ei|ad|apd       endpoint-independent (without it), address-dependent, address and port-dependent
 *   filtering=ei|ad|apd     likewise
 *   ports=preserving        the inner port, or the next free one above it (without it)
 *   ports=random            any free port from 1024 up
 *   ports=sequential[:STEP] the port of the mapping made before, and STEP (1) more
 *   others=RATE             other hosts make so many mappings a second meanwhile (0)
 *   hairpin=yes|no          what goes from inside to OUTSIDE comes in again, from OUTSIDE (yes)
 *   reject=yes|no           what is not let in is answered with ICMP's port unreachable (no)
 *   lifetime=SECONDS        of a mapping after its last packet out (120)
 *   block=N                 each inner host has N ports in a row for itself (RFC 7422), and no more
 *   rate=N                  so many mappings are made in a second, and at once; what asks for more is lost
 *   first=drop|pass         the first packet to each remote endpoint is lost (pass)
 *
 * Runs in the router's namespace, takes packets from the interfaces WAN and LAN... and sends by the kernel's
 * routes. The kernel answers ARP, routes between the LANs, and must drop all other UDP (nats.sh). Fragments are
 * dropped. ICMP errors from outside reach the inner host that they are about. Prints "ready"; obeys standard input
 * line by line and ends with it:
 *
 *   forget                  all mappings, as a router that was switched off and on
 *   outside ADDRESS         its external address is another one from now on; forgets
 *   count                   prints one line of counters, datagrams each but the last: "out=N in=N hairpinned=N
 *                           filtered=N fragments=N unsent=N mappings=N" */
#include "test/natlab/nat_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IFACES_MAX 8
#define BATCH      64 /* packets of one interface before the next one's turn */
#define SOCKET_MAX 8388608
#define SWEEP_US   1000000

struct iface {
    int fd;
    uint32_t net, mask;
};
struct packet {
    struct iphdr *ip;
    union {
        struct udphdr *udp;
        struct icmphdr *icmp;
    };
    size_t len; /* of the whole IP packet */
};

static uint32_t outside; /* our external address */
static bool hairpin = true, rejecting;
static struct iface ifaces[IFACES_MAX]; /* the first one is the WAN */
static unsigned iface_count;
static int raw; /* sends: the packet's own headers, the kernel's route */
static struct {
    unsigned long out, in, hairpinned, filtered, fragments, unsent;
} counts;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "nat_box: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- packets ------------------------------------------------------------------------------------------ */

static uint32_t sum(uint32_t sum, const void *data, size_t len)
{
    const uint8_t *byte = data;

    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? byte[i] : (uint32_t)byte[i] << 8;
    return sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

/* The kernel fills in the sum of the IP header. */
static void send_packet(const struct packet *p)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = p->ip->daddr};

    if (sendto(raw, p->ip, p->len, 0, (const struct sockaddr *)&to, sizeof to) < 0)
        counts.unsent++;
}

/* What came from a host on this machine has no UDP sum yet. */
static void send_udp(struct packet *p)
{
    size_t len = p->len - p->ip->ihl * 4U;

    p->ip->ttl--;
    p->udp->check = 0;
    p->udp->check = folded(sum(sum(IPPROTO_UDP + (uint32_t)len, &p->ip->saddr, 8), p->udp, len));
    if (p->udp->check == 0)
        p->udp->check = 0xffff; /* RFC 768: none at all is another thing */
    send_packet(p);
}

static void reject(const struct packet *p)
{
    struct {
        struct iphdr ip;
        struct icmphdr icmp;
        uint8_t about[sizeof(struct iphdr) + 40 + 8]; /* RFC 792: the header with its options, and 8 bytes */
    } answer = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_ICMP},
                .icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH}};
    size_t len = p->ip->ihl * 4U + 8;

    memcpy(answer.about, p->ip, len);
    answer.ip.saddr = outside;
    answer.ip.daddr = p->ip->saddr;
    answer.icmp.checksum = folded(sum(0, &answer.icmp, sizeof answer.icmp + len));
    send_packet(&(struct packet){.ip = &answer.ip, .len = sizeof answer.ip + sizeof answer.icmp + len});
}

static void inbound(struct packet *p, int64_t at_us)
{
    struct nat_endpoint from = {.addr = p->ip->saddr, .port = p->udp->source};
    struct nat_endpoint inside;
    uint16_t port = ntohs(p->udp->dest);

    if (!nat_inside(port, at_us, &inside) || !nat_lets_in(port, from, at_us)) {
        counts.filtered++;
        if (rejecting)
            reject(p);
        return;
    }
    p->ip->daddr = inside.addr;
    p->udp->dest = inside.port;
    counts.in++;
    send_udp(p);
}

static void outbound(struct packet *p, int64_t at_us)
{
    struct nat_endpoint inside = {.addr = p->ip->saddr, .port = p->udp->source};
    struct nat_endpoint remote = {.addr = p->ip->daddr, .port = p->udp->dest};
    uint16_t port = nat_out(inside, remote, at_us);

    if (port == 0) {
        counts.unsent++;
        return;
    }
    p->ip->saddr = outside;
    p->udp->source = htons(port);
    counts.out++;
    if (remote.addr != outside) {
        send_udp(p);
    } else if (hairpin) {
        counts.hairpinned++;
        inbound(p, at_us);
    }
}

/* An error about a packet of ours: the inner endpoint is put back into what it quotes (RFC 5508, 4.2). */
static void inbound_icmp(struct packet *p, int64_t at_us)
{
    size_t at = p->ip->ihl * 4U + sizeof *p->icmp;
    struct iphdr *about = (struct iphdr *)((uint8_t *)p->ip + at);

    if (p->len < at + sizeof *about || p->len < at + about->ihl * 4U + 8 || about->ihl < 5)
        return;
    if (p->icmp->type != ICMP_DEST_UNREACH && p->icmp->type != ICMP_TIME_EXCEEDED)
        return;
    struct udphdr *udp = (struct udphdr *)((uint8_t *)about + about->ihl * 4U);
    struct nat_endpoint inside;
    if (about->protocol != IPPROTO_UDP || about->saddr != outside ||
        !nat_inside(ntohs(udp->source), at_us, &inside))
        return;
    p->ip->daddr = about->saddr = inside.addr;
    udp->source = inside.port;
    about->check = 0;
    about->check = folded(sum(0, about, about->ihl * 4U));
    p->icmp->checksum = 0;
    p->icmp->checksum = folded(sum(0, p->icmp, p->len - p->ip->ihl * 4U));
    p->ip->ttl--;
    send_packet(p);
}

static bool is_lan(uint32_t addr)
{
    for (unsigned i = 1; i < iface_count; i++)
        if ((addr & ifaces[i].mask) == ifaces[i].net)
            return true;
    return false;
}

static void translate(const struct iface *from, uint8_t *data, size_t len, int64_t at_us)
{
    struct packet p = {.ip = (struct iphdr *)data, .len = ntohs(((struct iphdr *)data)->tot_len)};
    size_t header = p.ip->ihl * 4U;

    if (len < sizeof *p.ip || p.ip->version != 4 || header < sizeof *p.ip || p.len > len || p.ip->ttl < 2)
        return;
    p.udp = (struct udphdr *)(data + header);
    if (p.len < header + 8) /* of UDP's header, and of ICMP's */
        return;
    bool for_us = from == &ifaces[0] ? p.ip->daddr == outside : !is_lan(p.ip->daddr);
    if (!for_us)
        return;
    if (ntohs(p.ip->frag_off) & (IP_MF | IP_OFFMASK))
        counts.fragments += p.ip->protocol == IPPROTO_UDP;
    else if (p.ip->protocol == IPPROTO_UDP && from == &ifaces[0])
        inbound(&p, at_us);
    else if (p.ip->protocol == IPPROTO_UDP)
        outbound(&p, at_us);
    else if (p.ip->protocol == IPPROTO_ICMP && from == &ifaces[0])
        inbound_icmp(&p, at_us);
}

static void take(const struct iface *iface, int64_t at_us)
{
    static _Alignas(8) uint8_t data[65536];

    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_ll from = {0};
        socklen_t from_len = sizeof from;
        ssize_t n = recvfrom(iface->fd, data, sizeof data, 0, (struct sockaddr *)&from, &from_len);

        if (n < 0)
            return;
        if (from.sll_pkttype == PACKET_HOST)
            translate(iface, data, (size_t)n, at_us);
    }
}

/* --- the command line and the commands ---------------------------------------------------------------- */

static bool open_iface(const char *name)
{
    struct iface *iface = &ifaces[iface_count];
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex(name)};
    int one = 1, bytes = SOCKET_MAX;
    struct ifaddrs *all;

    if (iface_count == IFACES_MAX)
        return false;
    iface_count++;
    iface->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (iface->fd < 0 || address.sll_ifindex == 0 || bind(iface->fd, (void *)&address, sizeof address) < 0)
        fail(name);
    setsockopt(iface->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    if (setsockopt(iface->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(iface->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (getifaddrs(&all) < 0)
        fail("getifaddrs");
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        if (strcmp(a->ifa_name, name) != 0 || !a->ifa_addr || a->ifa_addr->sa_family != AF_INET)
            continue;
        iface->mask = ((const struct sockaddr_in *)(const void *)a->ifa_netmask)->sin_addr.s_addr;
        iface->net = ((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr.s_addr & iface->mask;
    }
    freeifaddrs(all);
    return true;
}

static bool dependence_parse(enum nat_dependence *out, const char *value)
{
    static const char *const names[] = {"ei", "ad", "apd"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            *out = (enum nat_dependence)i;
            return true;
        }
    }
    return false;
}

static bool option(const char *name, const char *value)
{
    bool yes = strcmp(value, "yes") == 0, no = strcmp(value, "no") == 0;

    if (strcmp(name, "mapping") == 0)
        return dependence_parse(&nat_kind.mapping, value);
    if (strcmp(name, "filtering") == 0)
        return dependence_parse(&nat_kind.filtering, value);
    if (strcmp(name, "hairpin") == 0)
        return (hairpin = yes) || no;
    if (strcmp(name, "reject") == 0)
        return (rejecting = yes) || no;
    if (strcmp(name, "lifetime") == 0)
        return (nat_kind.lifetime_us = (int64_t)(strtod(value, NULL) * 1e6)) > 0;
    if (strcmp(name, "others") == 0)
        return (nat_kind.others_per_s = strtod(value, NULL)) >= 0;
    if (strcmp(name, "block") == 0)
        return (nat_kind.block = (unsigned)atoi(value)) > 0 && nat_kind.block <= 64512;
    if (strcmp(name, "rate") == 0)
        return (nat_kind.new_per_s = (unsigned)atoi(value)) > 0;
    if (strcmp(name, "first") == 0)
        return (nat_kind.drops_first = strcmp(value, "drop") == 0) || strcmp(value, "pass") == 0;
    if (strcmp(name, "ports") != 0)
        return false;
    if (sscanf(value, "sequential:%u", &nat_kind.step) == 1 || strcmp(value, "sequential") == 0)
        nat_kind.ports = NAT_SEQUENTIAL;
    else
        nat_kind.ports = strcmp(value, "random") == 0 ? NAT_RANDOM : NAT_PRESERVING;
    return nat_kind.ports != NAT_PRESERVING ? nat_kind.step > 0 && nat_kind.step < 65536
                                            : strcmp(value, "preserving") == 0;
}

static void obey(char *line)
{
    char *argument = strchr(line, ' ');

    if (argument)
        *argument++ = '\0';
    if (strcmp(line, "outside") == 0 && argument && inet_pton(AF_INET, argument, &outside) == 1)
        line = "forget";
    if (strcmp(line, "forget") == 0)
        nat_sweep(INT64_MAX);
    else if (strcmp(line, "count") == 0)
        printf("out=%lu in=%lu hairpinned=%lu filtered=%lu fragments=%lu unsent=%lu mappings=%u\n",
               counts.out, counts.in, counts.hairpinned, counts.filtered, counts.fragments, counts.unsent,
               nat_mappings());
    else
        fprintf(stderr, "nat_box: no command '%s'\n", line);
    fflush(stdout);
}

/* Takes what is there of standard input, obeys the whole lines; false at its end. */
static bool read_commands(void)
{
    static char line[256];
    static size_t have;
    ssize_t n = read(STDIN_FILENO, line + have, sizeof line - 1 - have);

    if (n <= 0)
        return false;
    have += (size_t)n;
    line[have] = '\0';
    for (char *end; (end = strchr(line, '\n')); have = strlen(line)) {
        *end = '\0';
        obey(line);
        memmove(line, end + 1, (size_t)(line + have - end));
    }
    return have < sizeof line - 1;
}

int main(int argc, char **argv)
{
    struct pollfd fds[1 + IFACES_MAX] = {{.fd = STDIN_FILENO, .events = POLLIN}};
    bool good = argc > 3 && inet_pton(AF_INET, argv[1], &outside) == 1;

    for (int i = 2; good && i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value)
            *value++ = '\0';
        good = value ? option(argv[i], value) : open_iface(argv[i]);
    }
    if (!good || iface_count < 2) {
        fprintf(stderr, "usage: nat_box OUTSIDE [NAME=VALUE...] WAN LAN...\n");
        return 2;
    }
    if ((raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) < 0)
        fail("raw socket");
    for (unsigned i = 0; i < iface_count; i++)
        fds[1 + i] = (struct pollfd){.fd = ifaces[i].fd, .events = POLLIN};
    nat_begin(now_us());
    puts("ready");
    fflush(stdout);
    for (int64_t swept_us = now_us();;) {
        if (poll(fds, 1 + iface_count, 1000) < 0 && errno != EINTR)
            fail("poll");
        int64_t at_us = now_us();
        for (unsigned i = 0; i < iface_count; i++)
            if (fds[1 + i].revents & POLLIN)
                take(&ifaces[i], at_us);
        /* Last: what came before a command is counted by it. */
        if ((fds[0].revents & (POLLIN | POLLHUP)) && !read_commands())
            return 0;
        if (at_us - swept_us >= SWEEP_US) {
            nat_sweep(at_us);
            swept_us = at_us;
        }
    }
}
