/* strangers: asks a nameserver for a name again and again, each time from another port of one of its
 * addresses, as whoever knows the name can.
 *
 *   strangers HOW FROM[,FROM]... NAMESERVER NAME COUNT [HOLDER]
 *
 * HOW: `ask`: nobody answers the holder's punches. `crowd`: likewise, but all ask at once, each under a
 * name of its own. With HOLDER, the address under which it is bound, `begin`: each says the first
 * handshake of a rendezvous, and never another one; `meet`: each meets the holder and then says nothing;
 * `trickle`: each meets it, and sends a TLS record byte by byte. Prints "HOW N of TRIED": how many got
 * so far of those that could try in COME_MS, all COUNT but on a slow machine; and goes on until SIGTERM. */
#include "proto/endpoint.h"
#include "test/hostile/raw.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEET_MS      5000
#define REPEAT_MS    20
#define ASK_AGAIN_MS 200
#define COME_MS      20000 /* for all of them */
#define BEGIN_MS     100   /* between two first handshakes of one stranger */
#define TRICKLE_MS   200   /* between two bytes of one */
#define FROM_MAX     8
#define RECORD_HEAD  5 /* bytes: the type, the version, the length (RFC 8446, 5.1) */

enum how { ASK, CROWD, BEGIN, MEET, TRICKLE, HOWS };

static const char *const how_names[HOWS] = {"ask", "crowd", "begin", "meet", "trickle"};

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
};

struct stranger {
    struct raw raw; /* stays open, so that nothing tells the holder that nobody is there */
    bool ready;     /* it got as far as its kind gets */
    int said;       /* bytes of the record */
};

static struct {
    enum how how;
    const char *name;
    struct address nameserver, holder, from[FROM_MAX];
    int from_count, count, tried;
    struct stranger *all;
} set;

static const struct sockaddr *sockaddr_of(const struct address *a)
{
    return (const struct sockaddr *)&a->sa;
}

static bool parse(struct address *out, const char *text)
{
    struct endpoint e;
    if (endpoint_parse(&e, text, strlen(text)) < 0)
        return false;
    out->len = endpoint_to_sockaddr(&e, &out->sa);
    return true;
}

/* Addresses without a port. */
static bool parse_from(char *list)
{
    char text[ENDPOINT_TEXT_MAX];
    char *rest = list;
    for (char *one; (one = strsep(&rest, ",")); set.from_count++) {
        snprintf(text, sizeof text, strchr(one, ':') ? "[%s]:1" : "%s:1", one);
        if (set.from_count == FROM_MAX || !parse(&set.from[set.from_count], text))
            return false;
        struct sockaddr_storage *sa = &set.from[set.from_count].sa; /* a port of the kernel's choice */
        if (sa->ss_family == AF_INET6)
            ((struct sockaddr_in6 *)sa)->sin6_port = 0;
        else
            ((struct sockaddr_in *)sa)->sin_port = 0;
    }
    return true;
}

static bool parse_all(int argc, char **argv)
{
    if (argc < 6 || argc > 7 || !parse_from(argv[2]) || !parse(&set.nameserver, argv[3]))
        return false;
    while (set.how < HOWS && strcmp(argv[1], how_names[set.how]) != 0)
        set.how++;
    set.name = argv[4];
    set.count = atoi(argv[5]);
    if (set.how == HOWS || set.count < 1 || (set.how >= BEGIN) != (argc == 7))
        return false;
    return argc < 7 || parse(&set.holder, argv[6]);
}

static bool open_one(int i)
{
    const struct address *from = &set.from[i % set.from_count];
    if (!raw_open_at(&set.all[i].raw, sockaddr_of(from), from->len, sockaddr_of(&set.nameserver),
                     set.nameserver.len))
        return false;
    struct raw *r = &set.all[i].raw;
    r->wait_ms = MEET_MS;
    /* UDT takes two of one address and port for one where ISNs are equal, and two bits of the
     * ids (api.cpp, locate()) */
    r->isn = r->next = r->heard = (uint32_t)getpid() << 10 | (uint32_t)i;
    return true;
}

static void request(struct raw *r, int number)
{
    char text[512], name[32] = "";
    if (set.how == CROWD)
        snprintf(name, sizeof name, "&name=stranger%d", number);
    snprintf(text, sizeof text, "GET /connect?host_id=%s%s HTTP/1.1\r\n\r\n", set.name, name);
    raw_data(r, r->isn, text, strlen(text)); /* the first packet, however often */
}

/* True: the holder has been told, too. A busy nameserver may lose a datagram. */
static bool ask(struct raw *r, int number)
{
    bool answered = false;
    if (!raw_connect(r))
        return false;
    for (int64_t end_ms = raw_now_ms() + MEET_MS; !answered && raw_now_ms() < end_ms;) {
        request(r, number);
        answered = raw_await_data(r, r->isn + 1, ASK_AGAIN_MS);
    }
    return answered;
}

/* The rendezvous as UDT does it: our 0 until the holder's, then -1 until it is connected. */
static bool meet(struct raw *r)
{
    uint8_t packet[RAW_MAX];
    r->peer = 0;
    for (int64_t end_ms = raw_now_ms() + MEET_MS; raw_now_ms() < end_ms;) {
        raw_handshake(r, r->peer ? HS_CONCLUSION : HS_RENDEZVOUS, r->peer);
        size_t len = raw_receive(r, packet, REPEAT_MS);
        if (len == 0)
            continue;
        if (packet_type(packet) != PACKET_HANDSHAKE || len < PACKET_HEAD + HANDSHAKE_SIZE)
            return r->peer != 0; /* it has a connection, and says so */
        r->peer = (int32_t)packet_word(packet + PACKET_HEAD + HANDSHAKE_ID);
        if ((int32_t)packet_word(packet + PACKET_HEAD + HANDSHAKE_REQUEST) == HS_AGREEMENT)
            return true;
    }
    return false;
}

/* One after the other. */
static bool come(int number)
{
    struct stranger *s = &set.all[number];
    if (!ask(&s->raw, number))
        return false;
    if (set.how < BEGIN)
        return true;
    if (connect(s->raw.fd, sockaddr_of(&set.holder), set.holder.len) < 0)
        return false;
    s->raw.next = s->raw.isn;
    return set.how == BEGIN || meet(&s->raw);
}

/* All connect, then all requests leave in one burst, and again where the answer did not come: no socket
 * takes them all. */
static int come_at_once(int64_t end_ms)
{
    int answered = 0, connected = 0;
    for (; set.tried < set.count && raw_now_ms() < end_ms; set.tried++)
        connected += raw_connect(&set.all[set.tried].raw);
    for (end_ms = raw_now_ms() + COME_MS; answered < connected && raw_now_ms() < end_ms;) {
        for (int i = 0; i < set.count; i++) {
            if (set.all[i].raw.peer && !set.all[i].ready)
                request(&set.all[i].raw, i);
        }
        for (int i = 0; i < set.count; i++) {
            struct stranger *s = &set.all[i];
            if (s->raw.peer && !s->ready)
                answered += s->ready = raw_await_data(&s->raw, s->raw.isn + 1, 1);
        }
    }
    return answered;
}

/* A record that never is complete: TLS waits for the rest of it. */
static void say_byte(struct stranger *s)
{
    static const uint8_t head[RECORD_HEAD] = {22, 3, 1, 2, 0};
    uint8_t byte = s->said < RECORD_HEAD ? head[s->said] : 1;
    s->said++;
    raw_data(&s->raw, s->raw.next++, &byte, 1);
}

static _Noreturn void go_on(void)
{
    for (;;) {
        if (set.how != BEGIN && set.how != TRICKLE)
            pause();
        usleep((set.how == BEGIN ? BEGIN_MS : TRICKLE_MS) * 1000);
        for (int i = 0; i < set.count; i++) {
            struct stranger *s = &set.all[i];
            if (s->ready && set.how == BEGIN)
                raw_handshake(&s->raw, HS_RENDEZVOUS, 0);
            else if (s->ready)
                say_byte(s);
        }
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    int done = 0;
    if (!parse_all(argc, argv))
        return 2;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    set.all = calloc((size_t)set.count, sizeof *set.all);
    if (!set.all)
        return 1;
    for (int i = 0; i < set.count; i++) {
        if (!open_one(i))
            return 1;
    }
    const int64_t end_ms = raw_now_ms() + COME_MS;
    if (set.how == CROWD)
        done = come_at_once(end_ms);
    for (; set.how != CROWD && set.tried < set.count && raw_now_ms() < end_ms; set.tried++)
        done += set.all[set.tried].ready = come(set.tried);
    printf("%s %d of %d\n", how_names[set.how], done, set.tried);
    fflush(stdout);
    go_on();
}
