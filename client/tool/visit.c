#include "client/tool/visit.h"
#include "client/forward/relay.h"
#include "client/forward/say.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int visit_line_add(struct visit_line *l, char byte)
{
    if (byte != '\n' && l->len == sizeof l->text - 1)
        return HX_ETOOBIG;
    l->text[l->len++] = byte == '\n' ? '\0' : byte;
    if (byte != '\n')
        return HX_EAGAIN;
    l->len = 0;
    return HX_OK;
}

/* The last that is said; a short line always has room. */
static void tell(struct visit *v, const char *word, const char *reason)
{
    char line[VISIT_LINE_MAX];
    if (!v->stream || v->told)
        return;
    v->told = true;
    int len = snprintf(line, sizeof line, "%s%s%s\n", word, reason[0] ? " " : "", reason);
    (void)mux_stream_write(v->stream, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
    mux_stream_end(v->stream);
}

void visit_over(struct visit *v, const char *reason)
{
    tell(v, "over", reason);
}

static void on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
    const struct visit *v = w->data;
    struct hx_path path;
    (void)loop;
    (void)revents;
    if (hx_stream_path(v->link, &path) == HX_OK)
        v->host->path(v->host->user, path.kind);
}

static void look_at_path(struct visit *v)
{
    if (!v->begun || !v->link || !v->host->path)
        return;
    ev_timer_init(&v->look, on_look, 0., 1.);
    v->look.data = v;
    ev_timer_start(v->loop, &v->look);
}

static void begin(struct visit *v)
{
    const char *why = v->host->begin(v->host->user);
    v->begun = !why;
    look_at_path(v);
    if (why)
        visit_over(v, why);
}

static bool take_line(struct visit *v)
{
    const struct visit_host *host = v->host;
    if (strcmp(v->line.text, "begun") == 0 && !v->begun) {
        begin(v);
        return true;
    }
    if (strcmp(v->line.text, "whole") != 0 || !v->begun || v->whole)
        return v->told; /* it may have said that before it heard ours */
    v->whole = true;
    host->whole(host->user, v->who, v->receipt);
    tell(v, "counted", "");
    return true;
}

/* False: it says what no receiver says. */
static bool take(struct visit *v, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int err = visit_line_add(&v->line, bytes[i]);
        if (err == HX_ETOOBIG || (err == HX_OK && !take_line(v)))
            return false;
    }
    return true;
}

static void gone(struct visit *v)
{
    v->stream = NULL;
    ev_timer_stop(v->loop, &v->look);
    if (v->begun)
        v->host->left(v->host->user, v->whole, v->error, v->system);
    v->begun = false;
}

static void on_readable(void *visit)
{
    struct visit *v = visit;
    char bytes[256];
    ssize_t got;
    while ((got = mux_stream_read(v->stream, bytes, sizeof bytes)) > 0) {
        if (take(v, bytes, (size_t)got))
            continue;
        say_often(SAY_REFUSED, "refused %s: what it says makes no sense", v->who);
        mux_stream_reset(v->stream, MUX_PROTOCOL_ERROR);
        gone(v);
        return;
    }
    if (got == HX_EEOF) /* it leaves */
        mux_stream_end(v->stream);
}

static void on_closed(void *visit, int error, uint32_t code)
{
    (void)error;
    (void)code;
    gone(visit);
}

static void receive(struct visit *v, struct mux_stream *s, const struct mux_message *request)
{
    static const struct mux_stream_events events = {.readable = on_readable, .closed = on_closed};
    const struct mux_field fields[] = {{":status", "200"},
                                       {"hx-offer", v->host->stream ? "stream" : "files"}};
    const struct mux_message response = {.fields = fields, .count = 2};
    const char *receipt = mux_field(request, "hx-receipt");
    if (!receipt || receipt[0] == '\0' || strlen(receipt) >= sizeof v->receipt || request->ended) {
        mux_refuse(s, "400");
        return;
    }
    if (v->stream) {
        mux_refuse(s, "409");
        return;
    }
    if (mux_respond(s, &response) < 0) {
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
        return;
    }
    snprintf(v->receipt, sizeof v->receipt, "%s", receipt);
    v->stream = s;
    v->line.len = 0;
    v->begun = v->whole = v->told = false;
    v->error = v->system = 0;
    mux_stream_own(s, &events, v);
}

static void on_streamed(void *visit, int error, int system)
{
    struct visit *v = visit;
    v->error = error;
    v->system = system;
}

/* What a receiver says there goes nowhere. */
static void stream(struct visit *v, struct mux_stream *s)
{
    const struct mux_field fields[] = {{":status", "200"}};
    const struct mux_message response = {.fields = fields, .count = 1};
    struct relay_config config = {.in_fd = STDIN_FILENO, .done = on_streamed, .user = v};
    struct relay *relay;
    static int nowhere = -1; /* one receiver alone comes as far as this */
    if (v->host->stream && v->stream && !v->begun)
        begin(v);
    if (!v->host->stream || !v->begun || v->streamed) {
        mux_refuse(s, v->host->stream ? "409" : "404");
        return;
    }
    if (nowhere < 0)
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    config.out_fd = nowhere;
    v->streamed = true;
    say_often(SAY_REQUEST, "%s: receives the stream", v->who);
    if (nowhere < 0 || mux_respond(s, &response) < 0 || relay_start(&relay, v->loop, s, &config) < 0) {
        on_streamed(v, HX_ESYS, errno);
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
    }
}

bool visit_request(struct visit *v, struct mux_stream *s, const struct mux_message *request)
{
    const char *method = mux_field(request, ":method");
    const char *path = mux_field(request, ":path");
    if (!v || !v->host || !method || !path || strcmp(method, "POST") != 0)
        return false;
    if (strcmp(path, "/receive") == 0)
        receive(v, s, request);
    else if (strcmp(path, "/stream") == 0)
        stream(v, s);
    else
        return false;
    return true;
}
