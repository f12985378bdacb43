#include "client/forward/dial.h"
#include "base/descriptors.h"
#include "client/forward/lookup.h"
#include "proto/endpoint.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define BUSY_S 0.02 /* until a Unix socket is tried again whose queue is full: no event tells of room there */

struct dial {
    struct ev_loop *loop;
    struct authority target;
    dial_done *done;
    void *user;
    struct lookup *lookup; /* NULL when it has ended */
    struct lookup_list addresses;
    size_t next; /* the address to be tried when this one fails */
    int fd;      /* -1: none */
    int failure; /* errno of the last attempt */
    ev_io connected;
    ev_timer attempt, deadline;
};

static const struct dial_failure no_name = {"502", "dns_error", "has no address"};
static const struct dial_failure no_socket = {"502", "destination_not_found", "is not there"};
static const struct dial_failure forbidden = {"502", "destination_unavailable",
                                              "may not be used by who runs hx"};
static const struct dial_failure refused = {"502", "connection_refused", "refused the connection"};
static const struct dial_failure unreachable = {"502", "destination_ip_unroutable", "cannot be reached"};
static const struct dial_failure late = {"504", "connection_timeout", "did not answer in time"};
const struct dial_failure dial_internal = {"502", "proxy_internal_error",
                                           "cannot be tried: out of resources"};

const struct dial_failure *dial_failure_of(int error, int cause)
{
    if (error != HX_OK)
        return error == HX_ERESOLVE ? &no_name : &dial_internal;
    switch (cause) {
    case ECONNREFUSED:
        return &refused;
    case ETIMEDOUT:
        return &late;
    case ENOENT:
        return &no_socket;
    case EACCES:
    case EPERM:
        return &forbidden;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return &dial_internal;
    default:
        return &unreachable;
    }
}

void dial_cancel(struct dial *d)
{
    if (d->lookup)
        lookup_cancel(d->lookup);
    ev_io_stop(d->loop, &d->connected);
    ev_timer_stop(d->loop, &d->attempt);
    ev_timer_stop(d->loop, &d->deadline);
    if (d->fd >= 0)
        close(d->fd);
    free(d);
}

static void finish(struct dial *d, int fd, const struct dial_failure *why)
{
    dial_done *done = d->done;
    void *user = d->user;
    dial_cancel(d);
    done(user, fd, why);
}

static void fail(struct dial *d, const struct dial_failure *why)
{
    finish(d, -1, why);
}

static void succeed(struct dial *d)
{
    int fd = d->fd;
    d->fd = -1;
    finish(d, fd, NULL);
}

/* Begins to connect to one address. 0 or errno; EINPROGRESS. */
static int begin(struct dial *d, const struct sockaddr *sa, socklen_t len)
{
    int on = 1;
    d->fd = descriptors_spare(socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (d->fd < 0)
        return errno;
    if (sa->sa_family != AF_UNIX)
        (void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(d->fd, sa, len) == 0 ? 0 : errno;
}

static void drop(struct dial *d, int failure)
{
    d->failure = failure;
    ev_io_stop(d->loop, &d->connected);
    ev_timer_stop(d->loop, &d->attempt);
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

/* Each address may take its part of the time that is left, so that a silent one leaves some to the others. */
static void await(struct dial *d)
{
    double left = ev_timer_remaining(d->loop, &d->deadline);
    ev_io_set(&d->connected, d->fd, EV_WRITE);
    ev_io_start(d->loop, &d->connected);
    ev_timer_set(&d->attempt, left / (double)(d->addresses.count - d->next + 1), 0.);
    ev_timer_start(d->loop, &d->attempt);
}

static void try_next(struct dial *d)
{
    while (d->next < d->addresses.count) {
        size_t i = d->next++;
        int rc = begin(d, (const struct sockaddr *)&d->addresses.address[i].sa, d->addresses.address[i].len);
        if (rc == EINPROGRESS) {
            await(d);
            return;
        }
        if (rc == 0) {
            succeed(d);
            return;
        }
        drop(d, rc);
        if (rc == EAGAIN) {
            d->next = i;
            ev_timer_set(&d->attempt, BUSY_S, 0.);
            ev_timer_start(d->loop, &d->attempt);
            return;
        }
    }
    fail(d, dial_failure_of(HX_OK, d->failure));
}

static void on_connected(struct ev_loop *loop, ev_io *w, int events)
{
    struct dial *d = w->data;
    int rc = 0;
    socklen_t len = sizeof rc;
    (void)loop;
    (void)events;
    if (d->fd < 0) { /* the first time */
        try_next(d);
        return;
    }
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &rc, &len) != 0)
        rc = errno;
    if (rc == 0) {
        succeed(d);
        return;
    }
    drop(d, rc);
    try_next(d);
}

static void on_attempt(struct ev_loop *loop, ev_timer *w, int events)
{
    struct dial *d = w->data;
    (void)loop;
    (void)events;
    if (d->fd >= 0)
        drop(d, ETIMEDOUT);
    try_next(d);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    fail(w->data, &late);
}

static void on_lookup(void *user, int error, const struct lookup_list *list)
{
    struct dial *d = user;
    d->lookup = NULL;
    if (error != HX_OK) {
        fail(d, dial_failure_of(error, 0));
        return;
    }
    d->addresses = *list;
    try_next(d);
}

/* An address, or a path, needs no resolver, and no thread. */
static bool is_address(struct dial *d)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&d->addresses.address[0].sa;
    char text[AUTHORITY_TEXT_MAX];
    struct endpoint e;
    size_t len = authority_format(&d->target, text);
    d->addresses.count = 1;
    if (d->target.kind == AUTHORITY_UNIX) {
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, text, len + 1);
        d->addresses.address[0].len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
        return true;
    }
    if (d->target.kind == AUTHORITY_NAME || endpoint_parse(&e, text, len) != HX_OK)
        return false;
    d->addresses.address[0].len = endpoint_to_sockaddr(&e, &d->addresses.address[0].sa);
    return true;
}

int dial_start(struct dial **out, struct ev_loop *loop, const struct authority *target, dial_done *done,
               void *user)
{
    struct dial *d = calloc(1, sizeof *d);
    if (!d)
        return HX_ENOMEM;
    *d = (struct dial){
        .loop = loop, .target = *target, .done = done, .user = user, .fd = -1, .failure = EHOSTUNREACH};
    ev_init(&d->connected, on_connected);
    ev_init(&d->attempt, on_attempt);
    ev_timer_init(&d->deadline, on_deadline, DIAL_S, 0.);
    d->connected.data = d->attempt.data = d->deadline.data = d;
    if (is_address(d)) {
        ev_feed_event(loop, &d->connected, EV_CUSTOM);
    } else {
        int err = lookup_start(&d->lookup, loop, target->host, target->port, on_lookup, d);
        if (err != HX_OK) {
            dial_cancel(d);
            return err;
        }
    }
    ev_timer_start(loop, &d->deadline);
    *out = d;
    return HX_OK;
}
