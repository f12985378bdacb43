/* bench_attack: what must not keep a server from its honest clients. From loopback addresses of its own.
 *
 *   bench_attack handshakes PORT RATE SECONDS   first handshakes, and conclusions with guessed cookies
 *   bench_attack garbage PORT RATE SECONDS      random bytes of random lengths
 *   bench_attack half-open PORT COUNT SECONDS   connections that never complete their request, again and again
 *
 * RATE is datagrams a second. Prints "attacking" once it has begun, and one line of "key=value" pairs at the
 * end. */
#include "shim/udt/packet.h"
#include "test/bench/measure.h"
#include "test/bench/udtraw.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKETS       64
#define NET           66 /* 127.66.0.0/16 */
#define HALF_UNDERWAY 256

static uint32_t random_word(void)
{
    return (uint32_t)random() << 16 ^ (uint32_t)random();
}

static void put_garbage(struct raw_io *io, int socket)
{
    size_t len = 1 + random_word() % RAW_OUT_MAX;
    uint8_t *packet = raw_io_put(io, socket, len);

    for (size_t i = 0; i < len; i++)
        packet[i] = (uint8_t)random();
}

static void put_handshake(struct raw_io *io, int socket)
{
    uint8_t *packet = raw_io_put(io, socket, PACKET_HEAD + HANDSHAKE_SIZE), *body = packet + PACKET_HEAD;
    bool first = random_word() % 4 != 0;

    memset(packet, 0, PACKET_HEAD + HANDSHAKE_SIZE);
    packet_put_control(packet, PACKET_HANDSHAKE, 0, 0);
    packet_put_word(body + HANDSHAKE_VERSION, 4);
    packet_put_word(body + HANDSHAKE_TYPE, 1);
    packet_put_word(body + HANDSHAKE_ISN, random_word() >> 1);
    packet_put_word(body + HANDSHAKE_MSS, 1500);
    packet_put_word(body + HANDSHAKE_WINDOW, 8192);
    packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)(first ? HS_REGULAR : HS_CONCLUSION));
    packet_put_word(body + HANDSHAKE_ID, random_word() >> 2 | 1);
    packet_put_word(body + HANDSHAKE_COOKIE, first ? 0 : random_word());
}

static void begun(void)
{
    printf("attacking\n");
    fflush(stdout);
}

/* In steps of a millisecond. */
static void flood(uint16_t port, double rate, double seconds, void (*put)(struct raw_io *io, int socket))
{
    int least = 1; /* SO_RCVBUF: the kernel makes it its minimum; nobody reads the answers */
    double begun_us = now_us(), passed_us;
    struct raw_io io;
    uint64_t sent = 0;

    raw_io_open(&io, port, NET, SOCKETS);
    for (int i = 0; i < SOCKETS; i++)
        (void)setsockopt(io.fds[i], SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    begun();
    while ((passed_us = now_us() - begun_us) < seconds * 1e6) {
        int socket = (int)(random_word() % SOCKETS);

        for (; (double)sent < passed_us / 1e6 * rate; sent++)
            put(&io, sent % 8 ? socket : (socket = (int)(random_word() % SOCKETS)));
        raw_io_flush(&io);
        poll(NULL, 0, 1);
    }
    printf("sent=%lu per_second=%.0f\n", io.sent, (double)io.sent / seconds);
    raw_io_close(&io);
}

static struct {
    uint32_t waiting, open; /* handshakes under way; those that have sent half a request */
    uint64_t ended;
} half;

static void half_event(struct raw_group *g, struct raw_client *c, enum raw_event event, const char *bytes,
                       size_t len)
{
    (void)bytes;
    (void)len;
    if (event == RAW_CONNECTED) {
        half.waiting--;
        half.open++;
        raw_ask(g, c, "GET /bind?host_id=half%u", c->index);
    } else if (event == RAW_CLOSED || event == RAW_FAILED) {
        half.ended++;
        if (c->state == RAW_OPEN)
            half.open--;
        else
            half.waiting--;
    }
}

static void half_open(uint16_t port, uint32_t count, double seconds)
{
    double end_us = now_us() + 60e6;
    bool full = false;
    struct raw_group g;
    uint32_t most = 0;

    raw_open(&g, port, NET, SOCKETS, count + 1024, half_event);
    while (now_us() < end_us) {
        while (half.open + half.waiting < count && half.waiting < HALF_UNDERWAY && raw_connect(&g, RAW_STOCK))
            half.waiting++;
        raw_turn(&g, RAW_TICK_MS);
        most = half.open > most ? half.open : most;
        if (!full && half.open + HALF_UNDERWAY >= count) {
            full = true;
            begun();
            end_us = now_us() + seconds * 1e6;
        }
    }
    if (!full)
        die("only %u of %u got in", most, count);
    printf("most=%u ended=%lu\n", most, half.ended);
    for (uint32_t i = 0; i < g.capacity; i++) {
        if (g.clients[i].state != RAW_FREE)
            raw_end(&g, &g.clients[i]);
    }
    raw_close(&g);
}

int main(int argc, char **argv)
{
    uint16_t port = argc == 5 ? (uint16_t)atoi(argv[2]) : 0;

    if (port && strcmp(argv[1], "handshakes") == 0)
        flood(port, atof(argv[3]), atof(argv[4]), put_handshake);
    else if (port && strcmp(argv[1], "garbage") == 0)
        flood(port, atof(argv[3]), atof(argv[4]), put_garbage);
    else if (port && strcmp(argv[1], "half-open") == 0)
        half_open(port, (uint32_t)atoi(argv[3]), atof(argv[4]));
    else
        die("usage: see the head of test/bench/bench_attack.c");
    return 0;
}
