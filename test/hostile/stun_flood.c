/* stun_flood: STUN of every kind at a nameserver, from many sources at once, and a look at what comes back.
 *
 *   stun_flood SOURCES HOST:PORT
 *
 * Each source is an address of its own out of 127.1.0.0/16, and has one length for all that it sends, so that
 * each answer that it gets can be held against its question. Floods until SIGTERM, then prints
 * "sent N answered N longest N too_long N": `longest` is the worst answer in hundredths of its question, both
 * with the heads of IP and UDP; `too_long` counts those above 1.5 times. Prints "thrown" after the first
 * round. Exit 0; 2: bad usage; 1: no socket. */
#include "proto/stun.h"
#include "test/hostile/raw.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOURCES_MAX 1000
#define A_ROUND     100 /* datagrams, then a pause: some 20,000 a second, as far as the machine goes */
#define PAUSE_MS    5
#define HEADS       28 /* of IPv4 and UDP */

enum kind { PLAIN, CHANGE, UNKNOWN, LONG_ATTRIBUTE, WRONG_LENGTH, ANSWER, NOISE, CLASSIC, KINDS };

static volatile sig_atomic_t stopped;

static void on_term(int signal)
{
    (void)signal;
    stopped = 1;
}

static size_t length_of(unsigned source)
{
    return STUN_HEAD_BYTES + 4 * (source % 60);
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* `len` bytes of this kind, as well as they can be had in so many. */
static void make(uint8_t bytes[RAW_MAX], size_t len, enum kind kind)
{
    struct stun_request q = {.classic = false};
    size_t at = STUN_HEAD_BYTES;

    (void)!getrandom(bytes, len, 0);
    stun_set_id(q.id, bytes + 8);
    q.change_ip = q.change_port = kind == CHANGE && len >= 28;
    if (kind != NOISE)
        at = stun_write_request(&q, bytes, RAW_MAX);
    else
        memcpy(bytes + 4, q.id, 4); /* the cookie alone */
    put16(bytes + 2, len - STUN_HEAD_BYTES + (kind == WRONG_LENGTH ? 4 : 0));
    if (at + 4 <= len) { /* the rest is one attribute that may be skipped, or one that may not */
        put16(bytes + at, kind == UNKNOWN ? 0x7F00 : 0x8022);
        put16(bytes + at + 2, len - at - 4 + (kind == LONG_ATTRIBUTE ? 400 : 0));
    }
    if (kind == ANSWER)
        bytes[0] = 1;
    if (kind == CLASSIC)
        bytes[4] ^= 1;
}

/* Not connected: answers come from other addresses and ports as well. */
static bool open_source(int *fd, unsigned source)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7F010001u + source / 250 * 256 + source % 250)};

    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return *fd >= 0 && bind(*fd, (struct sockaddr *)&from, sizeof from) == 0;
}

static struct {
    unsigned long sent, answered, longest, too_long;
} seen;

static void hear(int fd, size_t question)
{
    uint8_t bytes[RAW_MAX];

    for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0;) {
        unsigned long hundredths = 100 * ((unsigned long)n + HEADS) / (question + HEADS);

        seen.answered++;
        seen.too_long += 2 * ((size_t)n + HEADS) > 3 * (question + HEADS);
        if (hundredths > seen.longest)
            seen.longest = hundredths;
    }
}

int main(int argc, char **argv)
{
    struct sigaction on = {.sa_handler = on_term};
    static int fds[SOURCES_MAX];
    struct sockaddr_in server;
    unsigned sources = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

    if (sources == 0 || sources > SOURCES_MAX || !raw_parse(&server, argv[2])) {
        fprintf(stderr, "usage: stun_flood SOURCES HOST:PORT\n");
        return 2;
    }
    sigaction(SIGTERM, &on, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned i = 0; i < sources; i++) {
        if (!open_source(&fds[i], i)) {
            perror("stun_flood: no socket");
            return 1;
        }
    }
    for (unsigned long turn = 0; !stopped; turn++) {
        unsigned source = (unsigned)(turn % sources);
        uint8_t bytes[RAW_MAX];

        make(bytes, length_of(source), (enum kind)((turn / sources + source) % KINDS));
        seen.sent += sendto(fds[source], bytes, length_of(source), MSG_DONTWAIT, (struct sockaddr *)&server,
                            sizeof server) > 0;
        hear(fds[source], length_of(source));
        if (turn == sources)
            printf("thrown\n");
        if (turn % A_ROUND == 0)
            poll(NULL, 0, PAUSE_MS);
    }
    for (unsigned i = 0; i < sources; i++)
        hear(fds[i], length_of(i));
    printf("sent %lu answered %lu longest %lu too_long %lu\n", seen.sent, seen.answered, seen.longest,
           seen.too_long);
    return 0;
}
