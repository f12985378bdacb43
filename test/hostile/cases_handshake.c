/* Handshakes that UDT 4.11 believes. */
#include "test/hostile/cases.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LEAK_MS        200
#define REFUSED_TIMES  300
#define HALF_OPEN      100
#define HALF_OPEN_MS   200
#define SAME_IDS       200
#define STORM_IDS      3000
#define STORM_OPEN_MS  4000 /* a server with limits lets them in slowly */
#define STORM_TIMES    20000
#define STORM_WINDOW   32  /* what a session costs a bare server goes with it */
#define FLOOD_BURST    500 /* each 10 ms and what sending takes: some 30,000 a second */
#define FLOOD_PAUSE_MS 10
#define MANY_MS        2000
#define BURST          20 /* datagrams without a pause; a socket's buffer holds more */

void case_mss_44(struct raw *r)
{
    r->mss = 44; /* a payload of 44 - 28 - 16 = 0 bytes, by which UDT divides what it sends */
    if (raw_connect(r))
        ask_three(r);
}

void case_mss_wrapped(struct raw *r)
{
    /* A payload of 1456 - 2^27 bytes: negative, yet 32 of them are 46592 bytes in 32 bits, so the send buffer
     * can be had; the answer to a repeated handshake cannot. */
    r->mss = 44u + 1456u - (1u << 27);
    if (raw_connect(r))
        raw_handshake(r, HS_REGULAR, r->peer);
    raw_idle(r, LEAK_MS);
}

void case_mss_91(struct raw *r)
{
    int64_t end_ms = raw_now_ms() + LEAK_MS;
    uint8_t packet[RAW_MAX];

    r->mss = 91; /* a payload of 47 bytes: one too few for UDT to write its answer into, and sends 48 */
    if (!raw_connect(r))
        return;
    raw_handshake(r, HS_REGULAR, r->peer);
    while (raw_now_ms() < end_ms) {
        size_t len = raw_receive(r, packet, (int)(end_ms - raw_now_ms()));

        if (len > PACKET_HEAD && packet_type(packet) == PACKET_HANDSHAKE &&
            packet_word(packet + PACKET_HEAD) != 4)
            printf("leaked %zu bytes\n", len - PACKET_HEAD); /* the first word should be UDT's version */
    }
}

static void pace(int i)
{
    if (i % BURST == BURST - 1)
        poll(NULL, 0, 1);
}

void case_window_minus_1(struct raw *r)
{
    if (!raw_ask_cookie(r))
        return;
    r->window = 0xFFFFFFFF;
    for (int i = 0; i < REFUSED_TIMES; i++, r->id++) { /* each another connection to the server */
        raw_handshake(r, HS_CONCLUSION, 0);
        pace(i);
    }
    raw_idle(r, LEAK_MS);
}

void case_window_2_23(struct raw *r)
{
    r->window = 1u << 23; /* 200 MB of loss list, 130 MB of them written; 2^30 would be 26 GB */
    if (raw_connect(r))
        ask_three(r);
}

void case_window_0(struct raw *r)
{
    uint32_t losses[2] = {r->isn, r->isn + 2};

    r->window = 0; /* a loss list of size 0, by which UDT divides */
    if (!raw_connect(r))
        return;
    raw_ack(r, r->isn, 100, 8192); /* opens the window */
    ask_three(r);
    raw_control(r, PACKET_NAK, 0, losses, 2);
    raw_idle(r, LEAK_MS);
}

void case_short_handshake(struct raw *r)
{
    const uint32_t words[] = {4, 1, 1000, 1500};

    raw_control(r, PACKET_HANDSHAKE, 0, words, 4);
    raw_control(r, PACKET_HANDSHAKE, 0, words, 0);
    if (!raw_connect(r))
        return;
    raw_control(r, PACKET_HANDSHAKE, 0, words, 4);
    raw_control(r, PACKET_HANDSHAKE, 0, words, 0);
    tell_whether_answered(r);
}

void case_strange_requests(struct raw *r)
{
    static const int32_t requests[] = {HS_RENDEZVOUS, HS_AGREEMENT, HS_REFUSED, 2, INT32_MIN, INT32_MAX};

    if (!raw_ask_cookie(r))
        return;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        raw_handshake(r, requests[i], 0);
        raw_handshake(r, requests[i], 1);
        raw_handshake(r, requests[i], INT32_MIN);
    }
    if (raw_conclude(r))
        tell_whether_answered(r);
}

void case_half_open(struct raw *r)
{
    int32_t peers[HALF_OPEN];
    int n = 0;

    if (!raw_ask_cookie(r))
        return;
    for (; n < HALF_OPEN && raw_conclude(r); n++, r->isn++) { /* another ISN, or UDT takes it for the same */
        peers[n] = r->peer;
        r->peer = 0;
    }
    raw_idle(r, HALF_OPEN_MS);
    for (int i = 0; i < n; i++) {
        r->peer = peers[i];
        raw_shutdown(r);
    }
}

void case_flood(struct raw *r)
{
    for (int i = 0; i < FLOOD_BURST; i++, r->id++)
        raw_handshake(r, HS_REGULAR, 0);
    raw_idle(r, FLOOD_PAUSE_MS);
}

/* UDT looks for a repeated handshake among all sessions with the same ISN and the same two lowest bits of the
 * id, comparing them one by one under its global lock: here from many ports. */
void case_same_ids(struct raw *r)
{
    struct raw others[SAME_IDS];
    struct sockaddr_in from, server;
    socklen_t len = sizeof from;
    int n = 0;

    getpeername(r->fd, (struct sockaddr *)&server, &len);
    getsockname(r->fd, (struct sockaddr *)&from, &len);
    from.sin_port = 0;
    while (n < SAME_IDS && raw_open(&others[n], &from, &server)) {
        others[n].id = r->id;
        n++;
        if (!raw_connect(&others[n - 1]))
            break;
    }
    while (n-- > 0) {
        raw_shutdown(&others[n]);
        raw_close(&others[n]);
    }
}

static void allow_files(rlim_t count)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < count ? files.rlim_max : count;
    setrlimit(RLIMIT_NOFILE, &files);
}

/* As many sessions as the server lets in, then the first one's handshake again and again, for which UDT looks
 * last. */
static void storm(struct raw *r, bool alike)
{
    struct raw *others = calloc(STORM_IDS, sizeof *others);
    struct sockaddr_in from;
    int64_t end_ms = raw_now_ms() + STORM_OPEN_MS;
    socklen_t len = sizeof from;
    uint32_t n = 0;

    allow_files(STORM_IDS + 16);
    struct sockaddr_in server;
    getpeername(r->fd, (struct sockaddr *)&server, &len);
    getsockname(r->fd, (struct sockaddr *)&from, &len);
    from.sin_port = 0;
    while (others && n < STORM_IDS && raw_now_ms() < end_ms && raw_open(&others[n], &from, &server)) {
        others[n].window = STORM_WINDOW;
        others[n].id = r->id;
        others[n].isn += alike ? 0 : n;
        if (!raw_connect(&others[n++]))
            break;
    }
    printf("sessions %u\n", n);
    for (int i = 0; n > 0 && i < STORM_TIMES; i++) {
        raw_handshake(&others[0], HS_CONCLUSION, 0);
        pace(i);
    }
    while (n-- > 0) {
        raw_shutdown(&others[n]);
        raw_close(&others[n]);
    }
    free(others);
}

void case_same_ids_storm(struct raw *r)
{
    storm(r, true);
}

void case_other_ids_storm(struct raw *r)
{
    storm(r, false);
}

void case_guessed_cookie(struct raw *r)
{
    if (raw_conclude(r))
        printf("accepted without a cookie asked for\n");
    else
        printf("not accepted\n");
}

void case_borrowed_cookie(struct raw *r)
{
    struct sockaddr_in from, server;
    socklen_t len = sizeof from;

    getpeername(r->fd, (struct sockaddr *)&server, &len);
    getsockname(r->fd, (struct sockaddr *)&from, &len);
    from.sin_port = 0;
    struct raw other;
    if (!raw_ask_cookie(r) || !raw_open(&other, &from, &server))
        return;
    other.cookie = r->cookie;
    printf(raw_conclude(&other) ? "accepted\n" : "not accepted\n");
    raw_shutdown(&other);
    raw_close(&other);
    printf(raw_conclude(r) ? "its owner is accepted\n" : "its owner is not accepted\n");
}

void case_show_cookie(struct raw *r)
{
    if (raw_ask_cookie(r))
        printf("cookie %08x\n", r->cookie);
}

void case_garbage(struct raw *r)
{
    uint8_t bytes[RAW_MAX];

    for (int i = 0; i < FLOOD_BURST; i++) {
        size_t len = (size_t)i * 7 % 1400;

        for (size_t at = 0; at < len; at++)
            bytes[at] = (uint8_t)(at * 31 + (size_t)i * 17 + len);
        (void)!send(r->fd, bytes, len, MSG_NOSIGNAL);
    }
    raw_idle(r, FLOOD_PAUSE_MS);
}

void case_many_sessions(struct raw *r)
{
    int64_t end_ms = raw_now_ms() + MANY_MS;
    uint8_t packet[RAW_MAX];
    int let_in = 0;

    if (!raw_ask_cookie(r))
        return;
    while (raw_now_ms() < end_ms) {
        for (int i = 0; i < BURST; i++, r->isn++)
            raw_handshake(r, HS_CONCLUSION, 0);
        while (raw_receive(r, packet, 1) >= PACKET_HEAD + HANDSHAKE_SIZE)
            let_in += packet_type(packet) == PACKET_HANDSHAKE &&
                      (int32_t)packet_word(packet + PACKET_HEAD + HANDSHAKE_REQUEST) == HS_CONCLUSION;
    }
    printf("let in %d\n", let_in);
}
