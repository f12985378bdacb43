#include "client/forward/udp_target.h"
#include "base/container_of.h"
#include "client/forward/lookup.h"
#include "client/forward/say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TURN 64 /* datagrams of one socket in one turn of the loop */

struct target {
    struct flow flow; /* once it is answered */
    struct udp_targets *all;
    struct mux_stream *stream;
    struct lookup *lookup; /* NULL when it has ended */
    int fd;                /* -1: not yet */
    ev_io readable;
    ev_timer silence; /* anew with whatever passes, either way */
    bool told_size;
    char name[AUTHORITY_TEXT_MAX];
};

static void refuse(const struct udp_targets *all, struct mux_stream *s, const char *name, const char *status,
                   const char *error, const char *text)
{
    char state[64];
    snprintf(state, sizeof state, "hx; error=%s", error);
    const struct mux_field fields[] = {{":status", status}, {"proxy-status", state}};
    const struct mux_message response = {.fields = fields, .count = 2, .ended = true};
    say_often(SAY_REFUSED, "refused a UDP flow: %s %s (%s)", name, text, all->who);
    mux_answer(s, &response);
}

static void target_free(struct target *t)
{
    struct ev_loop *loop = t->all->flows.loop;
    if (t->lookup)
        lookup_cancel(t->lookup);
    if (t->fd >= 0) {
        ev_io_stop(loop, &t->readable);
        ev_timer_stop(loop, &t->silence);
        flows_leave(&t->all->flows, &t->flow);
        close(t->fd);
    }
    t->all->count--;
    free(t);
}

static void on_closed(void *user, int error, uint32_t code)
{
    (void)error;
    (void)code;
    target_free(user);
}

static void end(struct target *t)
{
    struct mux_stream *s = t->stream;
    target_free(t);
    mux_stream_leave(s);
}

/* The peer says nothing there; its end ends the flow. */
static void on_stream_readable(void *user)
{
    struct target *t = user;
    if (mux_stream_skip_all(t->stream) && t->fd >= 0)
        end(t);
}

static void on_silence(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    end(w->data);
}

/* What the socket does not take is lost, and so is what an ICMP refusal (RFC 1122, 4.1.3.3) is about. */
static void on_come(struct flow *f, const void *bytes, size_t len)
{
    struct target *t = container_of(f, struct target, flow);
    ev_timer_again(t->all->flows.loop, &t->silence);
    if (send(t->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) /* a refusal of one before it: once more */
        (void)send(t->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_answer(struct ev_loop *loop, ev_io *w, int revents)
{
    struct target *t = w->data;
    uint8_t bytes[HX_DATAGRAM_MAX + 1];
    (void)revents;
    for (int i = 0; i < TURN; i++) {
        ssize_t len = recv(t->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);
        if (len < 0)
            return;
        ev_timer_again(loop, &t->silence);
        if (flows_send(&t->all->flows, &t->flow, bytes, (size_t)len) != HX_ETOOBIG || t->told_size)
            continue;
        t->told_size = true;
        say_often(SAY_REFUSED, "udp:%s: %zd bytes were dropped: up to %d fit (%s)", t->name, len,
                  HX_DATAGRAM_MAX, t->all->who);
    }
}

/* The first of its addresses to which there is a route. */
static int connect_any(const struct lookup_list *list)
{
    int bytes = FLOWS_BUFFER;
    for (size_t i = 0; i < list->count; i++) {
        const struct sockaddr *sa = (const struct sockaddr *)&list->address[i].sa;
        int fd = socket(sa->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, sa, list->address[i].len) == 0) {
            (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

static void begin(struct target *t, int fd)
{
    struct ev_loop *loop = t->all->flows.loop;
    t->fd = fd;
    ev_io_init(&t->readable, on_answer, fd, EV_READ);
    t->readable.data = t;
    ev_io_start(loop, &t->readable);
    ev_timer_init(&t->silence, on_silence, 0., t->all->timeout_s);
    t->silence.data = t;
    ev_timer_again(loop, &t->silence);
}

static void answer(struct target *t, int fd)
{
    char number[16];
    const struct mux_field fields[] = {{":status", "200"}, {"flow", number}};
    const struct mux_message response = {.fields = fields, .count = 2};
    t->flow = (struct flow){.number = flows_number(&t->all->flows), .come = on_come};
    snprintf(number, sizeof number, "%u", t->flow.number);
    if (flows_join(&t->all->flows, t->all->stream, &t->flow) < 0) {
        struct mux_stream *s = t->stream;
        close(fd);
        refuse(t->all, s, t->name, "502", "proxy_internal_error", "cannot be tried: out of resources");
        target_free(t);
        return;
    }
    begin(t, fd);
    if (mux_respond(t->stream, &response) == HX_OK) {
        on_stream_readable(t); /* it may have ended meanwhile */
        return;
    }
    struct mux_stream *s = t->stream;
    target_free(t);
    mux_stream_reset(s, MUX_INTERNAL_ERROR);
}

static void on_found(void *user, int error, const struct lookup_list *list)
{
    struct target *t = user;
    int fd = error == HX_OK ? connect_any(list) : -1;
    t->lookup = NULL;
    if (fd >= 0) {
        answer(t, fd);
        return;
    }
    if (error == HX_ERESOLVE)
        refuse(t->all, t->stream, t->name, "502", "dns_error", "has no address");
    else
        refuse(t->all, t->stream, t->name, "502", "destination_ip_unroutable", "cannot be reached");
    target_free(t);
}

static void open_target(struct udp_targets *all, struct mux_stream *s, const struct authority *target,
                        const char *name)
{
    static const struct mux_stream_events events = {.readable = on_stream_readable, .closed = on_closed};
    struct target *t = all->count < FLOWS_MAX ? calloc(1, sizeof *t) : NULL;
    if (!t || lookup_start(&t->lookup, all->flows.loop, target->host, target->port, on_found, t) < 0) {
        free(t);
        refuse(all, s, name, all->count < FLOWS_MAX ? "502" : "429", "proxy_internal_error",
               "cannot be tried: too many, or out of resources");
        return;
    }
    t->all = all;
    t->stream = s;
    t->fd = -1;
    memcpy(t->name, name, sizeof t->name);
    all->count++;
    say_often(SAY_REQUEST, "%s: UDP to %s", all->who, name);
    mux_stream_own(s, &events, t);
}

bool udp_target_request(struct udp_targets *all, struct mux_stream *s, const struct mux_message *request)
{
    const char *path = mux_field(request, ":path"), *method = mux_field(request, ":method");
    const char *wire = mux_field(request, "target");
    char name[AUTHORITY_TEXT_MAX];
    struct authority target;
    if (!path || !method || strcmp(path, "/udp") != 0 || strcmp(method, "POST") != 0)
        return false;
    if (!wire || authority_from_wire(&target, wire) != HX_OK || target.kind == AUTHORITY_UNIX) {
        refuse(all, s, "what it asks for", "400", "http_request_error", "is no HOST:PORT");
        return true;
    }
    authority_format(&target, name);
    if (!allow_permits_udp(all->allow, &target))
        refuse(all, s, name, "403", "http_request_denied", "is not allowed here");
    else
        open_target(all, s, &target, name);
    return true;
}
