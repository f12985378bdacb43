#include "test/hostile/raw.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOLO 0xC0000000u /* a data packet that is a whole message */

int64_t raw_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool raw_parse(struct sockaddr_in *out, const char *text)
{
    char host[16];

    memset(out, 0, sizeof *out);
    unsigned port;
    if (sscanf(text, "%15[0-9.]:%5u", host, &port) != 2 || port > 65535)
        return false;
    out->sin_family = AF_INET;
    out->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

bool raw_open(struct raw *r, const struct sockaddr_in *local, const struct sockaddr_in *server)
{
    return raw_open_at(r, (const struct sockaddr *)local, sizeof *local, (const struct sockaddr *)server,
                       sizeof *server);
}

bool raw_open_at(struct raw *r, const struct sockaddr *local, socklen_t local_len,
                 const struct sockaddr *server, socklen_t server_len)
{
    static int32_t ids = 0;

    if (ids == 0)
        ids = (int32_t)(getpid() & 0xFFFF) << 12; /* two programs on one port name different sockets */
    memset(r, 0, sizeof *r);
    r->fd = socket(local->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (r->fd < 0)
        return false;
    if (bind(r->fd, local, local_len) < 0 || connect(r->fd, server, server_len) < 0) {
        close(r->fd);
        return false;
    }
    r->id = ++ids;
    r->isn = r->next = r->heard = 1000;
    r->mss = 1500;
    r->window = 8192;
    r->version = 4;
    r->type = 1;
    r->wait_ms = RAW_WAIT_MS;
    r->repeat_ms = RAW_REPEAT_MS;
    return true;
}

void raw_close(struct raw *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

static void put_packet(struct raw *r, const uint8_t *packet, size_t len)
{
    (void)!send(r->fd, packet, len, MSG_NOSIGNAL);
}

void raw_handshake(struct raw *r, int32_t request, int32_t destination)
{
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE] = {0};
    uint8_t *body = packet + PACKET_HEAD;

    packet_put_control(packet, PACKET_HANDSHAKE, 0, destination);
    packet_put_word(body + HANDSHAKE_VERSION, r->version);
    packet_put_word(body + HANDSHAKE_TYPE, r->type);
    packet_put_word(body + HANDSHAKE_ISN, r->isn);
    packet_put_word(body + HANDSHAKE_MSS, r->mss);
    packet_put_word(body + HANDSHAKE_WINDOW, r->window);
    packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)request);
    packet_put_word(body + HANDSHAKE_ID, (uint32_t)r->id);
    packet_put_word(body + HANDSHAKE_COOKIE, r->cookie);
    for (size_t i = 0; i < sizeof r->address / sizeof r->address[0]; i++)
        packet_put_word(body + HANDSHAKE_COOKIE + 4 + 4 * i, r->address[i]);
    put_packet(r, packet, sizeof packet);
}

void raw_control(struct raw *r, unsigned type, unsigned extended, const uint32_t *words, size_t count)
{
    uint8_t packet[RAW_MAX];

    packet_put_control(packet, (enum packet_type)type, (uint16_t)extended, r->peer);
    for (size_t i = 0; i < count; i++)
        packet_put_word(packet + PACKET_HEAD + 4 * i, words[i]);
    put_packet(r, packet, PACKET_HEAD + 4 * count);
}

void raw_ack(struct raw *r, uint32_t sequence, uint32_t rtt_us, uint32_t window)
{
    uint32_t words[ACK_SIZE_FULL / 4] = {sequence, rtt_us, 0, window, 0, 0};

    raw_control(r, PACKET_ACK, 0, words, ACK_SIZE_FULL / 4);
}

void raw_ack2(struct raw *r, uint32_t number)
{
    uint8_t packet[PACKET_HEAD + 4] = {0};

    packet_put_control(packet, PACKET_ACK2, 0, r->peer);
    packet_put_word(packet + 4, number);
    put_packet(r, packet, sizeof packet);
}

void raw_data(struct raw *r, uint32_t sequence, const void *bytes, size_t len)
{
    uint8_t packet[RAW_MAX] = {0};

    packet_put_word(packet, sequence & 0x7FFFFFFF);
    packet_put_word(packet + 4, SOLO | (sequence - r->isn + 1));
    packet_put_word(packet + 12, (uint32_t)r->peer);
    memcpy(packet + PACKET_HEAD, bytes, len);
    put_packet(r, packet, PACKET_HEAD + len);
}

void raw_request(struct raw *r, const char *text)
{
    raw_data(r, r->next++, text, strlen(text));
}

void raw_shutdown(struct raw *r)
{
    const uint32_t pad = 0;

    if (r->peer)
        raw_control(r, PACKET_SHUTDOWN, 0, &pad, 1);
    r->peer = 0;
}

static void note(struct raw *r, const uint8_t *packet, size_t len)
{
    const uint8_t *body = packet + PACKET_HEAD;

    if (packet_id(packet) != r->id)
        return;
    if (packet_type(packet) == PACKET_DATA) {
        if (packet_word(packet) >= r->heard)
            r->heard = packet_word(packet) + 1;
    } else if (packet_type(packet) == PACKET_SHUTDOWN) {
        r->closed = true;
    } else if (packet_type(packet) == PACKET_HANDSHAKE && len == PACKET_HEAD + HANDSHAKE_SIZE && !r->peer) {
        if (packet_word(body + HANDSHAKE_REQUEST) == HS_REGULAR)
            r->cookie = packet_word(body + HANDSHAKE_COOKIE);
        else if ((int32_t)packet_word(body + HANDSHAKE_REQUEST) == HS_CONCLUSION)
            r->peer = (int32_t)packet_word(body + HANDSHAKE_ID);
        else
            r->refused = true;
    }
}

size_t raw_receive(struct raw *r, uint8_t packet[RAW_MAX], int wait_ms)
{
    struct pollfd fd = {.fd = r->fd, .events = POLLIN};
    ssize_t n = recv(r->fd, packet, RAW_MAX, MSG_DONTWAIT);

    if (n < 0 && wait_ms > 0 && poll(&fd, 1, wait_ms) > 0)
        n = recv(r->fd, packet, RAW_MAX, MSG_DONTWAIT);
    if (n < PACKET_HEAD)
        return 0;
    note(r, packet, (size_t)n);
    return (size_t)n;
}

/* Sends the handshake again and again until `*answer` is there. */
static bool ask(struct raw *r, int32_t request, const void *answer, size_t size)
{
    static const uint8_t none[sizeof(uint32_t)];
    int64_t end_ms = raw_now_ms() + r->wait_ms, repeat_ms = 0;
    uint8_t packet[RAW_MAX];

    r->refused = false;
    while (memcmp(answer, none, size) == 0) {
        int64_t now_ms = raw_now_ms();

        if (now_ms >= end_ms || r->refused)
            return false;
        if (now_ms >= repeat_ms) {
            raw_handshake(r, request, 0);
            repeat_ms = now_ms + r->repeat_ms;
        }
        raw_receive(r, packet, (int)((repeat_ms < end_ms ? repeat_ms : end_ms) - now_ms));
    }
    return true;
}

bool raw_ask_cookie(struct raw *r)
{
    r->cookie = 0;
    return ask(r, HS_REGULAR, &r->cookie, sizeof r->cookie);
}

bool raw_conclude(struct raw *r)
{
    return ask(r, HS_CONCLUSION, &r->peer, sizeof r->peer);
}

bool raw_connect(struct raw *r)
{
    return raw_ask_cookie(r) && raw_conclude(r);
}

bool raw_await_data(struct raw *r, uint32_t sequence, int wait_ms)
{
    int64_t end_ms = raw_now_ms() + wait_ms;
    uint8_t packet[RAW_MAX];

    while (r->heard < sequence && raw_now_ms() < end_ms)
        raw_receive(r, packet, (int)(end_ms - raw_now_ms()));
    return r->heard >= sequence;
}

void raw_idle(struct raw *r, int ms)
{
    int64_t end_ms = raw_now_ms() + ms;
    uint8_t packet[RAW_MAX];

    while (raw_now_ms() < end_ms)
        raw_receive(r, packet, (int)(end_ms - raw_now_ms()));
}
