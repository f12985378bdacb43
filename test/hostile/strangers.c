/* strangers: asks a nameserver for a name again and again, each time from another port of one address, as whoever
 * knows the name can.
 *
 *   strangers FROM NAMESERVER NAME COUNT [HOLDER]
 *
 * Without HOLDER nobody answers the holder's punches. With HOLDER, the address under which it is bound, each one meets
 * it, and then says nothing. Prints "asked N", or "met N", and keeps its sockets until SIGTERM. */
#include "test/hostile/raw.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEET_MS   5000
#define REPEAT_MS 20

static bool aim(struct raw *r, const struct sockaddr_in *at)
{
    return connect(r->fd, (const struct sockaddr *)at, sizeof *at) == 0;
}

static bool ask(struct raw *r, const char *name)
{
    char request[512];
    snprintf(request, sizeof request, "GET /connect?host_id=%s HTTP/1.1\r\n\r\n", name);
    if (!raw_connect(r))
        return false;
    raw_request(r, request);
    return raw_await_data(r, r->isn + 1, MEET_MS); /* the holder has been told, too */
}

/* The rendezvous as UDT does it: our 0 until the holder's, then -1 until it is connected. */
static bool meet(struct raw *r, const struct sockaddr_in *holder)
{
    uint8_t packet[RAW_MAX];
    int32_t peer = 0;
    if (!aim(r, holder))
        return false;
    for (int64_t end_ms = raw_now_ms() + MEET_MS; raw_now_ms() < end_ms;) {
        raw_handshake(r, peer ? HS_CONCLUSION : HS_RENDEZVOUS, peer);
        size_t len = raw_receive(r, packet, REPEAT_MS);
        if (len == 0)
            continue;
        if (packet_type(packet) != PACKET_HANDSHAKE || len < PACKET_HEAD + HANDSHAKE_SIZE)
            return true; /* it has a connection, and says so */
        peer = (int32_t)packet_word(packet + PACKET_HEAD + HANDSHAKE_ID);
        if ((int32_t)packet_word(packet + PACKET_HEAD + HANDSHAKE_REQUEST) == HS_AGREEMENT)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct sockaddr_in from = {.sin_family = AF_INET}, nameserver, holder;
    int done = 0;
    if (argc < 5 || argc > 6 || inet_pton(AF_INET, argv[1], &from.sin_addr) != 1 ||
        !raw_parse(&nameserver, argv[2]) || (argc == 6 && !raw_parse(&holder, argv[5])))
        return 2;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    for (int i = 0; i < atoi(argv[4]); i++) {
        struct raw r; /* stays open, so that nothing tells the holder that nobody is there */
        if (!raw_open(&r, &from, &nameserver))
            return 1;
        done += ask(&r, argv[3]) && (argc < 6 || meet(&r, &holder));
    }
    printf("%s %d\n", argc == 6 ? "met" : "asked", done);
    fflush(stdout);
    pause();
    return 0;
}
