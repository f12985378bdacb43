#include "server/tcp_stream.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "server/loop.h"
#include <errno.h>
#include <linux/tcp.h> /* TCP_INFO's fields as the kernel names them */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define STATE_CLOSED 7 /* TCP_CLOSE of <netinet/tcp.h>, which cannot stand beside <linux/tcp.h> */

struct tcp_stream {
    struct stream base;
    struct loop_edge edge;
    struct tcp_streams *set;
    struct tcp_stream *prev, *next;
    struct timer timer; /* the next look for acknowledgements; of one that lingers: its end */
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } peer;
    int64_t heard_ms;
    uint32_t dropped;  /* bytes, while it lingers */
    uint16_t acked_ms; /* until the next look; 0: none is wanted */
    bool wrote;
    bool ended; /* the peer's direction */
    bool gone;  /* the connection is */
    bool lingers;
};

static struct tcp_stream *of(struct stream *s)
{
    return container_of(s, struct tcp_stream, base);
}

static bool look(struct tcp_stream *s, struct tcp_info *info)
{
    socklen_t len = sizeof *info;

    memset(info, 0, sizeof *info);
    return getsockopt(s->edge.fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

/* Of recv(2) or send(2). */
static ssize_t failed(struct tcp_stream *s)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return HX_EAGAIN;
    s->gone = true;
    return HX_ECLOSED;
}

static ssize_t tcp_read(struct stream *base, void *buf, size_t len)
{
    struct tcp_stream *s = of(base);
    ssize_t n = recv(s->edge.fd, buf, len, 0);

    if (n < 0)
        return failed(s);
    if (n == 0)
        s->ended = true;
    return n == 0 ? HX_EEOF : n;
}

static ssize_t tcp_write(struct stream *base, const void *buf, size_t len)
{
    struct tcp_stream *s = of(base);
    ssize_t n = send(s->edge.fd, buf, len, MSG_NOSIGNAL);

    if (n < 0)
        return failed(s);
    s->wrote = true;
    return n;
}

static int unacked(struct tcp_stream *s, uint32_t *rtt_us)
{
    struct tcp_info info;

    if (s->gone || !look(s, &info) || info.tcpi_state == STATE_CLOSED)
        return HX_ECLOSED;
    *rtt_us = info.tcpi_rtt;
    return (int)info.tcpi_unacked + (info.tcpi_notsent_bytes > 0);
}

static void look_later(struct tcp_stream *s, int64_t now_ms)
{
    timers_set(s->set->timers, &s->timer, now_ms + s->acked_ms);
}

/* The kernel tells nobody when all has been acknowledged: it is asked after a round trip, and then less
 * and less often. */
static int tcp_unacked(struct stream *base)
{
    struct tcp_stream *s = of(base);
    uint32_t rtt_us = 0;
    int count = unacked(s, &rtt_us);

    if (count > 0 && !timer_is_set(&s->timer)) {
        int64_t ms = rtt_us / 1000 + 1;
        s->acked_ms = (uint16_t)(ms < TCP_ACKED_MS       ? TCP_ACKED_MS
                                 : ms < TCP_ACKED_MAX_MS ? ms
                                                         : TCP_ACKED_MAX_MS);
        look_later(s, clock_now_ms());
    }
    return count;
}

/* Every segment of the peer's that the kernel takes moves one of the two: data, acknowledgements, and
 * those of our keep-alive probes. They are as exact as the kernel's ticks, 1 to 10 ms. */
static int64_t tcp_heard(struct stream *base)
{
    struct tcp_stream *s = of(base);
    struct tcp_info info;

    if (!s->gone && look(s, &info)) {
        int64_t ago_ms = info.tcpi_last_ack_recv < info.tcpi_last_data_recv ? info.tcpi_last_ack_recv
                                                                            : info.tcpi_last_data_recv;
        int64_t at_ms = clock_now_ms() - ago_ms;
        if (at_ms > s->heard_ms)
            s->heard_ms = at_ms;
    }
    return s->heard_ms;
}

/* Who asks has written something, and it is on its way or waits for the peer's window: TCP repeats it, or
 * probes the window, until it is answered. There is no way past that. */
static void tcp_ask(struct stream *base)
{
    (void)base;
}

static const struct sockaddr *tcp_peer(struct stream *base, socklen_t *len)
{
    struct tcp_stream *s = of(base);

    *len = s->peer.any.sa_family == AF_INET ? sizeof s->peer.in : sizeof s->peer.in6;
    return &s->peer.any;
}

static void destroy(struct tcp_stream *s, bool reset)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (reset)
        (void)setsockopt(s->edge.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (s->set->loop)
        loop_remove_edge(s->set->loop, &s->edge);
    timers_cancel(s->set->timers, &s->timer);
    s->set->lingering -= s->lingers;
    DL_DELETE(s->set->all, s);
    close(s->edge.fd);
    free(s);
}

/* False: it is over. */
static bool drop_input(struct tcp_stream *s)
{
    char bytes[4096];
    ssize_t n;

    while ((n = tcp_read(&s->base, bytes, sizeof bytes)) > 0) {
        s->dropped += (uint32_t)n;
        if (s->dropped > TCP_LINGER_BYTES)
            return false;
    }
    return n == HX_EAGAIN;
}

static void tcp_close(struct stream *base)
{
    struct tcp_stream *s = of(base);
    uint32_t rtt_us;
    /* Nothing was said, or the peer does not take it: the kernel shall not keep on trying. */
    bool reset = !s->wrote || unacked(s, &rtt_us) != 0;

    if (reset || s->ended || !s->set->loop || s->set->lingering >= TCP_LINGER_MAX) {
        destroy(s, reset);
        return;
    }
    s->lingers = true;
    s->set->lingering++;
    if (shutdown(s->edge.fd, SHUT_WR) < 0 || !drop_input(s))
        destroy(s, false);
    else
        timers_set(s->set->timers, &s->timer, clock_now_ms() + TCP_LINGER_MS);
}

static const struct stream_ops tcp_stream_ops = {.transport = STREAM_TCP,
                                                 .read = tcp_read,
                                                 .write = tcp_write,
                                                 .unacked = tcp_unacked,
                                                 .heard_ms = tcp_heard,
                                                 .ask = tcp_ask,
                                                 .peer = tcp_peer,
                                                 .close = tcp_close};

static void changed(struct loop_edge *e, unsigned changes, int64_t now_ms)
{
    struct tcp_stream *s = container_of(e, struct tcp_stream, edge);
    struct tcp_streams *set = s->set;

    if (s->lingers) {
        if (!drop_input(s))
            destroy(s, false);
    } else if (changes & LOOP_HUNG_UP) {
        set->events->closed(set->user, &s->base, now_ms);
    } else {
        set->events->ready(set->user, &s->base, now_ms);
    }
}

static void timed_out(struct timer *t)
{
    struct tcp_stream *s = container_of(t, struct tcp_stream, timer);
    int64_t now_ms = clock_now_ms();
    uint32_t rtt_us;

    if (s->lingers) {
        destroy(s, false);
    } else if (unacked(s, &rtt_us) > 0) {
        s->acked_ms = s->acked_ms < TCP_ACKED_MAX_MS / 2 ? (uint16_t)(2 * s->acked_ms) : TCP_ACKED_MAX_MS;
        look_later(s, now_ms);
    } else {
        s->set->events->ready(s->set->user, &s->base, now_ms);
    }
}

int tcp_stream_create(struct stream **out, struct tcp_streams *set, int fd, const struct sockaddr *peer,
                      socklen_t len, int64_t now_ms)
{
    struct tcp_stream *s = calloc(1, sizeof *s);

    if (!s)
        return HX_ENOMEM;
    *s = (struct tcp_stream){.base.ops = &tcp_stream_ops,
                             .edge = {.fd = fd, .handler = changed},
                             .set = set,
                             .timer.fire = timed_out,
                             .heard_ms = now_ms};
    memcpy(&s->peer, peer, len < sizeof s->peer ? len : sizeof s->peer);
    if (loop_add_edge(set->loop, &s->edge) < 0) {
        free(s);
        return HX_ESYS;
    }
    DL_APPEND(set->all, s);
    *out = &s->base;
    return HX_OK;
}

void tcp_streams_end(struct tcp_streams *set)
{
    struct tcp_stream *s, *next;

    DL_FOREACH_SAFE(set->all, s, next)
    {
        loop_remove_edge(set->loop, &s->edge);
        timers_cancel(set->timers, &s->timer);
    }
    set->loop = NULL;
    DL_FOREACH_SAFE(set->all, s, next)
    if (s->lingers)
        destroy(s, false);
}
