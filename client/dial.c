#include "client/dial.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/proxy.h"
#include "client/route.h"
#include "client/tcp_race.h"
#include "proto/response.h"
#include "secure/tls.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES  65536 /* in one turn of the loop */
#define ANSWER_PEEK 2048  /* bytes of a proxy's answer that are looked at together */

/* In the order a connection meets them. */
enum dial_state { DIAL_CONNECTING, DIAL_ASKING_PROXY, DIAL_SECURING, DIAL_OPEN, DIAL_ENDED };

struct dial {
    enum dial_state state;
    struct dial_callbacks callbacks;
    struct host_port to;
    bool secure; /* with TLS */
    struct proxy proxy;
    int begin_error; /* HX_OK, or what the deadline tells at once */
    struct timer deadline;
    struct timer more;              /* DIAL_OPEN: bytes may have come that the descriptor does not tell of */
    struct tcp_race *race;          /* DIAL_CONNECTING */
    struct engine_watch watch;      /* fd: below 0: none */
    struct response_reader *answer; /* DIAL_ASKING_PROXY */
    int status;                     /* of the proxy's answer; 0: none yet */
    struct tls *tls;                /* from DIAL_SECURING on */
    bool broken;                    /* sending says so */
    bool awaits_room;               /* dial_write() has said HX_EAGAIN, and on_room() was not called since */
    uint8_t out[DIAL_QUEUE_MAX];    /* what waits is out[out_start .. out_start+out_len), without TLS */
    size_t out_start, out_len;
};

static void enter(struct dial *d, enum dial_state next) /* the only writer of d->state */
{
    d->state = next;
}

static void disconnect(struct dial *d)
{
    engine_timer_cancel(&d->deadline);
    engine_timer_cancel(&d->more);
    tcp_race_cancel(d->race);
    d->race = NULL;
    if (d->watch.fd >= 0) {
        engine_watch_end(&d->watch);
        close(d->watch.fd);
    }
    d->watch.fd = -1;
}

void dial_close(struct dial *d)
{
    if (!d)
        return;
    if (d->state == DIAL_OPEN && d->tls && tls_end(d->tls) == HX_OK)
        (void)tls_flush(d->tls);
    disconnect(d);
    tls_destroy(d->tls);
    response_reader_destroy(d->answer);
    free(d);
}

/* ---- how it ends ---- */

static void tell_tls_failure(const struct dial *d, int error, char text[PROXY_TEXT_MAX])
{
    if (error == HX_ECERT)
        snprintf(text, PROXY_TEXT_MAX, "the certificate of %s %s", d->to.host,
                 tls_certificate_problem(d->tls));
    else if (error == HX_EPROTO)
        snprintf(text, PROXY_TEXT_MAX, "what answers at %s, port %hu, does not speak TLS as we do",
                 d->to.host, d->to.port);
    else if (error == HX_EEOF || error == HX_ECLOSED)
        snprintf(text, PROXY_TEXT_MAX, "%s has closed port %hu to us when TLS began", d->to.host, d->to.port);
}

/* The last thing that is done with `d`: the callback may free it. */
static void end(struct dial *d, int error)
{
    char text[PROXY_TEXT_MAX] = "";
    bool by_proxy = d->state < DIAL_SECURING && d->proxy.used;
    if (d->begin_error < 0)
        proxy_tell_unusable(&d->proxy, text);
    else if (by_proxy && d->status != 0)
        proxy_tell_refusal(&d->proxy, d->status, text);
    else if (by_proxy)
        proxy_tell_failure(&d->proxy, error, text);
    else if (d->state == DIAL_SECURING)
        tell_tls_failure(d, error, text);
    disconnect(d);
    enter(d, DIAL_ENDED);
    d->callbacks.on_end(d->callbacks.user, by_proxy ? HX_EPROXY : error, text);
}

/* ---- the socket ---- */

/* Bytes, HX_EAGAIN, HX_EEOF or HX_ECLOSED. */
static ssize_t receive(void *user, void *buf, size_t len)
{
    struct dial *d = user;
    ssize_t got = recv(d->watch.fd, buf, len, 0);
    if (got > 0)
        return got;
    if (got == 0)
        return HX_EEOF;
    return errno == EAGAIN || errno == EINTR ? HX_EAGAIN : HX_ECLOSED;
}

/* Bytes, HX_EAGAIN or HX_ECLOSED. */
static ssize_t transmit(void *user, const void *bytes, size_t len)
{
    struct dial *d = user;
    ssize_t put = send(d->watch.fd, bytes, len, MSG_NOSIGNAL);
    if (put >= 0)
        return put;
    if (errno == EAGAIN || errno == EINTR)
        return HX_EAGAIN;
    d->broken = true;
    return HX_ECLOSED;
}

/* Of what waits. HX_OK: nothing does any more; HX_EAGAIN; another error. */
static int flush(struct dial *d)
{
    if (d->tls)
        return tls_flush(d->tls);
    while (d->out_len > 0) {
        ssize_t put = transmit(d, d->out + d->out_start, d->out_len);
        if (put < 0)
            return (int)put;
        d->out_start += (size_t)put;
        d->out_len -= (size_t)put;
    }
    return HX_OK;
}

/* When some of what waits can leave we are told. */
static void watch_room(struct dial *d)
{
    const uint8_t *waiting;
    engine_watch_writable(&d->watch, (d->tls ? tls_waiting(d->tls, &waiting) : d->out_len) > 0);
}

/* ---- what is open ---- */

/* Bytes taken; HX_EAGAIN: something waits already; HX_ECLOSED. */
static ssize_t write_plain(struct dial *d, const void *bytes, size_t len)
{
    if (d->out_len > 0)
        return HX_EAGAIN;
    ssize_t put = transmit(d, bytes, len);
    if (put == HX_ECLOSED)
        return HX_ECLOSED;
    size_t sent = put > 0 ? (size_t)put : 0;
    size_t rest = len - sent < sizeof d->out ? len - sent : sizeof d->out;
    memcpy(d->out, (const uint8_t *)bytes + sent, rest);
    d->out_start = 0;
    d->out_len = rest;
    return (ssize_t)(sent + rest);
}

ssize_t dial_write(struct dial *d, const void *bytes, size_t len)
{
    if (d->state == DIAL_ENDED || d->broken)
        return HX_ECLOSED;
    if (d->state != DIAL_OPEN)
        return HX_EAGAIN;
    ssize_t put = d->tls ? tls_write(d->tls, bytes, len) : write_plain(d, bytes, len);
    if (put < 0 && put != HX_EAGAIN) {
        d->broken = true;
        engine_timer_set(&d->more, clock_now_ms());
        return HX_ECLOSED;
    }
    d->awaits_room |= put == HX_EAGAIN;
    watch_room(d);
    return put;
}

/* One callback at most, the last thing that is done with `d`. */
static void step_open(struct dial *d)
{
    char data[READ_BYTES];
    int err = flush(d);
    watch_room(d);
    if (err == HX_OK && d->awaits_room) {
        d->awaits_room = false;
        engine_timer_set(&d->more, clock_now_ms());
        d->callbacks.on_room(d->callbacks.user);
        return;
    }
    ssize_t got = d->tls ? tls_read(d->tls, data, sizeof data) : receive(d, data, sizeof data);
    if (d->tls)
        watch_room(d); /* reading may have made an answer of TLS's own */
    if (got > 0) {
        if (d->tls)
            engine_timer_set(&d->more, clock_now_ms());
        d->callbacks.on_bytes(d->callbacks.user, data, (size_t)got);
    } else if (d->broken) {
        end(d, HX_ECLOSED);
    } else if (got != HX_EAGAIN) {
        end(d, (int)got);
    }
}

static void on_more(struct timer *t)
{
    step_open(container_of(t, struct dial, more));
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

/* HX_OK: the proxy has connected us. What comes behind its answer stays in the kernel. */
static int ask_proxy(struct dial *d)
{
    char data[ANSWER_PEEK];
    int err = flush(d);
    while (err == HX_OK) {
        ssize_t got = recv(d->watch.fd, data, sizeof data, MSG_PEEK);
        if (got <= 0)
            return got == 0 ? HX_EEOF : errno == EAGAIN || errno == EINTR ? HX_EAGAIN : HX_ECLOSED;
        ssize_t used = response_reader_feed(d->answer, data, (size_t)got);
        if (used < 0)
            return (int)used;
        (void)receive(d, data, (size_t)used);
        const struct response_head *head = response_reader_head(d->answer);
        if (!head)
            continue;
        d->status = head->status;
        return d->status / 100 == 2 ? HX_OK : HX_EPROXY;
    }
    return err;
}

/* The next state of those that are needed. HX_OK, HX_ENOMEM. */
static int go_on(struct dial *d)
{
    int err = HX_OK;
    if (d->state < DIAL_ASKING_PROXY && d->proxy.used) {
        const struct response_callbacks none = {.user = NULL};
        err = response_reader_create(&d->answer, true, &none); /* as to HEAD: what follows is no body */
        d->out_start = 0;
        d->out_len = proxy_request(&d->proxy, (char *)d->out);
        enter(d, DIAL_ASKING_PROXY);
    } else if (d->state < DIAL_SECURING && d->secure) {
        const struct tls_transport io = {.read = receive, .write = transmit, .user = d};
        err = tls_create_web(&d->tls, d->to.host, &io);
        enter(d, DIAL_SECURING);
    } else {
        enter(d, DIAL_OPEN);
    }
    return err;
}

/* One callback at most, the last thing that is done with `d`. */
static void step(struct dial *d)
{
    int err = HX_OK;
    if (d->state == DIAL_OPEN) {
        step_open(d);
        return;
    }
    while (err == HX_OK && d->state != DIAL_OPEN) {
        if (d->state == DIAL_ASKING_PROXY)
            err = ask_proxy(d);
        else if (d->state == DIAL_SECURING)
            err = tls_handshake(d->tls);
        if (err == HX_OK)
            err = go_on(d);
    }
    if (err < 0 && err != HX_EAGAIN) {
        end(d, err);
        return;
    }
    watch_room(d);
    if (d->state != DIAL_OPEN)
        return;
    engine_timer_cancel(&d->deadline);
    if (d->tls) /* it may have read ahead */
        engine_timer_set(&d->more, clock_now_ms());
    d->callbacks.on_open(d->callbacks.user);
}

static void on_ready(struct engine_watch *w)
{
    step(container_of(w, struct dial, watch));
}

static void on_raced(void *user, const struct tcp_race_result *result)
{
    struct dial *d = user;
    int on = 1, unsent = DIAL_QUEUE_MAX;
    d->race = NULL;
    if (result->error < 0) {
        end(d, result->error);
        return;
    }
    (void)setsockopt(result->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* What the kernel cannot send yet waits with whoever can still do something else with it. */
    (void)setsockopt(result->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    d->watch.fd = result->fd;
    int err = engine_watch_begin(&d->watch);
    if (err < 0) {
        close(d->watch.fd);
        d->watch.fd = -1;
        end(d, err);
        return;
    }
    step(d);
}

static void on_deadline(struct timer *t)
{
    struct dial *d = container_of(t, struct dial, deadline);
    end(d, d->begin_error < 0 ? HX_EPROXY : HX_ETIMEDOUT);
}

int dial_begin(struct dial **out, const struct dial_request *request)
{
    struct dial *d = calloc(1, sizeof *d);
    if (!d)
        return HX_ENOMEM;
    d->callbacks = request->callbacks;
    d->to = *request->to;
    d->secure = request->tls;
    d->watch = (struct engine_watch){.fd = -1, .on_ready = on_ready};
    d->deadline.fire = on_deadline;
    d->more.fire = on_more;
    d->begin_error = proxy_choose(&d->proxy, &d->to, d->secure, request->proxy_url);
    const struct host_port *first = d->proxy.used ? &d->proxy.url.at : &d->to;
    if (d->begin_error == HX_OK && tcp_race_begin(&d->race, first, request->families, on_raced, d) < 0) {
        dial_close(d);
        return HX_ENOMEM;
    }
    if (d->begin_error < 0)
        engine_timer_set(&d->deadline, clock_now_ms());
    else if (request->deadline_ms != INT64_MAX)
        engine_timer_set(&d->deadline, request->deadline_ms);
    *out = d;
    return HX_OK;
}
