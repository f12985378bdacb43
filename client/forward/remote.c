#include "client/forward/remote.h"
#include "base/clock.h"
#include "base/percent.h"
#include "client/forward/forward.h"
#include "client/forward/remote_conn.h"
#include "client/forward/reverse.h"
#include "client/forward/say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERED_MAX (sizeof "/accept/4294967295") /* bytes of the longest path with a number */

/* Of a field that the other side has percent-encoded. */
static void take_text(const struct mux_message *m, const char *name, char *out, size_t size)
{
    const char *value = mux_field(m, name);
    *out = '\0';
    if (value && strlen(value) < size && percent_decode(out, value, strlen(value)) < 0)
        *out = '\0';
}

static void drop_stream(struct remote *r)
{
    if (r->stream)
        mux_stream_reset(r->stream, MUX_CANCEL);
    r->stream = NULL;
}

static void fail(struct remote *r, const char *why)
{
    say_error("'%s' does not listen on %s: %s", r->config.name, r->place, why);
    ev_timer_stop(r->config.loop, &r->again);
    r->config.failed(r->config.user);
}

/* Not for good. */
static void try_later(struct remote *r, const char *why)
{
    bool late = clock_now_ms() - r->since_ms >= REMOTE_PATIENCE_MS;
    if (late && !r->listened) {
        fail(r, why);
        return;
    }
    if (!r->told)
        say_note("'%s' does not listen on %s yet, trying again: %s", r->config.name, r->place, why);
    r->told = true;
    ev_timer_stop(r->config.loop, &r->again);
    ev_timer_set(&r->again, late ? REMOTE_LATER_S : REMOTE_AGAIN_S, 0.);
    ev_timer_start(r->config.loop, &r->again);
}

static void refused(struct remote *r, const char *status, const char *why)
{
    char text[FORWARD_ERROR_MAX + REMOTE_PLACE_MAX];
    if (strcmp(status, "409") == 0) {
        try_later(r, *why ? why : "the place is taken");
        return;
    }
    snprintf(text, sizeof text, "it has refused it (status %.8s) %.700s", status, why);
    if (strcmp(status, "403") == 0)
        snprintf(text, sizeof text, "start it with `hx bind --allow-listen %s%s%s`", r->quote, r->permit,
                 r->quote);
    else if (strcmp(status, "404") == 0)
        snprintf(text, sizeof text, "it is older, and knows no -R");
    fail(r, text);
}

static void on_headers(void *user, const struct mux_message *response)
{
    struct remote *r = user;
    const char *status = mux_field(response, ":status");
    char text[REVERSE_ENCODED_MAX], target[AUTHORITY_TEXT_MAX] = "any target here (SOCKS5)";
    if (!status || strcmp(status, "200") != 0) {
        take_text(response, "reason", text, sizeof text);
        mux_stream_leave(r->stream);
        r->stream = NULL;
        refused(r, status ? status : "-", text);
        return;
    }
    take_text(response, "listening", text, sizeof text);
    if (r->spec.kind == FORWARD_REMOTE)
        authority_format(&r->spec.target, target);
    if (r->spec.port == 0 && !*r->spec.path)
        say_always("'%s' listens on %s for %s", r->config.name, text, target);
    else
        say_note_each("'%s' listens on %s for %s", r->config.name, text, target);
    r->listened = true;
    r->told = false;
}

/* "NUMBER" or "NUMBER TARGET", of a flow behind "udp:". False: that is no such line. A target that was given
 * for TCP is not reached over UDP, nor the other way: another program may have that port. */
static bool take_line(struct remote *r, const char *line)
{
    struct authority target = r->spec.target;
    char *end;
    bool flow = authority_skip_udp(&line);
    if (*line < '0' || *line > '9')
        return false;
    unsigned long number = strtoul(line, &end, 10);
    if (number > UINT32_MAX)
        return false;
    if (r->spec.kind == FORWARD_REMOTE_SOCKS) {
        if (*end != ' ' || authority_from_wire(&target, end + 1) != HX_OK)
            return false;
    } else if (*end != '\0') {
        return false;
    }
    bool flows = r->spec.udp || r->spec.kind == FORWARD_REMOTE_SOCKS;
    if (flow && flows && target.kind != AUTHORITY_UNIX)
        remote_flow_start(r, (uint32_t)number, &target);
    else if (!flow && !r->spec.udp)
        remote_conn_start(r, (uint32_t)number, &target);
    else
        return false;
    return true;
}

/* Whole lines; what follows the last one is kept. */
static bool take_lines(struct remote *r)
{
    char *line = r->line, *end;
    while ((end = memchr(line, '\n', r->line_len - (size_t)(line - r->line)))) {
        *end = '\0';
        if (!take_line(r, line))
            return false;
        line = end + 1;
    }
    r->line_len -= (size_t)(line - r->line);
    memmove(r->line, line, r->line_len);
    return r->line_len < sizeof r->line;
}

static void on_readable(void *user)
{
    struct remote *r = user;
    ssize_t got = 0;
    while (r->stream &&
           (got = mux_stream_read(r->stream, r->line + r->line_len, sizeof r->line - r->line_len)) > 0) {
        r->line_len += (size_t)got;
        if (!take_lines(r)) {
            drop_stream(r);
            fail(r, "what it says of connections is not what hx says");
            return;
        }
    }
    if (r->stream && got == HX_EEOF) {
        drop_stream(r);
        try_later(r, "it has ended that");
    }
}

/* With the link, or by the other side alone. */
static void on_closed(void *user, int error, uint32_t code)
{
    struct remote *r = user;
    r->stream = NULL;
    if (error == HX_OK || code != 0)
        try_later(r, "it has ended that");
}

static void ask(struct remote *r)
{
    static const struct mux_stream_events events = {
        .headers = on_headers, .readable = on_readable, .closed = on_closed};
    char place[FORWARD_LISTEN_MAX], encoded[3 * sizeof place], listen[sizeof AUTHORITY_UDP + sizeof encoded],
        target[AUTHORITY_WIRE_MAX];
    forward_spec_listen(&r->spec, place);
    (void)percent_encode(encoded, sizeof encoded, place, "");
    snprintf(listen, sizeof listen, "%s%s", r->spec.udp ? AUTHORITY_UDP : "", encoded);
    authority_to_wire(&r->spec.target, target);
    const struct mux_field fields[] = {
        {":method", "POST"},  {":scheme", "hx"},  {":authority", r->config.name},
        {":path", "/listen"}, {"listen", listen}, {"target", target}};
    const struct mux_message request = {.fields = fields, .count = r->spec.kind == FORWARD_REMOTE ? 6 : 5};
    r->line_len = 0;
    if (mux_request(link_mux(r->link), &r->stream, &request, &events, r) == HX_OK)
        return;
    r->stream = NULL;
    try_later(r, "too many requests are under way");
}

static void on_again(struct ev_loop *loop, ev_timer *w, int events)
{
    struct remote *r = w->data;
    (void)loop;
    (void)events;
    if (r->link && !r->stream)
        ask(r);
}

bool remote_request(const struct remote *r, struct mux_stream **out, const char *kind, uint32_t number,
                    const char *address, const struct mux_stream_events *events, void *user)
{
    char path[NUMBERED_MAX];
    snprintf(path, sizeof path, "/%s/%u", kind, number);
    const struct mux_field fields[] = {{":method", "POST"},
                                       {":scheme", "hx"},
                                       {":authority", r->config.name},
                                       {":path", path},
                                       {"address", address}};
    const struct mux_message m = {.fields = fields, .count = address ? 5 : 4};
    return r->link && mux_request(link_mux(r->link), out, &m, events, user) == HX_OK;
}

void remote_give_up(const struct remote *r, const char *kind, uint32_t number, const struct dial_failure *why)
{
    static const struct mux_stream_events none;
    char path[NUMBERED_MAX], state[64];
    struct mux_stream *s;
    snprintf(path, sizeof path, "/%s/%u", kind, number);
    snprintf(state, sizeof state, "hx; error=%s", why->error);
    const struct mux_field fields[] = {{":method", "DELETE"},          {":scheme", "hx"},
                                       {":authority", r->config.name}, {":path", path},
                                       {"outcome", why->status},       {"proxy-status", state}};
    const struct mux_message m = {.fields = fields, .count = sizeof fields / sizeof *fields, .ended = true};
    if (r->link && mux_request(link_mux(r->link), &s, &m, &none, NULL) == HX_OK)
        mux_stream_leave(s);
}

int remote_create(struct remote **out, const struct remote_config *config, const char *text,
                  char error[FORWARD_ERROR_MAX])
{
    struct forward_spec spec;
    int err = forward_spec_parse(&spec, FORWARD_REMOTE, text, error);
    if (err != HX_OK)
        return err;
    struct remote *r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(error, FORWARD_ERROR_MAX, "out of memory");
        return HX_ENOMEM;
    }
    r->config = *config;
    r->spec = spec;
    char listen[FORWARD_LISTEN_MAX];
    forward_spec_listen(&spec, listen);
    snprintf(r->place, sizeof r->place, "%s%s", spec.udp ? AUTHORITY_UDP : "", listen);
    snprintf(r->permit, sizeof r->permit, "%s", *spec.path ? spec.path : r->place);
    if (!*spec.path && spec.port == 0)
        strcpy(strrchr(r->permit, '0'), "*");
    r->quote = strpbrk(r->permit, "*[ '\\") ? "'" : "";
    LIST_INIT(&r->conns);
    LIST_INIT(&r->flows);
    ev_timer_init(&r->again, on_again, 0., 0.);
    r->again.data = r;
    *out = r;
    return HX_OK;
}

void remote_set_link(struct remote *r, struct link *l)
{
    r->link = l;
    ev_timer_stop(r->config.loop, &r->again);
    if (!l) {
        r->stream = NULL; /* its owner was told that it is closed */
        remote_conn_abort_all(r);
        remote_flow_abort_all(r);
        return;
    }
    if (r->since_ms == 0 || r->listened)
        r->since_ms = clock_now_ms();
    ask(r);
}

void remote_destroy(struct remote *r)
{
    if (!r)
        return;
    ev_timer_stop(r->config.loop, &r->again);
    drop_stream(r);
    remote_conn_abort_all(r);
    remote_flow_abort_all(r);
    free(r);
}
