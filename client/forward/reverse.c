#include "client/forward/reverse.h"
#include "base/percent.h"
#include "client/forward/say.h"
#include "client/forward/udp_forward.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reverse_listener {
    LIST_ENTRY(reverse_listener) entry;
    struct reverse *all;
    struct forward *forward; /* or, of datagrams: */
    struct udp_forward *udp;
    struct mux_stream *stream; /* which the peer is told over */
    bool socks;                /* each connection has its own target */
};

static void answer(struct mux_stream *s, const char *status, const char *name, const char *text)
{
    char encoded[REVERSE_ENCODED_MAX];
    if (name && percent_encode(encoded, sizeof encoded, text, "") < 0)
        name = NULL;
    const struct mux_field fields[] = {{":status", status}, {name, encoded}};
    const struct mux_message response = {.fields = fields, .count = name ? 2 : 1, .ended = true};
    mux_answer(s, &response);
}

static void listener_free(struct reverse_listener *l)
{
    LIST_REMOVE(l, entry);
    l->all->count--;
    forward_destroy(l->forward);
    udp_forward_destroy(l->udp);
    free(l);
}

/* The peer has enough of it, or is gone. */
static void on_closed(void *user, int error, uint32_t code)
{
    (void)error;
    (void)code;
    listener_free(user);
}

static void on_readable(void *user)
{
    struct reverse_listener *l = user;
    struct mux_stream *s = l->stream;
    if (!mux_stream_skip_all(s))
        return;
    listener_free(l);
    mux_stream_leave(s);
}

/* Tells the peer of a connection, or of a flow: `kind` stands before its number. */
static bool tell(struct reverse_listener *l, const char *kind, uint32_t number,
                 const struct authority *target)
{
    char line[REVERSE_LINE_MAX], wire[AUTHORITY_WIRE_MAX] = "";
    if (mux_stream_unsent(l->stream) + sizeof line > MUX_UNSENT_MAX)
        return false;
    if (l->socks)
        authority_to_wire(target, wire);
    int len = snprintf(line, sizeof line, "%s%u%s%s\n", kind, number, l->socks ? " " : "", wire);
    return mux_stream_write(l->stream, line, (size_t)len) == len;
}

static uint32_t announce(void *user, const struct authority *target)
{
    struct reverse_listener *l = user;
    uint32_t number = l->all->last + 1;
    number += number == 0;
    if (!tell(l, "", number, target))
        return 0;
    return l->all->last = number;
}

static bool announce_flow(void *user, uint32_t number, const struct authority *target)
{
    return tell(user, AUTHORITY_UDP, number, target);
}

/* HX_OK; else the stream is answered. What is wrong with the request is the peer's fault. */
static int read_request(struct forward_spec *spec, struct mux_stream *s, const struct mux_message *request)
{
    char text[FORWARD_LISTEN_MAX * 3], error[FORWARD_ERROR_MAX];
    const char *listen = mux_field(request, "listen");
    const char *target = mux_field(request, "target");
    struct authority to = {.kind = AUTHORITY_NAME};
    bool udp = listen && authority_skip_udp(&listen);
    if (listen && strlen(listen) < sizeof text && percent_decode(text, listen, strlen(listen)) >= 0 &&
        forward_spec_parse(spec, FORWARD_SOCKS, text, error) == HX_OK &&
        (!*spec->path || *spec->path == '/') && (!target || authority_from_wire(&to, target) == HX_OK) &&
        !(udp && (!target || *spec->path || to.kind == AUTHORITY_UNIX))) {
        spec->udp = udp;
        spec->kind = target ? FORWARD_REMOTE : FORWARD_REMOTE_SOCKS;
        spec->target = to;
        return HX_OK;
    }
    answer(s, "400", "reason", "that is no place to listen at");
    return HX_EPROTO;
}

static void begin(struct reverse_listener *l, const char *target)
{
    static const struct mux_stream_events events = {.readable = on_readable, .closed = on_closed};
    char places[FORWARD_PLACES_MAX], encoded[REVERSE_ENCODED_MAX] = "";
    if (l->udp)
        udp_forward_places(l->udp, places);
    else
        forward_places(l->forward, places);
    (void)percent_encode(encoded, sizeof encoded, places, "");
    const struct mux_field fields[] = {{":status", "200"}, {"listening", encoded}};
    const struct mux_message response = {.fields = fields, .count = 2};
    struct mux_stream *s = l->stream;
    if (mux_respond(s, &response) < 0) {
        listener_free(l);
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
        return;
    }
    say_often(SAY_REQUEST, "%s: listening on %s for %s", l->all->who, places, target);
    if (l->udp)
        udp_forward_set_announce(l->udp, announce_flow, l, l->all->link_stream);
    else
        forward_set_announce(l->forward, announce, l);
    if (l->socks)
        forward_announce_flows(l->forward, l->all->flows, announce_flow, l->all->link_stream);
    mux_stream_own(s, &events, l);
}

static void refuse(struct reverse *r, struct mux_stream *s, const char *status, const char *place,
                   const char *reason)
{
    say_often(SAY_REFUSED, "refused to listen on %s: %s (%s)", place, reason, r->who);
    answer(s, status, "reason", reason);
}

static void listen_for(struct reverse *r, struct mux_stream *s, const struct mux_message *request)
{
    struct forward_spec spec;
    char listen[FORWARD_LISTEN_MAX], place[FORWARD_LISTEN_MAX + sizeof AUTHORITY_UDP],
        error[FORWARD_ERROR_MAX], target[AUTHORITY_TEXT_MAX] = "SOCKS5";
    if (read_request(&spec, s, request) != HX_OK)
        return;
    forward_spec_listen(&spec, listen);
    snprintf(place, sizeof place, "%s%s", spec.udp ? AUTHORITY_UDP : "", listen);
    if (!permit_allows(r->permit, &spec)) {
        refuse(r, s, "403", place, "it is not permitted (--allow-listen)");
        return;
    }
    if (r->count == REVERSE_MAX) {
        refuse(r, s, "429", place, "the peer has too many listeners");
        return;
    }
    struct reverse_listener *l = calloc(1, sizeof *l);
    int err = !l         ? HX_ENOMEM
              : spec.udp ? udp_forward_listen(&l->udp, r->flows, &spec, error)
                         : forward_listen(&l->forward, r->loop, &spec, error);
    if (err != HX_OK) {
        refuse(r, s, "409", place, l ? error : "out of memory");
        free(l);
        return;
    }
    l->all = r;
    l->stream = s;
    l->socks = spec.kind == FORWARD_REMOTE_SOCKS;
    LIST_INSERT_HEAD(&r->listeners, l, entry);
    r->count++;
    if (!l->socks)
        authority_format(&spec.target, target);
    begin(l, target);
}

static void take(struct reverse *r, struct mux_stream *s, uint32_t number)
{
    struct reverse_listener *l;
    LIST_FOREACH(l, &r->listeners, entry)
    {
        if (l->forward && forward_take(l->forward, number, s))
            return;
    }
    answer(s, "404", NULL, NULL);
}

static void give_up(struct reverse *r, struct mux_stream *s, uint32_t number,
                    const struct mux_message *request)
{
    const char *outcome = mux_field(request, "outcome");
    struct reverse_listener *l;
    bool found = false;
    LIST_FOREACH(l, &r->listeners, entry)
    {
        found = l->forward && forward_refuse(l->forward, number, outcome, mux_field(request, "proxy-status"));
        if (found)
            break;
    }
    answer(s, found ? "204" : "404", NULL, NULL);
}

/* "PREFIX" and a number. */
static bool is_numbered(const char *path, const char *prefix, uint32_t *number)
{
    size_t len = strlen(prefix);
    char *end;
    if (strncmp(path, prefix, len) != 0 || path[len] < '0' || path[len] > '9')
        return false;
    unsigned long value = strtoul(path + len, &end, 10);
    *number = (uint32_t)value;
    return *end == '\0' && value <= UINT32_MAX;
}

static void give_up_flow(struct reverse *r, struct mux_stream *s, uint32_t number,
                         const struct mux_message *request)
{
    bool found = flow_client_refused(r->flows, number, mux_field(request, "outcome"),
                                     mux_field(request, "proxy-status"));
    answer(s, found ? "204" : "404", NULL, NULL);
}

bool reverse_request(struct reverse *r, struct mux_stream *s, const struct mux_message *request)
{
    const char *method = mux_field(request, ":method");
    const char *path = mux_field(request, ":path");
    uint32_t number;
    if (!method || !path)
        return false;
    bool is_post = strcmp(method, "POST") == 0, is_delete = strcmp(method, "DELETE") == 0;
    if (is_post && strcmp(path, "/listen") == 0)
        listen_for(r, s, request);
    else if (is_post && is_numbered(path, "/accept/", &number))
        take(r, s, number);
    else if (is_delete && is_numbered(path, "/accept/", &number))
        give_up(r, s, number, request);
    else if (is_post && is_numbered(path, "/flow/", &number))
        flow_client_taken(r->flows, number, s, request);
    else if (is_delete && is_numbered(path, "/flow/", &number))
        give_up_flow(r, s, number, request);
    else
        return false;
    return true;
}
