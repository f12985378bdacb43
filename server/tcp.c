#include "server/tcp.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/error.h"
#include "base/rate.h"
#include "proto/endpoint.h"
#include "server/config.h"
#include "server/log.h"
#include "server/loop.h"
#include "server/server.h"
#include "server/tcp_proxied.h"
#include "server/tcp_stream.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEPALIVE_SHARE \
    3 /* of the time after which a silent peer is given up: two more probes may get lost */

struct tcp_listener {
    struct loop_edge edge;
    struct sockaddr_storage local;
    socklen_t len;
    bool ready; /* connections may wait */
};

struct tcp {
    const struct server_config *config;
    struct server *server; /* NULL: not begun */
    struct tcp_listener listeners[CONFIG_LISTEN_MAX];
    size_t count;
    struct timers timers;
    struct tcp_streams streams;
    struct tcp_proxied proxied;
    int64_t paused_until_ms;
    struct rate rate;  /* new connections of each source, */
    struct rate often; /* and those above it that are told so; others are reset */
};

void tcp_reconfigure(struct tcp *t, const struct server_config *config)
{
    unsigned rate = (unsigned)config->rate_per_address;

    t->rate.per_second = rate;
    t->often.per_second = (rate + TCP_OFTEN_SHARE - 1) / TCP_OFTEN_SHARE;
}

int tcp_create(struct tcp **out, const struct server_config *config)
{
    struct tcp *t = calloc(1, sizeof *t);

    if (!t)
        return HX_ENOMEM;
    t->config = config;
    rate_init(&t->rate, 0);
    rate_init(&t->often, 0);
    tcp_reconfigure(t, config);
    *out = t;
    return HX_OK;
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

/* What accepted sockets inherit (tcp(7)): probes that a living host answers without its program, and
 * little that waits here for a peer that reads slowly. */
static int set_up(int fd, const struct server_config *config)
{
    int probe_s = (int)(config->idle_timeout_ms / 1000 / KEEPALIVE_SHARE);

    if (set(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0 ||
        set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, TCP_UNSENT_BYTES) < 0)
        return -1;
    if (config->idle_timeout_ms == 0)
        return 0;
    return set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) < 0 || set(fd, IPPROTO_TCP, TCP_KEEPIDLE, probe_s) < 0 ||
                   set(fd, IPPROTO_TCP, TCP_KEEPINTVL, probe_s) < 0
               ? -1
               : 0;
}

static int bind_socket(int fd, const struct server_listen *l, bool ipv6_only)
{
    if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
        (l->address.ss_family == AF_INET6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, ipv6_only) < 0))
        return HX_ESYS;
    bool bound = bind(fd, (const struct sockaddr *)&l->address, l->len) == 0;
    return bound && listen(fd, TCP_BACKLOG) == 0 ? HX_OK : HX_EADDR;
}

int tcp_listen(struct tcp *t, const struct server_listen *l, bool ipv6_only)
{
    struct tcp_listener *listener = &t->listeners[t->count];
    bool ours = l->fd <= 0;
    int fd = ours ? socket(l->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : l->fd;
    int err = HX_OK;

    if (fd < 0)
        return HX_ESYS;
    if (set_up(fd, t->config) < 0)
        err = HX_ESYS;
    if (err == HX_OK && ours)
        err = bind_socket(fd, l, ipv6_only);
    listener->len = sizeof listener->local;
    if (err == HX_OK && getsockname(fd, (struct sockaddr *)&listener->local, &listener->len) < 0)
        err = HX_ESYS;
    if (err < 0) {
        int why = errno;
        close(fd);
        errno = why;
        return err;
    }
    listener->edge.fd = fd;
    t->count++;
    return HX_OK;
}

size_t tcp_listeners(const struct tcp *t)
{
    return t->count;
}

const struct sockaddr *tcp_local(const struct tcp *t, size_t which, socklen_t *len)
{
    *len = t->listeners[which].len;
    return (const struct sockaddr *)&t->listeners[which].local;
}

static void stream_ready(void *user, struct stream *s, int64_t now_ms)
{
    struct tcp *t = user;

    server_stream_ready(t->server, s, now_ms);
}

static void stream_closed(void *user, struct stream *s, int64_t now_ms)
{
    struct tcp *t = user;

    server_stream_closed(t->server, s, now_ms);
}

static void connections_wait(struct loop_edge *e, unsigned changes, int64_t now_ms)
{
    (void)changes;
    (void)now_ms;
    container_of(e, struct tcp_listener, edge)->ready = true;
}

static bool take_of(struct rate *r, const struct endpoint *peer, int64_t now_ms)
{
    struct sockaddr_in6 address;

    endpoint_to_sockaddr6(peer, &address);
    return rate_take(r, address.sin6_addr.s6_addr, now_ms);
}

static void refuse(void *user, int fd, const struct sockaddr *address, socklen_t len, const char *reason,
                   int64_t now_ms)
{
    struct tcp *t = user;
    struct stream *stream;

    if (tcp_stream_create(&stream, &t->streams, fd, address, len, now_ms) < 0)
        close(fd);
    else
        server_turn_away(t->server, stream, reason, now_ms);
}

static void take(void *user, int fd, const struct sockaddr *address, socklen_t len, int64_t now_ms)
{
    struct tcp *t = user;
    struct endpoint peer = {.family = AF_UNSPEC};
    struct stream *stream;

    endpoint_from_sockaddr(&peer, address, len);
    bool often = !take_of(&t->rate, &peer, now_ms);
    if (often && !take_of(&t->often, &peer, now_ms))
        refuse(t, fd, address, len, "above --rate-per-address", now_ms);
    else if (tcp_stream_create(&stream, &t->streams, fd, address, len, now_ms) < 0)
        close(fd);
    else if (often)
        server_accept_often(t->server, stream, now_ms);
    else
        server_accept(t->server, stream, now_ms);
}

int tcp_begin(struct tcp *t, struct loop *loop, struct server *server)
{
    static const struct tcp_stream_events events = {.ready = stream_ready, .closed = stream_closed};
    static const struct tcp_proxied_events proxied_events = {.known = take, .failed = refuse};
    int err = HX_OK;

    t->server = server;
    t->streams = (struct tcp_streams){.loop = loop, .timers = &t->timers, .events = &events, .user = t};
    t->proxied =
        (struct tcp_proxied){.loop = loop, .timers = &t->timers, .events = &proxied_events, .user = t};
    for (size_t i = 0; err == HX_OK && i < t->count; i++) {
        t->listeners[i].edge.handler = connections_wait;
        err = loop_add_edge(loop, &t->listeners[i].edge);
    }
    return err;
}

/* A connection that ends before it is taken is no error of the listener (accept(2)); all others are ours,
 * and pass when descriptors or memory are free again. */
static bool may_go_on(int why)
{
    static const int theirs[] = {ECONNABORTED, EINTR,        EPERM,       EPROTO,     ENETDOWN, ENOPROTOOPT,
                                 EHOSTDOWN,    EHOSTUNREACH, ENETUNREACH, EOPNOTSUPP, ENONET,   ETIMEDOUT};

    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
        if (why == theirs[i])
            return true;
    return false;
}

static void take_from(struct tcp *t, struct tcp_listener *l, int64_t now_ms)
{
    for (int taken = 0; taken < TCP_TURN_ACCEPTS; taken++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int fd = accept4(l->edge.fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0 && t->config->proxy_protocol) {
            (void)tcp_proxied_add(&t->proxied, fd, (const struct sockaddr *)&peer, len, now_ms);
        } else if (fd >= 0) {
            take(t, fd, (const struct sockaddr *)&peer, len, now_ms);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            l->ready = false;
            return;
        } else if (!may_go_on(errno)) {
            log_event(LOG_WARN, "not_accepted", "transport", "tcp", "reason", strerror(errno));
            t->paused_until_ms = now_ms + TCP_PAUSE_MS;
            return;
        }
    }
}

void tcp_turn(struct tcp *t, int64_t now_ms)
{
    for (size_t i = 0; i < t->count && now_ms >= t->paused_until_ms; i++)
        if (t->listeners[i].ready)
            take_from(t, &t->listeners[i], now_ms);
    timers_run(&t->timers, now_ms);
}

int tcp_timeout_ms(const struct tcp *t, int64_t now_ms)
{
    int64_t next_ms = timers_next_ms(&t->timers);

    for (size_t i = 0; i < t->count; i++)
        if (t->listeners[i].ready && (next_ms < 0 || t->paused_until_ms < next_ms))
            next_ms = t->paused_until_ms;
    if (next_ms < 0)
        return -1;
    return next_ms <= now_ms ? 0 : (int)(next_ms - now_ms);
}

void tcp_end(struct tcp *t)
{
    for (size_t i = 0; i < t->count; i++)
        loop_remove_edge(t->streams.loop, &t->listeners[i].edge);
    tcp_proxied_end(&t->proxied);
    tcp_streams_end(&t->streams);
}

void tcp_destroy(struct tcp *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        close(t->listeners[i].edge.fd);
    free(t);
}
