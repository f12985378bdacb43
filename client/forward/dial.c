/* CONNECT on the binding side: allowed, resolved, connected, relayed. The contract is in
 * client/forward/allow.h. */
#include "client/forward/allow.h"
#include "client/forward/authority.h"
#include "client/forward/lookup.h"
#include "client/forward/relay.h"
#include "client/forward/say.h"
#include "proto/endpoint.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIAL_S         10.0 /* for the name and all its addresses */
#define INTERNAL_ERROR 2    /* RFC 9113, 7 */
#define BODY_MAX       (AUTHORITY_TEXT_MAX + 128)

struct dial {
    struct ev_loop *loop;
    const char *who;
    struct mux_stream *stream;
    struct authority target;
    struct lookup *lookup; /* NULL when it has ended */
    struct lookup_list addresses;
    size_t next; /* the address to be tried when this one fails */
    int fd;      /* -1: none */
    int failure; /* errno of the last attempt */
    ev_io connected;
    ev_timer attempt, deadline;
};

/* What an answer says: its status, and its error of RFC 9209, 2.3 for the other side's program. */
struct refusal {
    const char *status, *error, *text;
};

static const struct refusal not_allowed = {"403", "http_request_denied", "is not allowed here"};
static const struct refusal no_target = {"400", "http_request_error", "is no HOST:PORT"};
static const struct refusal no_name = {"502", "dns_error", "has no address"};
static const struct refusal internal = {"502", "proxy_internal_error", "cannot be tried: out of resources"};
static const struct refusal refused = {"502", "connection_refused", "refused the connection"};
static const struct refusal unreachable = {"502", "destination_ip_unroutable", "cannot be reached"};
static const struct refusal late = {"504", "connection_timeout", "did not answer in time"};

static const struct refusal *refusal_of(int failure)
{
    switch (failure) {
    case ECONNREFUSED:
        return &refused;
    case ETIMEDOUT:
        return &late;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return &internal;
    default:
        return &unreachable;
    }
}

static void refuse(struct mux_stream *s, const char *who, const char *target, const struct refusal *r)
{
    char state[64], body[BODY_MAX];
    snprintf(state, sizeof state, "hx; error=%s", r->error);
    int len = snprintf(body, sizeof body, "%s %s\n", target, r->text);
    const struct mux_field fields[] = {
        {":status", r->status}, {"proxy-status", state}, {"content-type", "text/plain"}};
    const struct mux_message response = {.fields = fields, .count = sizeof fields / sizeof *fields};
    say_often(SAY_REFUSED, "refused a connection: %s %s (%s)", target, r->text, who);
    if (mux_respond(s, &response) != HX_OK) {
        mux_stream_reset(s, INTERNAL_ERROR);
        return;
    }
    (void)mux_stream_write(s, body, (size_t)len); /* the status has said it; the text is for people */
    mux_stream_leave(s);
}

static void dial_free(struct dial *d)
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

static void fail(struct dial *d, const struct refusal *r)
{
    char target[AUTHORITY_TEXT_MAX];
    struct mux_stream *s = d->stream;
    const char *who = d->who;
    authority_format(&d->target, target);
    dial_free(d);
    refuse(s, who, target, r);
}

struct relayed { /* for the log */
    const char *who;
    char target[AUTHORITY_TEXT_MAX];
};

static void on_relayed(void *user, int error, int system)
{
    struct relayed *r = user;
    if (error < 0)
        say_often(SAY_REFUSED, "%s: connection to %s broke: %s", r->who, r->target,
                  system != 0 ? strerror(system) : hx_error_text(error));
    free(r);
}

static void succeed(struct dial *d)
{
    static const struct mux_field fields[] = {{":status", "200"}};
    static const struct mux_message response = {.fields = fields, .count = 1};
    struct relay_config config = {.in_fd = d->fd, .out_fd = d->fd, .owns_fds = true, .done = on_relayed};
    struct relay *relay;
    struct ev_loop *loop = d->loop;
    struct mux_stream *s = d->stream;
    struct relayed *r = calloc(1, sizeof *r);
    if (r) {
        r->who = d->who;
        authority_format(&d->target, r->target);
    }
    d->fd = -1;
    dial_free(d);
    config.user = r;
    if (r && mux_respond(s, &response) == HX_OK && relay_start(&relay, loop, s, &config) == HX_OK)
        return;
    free(r);
    close(config.in_fd);
    mux_stream_reset(s, INTERNAL_ERROR);
}

/* Begins to connect to one address. 0 or errno; EINPROGRESS. */
static int begin(struct dial *d, const struct sockaddr *sa, socklen_t len)
{
    int on = 1;
    d->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0)
        return errno;
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
    }
    fail(d, refusal_of(d->failure));
}

static void on_connected(struct ev_loop *loop, ev_io *w, int events)
{
    struct dial *d = w->data;
    int rc = 0;
    socklen_t len = sizeof rc;
    (void)loop;
    (void)events;
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
        fail(d, error == HX_ERESOLVE ? &no_name : &internal);
        return;
    }
    d->addresses = *list;
    try_next(d);
}

static void on_stream_closed(void *user, int error, uint32_t code)
{
    (void)error;
    (void)code;
    dial_free(user);
}

/* An address needs no resolver, and no thread. */
static bool is_address(struct dial *d)
{
    char text[AUTHORITY_TEXT_MAX];
    struct endpoint e;
    size_t len = authority_format(&d->target, text);
    if (d->target.kind == AUTHORITY_NAME || endpoint_parse(&e, text, len) != HX_OK)
        return false;
    d->addresses.count = 1;
    d->addresses.address[0].len = endpoint_to_sockaddr(&e, &d->addresses.address[0].sa);
    return true;
}

static void start(struct dial *d)
{
    static const struct mux_stream_events events = {.closed = on_stream_closed};
    mux_stream_own(d->stream, &events, d);
    ev_timer_start(d->loop, &d->deadline);
    if (is_address(d))
        try_next(d);
    else if (lookup_start(&d->lookup, d->loop, d->target.host, d->target.port, on_lookup, d) != HX_OK)
        fail(d, &internal);
}

void dial_request(struct ev_loop *loop, const struct allow *a, const char *who, struct mux_stream *s,
                  const struct mux_message *request)
{
    const char *authority = mux_field(request, ":authority");
    struct authority target;
    char text[AUTHORITY_TEXT_MAX];
    if (!authority || authority_parse(&target, authority) != HX_OK) {
        refuse(s, who, "what it asks for", &no_target);
        return;
    }
    authority_format(&target, text);
    if (!allow_permits(a, text)) {
        refuse(s, who, text, &not_allowed);
        return;
    }
    struct dial *d = calloc(1, sizeof *d);
    if (!d) {
        refuse(s, who, text, &internal);
        return;
    }
    *d = (struct dial){
        .loop = loop, .who = who, .stream = s, .target = target, .fd = -1, .failure = EHOSTUNREACH};
    ev_init(&d->connected, on_connected);
    ev_init(&d->attempt, on_attempt);
    ev_timer_init(&d->deadline, on_deadline, DIAL_S, 0.);
    d->connected.data = d->attempt.data = d->deadline.data = d;
    start(d);
}
