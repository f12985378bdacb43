#include "client/own_hops.h"
#include "base/clock.h"
#include "client/engine.h"
#include "client/nat_levels.h"
#include "client/route.h"
#include "proto/address.h"
#include "proto/stun.h"
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    struct nat_levels levels;
    int64_t asked_ms; /* 0: never */
    bool listens;
    struct engine_watch watch;
    struct timer timer;
    uint8_t id[STUN_ID_BYTES]; /* of all requests, but the last byte, which has the hops */
    int last;                  /* the hops of which a router spoke last */
} own;

static void end(void)
{
    if (!own.listens)
        return;
    engine_timer_cancel(&own.timer);
    engine_watch_end(&own.watch);
    close(own.watch.fd);
    own.listens = false;
}

static void on_timer(struct timer *unused)
{
    (void)unused;
    end();
}

/* 0: it is none of ours. */
static int hops_of(const uint8_t *message, size_t len)
{
    const uint8_t *id = message + STUN_HEAD_BYTES - STUN_ID_BYTES;
    if (len < STUN_HEAD_BYTES || memcmp(id, own.id, sizeof own.id - 1) != 0)
        return 0;
    return id[STUN_ID_BYTES - 1] <= NAT_LEVELS_MOST ? id[STUN_ID_BYTES - 1] : 0;
}

/* Some routers repeat no more than the head of UDP (RFC 792): they speak in the order in which they are passed. */
static void take_error(const struct sock_extended_err *e, const uint8_t *sent, size_t len)
{
    struct endpoint router;
    int hops = len == 0 ? own.last + 1 : hops_of(sent, len);
    if (e->ee_origin != SO_EE_ORIGIN_ICMP || e->ee_type != ICMP_TIME_EXCEEDED || hops == 0 ||
        endpoint_from_sockaddr(&router, SO_EE_OFFENDER(e), sizeof(struct sockaddr_in)) < 0)
        return;
    own.last = hops;
    nat_levels_router(&own.levels, hops, address_class(&router) == ADDRESS_PRIVATE);
}

static bool read_error(int fd)
{
    uint8_t sent[STUN_REQUEST_MAX];
    struct iovec part = {.iov_base = sent, .iov_len = sizeof sent};
    _Alignas(struct cmsghdr) char control[512];
    struct msghdr mh = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t len = recvmsg(fd, &mh, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (len < 0)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR)
            take_error((struct sock_extended_err *)CMSG_DATA(c), sent, (size_t)len);
    }
    return true;
}

static void on_ready(struct engine_watch *w)
{
    uint8_t answer[STUN_MAX];
    for (int i = 0; i < 2 * NAT_LEVELS_MOST && read_error(w->fd); i++)
        ;
    for (int i = 0; i < 2 * NAT_LEVELS_MOST; i++) {
        ssize_t len = recv(w->fd, answer, sizeof answer, MSG_DONTWAIT);
        int hops = len > 0 ? hops_of(answer, (size_t)len) : 0;
        if (hops > 0)
            nat_levels_server(&own.levels, hops);
    }
}

/* All leave one after the other, and by one mapping. An error that has come already is told to whoever sends next. */
static void send_all(int fd)
{
    struct stun_request r = {.response_port = 0};
    uint8_t bytes[STUN_REQUEST_MAX];
    for (int hops = 1; hops <= NAT_LEVELS_MOST; hops++) {
        memcpy(r.id, own.id, sizeof r.id);
        r.id[STUN_ID_BYTES - 1] = (uint8_t)hops;
        size_t len = stun_write_request(&r, bytes, sizeof bytes);
        (void)setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
        if (send(fd, bytes, len, MSG_DONTWAIT) < 0)
            (void)send(fd, bytes, len, MSG_DONTWAIT);
    }
}

static bool behind_nat(const struct sockaddr *server, socklen_t len)
{
    struct endpoint source, there;
    return endpoint_from_sockaddr(&there, server, len) == HX_OK && route_source(server, len, &source) &&
           source.family == AF_INET && address_class(&source) == ADDRESS_PRIVATE &&
           address_class(&there) == ADDRESS_GLOBAL;
}

void own_hops_ask(const struct endpoint *server)
{
    struct sockaddr_storage to;
    uint8_t random[STUN_ID_BYTES - 4];
    int on = 1;
    int64_t now_ms = clock_now_ms();
    if (server->family != AF_INET || (own.asked_ms != 0 && now_ms - own.asked_ms < OWN_HOPS_FRESH_MS))
        return;
    socklen_t len = endpoint_to_sockaddr(server, &to);
    end();
    own.levels = (struct nat_levels){.inside = 0};
    own.last = 0;
    if (!behind_nat((struct sockaddr *)&to, len))
        return;
    own.asked_ms = now_ms;
    for (size_t i = 0; i < sizeof random; i += sizeof(uint32_t)) {
        uint32_t word = engine_random();
        memcpy(random + i, &word, sizeof word);
    }
    stun_set_id(own.id, random);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    own.watch = (struct engine_watch){.fd = fd, .on_ready = on_ready};
    if (setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) < 0 ||
        connect(fd, (struct sockaddr *)&to, len) < 0 || engine_watch_begin(&own.watch) < 0) {
        close(fd);
        return;
    }
    own.listens = true;
    own.timer.fire = on_timer;
    engine_timer_set(&own.timer, now_ms + OWN_HOPS_MS);
    send_all(fd);
}

void own_hops_forget(void)
{
    end();
    own.asked_ms = 0;
    own.levels = (struct nat_levels){.inside = 0};
}

int own_hops(bool again)
{
    return nat_levels_hops(&own.levels, again);
}
