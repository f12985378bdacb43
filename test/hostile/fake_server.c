/* fake_server: a hostile server for the clients, without a library: it plays the listener of UDT 4,
 * with one flaw.
 *
 *   fake_server FLAW [STRANGER]
 *
 * Listens on a free port of 127.0.0.1, prints it, serves the first client that comes, and ends with it or
 * with SIGTERM. FLAW:
 *
 *   mss=N, window=N   announces that in its handshake's answer
 *   body=N            the length of that answer
 *   storm             every hostile control packet before the answer to a request, which then follows
 *   name              the answer names STRANGER (ADDR:PORT), who is no party to it, as the one to meet
 *   sink              answers nothing at all; prints "heard N" for each datagram */
#include "test/hostile/raw.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIFE_MS   60000
#define COOKIE    0x2B1D5A17u
#define FAR       0x3FFFFF00u
#define OWN_ID    77
#define TEXT_MAX  1200
#define LINGER_MS 300 /* before the end is told: a client reads meanwhile */

struct fake {
    const char *flaw, *stranger;
    uint32_t body_len; /* of the handshake's answer */
    struct raw raw;
    int heard; /* datagrams */
};

static uint32_t flaw_number(const struct fake *f, const char *key, uint32_t otherwise)
{
    size_t len = strlen(key);

    return strncmp(f->flaw, key, len) == 0 ? (uint32_t)strtol(f->flaw + len, NULL, 10) : otherwise;
}

static void answer_handshake(struct fake *f, const uint8_t *body)
{
    int32_t request = (int32_t)packet_word(body + HANDSHAKE_REQUEST);
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE];
    uint8_t *to = packet + PACKET_HEAD;
    size_t len = HANDSHAKE_SIZE;

    f->raw.peer = (int32_t)packet_word(body + HANDSHAKE_ID);
    f->raw.isn = f->raw.next = packet_word(body + HANDSHAKE_ISN);
    packet_put_control(packet, PACKET_HANDSHAKE, 0, f->raw.peer);
    memcpy(to, body, HANDSHAKE_SIZE);
    if (request == HS_REGULAR) {
        packet_put_word(to + HANDSHAKE_COOKIE, COOKIE);
    } else {
        packet_put_word(to + HANDSHAKE_ID, OWN_ID);
        packet_put_word(to + HANDSHAKE_MSS, f->raw.mss);
        packet_put_word(to + HANDSHAKE_WINDOW, f->raw.window);
        len = f->body_len;
    }
    (void)!send(f->raw.fd, packet, PACKET_HEAD + len, 0);
}

/* What cases_control.c does to servers, all at once. */
static void storm(struct raw *r)
{
    const uint32_t far = r->isn + FAR, wide[] = {0, 0x7FFFFFFE}, moves[] = {r->isn, r->isn + 5};
    const uint32_t both[] = {0x80000000 | r->isn, 0x80000000 | (r->isn + 1)},
                   stale[] = {r->isn + 100000, 0, 0, 0};

    raw_handshake(r, HS_REGULAR, r->peer);
    raw_handshake(r, HS_REFUSED, r->peer);
    raw_control(r, PACKET_ACK, 0, &far, 1);
    raw_ack(r, r->isn | 0x80000000, 100, 8192);
    raw_ack(r, r->isn, 0x7FFFFFFF, 1u << 30);
    raw_control(r, PACKET_NAK, 0, both, 1);
    raw_control(r, PACKET_NAK, 0, both, 2);
    raw_control(r, PACKET_DROP, 0, wide, 2);
    raw_control(r, PACKET_DROP, 0, moves, 2);
    for (int i = 0; i < 300; i++)
        raw_control(r, PACKET_CONGESTION, 0, stale, 1);
    raw_control(r, PACKET_PEER_ERROR, 0, stale, 1);
    raw_control(r, PACKET_CUSTOM, 1, stale, 4);
    raw_control(r, PACKET_CUSTOM, 0x6878, stale, 4);
    raw_control(r, PACKET_ACK, 0, stale, 0);
    raw_control(r, PACKET_NAK, 0, stale, 0);
    raw_data(r, r->isn, "", 0);
}

static void answer_request(struct fake *f)
{
    char text[TEXT_MAX], part[256], own[] = "--hx_hole_punching\r\n: 127.0.0.1:9\r\n\r\n";

    snprintf(part, sizeof part, "--hx_hole_punching\r\nhost_sweet_host: %s\r\n\r\n", f->stranger);
    if (strcmp(f->flaw, "storm") == 0)
        storm(&f->raw);
    if (strcmp(f->flaw, "name") == 0)
        snprintf(text, sizeof text,
                 "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n%zx\r\n%s\r\n",
                 strlen(part), part, strlen(own), own);
    else
        snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
    raw_request(&f->raw, text);
}

static void answer(struct fake *f, const uint8_t *packet, size_t len)
{
    enum packet_type type = packet_type(packet);

    if (type == PACKET_HANDSHAKE && len == PACKET_HEAD + HANDSHAKE_SIZE)
        answer_handshake(f, packet + PACKET_HEAD);
    else if (type == PACKET_DATA) {
        bool first = f->raw.next == f->raw.isn;

        raw_ack(&f->raw, packet_word(packet) + 1, 100, 32);
        if (first)
            answer_request(f);
    }
}

static bool listen_here(struct fake *f)
{
    struct sockaddr_in local;
    socklen_t len = sizeof local;

    f->raw.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (f->raw.fd < 0 || !raw_parse(&local, "127.0.0.1:0") ||
        bind(f->raw.fd, (struct sockaddr *)&local, len) < 0)
        return false;
    getsockname(f->raw.fd, (struct sockaddr *)&local, &len);
    printf("listening on 127.0.0.1:%d\n", ntohs(local.sin_port));
    fflush(stdout);
    return true;
}

/* From now on only the first client is heard. */
static bool await_client(struct fake *f)
{
    struct sockaddr_in client;
    socklen_t len = sizeof client;
    uint8_t packet[1];

    return recvfrom(f->raw.fd, packet, sizeof packet, MSG_PEEK, (struct sockaddr *)&client, &len) >= 0 &&
           connect(f->raw.fd, (struct sockaddr *)&client, len) == 0;
}

int main(int argc, char **argv)
{
    struct fake f = {.stranger = argc > 2 ? argv[2] : "127.0.0.1:9"};
    int64_t end_ms = raw_now_ms() + LIFE_MS;
    uint8_t packet[RAW_MAX];
    size_t len;

    if (argc < 2) {
        fprintf(stderr, "usage: fake_server FLAW [STRANGER]\n");
        return 2;
    }
    f.flaw = argv[1];
    f.raw.mss = flaw_number(&f, "mss=", 1400);
    f.raw.window = flaw_number(&f, "window=", 32);
    f.raw.id = OWN_ID;
    f.body_len = flaw_number(&f, "body=", HANDSHAKE_SIZE) % (HANDSHAKE_SIZE + 1);
    if (!listen_here(&f) || !await_client(&f)) {
        perror("fake_server");
        return 1;
    }
    while (raw_now_ms() < end_ms && !f.raw.closed) {
        len = raw_receive(&f.raw, packet, LINGER_MS);
        if (len && strcmp(f.flaw, "sink") == 0) {
            printf("heard %d\n", ++f.heard);
            fflush(stdout);
        } else if (len) {
            answer(&f, packet, len);
        }
    }
    return 0;
}
