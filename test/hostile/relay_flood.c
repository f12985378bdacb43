/* relay_flood: relay frames that nobody should believe at a nameserver, as many as the machine can send.
 *
 *   relay_flood SESSION HOST:PORT
 *
 * SESSION: 16 hex digits, of a session that is relayed. The frames: data and OPENs of sessions that there are
 * not, data of this one from addresses that are not its parties', OPENs with wrong codes, what only a
 * nameserver says, heads without a datagram. From SOURCES addresses out of 127.1.0.0/16. Until SIGTERM, then
 * prints "sent N in MS ms answered N". Prints "thrown" after the first round. Exit 0; 2: bad usage; 1: no
 * socket. */
#include "base/clock.h"
#include "base/error.h"
#include "base/hex.h"
#include "proto/relay_frame.h"
#include "test/hostile/raw.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SOURCES 64
#define A_SEND  64 /* datagrams in one system call */
#define LONGEST 1400

enum kind { UNKNOWN_DATA, FOREIGN_DATA, UNKNOWN_OPEN, BAD_OPEN, ANSWER, HEAD_ALONE, KINDS };

static volatile sig_atomic_t stopped;
static uint8_t session[RELAY_ID_BYTES];
static unsigned long sent, answered;

static void on_term(int signal)
{
    (void)signal;
    stopped = 1;
}

static bool read_session(const char *text)
{
    return strlen(text) == 2 * sizeof session && hex_read(session, text, sizeof session) == HX_OK;
}

/* Returns its length. */
static size_t make(uint8_t bytes[LONGEST], enum kind kind, unsigned turn)
{
    struct relay_frame f = {.kind = kind == UNKNOWN_DATA || kind == FOREIGN_DATA || kind == HEAD_ALONE
                                        ? RELAY_DATA
                                    : kind == ANSWER ? RELAY_OPENED
                                                     : RELAY_OPEN,
                            .half = turn % RELAY_HALVES,
                            .number = turn};

    memcpy(f.session, session, sizeof f.session);
    if (kind == UNKNOWN_DATA || kind == UNKNOWN_OPEN)
        (void)!getrandom(f.session, sizeof f.session, 0);
    if (f.kind != RELAY_DATA) {
        relay_frame_write_control(&f, bytes);
        (void)!getrandom(bytes + RELAY_SAID_BYTES, RELAY_CODE_BYTES, 0);
        return RELAY_CONTROL_BYTES;
    }
    relay_frame_write_head(&f, bytes);
    return kind == HEAD_ALONE ? RELAY_HEAD_BYTES : RELAY_HEAD_BYTES + 1 + turn * 37 % 200;
}

static bool open_source(int *fd, unsigned source, const struct sockaddr_in *server)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F010001u + source)};

    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return *fd >= 0 && bind(*fd, (struct sockaddr *)&from, sizeof from) == 0 &&
           connect(*fd, (const struct sockaddr *)server, sizeof *server) == 0;
}

static void hear(int fd)
{
    uint8_t bytes[LONGEST];

    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        answered++;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[A_SEND][LONGEST];
    static struct mmsghdr batch[A_SEND];
    static struct iovec parts[A_SEND];
    struct sigaction on = {.sa_handler = on_term};
    struct sockaddr_in server;
    int fds[SOURCES];

    if (argc != 3 || !read_session(argv[1]) || !raw_parse(&server, argv[2])) {
        fprintf(stderr, "usage: relay_flood SESSION HOST:PORT\n");
        return 2;
    }
    sigaction(SIGTERM, &on, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned i = 0; i < SOURCES; i++) {
        if (!open_source(&fds[i], i, &server)) {
            perror("relay_flood: no socket");
            return 1;
        }
    }
    for (unsigned i = 0; i < A_SEND; i++) {
        parts[i] = (struct iovec){bytes[i], make(bytes[i], (enum kind)(i % KINDS), i)};
        batch[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int64_t begun_ms = clock_now_ms();
    for (unsigned turn = 0; !stopped; turn++) {
        int n = sendmmsg(fds[turn % SOURCES], batch, A_SEND, 0);

        sent += n > 0 ? (unsigned long)n : 0;
        hear(fds[turn % SOURCES]);
        if (turn == SOURCES)
            printf("thrown\n");
    }
    printf("sent %lu in %lld ms answered %lu\n", sent, (long long)(clock_now_ms() - begun_ms), answered);
    return 0;
}
