#include "client/forward/flow_client.h"
#include "base/container_of.h"
#include "client/forward/say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void forget_first(struct flow_client *c)
{
    for (int i = 0; i < c->first_count; i++) {
        c->owner->flows->first_bytes -= c->first[i].len;
        free(c->first[i].bytes);
    }
    c->first_count = 0;
}

static void keep_first(struct flow_client *c, const uint8_t *bytes, size_t len)
{
    struct flow_client_first *f = &c->first[c->first_count];
    bool room =
        c->first_count < FLOW_CLIENT_FIRST && c->owner->flows->first_bytes + len <= FLOW_CLIENT_FIRST_BYTES;
    uint8_t *copy = room ? malloc(len + 1) : NULL;
    if (!copy) {
        flows_drop(c->owner->flows, DROP_WAITING);
        return;
    }
    memcpy(copy, bytes, len);
    *f = (struct flow_client_first){.len = len, .bytes = copy};
    c->owner->flows->first_bytes += len;
    c->first_count++;
}

static void withdraw(struct flow_client *c)
{
    if (c->announced)
        LIST_REMOVE(&c->flow, entry);
    c->announced = false;
}

/* All but the stream. */
static void release(struct flow_client *c)
{
    struct flows *flows = c->owner->flows;
    ev_timer_stop(flows->loop, &c->silence);
    if (c->joined)
        flows_leave(flows, &c->flow);
    c->joined = false;
    withdraw(c);
    forget_first(c);
    flows->asked--;
}

static void end(struct flow_client *c)
{
    struct mux_stream *s = c->stream;
    release(c);
    c->ended(c);
    if (s)
        mux_stream_leave(s);
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct flow_client *c = user;
    (void)error;
    (void)code;
    c->stream = NULL;
    end(c);
}

static void on_readable(void *user)
{
    struct flow_client *c = user;
    if (mux_stream_skip_all(c->stream))
        end(c);
}

static void on_silence(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    end(w->data);
}

static const char *reason(const char *status, const char *error)
{
    if (strcmp(status, "403") == 0)
        return "the peer does not allow it (hx bind --allow udp:HOST:PORT)";
    if (strcmp(status, "404") == 0)
        return "the peer forwards no UDP: it may be older";
    if (strcmp(status, "429") == 0)
        return "too many flows";
    if (error && strstr(error, "error=dns_error"))
        return "the peer finds no such host";
    return strcmp(status, "502") == 0 ? "the peer cannot reach it" : "the peer has refused it";
}

/* It stays for a moment, so that who goes on sending does not ask for it again each time. */
static void refuse(struct flow_client *c, const char *status, const char *error)
{
    char name[AUTHORITY_TEXT_MAX];
    struct mux_stream *s = c->stream;
    struct flows *flows = c->owner->flows;
    authority_format(&c->target, name);
    say_error_often(SAY_REFUSED, "no UDP to %s: %s", name, reason(status, error));
    withdraw(c);
    c->refused = true;
    for (int i = 0; i < c->first_count; i++)
        flows_drop(flows, DROP_REFUSED);
    forget_first(c);
    c->silence.repeat = FLOW_CLIENT_REFUSED_S;
    ev_timer_again(flows->loop, &c->silence);
    c->stream = NULL;
    if (s)
        mux_stream_leave(s);
}

static struct hx_stream *stream_of(const struct flow_owner *o)
{
    return o->link ? link_stream(*o->link) : o->stream;
}

/* False: the link has no datagrams, or the number is another one's. */
static bool join(struct flow_client *c, const char *address)
{
    if (flows_join(c->owner->flows, stream_of(c->owner), &c->flow) < 0)
        return false;
    c->joined = true;
    snprintf(c->address, sizeof c->address, "%s", address ? address : "");
    for (int i = 0; i < c->first_count; i++)
        (void)flows_send(c->owner->flows, &c->flow, c->first[i].bytes, c->first[i].len);
    forget_first(c);
    c->silence.repeat = c->owner->flows->timeout_s;
    ev_timer_again(c->owner->flows->loop, &c->silence);
    return true;
}

static void on_headers(void *user, const struct mux_message *response)
{
    struct flow_client *c = user;
    const char *status = mux_field(response, ":status"), *number = mux_field(response, "flow");
    char *rest;
    if (!status || strcmp(status, "200") != 0) {
        refuse(c, status ? status : "-", mux_field(response, "proxy-status"));
        return;
    }
    c->flow.number = number ? (uint32_t)strtoul(number, &rest, 10) : 0;
    if (!number || rest == number || *rest != '\0' || !join(c, mux_field(response, "address")))
        refuse(c, "502", NULL);
}

static bool request(struct flow_client *c)
{
    static const struct mux_stream_events events = {
        .headers = on_headers, .readable = on_readable, .closed = on_closed};
    char wire[AUTHORITY_WIRE_MAX];
    authority_to_wire(&c->target, wire);
    const struct mux_field fields[] = {
        {":method", "POST"}, {":scheme", "hx"}, {":authority", "hx"}, {":path", "/udp"}, {"target", wire}};
    const struct mux_message m = {.fields = fields, .count = sizeof fields / sizeof *fields};
    struct link *l = *c->owner->link;
    return l && mux_request(link_mux(l), &c->stream, &m, &events, c) == HX_OK;
}

static bool announce(struct flow_client *c)
{
    struct flow_owner *o = c->owner;
    c->flow.number = flows_number(o->flows);
    if (!o->announce(o->announcer, c->flow.number, &c->target))
        return false;
    LIST_INSERT_HEAD(&o->flows->announced, &c->flow, entry);
    c->announced = true;
    return true;
}

bool flow_client_start(struct flow_client *c)
{
    struct flows *flows = c->owner->flows;
    if (flows->asked >= FLOWS_MAX) {
        flows_drop(flows, DROP_LIMIT);
        return false;
    }
    if (!(c->owner->link ? request(c) : announce(c))) {
        flows_drop(flows, DROP_WAITING);
        return false;
    }
    ev_timer_init(&c->silence, on_silence, 0.,
                  flows->timeout_s < FLOW_CLIENT_ANSWER_S ? flows->timeout_s : FLOW_CLIENT_ANSWER_S);
    c->silence.data = c;
    ev_timer_again(flows->loop, &c->silence);
    flows->asked++;
    return true;
}

void flow_client_stop(struct flow_client *c)
{
    struct mux_stream *s = c->stream;
    release(c);
    if (s)
        mux_stream_reset(s, MUX_CANCEL);
}

static void drop_long(struct flow_client *c, size_t len)
{
    char name[AUTHORITY_TEXT_MAX];
    flows_drop(c->owner->flows, DROP_TOO_LONG);
    if (c->told_size)
        return;
    c->told_size = true;
    authority_format(&c->target, name);
    flows_say_too_long(c->owner->flows, name, len);
}

void flow_client_send(struct flow_client *c, const uint8_t *bytes, size_t len)
{
    struct flows *flows = c->owner->flows;
    if (c->refused) {
        flows_drop(flows, DROP_REFUSED);
        return;
    }
    if (c->joined)
        ev_timer_again(flows->loop, &c->silence);
    if (len > HX_DATAGRAM_MAX)
        drop_long(c, len);
    else if (c->joined)
        (void)flows_send(flows, &c->flow, bytes, len);
    else
        keep_first(c, bytes, len);
}

void flow_client_heard(struct flow_client *c)
{
    ev_timer_again(c->owner->flows->loop, &c->silence);
}

static struct flow_client *find_announced(const struct flows *all, uint32_t number)
{
    struct flow *f = flows_find(&all->announced, number);
    return f ? container_of(f, struct flow_client, flow) : NULL;
}

void flow_client_taken(struct flows *all, uint32_t number, struct mux_stream *s,
                       const struct mux_message *request)
{
    static const struct mux_stream_events events = {.readable = on_readable, .closed = on_closed};
    static const struct mux_field fields[] = {{":status", "200"}};
    static const struct mux_message response = {.fields = fields, .count = 1};
    struct flow_client *c = find_announced(all, number);
    if (!c) {
        mux_refuse(s, "404");
        return;
    }
    withdraw(c);
    if (!join(c, mux_field(request, "address"))) {
        mux_refuse(s, "502");
        refuse(c, "502", NULL);
        return;
    }
    if (mux_respond(s, &response) < 0) {
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
        end(c);
        return;
    }
    c->stream = s;
    mux_stream_own(s, &events, c);
    on_readable(c); /* it may have ended meanwhile */
}

bool flow_client_refused(struct flows *all, uint32_t number, const char *status, const char *error)
{
    struct flow_client *c = find_announced(all, number);
    if (c)
        refuse(c, status ? status : "502", error);
    return c != NULL;
}
