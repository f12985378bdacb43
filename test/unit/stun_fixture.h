/* test/unit/stun_fixture.h: a STUN server on loopback, and the NAT before it, which it plays itself: it says the
 * mapping that such a NAT would have made, and keeps back what such a NAT would have filtered. It has two
 * addresses and two ports, as RFC 5780 wants, or fewer. Brings cmocka. */
#ifndef HX_TEST_STUN_FIXTURE_H
#define HX_TEST_STUN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "proto/nat_mapping.h"
#include "proto/stun.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STUN_OUTSIDE  "127.0.0.3" /* the NAT's: nothing leaves the machine */
#define STUN_MAPPINGS 256

struct stun_nat {
    enum nat_mapping_kind mapping;   /* NAT_MAPPING_UNKNOWN: there is no NAT */
    enum nat_mapping_kind filtering; /* NAT_MAPPING_UNKNOWN: nothing is filtered */
    enum nat_ports ports;
    int step;
};

struct stun_server {
    struct stun_nat nat;
    bool one_address, one_port;
    bool adjacent;     /* its other port is the next one, ... */
    bool after_other;  /* ... and what comes before that has been asked is lost */
    int drop_first;    /* so many questions are lost */
    bool silent;       /* all of them */
    bool says_error;   /* every answer is 400 */
    const char *names; /* its other address, whatever it has; NULL: the right one */
    size_t longest;    /* longer questions are lost; 0: none are */
    int stray;         /* so many answers with a wrong id, and from a wrong source, before each right one */
    atomic_int heard;  /* questions */
    /* A port that asks a second time has another mapping if so many others have asked again before, all but the
     * first one of all; 0: mappings stay. With `response_port` instead: so many answers reach another port. */
    int looks_alive;
    bool response_port; /* it sends its answers where they are asked for */
    /* Private. */
    int looks, first_port;
    bool other_asked;
    int fds[4], stop; /* address 0 port 0, 0 1, 1 0, 1 1 */
    uint16_t ports[2];
    pthread_t thread;
    struct {
        uint16_t local_port, mapped;
        int key;
        int response;              /* what became of RESPONSE-PORT; 0: not asked for yet */
        uint8_t id[STUN_ID_BYTES]; /* of the question that it was last used by */
    } mappings[STUN_MAPPINGS];
    int mapping_count;
    uint16_t next_port;
    unsigned random;
    char text[32]; /* "127.0.0.1:PORT": how it is asked */
};

/* Which destinations have one mapping between them. */
static inline int stun_nat_key(const struct stun_server *s, int where)
{
    switch (s->nat.mapping) {
    case NAT_MAPPING_ADDRESS_DEPENDENT:
        return where / 2;
    case NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT:
        return where;
    default:
        return 0;
    }
}

static inline uint16_t stun_nat_port(struct stun_server *s, uint16_t local_port)
{
    switch (s->nat.ports) {
    case NAT_PORTS_PRESERVING:
        return local_port;
    case NAT_PORTS_SEQUENTIAL:
        return s->next_port = (uint16_t)(s->next_port + s->nat.step);
    default:
        s->random = s->random * 1103515245 + 12345;
        return (uint16_t)(1024 + (s->random >> 8) % 60000);
    }
}

/* Is this mapping gone when it is used again? */
static inline bool stun_nat_forgot(struct stun_server *s, uint16_t local_port)
{
    if (s->first_port == 0)
        s->first_port = local_port;
    return s->looks_alive > 0 && !s->response_port && local_port != s->first_port &&
           s->looks++ >= s->looks_alive;
}

static inline struct endpoint stun_nat_map(struct stun_server *s, const struct sockaddr_in *from, int where,
                                           const uint8_t id[STUN_ID_BYTES])
{
    struct endpoint e;
    struct sockaddr_in outside = {.sin_family = AF_INET};
    uint16_t local_port = ntohs(from->sin_port);
    int key = stun_nat_key(s, where), i = 0;
    endpoint_from_sockaddr(&e, (const struct sockaddr *)from, sizeof *from);
    if (s->nat.mapping == NAT_MAPPING_UNKNOWN)
        return e;
    while (i < s->mapping_count && (s->mappings[i].local_port != local_port || s->mappings[i].key != key))
        i++;
    bool repeated = i < s->mapping_count && memcmp(s->mappings[i].id, id, STUN_ID_BYTES) == 0;
    if (i < s->mapping_count && !repeated && stun_nat_forgot(s, local_port))
        s->mappings[i].mapped = stun_nat_port(s, local_port);
    if (i == 0 && s->mapping_count == 0)
        (void)stun_nat_forgot(s, local_port);
    if (i == STUN_MAPPINGS) /* as NATs do, it forgets */
        s->mapping_count = i = 0;
    if (i == s->mapping_count) {
        s->mappings[i].local_port = local_port;
        s->mappings[i].key = key;
        s->mappings[i].mapped = stun_nat_port(s, local_port);
        s->mapping_count++;
    }
    memcpy(s->mappings[i].id, id, STUN_ID_BYTES);
    inet_pton(AF_INET, STUN_OUTSIDE, &outside.sin_addr);
    outside.sin_port = htons(s->mappings[i].mapped);
    endpoint_from_sockaddr(&e, (struct sockaddr *)&outside, sizeof outside);
    return e;
}

/* Its own address number `where`, as fds[] has them. */
static inline struct endpoint stun_server_at(const struct stun_server *s, int where)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(s->ports[where % 2])};
    struct endpoint e;
    inet_pton(AF_INET, where / 2 ? "127.0.0.2" : "127.0.0.1", &sin.sin_addr);
    endpoint_from_sockaddr(&e, (struct sockaddr *)&sin, sizeof sin);
    return e;
}

static inline bool stun_nat_filters(const struct stun_server *s, int asked, int answered)
{
    switch (s->nat.filtering) {
    case NAT_MAPPING_ADDRESS_DEPENDENT:
        return asked / 2 != answered / 2;
    case NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT:
        return asked != answered;
    default:
        return false;
    }
}

/* What a stranger would send who has not seen the question, or one who has and is somebody else. */
static inline void stun_say_stray(const struct stun_server *s, int where, const struct sockaddr_in *from,
                                  const uint8_t *bytes, size_t len)
{
    uint8_t wrong[STUN_MAX];
    for (int i = 0; i < s->stray; i++) {
        memcpy(wrong, bytes, len);
        wrong[19] ^= 1;
        sendto(s->fds[where], wrong, len, 0, (const struct sockaddr *)from, sizeof *from);
        memcpy(wrong, bytes, len);
        wrong[27] ^= 1; /* the mapped address */
        sendto(s->fds[where ^ 3], wrong, len, 0, (const struct sockaddr *)from, sizeof *from);
        sendto(s->fds[where], wrong, STUN_HEAD_BYTES, 0, (const struct sockaddr *)from, sizeof *from);
    }
}

/* RESPONSE-PORT (RFC 5780, 7.5): the local port behind that mapping; 0: it is not asked for, -1: the mapping is
 * gone. */
static inline int stun_server_response_port(struct stun_server *s, struct stun_request *q,
                                            const uint8_t *bytes, size_t len)
{
    for (size_t at = STUN_HEAD_BYTES; s->response_port && at + 8 <= len; at += 8) {
        if (bytes[at] != 0 || bytes[at + 1] != 0x27)
            continue;
        q->unknown_count = 0;
        for (int i = 0; i < s->mapping_count; i++) {
            if (s->mappings[i].mapped != (bytes[at + 4] << 8 | bytes[at + 5]))
                continue;
            if (s->mappings[i].response == 0)
                s->mappings[i].response = s->looks++ < s->looks_alive ? s->mappings[i].local_port : -1;
            return s->mappings[i].response;
        }
    }
    return 0;
}

static inline void stun_server_answer(struct stun_server *s, int where, const uint8_t *bytes, size_t len,
                                      const struct sockaddr_in *from)
{
    struct stun_request q;
    struct stun_response r = {.error = 0};
    uint8_t out[STUN_MAX];
    int by = where;
    if (stun_read_request(&q, bytes, len) < 0)
        return;
    int port = stun_server_response_port(s, &q, bytes, len);
    struct sockaddr_in to = *from;
    if (port > 0)
        to.sin_port = htons((uint16_t)port);
    atomic_fetch_add(&s->heard, 1);
    s->other_asked |= where % 2 == 1;
    if (s->after_other && !s->other_asked)
        return;
    if (s->silent || s->drop_first-- > 0 || port < 0 || (s->longest > 0 && len > s->longest))
        return;
    r.mapped = stun_nat_map(s, from, where, q.id);
    if (s->says_error)
        r.error = STUN_BAD_REQUEST;
    if (!s->one_address && !s->one_port)
        r.other = stun_server_at(s, where ^ 3);
    if (s->names)
        assert_int_equal(endpoint_parse(&r.other, s->names, strlen(s->names)), HX_OK);
    if (!s->one_port)
        r.other_port = s->ports[!(where % 2)];
    if (q.change_port)
        by ^= 1;
    if (q.change_ip)
        by ^= 2;
    if ((q.change_ip && s->one_address) || (q.change_port && s->one_port)) {
        q.unknown[q.unknown_count++] = STUN_CHANGE_REQUEST;
        r.error = STUN_UNKNOWN_ATTRIBUTE;
        by = where;
    } else if (q.unknown_count > 0) {
        r.error = STUN_UNKNOWN_ATTRIBUTE;
    } else if (stun_nat_filters(s, where, by)) {
        return;
    }
    size_t n = stun_write_response(&q, &r, out, sizeof out);
    stun_say_stray(s, where, from, out, n);
    sendto(s->fds[by], out, n, 0, (const struct sockaddr *)&to, sizeof to);
}

/* When the datagram has come that waits at this socket; INT64_MAX: there is none. */
static inline int64_t stun_server_came_ns(int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct msghdr mh = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct mmsghdr m = {.msg_hdr = mh};
    struct timespec t;
    if (recvmmsg(fd, &m, 1, MSG_PEEK | MSG_DONTWAIT, NULL) < 1)
        return INT64_MAX;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m.msg_hdr);
    if (!c || c->cmsg_type != SCM_TIMESTAMPNS)
        return 0;
    memcpy(&t, CMSG_DATA(c), sizeof t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A NAT makes its mappings in the order of the questions, whichever socket they are for. */
static inline int stun_server_next(const struct stun_server *s)
{
    int64_t least = INT64_MAX;
    int next = -1;
    for (int i = 0; i < 4; i++) {
        int64_t came = stun_server_came_ns(s->fds[i]);
        if (came < least) {
            least = came;
            next = i;
        }
    }
    return next;
}

static inline void *stun_server_run(void *user)
{
    struct stun_server *s = user;
    for (;;) {
        struct pollfd fds[5] = {{.fd = s->stop, .events = POLLIN}};
        for (int i = 0; i < 4; i++)
            fds[i + 1] = (struct pollfd){.fd = s->fds[i], .events = POLLIN};
        poll(fds, 5, -1);
        if (fds[0].revents)
            return NULL;
        for (int i; (i = stun_server_next(s)) >= 0;) {
            struct sockaddr_in from;
            socklen_t from_len = sizeof from;
            uint8_t bytes[STUN_PADDED_MAX];
            ssize_t n =
                recvfrom(s->fds[i], bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
            if (n >= 0)
                stun_server_answer(s, i, bytes, (size_t)n, &from);
        }
    }
}

static inline int stun_server_bind(const char *address, uint16_t port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    inet_pton(AF_INET, address, &sin.sin_addr);
    if (bind(fd, (struct sockaddr *)&sin, sizeof sin) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Its port number `i`, free at both addresses. 0: any. */
static inline bool stun_server_bind_port(struct stun_server *s, int i, uint16_t port)
{
    struct sockaddr_in sin;
    socklen_t len = sizeof sin;
    s->fds[i] = stun_server_bind("127.0.0.1", port);
    if (s->fds[i] < 0)
        return false;
    assert_int_equal(getsockname(s->fds[i], (struct sockaddr *)&sin, &len), 0);
    s->ports[i] = ntohs(sin.sin_port);
    s->fds[2 + i] = stun_server_bind("127.0.0.2", s->ports[i]);
    if (s->fds[2 + i] < 0)
        close(s->fds[i]);
    return s->fds[2 + i] >= 0;
}

static inline void stun_server_bind_all(struct stun_server *s)
{
    while (!stun_server_bind_port(s, 0, 0))
        ;
    while (!stun_server_bind_port(s, 1, s->adjacent ? (uint16_t)(s->ports[0] + 1) : 0)) {
        close(s->fds[0]);
        close(s->fds[2]);
        while (!stun_server_bind_port(s, 0, 0))
            ;
    }
}

/* What is set in *s stays. */
static inline void stun_server_start(struct stun_server *s)
{
    stun_server_bind_all(s);
    s->stop = eventfd(0, EFD_CLOEXEC);
    s->next_port = 40000;
    s->random = 4711;
    snprintf(s->text, sizeof s->text, "127.0.0.1:%u", s->ports[0]);
    assert_int_equal(pthread_create(&s->thread, NULL, stun_server_run, s), 0);
}

static inline void stun_server_stop(struct stun_server *s)
{
    uint64_t one = 1;
    assert_int_equal(write(s->stop, &one, sizeof one), sizeof one);
    pthread_join(s->thread, NULL);
    for (int i = 0; i < 4; i++)
        close(s->fds[i]);
    close(s->stop);
}

static struct stun_server server;

static inline int begin(void **state)
{
    (void)state;
    memset(&server, 0, sizeof server);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    stun_server_stop(&server);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
