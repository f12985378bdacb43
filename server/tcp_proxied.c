#include "server/tcp_proxied.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/error.h"
#include "proto/proxy_header.h"
#include "server/loop.h"
#include <errno.h>
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

static void finish(struct tcp_proxied_conn *c, const struct endpoint *source, int64_t now_ms)
{
    struct tcp_proxied *set = c->set;
    struct sockaddr_storage address = c->proxy;
    socklen_t len = c->proxy_len;

    if (source->family != AF_UNSPEC)
        len = endpoint_to_sockaddr(source, &address);
    set->events->known(set->user, forget(set, c), (const struct sockaddr *)&address, len, now_ms);
}

/* Not a byte behind the header: that one is the stream's. */
static void read_header(struct tcp_proxied_conn *c, int64_t now_ms)
{
    struct proxy_header header;
    size_t missing = 0;
    int result;

    while ((result = proxy_header_parse(&header, c->bytes, c->len, &missing)) == HX_EAGAIN) {
        ssize_t n = recv(c->edge.fd, c->bytes + c->len, missing, 0);

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if (n <= 0) {
            fail(c->set, c, "closed before its PROXY header", now_ms);
            return;
        }
        c->len += (size_t)n;
    }
    if (result < 0)
        fail(c->set, c, "does not begin with a PROXY header of version 2 (--proxy-protocol)", now_ms);
    else
        finish(c, &header.source, now_ms);
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
