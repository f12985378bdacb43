/* test/natlab/probe.c: proves what a NAT does, with UDP sockets alone (no UDT, no shim): the tests of RFC
 * 5780, section 4, in the words of RFC 4787.
 *
 *   probe reflect A1 A2 P1 P2      on the public side: two addresses, two ports, four sockets
 *   probe nat     A1 A2 P1 P2      behind the NAT: its mapping, filtering, hairpin, ports
 *   probe count   A1 P1 N          sends N datagrams, prints how many answers came
 *   probe rtt     A1 P1 N          the median round trip of N datagrams, one after the other
 *   probe hold    A1 P1            prints its external address now, and again at each line of standard input
 *   probe knock   A1 P1 [BYTES]    a datagram in an IP packet so long: answered, refused, lost?
 *   probe meet    A1 P1            finds the other "meet" through the reflector and punches a hole to it
 *
 * The reflector answers "MAP" with the address it saw; "FROM k" with "ALT" from its socket k and then "DONE"
 * from the socket that was asked: when DONE is here without ALT, the NAT has filtered ALT, and nobody had to
 * wait for it. "END" is answered "ENDED". It tells two that say "MEET" of each other. */
#include "test/natlab/probe_net.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REORDER_MS 20   /* how long ALT may come behind DONE */
#define HAIRPIN_MS 500  /* what has not come back through the router by then will not come */
#define PACE_MS    3    /* for an answer before the next datagram: no queue overflows, losses are the lab's */
#define PUNCH_MS   1000 /* both sides try for this long */
#define REPEAT_MS  20   /* between two tries */
#define SOCKETS    4    /* A1:P1, A1:P2, A2:P1, A2:P2: the order of the reflector's sockets */
#define MTU        1500
#define HEADERS    28 /* of IPv4 and UDP */

#define ROUND_TRIPS_MAX 1000
#define PORTS_SEEN      8  /* external ports that shall tell how they are chosen */
#define STEP_MAX        64 /* a sequential NAT's: so far apart, random ones are 7 times only with p = 1e-21 */

/* The external address of `fd` as the reflector at `to` sees it. */
static struct peer external(int fd, const struct sockaddr_in *to)
{
    char text[TEXT_MAX];
    struct sockaddr_in from = {0};

    if (!ask(fd, to, "MAP", text, &from)) {
        printf("mapping=unreachable filtering=unreachable hairpin=no\n");
        exit(1);
    }
    struct peer me;
    me.at = endpoint_parse(text);
    format(&me.at, me.text, sizeof me.text);
    return me;
}

/* RFC 5780, 4.3: one local port, four destinations; do they see the same external port? */
static const char *mapping(int fd, const struct sockaddr_in server[SOCKETS], struct peer seen[SOCKETS])
{
    bool equal[SOCKETS][SOCKETS];
    bool all_differ = true;

    for (int i = 0; i < SOCKETS; i++)
        seen[i] = external(fd, &server[i]);
    for (int i = 0; i < SOCKETS; i++) {
        for (int j = 0; j < SOCKETS; j++) {
            equal[i][j] = same(&seen[i].at, &seen[j].at);
            all_differ = all_differ && (i == j || !equal[i][j]);
        }
    }
    if (equal[0][1] && equal[0][2] && equal[0][3])
        return "endpoint-independent";
    if (equal[0][1] && equal[2][3])
        return "address-dependent";
    return all_differ ? "address-and-port-dependent" : "irregular";
}

/* Asks server[0] to let its socket `k` send to us; true if that came through. */
static bool gets_in(int fd, const struct sockaddr_in server[SOCKETS], int k)
{
    char text[TEXT_MAX];
    struct sockaddr_in from = {0};
    int64_t deadline = now_ms() + ANSWER_MS;
    bool got = false;

    snprintf(text, sizeof text, "FROM %d", k);
    say(fd, &server[0], text);
    while (hear(fd, text, &from, deadline)) {
        if (same(&from, &server[k]) && strncmp(text, "ALT", 3) == 0)
            got = true;
        if (same(&from, &server[0]) && strncmp(text, "DONE", 4) == 0)
            deadline = now_ms() + REORDER_MS;
    }
    return got;
}

/* RFC 5780, 4.4: only server[0] was contacted; who else may send to that mapping? */
static const char *filtering(int fd, const struct sockaddr_in server[SOCKETS])
{
    (void)external(fd, &server[0]);
    bool other_address = gets_in(fd, server, 3);
    bool other_port = gets_in(fd, server, 1);

    if (other_address)
        return other_port ? "endpoint-independent" : "irregular";
    return other_port ? "address-dependent" : "address-and-port-dependent";
}

/* RFC 5780, 4.5, and RFC 4787, REQ-9: two local ports reach each other through their external addresses, and
 * see external source addresses. */
static const char *hairpin(const struct sockaddr_in *server)
{
    int a = udp_socket(NULL);
    int b = udp_socket(NULL);
    struct peer ext_a = external(a, server);
    struct peer ext_b = external(b, server);
    struct sockaddr_in from = {0};
    char text[TEXT_MAX];
    const char *result = "no";

    say(a, &ext_b.at, "OPEN"); /* may be filtered at b: it has not sent to a yet */
    say(b, &ext_a.at, "PING");
    for (int64_t deadline = now_ms() + HAIRPIN_MS; hear(a, text, &from, deadline);) {
        if (same(&from, server)) /* an answer to a question that was asked twice */
            continue;
        result = strcmp(text, "PING") == 0 && same(&from, &ext_b.at) ? "yes" : "irregular";
        break;
    }
    close(a);
    close(b);
    return result;
}

/* How external ports are chosen: of fresh sockets, one after the other. `text` has room for it. */
static const char *ports(const struct sockaddr_in *server, char *text, size_t len)
{
    unsigned seen[PORTS_SEEN];
    int fds[PORTS_SEEN];
    bool preserving = true, sequential = true;

    for (int i = 0; i < PORTS_SEEN; i++) {
        struct sockaddr_in local = {.sin_family = AF_INET};
        socklen_t local_len = sizeof local;

        fds[i] = udp_socket(&local);
        struct peer outside = external(fds[i], server);
        if (getsockname(fds[i], (struct sockaddr *)&local, &local_len) < 0)
            die("probe: getsockname");
        seen[i] = ntohs(outside.at.sin_port);
        preserving = preserving && outside.at.sin_port == local.sin_port;
    }
    for (int i = 0; i < PORTS_SEEN; i++)
        close(fds[i]);
    for (int i = 1; i < PORTS_SEEN; i++) { /* once it may begin again with the first ports */
        unsigned step = (seen[i] - seen[i - 1]) & 0xffff;
        unsigned first = (seen[1] - seen[0]) & 0xffff;
        sequential = sequential && (step == first || seen[i] < seen[i - 1]) && step > 0 && first <= STEP_MAX;
    }
    if (preserving)
        return "preserving";
    if (!sequential)
        return "random";
    snprintf(text, len, "sequential:%u", (seen[2] - seen[1]) & 0xffff);
    return text;
}

static int cmd_nat(const struct sockaddr_in server[SOCKETS])
{
    int fd = udp_socket(NULL);
    struct peer seen[SOCKETS];
    const char *map = mapping(fd, server, seen);
    int fresh = udp_socket(NULL);
    const char *filter = filtering(fresh, server);
    /* A stranger's datagrams have come to this mapping, some were filtered: that must not have moved it. */
    struct peer before = external(fresh, &server[0]);
    struct peer after = external(fresh, &server[3]);
    struct sockaddr_in local = {0};
    socklen_t len = sizeof local;

    if (connect(fd, (const struct sockaddr *)&server[0], sizeof server[0]) < 0 ||
        getsockname(fd, (struct sockaddr *)&local, &len) < 0)
        die("probe: getsockname");
    char inside[INET_ADDRSTRLEN + 8];
    format(&local, inside, sizeof inside);
    char step[32];
    printf("mapping=%s filtering=%s hairpin=%s stable=%s translated=%s ports=%s inside=%s outside=%s\n", map,
           filter, hairpin(&server[0]), same(&before.at, &after.at) ? "yes" : "no",
           same(&local, &seen[0].at) ? "no" : "yes", ports(&server[0], step, sizeof step), inside,
           seen[0].text);
    return 0;
}

/* Datagrams keep their order on the way: once a last question is answered, no other answer will come. Where nothing passes, that is known after ANSWER_MS. */
static int cmd_count(const struct sockaddr_in *server, int n)
{
    int fd = udp_socket(NULL);
    char text[TEXT_MAX];
    struct sockaddr_in from = {0};
    int answers = 0;

    for (int i = 0; i < n; i++) {
        say(fd, server, "MAP");
        answers += hear(fd, text, &from, now_ms() + PACE_MS);
    }
    for (int64_t deadline = now_ms() + ANSWER_MS; now_ms() < deadline;) {
        say(fd, server, "END");
        for (int64_t again = now_ms() + ASK_MS; hear(fd, text, &from, again); answers++) {
            if (strcmp(text, "ENDED") == 0) {
                printf("answers=%d\n", answers);
                return 0;
            }
        }
    }
    printf("answers=%d\n", answers);
    return 0;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static int cmd_rtt(const struct sockaddr_in *server, int n)
{
    int fd = udp_socket(NULL);
    char text[TEXT_MAX];
    struct sockaddr_in from = {0};
    int64_t took_us[ROUND_TRIPS_MAX];

    if (n < 1 || n > ROUND_TRIPS_MAX)
        return 2;
    for (int i = 0; i < n; i++) {
        int64_t begun_us = now_us();
        say(fd, server, "MAP");
        if (!hear(fd, text, &from, now_ms() + ASKED_MS))
            return 1;
        took_us[i] = now_us() - begun_us;
    }
    qsort(took_us, (size_t)n, sizeof took_us[0], by_value);
    printf("rtt_us=%lld\n", (long long)took_us[n / 2]);
    return 0;
}

static int cmd_hold(const struct sockaddr_in *server)
{
    int fd = udp_socket(NULL);
    char line[TEXT_MAX];

    do {
        printf("outside=%s\n", external(fd, server).text);
        fflush(stdout);
    } while (fgets(line, sizeof line, stdin));
    return 0;
}

/* What is short comes through: once that is answered, a packet of a certain length that has left before it would be, too. */
static int cmd_knock(const struct sockaddr_in *server, size_t packet)
{
    int fd = udp_socket(NULL), behind = udp_socket(NULL);
    char answer[TEXT_MAX];
    struct sockaddr_in from = {0};
    char text[MTU] = "MAP"; /* zeros behind it say nothing to the reflector */
    size_t len = packet > HEADERS + 3 ? packet - HEADERS : 3;
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (packet > MTU)
        return 2;
    if (connect(fd, (const struct sockaddr *)server, sizeof *server) < 0 || send(fd, text, len, 0) < 0)
        die("probe: knock");
    if (packet > 0)
        (void)ask(behind, server, "MAP", answer, &from);
    if (poll(&p, 1, packet > 0 ? REORDER_MS : ANSWER_MS) == 0)
        puts("lost");
    else
        puts(recv(fd, text, sizeof text, MSG_DONTWAIT) >= 0 ? "answered" : "refused");
    return 0;
}

/* Both send to the address they were told, and, as UDT does, take datagrams from exactly that one. */
static int punch(int fd, const struct sockaddr_in *to)
{
    int64_t begin = now_ms();
    bool heard = false;
    bool stranger = false;
    char text[TEXT_MAX];
    struct sockaddr_in from = {0};

    while (now_ms() < begin + PUNCH_MS) {
        say(fd, to, heard ? "HEARD" : "PUNCH");
        if (!hear(fd, text, &from, now_ms() + REPEAT_MS))
            continue;
        if (!same(&from, to)) {
            stranger = stranger || from.sin_addr.s_addr == to->sin_addr.s_addr;
            continue;
        }
        heard = true;
        if (strcmp(text, "HEARD") == 0) {
            say(fd, to, "HEARD");
            printf("punched=yes ms=%d\n", (int)(now_ms() - begin));
            return 0;
        }
    }
    printf("punched=no came_from_another_port=%s\n", stranger ? "yes" : "no");
    return 1;
}

static int cmd_meet(const struct sockaddr_in *server)
{
    int fd = udp_socket(NULL);
    char text[TEXT_MAX];
    struct sockaddr_in from = {0};
    char peer[TEXT_MAX];

    for (int64_t deadline = now_ms() + ASKED_MS; now_ms() < deadline;) {
        say(fd, server, "MEET");
        /* Where nothing is filtered the other one's first PUNCH may come before the reflector's word. */
        for (int64_t again = now_ms() + ASK_MS; hear(fd, text, &from, again);) {
            if (!same(&from, server) || sscanf(text, "PEER %255s", peer) != 1)
                continue;
            struct sockaddr_in to = endpoint_parse(peer);
            return punch(fd, &to);
        }
    }
    printf("punched=no nobody_came=yes\n");
    return 1;
}

/* Two that want to meet are told of each other. Who asks again is waiting still, or has not heard it. */
static void pair_up(int fd, const struct peer *asks)
{
    static struct peer waiting, pair[2];
    bool told = same(&asks->at, &pair[0].at) || same(&asks->at, &pair[1].at);
    char answer[TEXT_MAX];

    if (!told && waiting.text[0] == '\0')
        waiting = *asks;
    if (!told && !same(&asks->at, &waiting.at)) {
        pair[0] = waiting;
        pair[1] = *asks;
        waiting.text[0] = '\0';
        told = true;
    }
    for (int i = 0; i < 2 && told; i++) {
        snprintf(answer, sizeof answer, "PEER %s", pair[1 - i].text);
        say(fd, &pair[i].at, answer);
    }
}

static void reflect_one(int fd[SOCKETS], int asked, const char *text, const struct sockaddr_in *from)
{
    struct peer peer = {.at = *from};
    int k;

    format(from, peer.text, sizeof peer.text);
    if (strcmp(text, "MAP") == 0) {
        say(fd[asked], from, peer.text);
    } else if (strcmp(text, "END") == 0) {
        say(fd[asked], from, "ENDED");
    } else if (sscanf(text, "FROM %d", &k) == 1 && k >= 0 && k < SOCKETS) {
        say(fd[k], from, "ALT");
        say(fd[asked], from, "DONE");
    } else if (strcmp(text, "MEET") == 0) {
        pair_up(fd[asked], &peer);
    }
}

static int cmd_reflect(const struct sockaddr_in server[SOCKETS])
{
    int fd[SOCKETS];
    struct pollfd p[SOCKETS];
    struct sockaddr_in from = {0};
    char text[TEXT_MAX];

    for (int i = 0; i < SOCKETS; i++) {
        fd[i] = udp_socket(&server[i]);
        p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
    }
    printf("reflecting\n");
    fflush(stdout);
    while (poll(p, SOCKETS, -1) >= 0) {
        for (int i = 0; i < SOCKETS; i++) {
            if ((p[i].revents & POLLIN) && hear(fd[i], text, &from, now_ms()))
                reflect_one(fd, i, text, &from);
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    const char *cmd = argc > 1 ? argv[1] : "";

    if (argc == 6 && (strcmp(cmd, "reflect") == 0 || strcmp(cmd, "nat") == 0)) {
        struct sockaddr_in server[SOCKETS];

        for (int i = 0; i < SOCKETS; i++)
            server[i] = endpoint(argv[2 + i / 2], argv[4 + i % 2]);
        return cmd[0] == 'r' ? cmd_reflect(server) : cmd_nat(server);
    }
    if (argc >= 4) {
        struct sockaddr_in server = endpoint(argv[2], argv[3]);

        if (strcmp(cmd, "count") == 0 && argc == 5)
            return cmd_count(&server, atoi(argv[4]));
        if (strcmp(cmd, "rtt") == 0 && argc == 5)
            return cmd_rtt(&server, atoi(argv[4]));
        if (strcmp(cmd, "hold") == 0)
            return cmd_hold(&server);
        if (strcmp(cmd, "knock") == 0)
            return cmd_knock(&server, argc == 5 ? (size_t)atoi(argv[4]) : 0);
        if (strcmp(cmd, "meet") == 0)
            return cmd_meet(&server);
    }
    fprintf(stderr, "usage: probe reflect|nat A1 A2 P1 P2 | count|rtt A P N | hold|knock|meet A P\n");
    return 2;
}
