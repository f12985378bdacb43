#include "server/tcp_proxied.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/error.h"
#include "proto/proxy_header.h"
#include "server/loop.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

struct tcp_proxied_conn {
    struct loop_edge edge;
    struct tcp_proxied *set;
    struct tcp_proxied_conn *prev, *next;
    struct timer timer;
    struct sockaddr_storage proxy;
    socklen_t proxy_len;
    struct proxy_header header; /* once `len` bytes of it were enough; */
    bool read;                  /* then */
    size_t len;
    uint8_t bytes[PROXY_HEADER_MAX];
};

/* Returns the descriptor. */
static int forget(struct tcp_proxied *set, struct tcp_proxied_conn *c)
{
    int fd = c->edge.fd;

    loop_remove_edge(set->loop, &c->edge);
    timers_cancel(set->timers, &c->timer);
    DL_DELETE(set->waiting, c);
    set->count--;
    free(c);
    return fd;
}

static void fail(struct tcp_proxied *set, struct tcp_proxied_conn *c, const char *reason, int64_t now_ms)
{
    struct sockaddr_storage proxy = c->proxy;
    socklen_t len = c->proxy_len;

    set->events->failed(set->user, forget(set, c), (const struct sockaddr *)&proxy, len, reason, now_ms);
}

static void finish(struct tcp_proxied_conn *c, int64_t now_ms)
{
    struct tcp_proxied *set = c->set;
    struct sockaddr_storage address = c->proxy;
    socklen_t len = c->proxy_len;

    if (c->header.source.family != AF_UNSPEC)
        len = endpoint_to_sockaddr(&c->header.source, &address);
    set->events->known(set->user, forget(set, c), (const struct sockaddr *)&address, len, now_ms);
}

/* `most` at most. Bytes, HX_EAGAIN or HX_ECLOSED. */
static ssize_t receive(struct tcp_proxied_conn *c, void *bytes, size_t most)
{
    ssize_t n = recv(c->edge.fd, bytes, most, 0);

    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? HX_EAGAIN : HX_ECLOSED;
}

/* HX_OK: c->header is filled. HX_EAGAIN, HX_ECLOSED, HX_EPROTO. */
static int read_addresses(struct tcp_proxied_conn *c)
{
    size_t missing = 0;
    int result;

    while ((result = proxy_header_parse(&c->header, c->bytes, c->len, &missing)) == HX_EAGAIN) {
        ssize_t n = receive(c, c->bytes + c->len, missing);
        if (n < 0)
            return (int)n;
        c->len += (size_t)n;
    }
    c->read = result > 0;
    return c->read ? HX_OK : result;
}

/* What a proxy says besides (a certificate, say) may be long. HX_OK, HX_EAGAIN, HX_ECLOSED. */
static int skip_rest(struct tcp_proxied_conn *c)
{
    char bytes[4096];

    while (c->header.rest > 0) {
        ssize_t n = receive(c, bytes, c->header.rest < sizeof bytes ? c->header.rest : sizeof bytes);
        if (n < 0)
            return (int)n;
        c->header.rest -= (size_t)n;
    }
    return HX_OK;
}

/* Not a byte behind the header: that one is the stream's. */
static void read_header(struct tcp_proxied_conn *c, int64_t now_ms)
{
    int err = c->read ? HX_OK : read_addresses(c);

    if (err == HX_OK)
        err = skip_rest(c);
    if (err == HX_OK)
        finish(c, now_ms);
    else if (err == HX_ECLOSED)
        fail(c->set, c, "closed before its PROXY header", now_ms);
    else if (err != HX_EAGAIN)
        fail(c->set, c, "does not begin with a PROXY header of version 2 (--proxy-protocol)", now_ms);
}

static void changed(struct loop_edge *e, unsigned changes, int64_t now_ms)
{
    (void)changes;
    read_header(container_of(e, struct tcp_proxied_conn, edge), now_ms);
}

static void timed_out(struct timer *t)
{
    struct tcp_proxied_conn *c = container_of(t, struct tcp_proxied_conn, timer);

    fail(c->set, c, "no PROXY header in time (--proxy-protocol)", clock_now_ms());
}

int tcp_proxied_add(struct tcp_proxied *set, int fd, const struct sockaddr *proxy, socklen_t len,
                    int64_t now_ms)
{
    struct tcp_proxied_conn *c = calloc(1, sizeof *c);

    if (!c) {
        close(fd);
        return HX_ENOMEM;
    }
    c->edge = (struct loop_edge){.fd = fd, .handler = changed};
    c->set = set;
    c->timer.fire = timed_out;
    c->proxy_len = len < sizeof c->proxy ? len : sizeof c->proxy;
    memcpy(&c->proxy, proxy, c->proxy_len);
    if (loop_add_edge(set->loop, &c->edge) < 0) {
        close(fd);
        free(c);
        return HX_ESYS;
    }
    if (set->count == TCP_PROXIED_MAX)
        fail(set, set->waiting, "too many wait for a PROXY header (--proxy-protocol)", now_ms);
    DL_APPEND(set->waiting, c);
    set->count++;
    timers_set(set->timers, &c->timer, now_ms + TCP_PROXIED_MS);
    read_header(c, now_ms);
    return HX_OK;
}

void tcp_proxied_end(struct tcp_proxied *set)
{
    struct tcp_proxied_conn *c, *next;

    DL_FOREACH_SAFE(set->waiting, c, next)
    {
        close(forget(set, c));
    }
}
