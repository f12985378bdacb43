#include "client/forward/udp_target.h"
#include "base/container_of.h"
#include "client/forward/dial.h"
#include "client/forward/flow_socket.h"
#include "client/forward/say.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct target {
    struct flow_socket socket; /* once it is answered */
    struct udp_targets *all;
    struct mux_stream *stream;
    struct lookup *lookup; /* NULL when it has ended */
};

static const struct dial_failure no_target = {"400", "http_request_error", "is no HOST:PORT"};
static const struct dial_failure not_allowed = {"403", "http_request_denied", "is not allowed here"};
static const struct dial_failure too_many = {"429", "proxy_internal_error", "cannot be tried: too many"};

static void refuse(const struct udp_targets *all, struct mux_stream *s, const char *name,
                   const struct dial_failure *why)
{
    char state[64];
    snprintf(state, sizeof state, "hx; error=%s", why->error);
    const struct mux_field fields[] = {{":status", why->status}, {"proxy-status", state}};
    const struct mux_message response = {.fields = fields, .count = 2, .ended = true};
    say_often(SAY_REFUSED, "refused a UDP flow: %s %s (%s)", name, why->text, all->flows.who);
    mux_answer(s, &response);
}

static void target_free(struct target *t)
{
    if (t->lookup)
        lookup_cancel(t->lookup);
    flow_socket_stop(&t->socket);
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
    if (mux_stream_skip_all(t->stream) && t->socket.fd >= 0)
        end(t);
}

static void on_silent(struct flow_socket *s)
{
    end(container_of(s, struct target, socket));
}

static void answer(struct target *t, int fd, const char *address)
{
    char number[16];
    const struct mux_field fields[] = {{":status", "200"}, {"flow", number}, {"address", address}};
    const struct mux_message response = {.fields = fields, .count = 3};
    struct mux_stream *s = t->stream;
    uint32_t flow = flows_number(&t->all->flows);
    snprintf(number, sizeof number, "%u", flow);
    if (flow_socket_start(&t->socket, t->all->stream, flow, fd) < 0) {
        close(fd);
        refuse(t->all, s, t->socket.name, &dial_internal);
        target_free(t);
    } else if (mux_respond(s, &response) == HX_OK) {
        on_stream_readable(t); /* it may have ended meanwhile */
    } else {
        target_free(t);
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
    }
}

static void on_found(void *user, int error, const struct lookup_list *list)
{
    struct target *t = user;
    char address[ENDPOINT_TEXT_MAX];
    int fd = error == HX_OK ? flow_socket_connect(list, address) : -1;
    t->lookup = NULL;
    if (fd >= 0) {
        answer(t, fd, address);
        return;
    }
    refuse(t->all, t->stream, t->socket.name, dial_failure_of(error, errno));
    target_free(t);
}

static void open_target(struct udp_targets *all, struct mux_stream *s, const struct authority *target,
                        const char *name)
{
    static const struct mux_stream_events events = {.readable = on_stream_readable, .closed = on_closed};
    struct target *t = all->count < FLOWS_MAX ? calloc(1, sizeof *t) : NULL;
    if (!t || lookup_start(&t->lookup, all->flows.loop, target->host, target->port, on_found, t) < 0) {
        free(t);
        refuse(all, s, name, all->count < FLOWS_MAX ? &dial_internal : &too_many);
        return;
    }
    t->all = all;
    t->stream = s;
    t->socket = (struct flow_socket){.flows = &all->flows, .fd = -1, .silent = on_silent};
    memcpy(t->socket.name, name, sizeof t->socket.name);
    all->count++;
    say_often(SAY_REQUEST, "%s: UDP to %s", all->flows.who, name);
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
        refuse(all, s, "what it asks for", &no_target);
        return true;
    }
    authority_format(&target, name);
    if (!allow_permits_udp(all->allow, &target))
        refuse(all, s, name, &not_allowed);
    else
        open_target(all, s, &target, name);
    return true;
}
