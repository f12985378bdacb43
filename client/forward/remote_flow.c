/* One flow of a UDP port that the other side has: its target is looked up and connected from here. */
#include "base/container_of.h"
#include "client/forward/flow_socket.h"
#include "client/forward/remote_conn.h"
#include "client/forward/say.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct remote_flow {
    LIST_ENTRY(remote_flow) entry;
    struct flow_socket socket; /* once the target was found */
    struct remote *remote;
    uint32_t number;
    struct lookup *lookup;     /* NULL when it has ended */
    struct mux_stream *stream; /* of the request, then the flow's; NULL: none */
};

static void flow_free(struct remote_flow *f)
{
    if (f->lookup)
        lookup_cancel(f->lookup);
    flow_socket_stop(&f->socket);
    LIST_REMOVE(f, entry);
    f->remote->flow_count--;
    free(f);
}

static void end(struct remote_flow *f)
{
    struct mux_stream *s = f->stream;
    flow_free(f);
    if (s)
        mux_stream_leave(s);
}

static void on_silent(struct flow_socket *s)
{
    end(container_of(s, struct remote_flow, socket));
}

/* The other side knows of no such flow any more. */
static void on_headers(void *user, const struct mux_message *response)
{
    struct remote_flow *f = user;
    const char *status = mux_field(response, ":status");
    if (!status || strcmp(status, "200") != 0)
        end(f);
}

static void on_readable(void *user)
{
    struct remote_flow *f = user;
    if (mux_stream_skip_all(f->stream))
        end(f);
}

static void on_closed(void *user, int error, uint32_t code)
{
    (void)error;
    (void)code;
    flow_free(user);
}

static void refuse(struct remote_flow *f, const struct dial_failure *why)
{
    say_often(SAY_REFUSED, "no UDP to %s: it %s", f->socket.name, why->text);
    remote_give_up(f->remote, "flow", f->number, why);
    flow_free(f);
}

/* The flow is ours before the other side hears of it: what it sends at once is not lost. */
static void on_found(void *user, int error, const struct lookup_list *list)
{
    static const struct mux_stream_events events = {
        .headers = on_headers, .readable = on_readable, .closed = on_closed};
    struct remote_flow *f = user;
    struct remote *r = f->remote;
    char address[ENDPOINT_TEXT_MAX];
    int fd = error == HX_OK ? flow_socket_connect(list, address) : -1;
    f->lookup = NULL;
    if (fd < 0) {
        refuse(f, dial_failure_of(error, errno));
    } else if (!r->link || flow_socket_start(&f->socket, link_stream(r->link), f->number, fd) < 0) {
        close(fd);
        refuse(f, &dial_internal);
    } else if (!remote_request(r, &f->stream, "flow", f->number, address, &events, f)) {
        flow_free(f); /* a link without room for a request: the other side gives it up in time */
    }
}

void remote_flow_start(struct remote *r, uint32_t number, const struct authority *target)
{
    struct remote_flow *f = calloc(1, sizeof *f);
    if (!f)
        return;
    *f = (struct remote_flow){.remote = r, .number = number};
    f->socket = (struct flow_socket){.flows = r->config.flows, .fd = -1, .silent = on_silent};
    authority_format(target, f->socket.name);
    LIST_INSERT_HEAD(&r->flows, f, entry);
    r->flow_count++;
    if (r->flow_count > FLOWS_MAX ||
        lookup_start(&f->lookup, r->config.loop, target->host, target->port, on_found, f) < 0) {
        f->lookup = NULL;
        refuse(f, &dial_internal);
        return;
    }
    say_often(SAY_REQUEST, "'%s' sends UDP to %s", r->config.name, f->socket.name);
}

void remote_flow_abort_all(struct remote *r)
{
    for (struct remote_flow *f = LIST_FIRST(&r->flows), *next; f; f = next) {
        struct mux_stream *s = f->stream;
        next = LIST_NEXT(f, entry);
        flow_free(f);
        if (s)
            mux_stream_reset(s, MUX_CANCEL);
    }
}
