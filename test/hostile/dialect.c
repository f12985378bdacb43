/* dialect: a client of the nameserver that speaks UDT 4 as one of the other implementations does
 * (dialects.c), with no library: it binds a name, outlives a shutdown that somebody forges in its name, is
 * told of a connect, and, if it has rendezvous, meets that peer, loses some of its packets, reports them, and
 * sends all bytes back.
 *
 *   dialect list                          prints "NAME hole" or "NAME listener" for each row
 *   dialect NAME HOST:PORT HOST_ID BYTES  BYTES: what the peer will send; 0: it does not meet the peer
 *
 * Prints "connected", "bound", "survived", "told ADDR:PORT", "punched", "repaired", "echoed". Exit 0, or 1
 * where it got stuck, with a word about it on standard error. */
#include "test/hostile/dialects.h"
#include "test/hostile/raw.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_MS      20000 /* for everything that takes milliseconds */
#define OLD_MS       1200  /* a connection that is worth forging for (shim/udt/shutdown_check.h) */
#define CHECK_MS     1000  /* the nameserver believes in silence after half of that */
#define SETTLE_MS    50    /* who closes at once may not have been heard before */
#define REPEAT_MS    300   /* of what must arrive */
#define TEXT_MAX     4096
#define PACKETS_MAX  1024
#define PAYLOAD      1000 /* bytes of a packet of ours */
#define BURST        16   /* packets on their way */
#define REPEATED_MAX 3    /* UDT's own timer would repeat all that came as well, more than that */
#define RANGE        0x80000000u
#define DELIMITER    "\n--hx_hole_punching\r\n" /* the head has the boundary behind '=' */

struct speaker {
    const struct dialect *d;
    struct raw raw;
    uint32_t ack_number, acks;
    int64_t keepalive_ms;
    uint32_t first;      /* sequence number of the peer's first packet */
    uint32_t come;       /* packets of it that have come without a hole */
    uint32_t confirmed;  /* of ours: what the peer's last ACK names */
    char text[TEXT_MAX]; /* from the nameserver; NUL-terminated */
    size_t text_len;
    char *packets[PACKETS_MAX]; /* through the hole */
    size_t lens[PACKETS_MAX];
    bool lost[PACKETS_MAX]; /* we have pretended so */
    bool in_hole;
    int repeated; /* what had come already */
};

static void die(const struct speaker *s, const char *what)
{
    fprintf(stderr, "%s: %s\n", s->d->name, what);
    exit(1);
}

static void say(struct speaker *s, enum packet_type type, uint32_t info, const uint32_t *words, size_t count)
{
    uint8_t packet[RAW_MAX];

    packet_put_control(packet, type, 0, s->raw.peer);
    packet_put_word(packet + 4, info);
    for (size_t i = 0; i < count; i++)
        packet_put_word(packet + PACKET_HEAD + 4 * i, words[i]);
    (void)!send(s->raw.fd, packet, PACKET_HEAD + 4 * count, MSG_NOSIGNAL);
}

static void say_data(struct speaker *s, uint32_t sequence, const char *bytes, size_t len)
{
    uint8_t packet[RAW_MAX] = {0};

    packet_put_word(packet, sequence);
    packet_put_word(packet + 4, s->d->message);
    packet_put_word(packet + 12, (uint32_t)s->raw.peer);
    memcpy(packet + PACKET_HEAD, bytes, len);
    (void)!send(s->raw.fd, packet, PACKET_HEAD + len, MSG_NOSIGNAL);
}

/* Its ACKs in turn; what is behind the rates are ranges, of packets that nobody has sent. */
static void acknowledge(struct speaker *s)
{
    size_t kinds = 0, count;
    uint32_t words[32] = {(s->first + s->come) & 0x7FFFFFFF, 100, 50, 8192};

    while (kinds < 3 && s->d->ack_words[kinds])
        kinds++;
    if (kinds == 0)
        return;
    count = s->d->ack_words[s->acks++ % kinds];
    for (size_t i = ACK_SIZE_FULL / 4; i < count; i++)
        words[i] = (words[0] + 10 * (uint32_t)i) | (i % 2 ? 0 : RANGE);
    say(s, PACKET_ACK, ++s->ack_number, words, count);
}

static bool loses(struct speaker *s, uint32_t at)
{
    static const uint32_t which[] = {2, 4, 5, 7, 8, 9, 12};

    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        if (which[i] == at && !s->lost[at])
            return s->lost[at] = true;
    }
    return false;
}

static bool repaired(const struct speaker *s)
{
    return s->come > 12;
}

static void take_payload(struct speaker *s, uint32_t at, const uint8_t *bytes, size_t len)
{
    if (at >= PACKETS_MAX)
        die(s, "a packet from nowhere");
    if (s->packets[at]) {
        s->repeated++;
        return;
    }
    if (s->in_hole && loses(s, at))
        return;
    s->packets[at] = malloc(len);
    s->lens[at] = len;
    memcpy(s->packets[at], bytes, len);
    while (s->come < PACKETS_MAX && s->packets[s->come]) {
        if (!s->in_hole && s->text_len + s->lens[s->come] < TEXT_MAX) {
            memcpy(s->text + s->text_len, s->packets[s->come], s->lens[s->come]);
            s->text_len += s->lens[s->come];
        }
        s->come++;
    }
}

static void take_ack(struct speaker *s, const uint8_t *packet, size_t len)
{
    const uint32_t pad = 0;

    if (s->d->dies_of_short_acks && len != PACKET_HEAD + 4 && len != PACKET_HEAD + ACK_SIZE_FULL)
        die(s, "panics on an ACK of another length than it knows");
    if (len >= PACKET_HEAD + 4)
        s->confirmed = packet_word(packet + PACKET_HEAD);
    if (len >= PACKET_HEAD + ACK_SIZE_SHORT)
        say(s, PACKET_ACK2, packet_word(packet + 4) & s->d->ack2_mask, &pad, s->d->ack2_words);
}

/* Hears one datagram, or none within `ms`, and says what its implementation would. The handshake's
 * request, or 1. */
static int32_t hear(struct speaker *s, int ms)
{
    int64_t now_ms = raw_now_ms();
    uint8_t packet[RAW_MAX];
    const uint32_t pad = 0;

    if (s->d->keepalive_ms && s->raw.peer && now_ms >= s->keepalive_ms) {
        say(s, PACKET_KEEPALIVE, 0, &pad, s->d->bare_words);
        s->keepalive_ms = now_ms + s->d->keepalive_ms;
    }
    size_t len = raw_receive(&s->raw, packet, ms);
    if (len == 0 || (packet_id(packet) != s->raw.id && packet_id(packet) != 0))
        return HS_REGULAR; /* nothing, or what the nameserver has sent before the hole */
    if (packet_type(packet) == PACKET_ACK)
        take_ack(s, packet, len);
    if (packet_type(packet) == PACKET_DATA) {
        take_payload(s, (packet_word(packet) - s->first) & 0x7FFFFFFF, packet + PACKET_HEAD,
                     len - PACKET_HEAD);
        if (!s->in_hole || repaired(s))
            acknowledge(s);
    }
    if (packet_type(packet) == PACKET_HANDSHAKE && len == PACKET_HEAD + HANDSHAKE_SIZE) {
        if (s->in_hole) { /* always the same */
            s->raw.peer = (int32_t)packet_word(packet + PACKET_HEAD + HANDSHAKE_ID);
            s->first = packet_word(packet + PACKET_HEAD + HANDSHAKE_ISN);
        }
        return (int32_t)packet_word(packet + PACKET_HEAD + HANDSHAKE_REQUEST);
    }
    return HS_REGULAR;
}

static void live(struct speaker *s, int ms)
{
    int64_t end_ms = raw_now_ms() + ms;

    while (raw_now_ms() < end_ms)
        hear(s, 10);
    if (s->raw.closed)
        die(s, "the nameserver has closed the connection");
}

static void progress(const char *what)
{
    printf("%s\n", what);
    fflush(stdout);
}

static void connect_to(struct speaker *s, const struct sockaddr_in *server)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct raw *r = &s->raw;

    if (!raw_open(r, &local, server))
        die(s, "no socket");
    r->id = (int32_t)(s->d->id ^ 1); /* the row's own is for the hole */
    r->mss = s->d->mss;
    r->window = s->d->window;
    r->wait_ms = WAIT_MS;
    r->repeat_ms = s->d->repeat_ms;
    r->version = s->d->first_version;
    memcpy(r->address, s->d->address, sizeof r->address);
    s->first = r->isn;
    if (!raw_ask_cookie(r))
        die(s, "no answer to the first handshake");
    r->version = 4;
    if (!raw_conclude(r))
        die(s, r->refused ? "the second handshake is refused" : "no answer to the second handshake");
    progress("connected");
}

static void bind_name(struct speaker *s, const char *host_id)
{
    int64_t end_ms = raw_now_ms() + WAIT_MS, again_ms = 0;
    char request[512];
    int len = snprintf(request, sizeof request, "GET /bind?host_id=%s HTTP/1.1\r\n\r\n", host_id);

    while (!strstr(s->text, "\r\n\r\n") && raw_now_ms() < end_ms) {
        if (raw_now_ms() >= again_ms) {
            say_data(s, s->raw.isn, request, (size_t)len);
            again_ms = raw_now_ms() + REPEAT_MS;
        }
        hear(s, 10);
    }
    if (strncmp(s->text, "HTTP/1.1 200", 12) != 0)
        die(s, s->text_len ? s->text : "no answer to the request");
    progress("bound");
}

static void survive(struct speaker *s)
{
    const uint32_t pad = 0;

    live(s, OLD_MS);
    say(s, PACKET_SHUTDOWN, 0, &pad, 1); /* as if a stranger had sent it who has guessed address and id */
    live(s, CHECK_MS);
    progress("survived");
}

static void await_peer(struct speaker *s, struct sockaddr_in *peer)
{
    int64_t end_ms = raw_now_ms() + WAIT_MS;
    const char *part = NULL, *end = NULL;

    while (!end && raw_now_ms() < end_ms && !s->raw.closed) {
        hear(s, 10);
        part = strstr(s->text, DELIMITER);
        end = part ? strstr(part + strlen(DELIMITER), "\r\n") : NULL;
    }
    if (!end)
        die(s, "nobody has told it of a connect");
    part += strlen(DELIMITER);
    part = strstr(part, ": ");
    if (!part || !raw_parse(peer, part + 2))
        die(s, "not a part");
    printf("told %.*s\n", (int)(end - part - 2), part + 2);
    fflush(stdout);
}

/* From the same port; what the nameserver still says is not heard any more. */
static void punch(struct speaker *s, const struct sockaddr_in *peer)
{
    int64_t end_ms = raw_now_ms() + WAIT_MS, again_ms = 0;
    int32_t request = HS_RENDEZVOUS, heard;

    memset(s->packets, 0, sizeof s->packets);
    s->come = s->acks = 0;
    s->repeated = 0;
    s->in_hole = true;
    s->raw.id = (int32_t)s->d->id;
    s->raw.peer = 0;
    s->raw.cookie = 0;
    s->raw.type = s->d->hole_type;
    s->raw.isn = 0x40D03065;
    if (connect(s->raw.fd, (const struct sockaddr *)peer, sizeof *peer) < 0)
        die(s, "cannot connect the socket to the peer");
    for (;;) {
        int64_t now_ms = raw_now_ms();

        if (now_ms >= end_ms)
            die(s, "no hole");
        if (now_ms >= again_ms) {
            raw_handshake(&s->raw, request, s->raw.peer);
            again_ms = now_ms + s->d->repeat_ms;
        }
        heard = hear(s, 5);
        if (heard == HS_REGULAR)
            continue;
        if (request == HS_CONCLUSION && heard != HS_RENDEZVOUS)
            break;
        request = HS_CONCLUSION;
        again_ms = 0;
    }
    raw_handshake(&s->raw, HS_AGREEMENT, s->raw.peer);
    progress("punched");
}

static size_t put_losses(const struct speaker *s, uint32_t end, uint32_t *words)
{
    size_t count = 0;

    for (uint32_t at = s->come; at < end; at++) {
        uint32_t last = at;

        if (s->packets[at])
            continue;
        while (last + 1 < end && !s->packets[last + 1])
            last++;
        if (last > at)
            words[count++] = (s->first + at) | RANGE;
        words[count++] = s->first + last;
        at = last;
    }
    return count;
}

/* Everything in as few reports as it writes. */
static void report_losses(struct speaker *s, uint32_t end)
{
    uint32_t words[PACKETS_MAX];
    size_t count = put_losses(s, end, words), one;

    for (size_t at = 0; at < count; at += one) {
        one = count - at;
        if (one > s->d->nak_words)
            one = words[at] & RANGE ? 2 : 1;
        say(s, PACKET_NAK, 0, words + at, one);
    }
}

static size_t bytes_come(const struct speaker *s)
{
    size_t sum = 0;

    for (uint32_t at = 0; at < s->come; at++)
        sum += s->lens[at];
    return sum;
}

/* The peer may be ahead of us: it repeats its handshake until ours has come. */
static void hear_in_hole(struct speaker *s)
{
    int32_t request = hear(s, 5);

    if (request == HS_RENDEZVOUS || request == HS_CONCLUSION)
        raw_handshake(&s->raw, HS_AGREEMENT, s->raw.peer);
}

static void receive_all(struct speaker *s, size_t bytes)
{
    int64_t end_ms = raw_now_ms() + WAIT_MS, report_ms = 0;

    while (!repaired(s)) {
        int64_t now_ms = raw_now_ms();

        if (now_ms >= end_ms)
            die(s, "lost packets do not come");
        if (s->lost[12] && now_ms >= report_ms) {
            report_losses(s, 13);
            report_ms = now_ms + REPEAT_MS / 3;
        }
        hear_in_hole(s);
    }
    if (s->repeated > REPEATED_MAX)
        die(s, "its report of losses was not read: everything came again");
    progress("repaired");
    while (bytes_come(s) < bytes) {
        if (raw_now_ms() >= end_ms)
            die(s, "not all bytes come");
        hear_in_hole(s);
    }
}

static void send_all(struct speaker *s, const char *bytes, size_t len)
{
    int64_t end_ms = raw_now_ms() + WAIT_MS, again_ms = 0;
    uint32_t count = (uint32_t)((len + PAYLOAD - 1) / PAYLOAD), done = 0;

    s->confirmed = s->raw.isn;
    while (done < count && raw_now_ms() < end_ms) {
        for (uint32_t at = done; raw_now_ms() >= again_ms && at < count && at < done + BURST; at++)
            say_data(s, s->raw.isn + at, bytes + (size_t)at * PAYLOAD,
                     at + 1 < count ? PAYLOAD : len - (size_t)at * PAYLOAD);
        if (raw_now_ms() >= again_ms)
            again_ms = raw_now_ms() + REPEAT_MS;
        hear_in_hole(s);
        if (s->confirmed - s->raw.isn > done && s->confirmed - s->raw.isn <= count) {
            done = s->confirmed - s->raw.isn;
            again_ms = 0;
        }
    }
    if (done < count)
        die(s, "its bytes are not acknowledged");
    progress("echoed");
}

static void echo(struct speaker *s, size_t bytes)
{
    char *all = malloc(bytes);
    size_t len = 0;

    receive_all(s, bytes);
    for (uint32_t at = 0; at < s->come && len + s->lens[at] <= bytes; at++) {
        memcpy(all + len, s->packets[at], s->lens[at]);
        len += s->lens[at];
    }
    if (len != bytes)
        die(s, "more bytes than were sent");
    send_all(s, all, len);
    for (size_t i = 0; i < 3; i++)
        acknowledge(s); /* one of them is no light one */
    live(s, SETTLE_MS);
    free(all);
}

static int list(void)
{
    for (size_t i = 0; i < dialect_count; i++)
        printf("%s %s\n", dialects[i].name, dialects[i].nak_words ? "hole" : "listener");
    return 0;
}

int main(int argc, char **argv)
{
    static struct speaker s;

    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list();
    for (size_t i = 0; argc == 5 && i < dialect_count; i++) {
        if (strcmp(argv[1], dialects[i].name) == 0)
            s.d = &dialects[i];
    }
    struct sockaddr_in server;
    if (!s.d || !raw_parse(&server, argv[2])) {
        fprintf(stderr, "usage: dialect list | dialect NAME HOST:PORT HOST_ID BYTES\n");
        return 2;
    }
    connect_to(&s, &server);
    bind_name(&s, argv[3]);
    survive(&s);
    struct sockaddr_in peer;
    await_peer(&s, &peer);
    if (atoi(argv[4]) > 0) {
        punch(&s, &peer);
        echo(&s, (size_t)atoi(argv[4]));
    }
    raw_shutdown(&s.raw);
    raw_close(&s.raw);
    return 0;
}
