#include "client/dial.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/route.h"
#include "client/tcp_race.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536 /* in one turn of the loop */

/* In the order a connection meets them. */
enum dial_state { DIAL_CONNECTING, DIAL_OPEN, DIAL_ENDED };

struct dial {
    enum dial_state state;
    struct dial_callbacks callbacks;
    struct timer deadline;
    struct tcp_race *race;     /* DIAL_CONNECTING */
    struct engine_watch watch; /* fd: below 0: none */
    bool broken;               /* sending says so */
    bool awaits_room;          /* dial_write() has said HX_EAGAIN, and on_room() was not called since */
    uint8_t out[DIAL_QUEUE_MAX];
    size_t out_start, out_len; /* what waits is out[out_start .. out_start+out_len) */
};

static void enter(struct dial *d, enum dial_state next) /* the only writer of d->state */
{
    d->state = next;
}

static void disconnect(struct dial *d)
{
    engine_timer_cancel(&d->deadline);
    tcp_race_cancel(d->race);
    d->race = NULL;
    if (d->watch.fd >= 0) {
        engine_watch_end(&d->watch);
        close(d->watch.fd);
    }
    d->watch.fd = -1;
}

/* The last thing that is done with `d`: the callback may free it. */
static void end(struct dial *d, int error)
{
    disconnect(d);
    enter(d, DIAL_ENDED);
    d->callbacks.on_end(d->callbacks.user, error, "");
}

void dial_close(struct dial *d)
{
    if (!d)
        return;
    disconnect(d);
    free(d);
}

/* ---- the socket ---- */

/* Bytes, HX_EAGAIN, HX_EEOF or HX_ECLOSED. */
static ssize_t receive(struct dial *d, void *buf, size_t len)
{
    ssize_t got = recv(d->watch.fd, buf, len, 0);
    if (got > 0)
        return got;
    if (got == 0)
        return HX_EEOF;
    return errno == EAGAIN || errno == EINTR ? HX_EAGAIN : HX_ECLOSED;
}

/* Bytes, HX_EAGAIN or HX_ECLOSED. */
static ssize_t transmit(struct dial *d, const void *bytes, size_t len)
{
    ssize_t put = send(d->watch.fd, bytes, len, MSG_NOSIGNAL);
    if (put >= 0)
        return put;
    if (errno == EAGAIN || errno == EINTR)
        return HX_EAGAIN;
    d->broken = true;
    return HX_ECLOSED;
}

/* HX_OK: nothing waits; HX_EAGAIN; HX_ECLOSED. */
static int flush(struct dial *d)
{
    while (d->out_len > 0) {
        ssize_t put = transmit(d, d->out + d->out_start, d->out_len);
        if (put < 0)
            return (int)put;
        d->out_start += (size_t)put;
        d->out_len -= (size_t)put;
    }
    return HX_OK;
}

/* ---- what is open ---- */

ssize_t dial_write(struct dial *d, const void *bytes, size_t len)
{
    if (d->state == DIAL_ENDED || d->broken)
        return HX_ECLOSED;
    if (d->state != DIAL_OPEN || d->out_len > 0) {
        d->awaits_room = d->state == DIAL_OPEN;
        return HX_EAGAIN;
    }
    ssize_t put = transmit(d, bytes, len);
    if (put == HX_ECLOSED)
        return HX_ECLOSED;
    size_t sent = put > 0 ? (size_t)put : 0;
    size_t rest = len - sent < sizeof d->out ? len - sent : sizeof d->out;
    memcpy(d->out, (const uint8_t *)bytes + sent, rest);
    d->out_start = 0;
    d->out_len = rest;
    engine_watch_writable(&d->watch, rest > 0);
    return (ssize_t)(sent + rest);
}

/* One callback at most, the last thing that is done with `d`. */
static void step_open(struct dial *d)
{
    char data[READ_BYTES];
    int err = flush(d);
    engine_watch_writable(&d->watch, err == HX_EAGAIN);
    if (err == HX_OK && d->awaits_room) {
        d->awaits_room = false;
        d->callbacks.on_room(d->callbacks.user);
        return; /* what has come is still there in the next turn */
    }
    ssize_t got = receive(d, data, sizeof data);
    if (got > 0)
        d->callbacks.on_bytes(d->callbacks.user, data, (size_t)got);
    else if (got != HX_EAGAIN)
        end(d, d->broken ? HX_ECLOSED : (int)got);
}

static void on_ready(struct engine_watch *w)
{
    step_open(container_of(w, struct dial, watch));
}

bool dial_route_holds(const struct dial *d)
{
    struct sockaddr_storage sa;
    struct endpoint here, now;
    socklen_t len = sizeof sa;
    if (d->state != DIAL_OPEN || getsockname(d->watch.fd, (struct sockaddr *)&sa, &len) < 0 ||
        endpoint_from_sockaddr(&here, (struct sockaddr *)&sa, len) < 0)
        return true;
    len = sizeof sa;
    if (getpeername(d->watch.fd, (struct sockaddr *)&sa, &len) < 0 ||
        !route_source((struct sockaddr *)&sa, len, &now) || now.family == AF_UNSPEC)
        return true; /* no way at all: silence will tell whether that lasts */
    return endpoint_same_host(&here, &now);
}

/* ---- how it comes to be open ---- */

static void on_raced(void *user, const struct tcp_race_result *result)
{
    struct dial *d = user;
    int on = 1, unsent = DIAL_QUEUE_MAX;
    d->race = NULL;
    if (result->error < 0) {
        end(d, result->error);
        return;
    }
    d->watch.fd = result->fd;
    (void)setsockopt(result->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* What the kernel cannot send yet waits with whoever can still do something else with it. */
    (void)setsockopt(result->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    int err = engine_watch_begin(&d->watch);
    if (err < 0) {
        close(d->watch.fd);
        d->watch.fd = -1;
        end(d, err);
        return;
    }
    engine_timer_cancel(&d->deadline);
    enter(d, DIAL_OPEN);
    d->callbacks.on_open(d->callbacks.user);
}

static void on_deadline(struct timer *t)
{
    end(container_of(t, struct dial, deadline), HX_ETIMEDOUT);
}

int dial_begin(struct dial **out, const struct dial_request *request)
{
    struct dial *d = calloc(1, sizeof *d);
    if (!d)
        return HX_ENOMEM;
    d->callbacks = request->callbacks;
    d->watch = (struct engine_watch){.fd = -1, .on_ready = on_ready};
    d->deadline.fire = on_deadline;
    if (tcp_race_begin(&d->race, request->to, request->families, on_raced, d) < 0) {
        dial_close(d);
        return HX_ENOMEM;
    }
    if (request->deadline_ms != INT64_MAX)
        engine_timer_set(&d->deadline, request->deadline_ms);
    *out = d;
    return HX_OK;
}
