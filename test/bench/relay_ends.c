#include "test/bench/relay_ends.h"
#include "base/big_endian.h"
#include "proto/session.h"
#include "secure/mac.h"
#include "test/bench/measure.h"
#include "test/bench/udtraw.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#define PAIRS      32   /* clients under way: a place that has ended is not used again at once */
#define AT_ONCE    16   /* introductions */
#define ANSWER_MAX 2048 /* bytes of a nameserver's */
#define WAIT_MS    200  /* for an answer; then it is asked again, */
#define TRIES      50   /* so often */
#define QUEUE      (4 << 20)

static int open_socket(const char *host, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval wait = {.tv_usec = WAIT_MS * 1000};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), queue = QUEUE;

    if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("no socket to %s:%u: %s", host, port, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof queue);
    return fd;
}

/* ---- hx-nameserver ---- */

static const char *const key_names[RELAY_HALVES] = {"hx relay of the caller", "hx relay of the called"};

static struct {
    unsigned begun, done, count;
    bool relayed, bound;
    int fds[RELAY_HALVES];
    uint8_t id[RELAY_ID_BYTES]; /* of the last session */
    uint64_t number;
    struct {
        char bytes[ANSWER_MAX];
        size_t len;
    } answers[PAIRS + 1];
} hx;

static enum relay_kind ask(int fd, enum relay_half half, const uint8_t key[MAC_KEY_BYTES],
                           uint8_t cookie[RELAY_COOKIE_BYTES])
{
    struct relay_frame f = {.kind = RELAY_OPEN, .half = half, .number = ++hx.number}, answer;
    uint8_t bytes[RELAY_CONTROL_BYTES];

    memcpy(f.session, hx.id, sizeof f.session);
    memcpy(f.cookie, cookie, sizeof f.cookie);
    relay_frame_write_control(&f, bytes);
    if (mac_compute(key, bytes, RELAY_SAID_BYTES, bytes + RELAY_SAID_BYTES) < 0 ||
        send(fd, bytes, sizeof bytes, 0) < 0)
        die("an OPEN cannot be sent: %s", strerror(errno));
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n < 0 || relay_frame_read(&answer, bytes, (size_t)n) < 0 || answer.number != f.number)
        return RELAY_OPEN; /* none */
    memcpy(cookie, answer.cookie, sizeof answer.cookie);
    return answer.kind;
}

static void open_session(const struct session *s)
{
    uint8_t key[MAC_KEY_BYTES];

    (void)mac_derive(s->key, sizeof s->key, "hx relay id", key);
    memcpy(hx.id, key, sizeof hx.id);
    for (enum relay_half half = RELAY_CALLER; half < RELAY_HALVES; half++) {
        uint8_t cookie[RELAY_COOKIE_BYTES] = {0};
        enum relay_kind kind = RELAY_OPEN;

        (void)mac_derive(s->key, sizeof s->key, key_names[half], key);
        for (int i = 0; i < TRIES && kind != RELAY_OPENED && kind != RELAY_REFUSED; i++)
            kind = ask(hx.fds[half], half, key, cookie);
        if (kind != RELAY_OPENED)
            die("a session is not opened: %s", kind == RELAY_REFUSED ? "refused" : "no answer");
    }
}

/* False: its part has not come yet. */
static bool part_has_come(const char *text)
{
    const char *at = strstr(text, "\r\nSession: "), *end = at ? strstr(at + 2, "\r\n") : NULL;
    struct session s;

    if (!hx.relayed)
        return strstr(text, "\r\nrelayed: ");
    if (!end || !strstr(end + 2, "\r\n"))
        return false;
    if (strncmp(end, "\r\nRelay: ", 9) != 0 || session_parse(&s, at + 11, (size_t)(end - at) - 11) < 0)
        die("no relay is offered: %s", text);
    open_session(&s);
    return true;
}

static void begin_introductions(struct raw_group *g)
{
    while (hx.bound && hx.begun < hx.count && hx.begun - hx.done < AT_ONCE && raw_connect(g, RAW_OWN))
        hx.begun++;
}

static void event(struct raw_group *g, struct raw_client *c, enum raw_event what, const char *bytes,
                  size_t len)
{
    const char *candidate = hx.relayed ? "Candidate: 192.0.2.7:1 host\r\n" : "";
    char *text = hx.answers[c->index].bytes;
    size_t *have = &hx.answers[c->index].len;
    bool holder = c->tag == 1;

    if (what == RAW_CONNECTED) {
        *have = 0;
        c->tag = !hx.bound;
        raw_ask(g, c, "GET /%s?host_id=relayed HTTP/1.1\r\n%s\r\n", hx.bound ? "connect" : "bind", candidate);
    } else if (what != RAW_DATA) {
        die("the nameserver ends a connection: %.*s", (int)*have, text);
    } else if (holder) {
        hx.bound = true;
        begin_introductions(g);
    } else if (*have + len < ANSWER_MAX) {
        memcpy(text + *have, bytes, len);
        text[ *have += len] = '\0';
        if (!part_has_come(text))
            return;
        hx.done++;
        raw_end(g, c);
        begin_introductions(g);
    }
}

void relay_ends_of_hx(struct relay_ends *ends, uint16_t port, unsigned count, bool relayed)
{
    struct relay_frame head = {.kind = RELAY_DATA, .half = RELAY_CALLER};
    static struct raw_group group;

    hx.begun = hx.done = 0;
    hx.bound = false;
    hx.count = count;
    hx.relayed = relayed;
    for (int i = 0; i < RELAY_HALVES; i++)
        hx.fds[i] = open_socket("127.0.0.1", port);
    raw_open(&group, port, 3, 1, PAIRS + 1, event);
    if (!raw_connect(&group, RAW_OWN))
        die("no place for a client");
    while (hx.done < hx.count)
        raw_turn(&group, RAW_TICK_MS);
    raw_close(&group);
    if (!ends) {
        close(hx.fds[0]);
        close(hx.fds[1]);
        return;
    }
    *ends = (struct relay_ends){.from = hx.fds[RELAY_CALLER],
                                .to = hx.fds[RELAY_CALLED],
                                .head_len = RELAY_HEAD_BYTES,
                                .arrives_len = RELAY_HEAD_BYTES};
    memcpy(head.session, hx.id, sizeof head.session);
    relay_frame_write_head(&head, ends->head);
}

/* ---- a TURN server (RFC 8489, RFC 8656) ---- */

enum {
    STUN_COOKIE = 0x2112A442,
    ALLOCATE = 0x0003,
    CHANNEL_BIND = 0x0009,
    SUCCESS = 0x0100,
    CHANNEL_NUMBER = 0x000C,
    XOR_PEER_ADDRESS = 0x0012,
    XOR_RELAYED_ADDRESS = 0x0016,
    REQUESTED_TRANSPORT = 0x0019,
    CHANNEL = 0x4000,
    TRANSPORT_UDP = 17,
    STUN_HEAD = 20,
    STUN_MAX = 512
};

/* Asks until it succeeds: the answer's attributes, and their length. */
static size_t turn_ask(int fd, uint16_t method, const uint8_t *attributes, size_t len, uint8_t out[STUN_MAX])
{
    uint8_t q[STUN_MAX] = {0};

    put16(q, method);
    put16(q + 2, (uint16_t)len);
    put32(q + 4, STUN_COOKIE);
    (void)!getrandom(q + 8, 12, 0);
    memcpy(q + STUN_HEAD, attributes, len);
    for (int i = 0; i < TRIES; i++) {
        (void)!send(fd, q, STUN_HEAD + len, 0); /* ECONNREFUSED: it is not there yet */
        ssize_t n = recv(fd, out, STUN_MAX, 0);
        if (n < 0 && errno == ECONNREFUSED)
            usleep(WAIT_MS * 1000);
        if (n < STUN_HEAD || memcmp(out + 4, q + 4, STUN_HEAD - 4) != 0)
            continue;
        if (get16(out) == (method | SUCCESS))
            return (size_t)n - STUN_HEAD;
        die("a TURN server refuses %u", method);
    }
    die("no TURN server answers");
}

static struct sockaddr_in relayed_address(const uint8_t *attributes, size_t len)
{
    for (size_t at = 0; at + 12 <= len; at += 4 + (get16(attributes + at + 2) + 3u) / 4 * 4) {
        if (get16(attributes + at) == XOR_RELAYED_ADDRESS)
            return (struct sockaddr_in){
                .sin_family = AF_INET,
                .sin_port = htons((uint16_t)(get16(attributes + at + 6) ^ (STUN_COOKIE >> 16))),
                .sin_addr.s_addr = htonl(get32(attributes + at + 8) ^ STUN_COOKIE)};
    }
    die("a TURN server allocates no address");
}

void relay_ends_of_turn(struct relay_ends *ends, const char *host, uint16_t port, size_t bytes)
{
    uint8_t transport[8] = {0}, channel[20] = {0}, answer[STUN_MAX];
    struct sockaddr_in local;
    socklen_t local_len = sizeof local;

    *ends = (struct relay_ends){.from = open_socket(host, port), .head_len = 4};
    put16(transport, REQUESTED_TRANSPORT);
    put16(transport + 2, 4);
    transport[4] = TRANSPORT_UDP;
    size_t len = turn_ask(ends->from, ALLOCATE, transport, sizeof transport, answer);
    struct sockaddr_in relayed = relayed_address(answer + STUN_HEAD, len);
    ends->to = open_socket(host, ntohs(relayed.sin_port));
    if (getsockname(ends->to, (struct sockaddr *)&local, &local_len) < 0)
        die("a socket has no name");
    put16(channel, CHANNEL_NUMBER);
    put16(channel + 2, 4);
    put16(channel + 4, CHANNEL);
    put16(channel + 8, XOR_PEER_ADDRESS);
    put16(channel + 10, 8);
    channel[13] = 1; /* IPv4 */
    put16(channel + 14, (uint16_t)(ntohs(local.sin_port) ^ (STUN_COOKIE >> 16)));
    put32(channel + 16, ntohl(local.sin_addr.s_addr) ^ STUN_COOKIE);
    (void)turn_ask(ends->from, CHANNEL_BIND, channel, sizeof channel, answer);
    put16(ends->head, CHANNEL);
    put16(ends->head + 2, (uint16_t)bytes);
}
