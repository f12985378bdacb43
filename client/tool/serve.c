#include "client/tool/serve.h"
#include "client/forward/relay.h"
#include "client/forward/say.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INTERNAL_ERROR 2 /* RFC 9113, section 7 */
#define SHOWN_MAX      128

static int respond(struct mux_stream *s, const char *status, bool ended)
{
    const struct mux_field fields[] = {{":status", status}};
    const struct mux_message response = {.fields = fields, .count = 1, .ended = ended};
    return mux_respond(s, &response);
}

static void refuse(struct mux_stream *s, const char *status)
{
    if (respond(s, status, true) < 0)
        mux_stream_reset(s, INTERNAL_ERROR);
    else
        mux_stream_leave(s);
}

/* A peer's text as a log may show it: printable ASCII, not too long. */
static const char *shown(char out[SHOWN_MAX], const char *text)
{
    size_t i = 0;
    for (; text && text[i] && i < SHOWN_MAX - 1; i++)
        out[i] = text[i] > ' ' && text[i] <= '~' ? text[i] : '?';
    out[i] = '\0';
    return out;
}

static void serve_echo(const struct serve *s, struct mux_stream *stream)
{
    if (!s->config->echo) {
        refuse(stream, "404");
        return;
    }
    say_note("%s: echo", s->who);
    if (respond(stream, "200", false) < 0 || echo_start(stream) < 0)
        mux_stream_reset(stream, INTERNAL_ERROR);
}

static void serve_pipe(const struct serve *s, struct mux_stream *stream)
{
    struct relay_config config = {
        .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .done = s->pipe_done, .user = s->user};
    struct relay *relay;
    if (!s->config->pipe) {
        refuse(stream, "404");
        return;
    }
    if (atomic_flag_test_and_set(s->config->pipe)) {
        say_note("turned away %s: busy with another peer", s->who);
        refuse(stream, "409");
        return;
    }
    say_note("%s: pipe", s->who);
    int err = respond(stream, "200", false);
    if (err == HX_OK)
        err = relay_start(&relay, s->loop, stream, &config);
    if (err < 0) {
        mux_stream_reset(stream, INTERNAL_ERROR);
        s->pipe_done(s->user, err, 0);
    }
}

static void serve_connect(const struct serve *s, struct mux_stream *stream, const struct mux_message *request)
{
    char target[SHOWN_MAX];
    say_note("%s: connection to %s", s->who, shown(target, mux_field(request, ":authority")));
    if (s->config->allow)
        dial_request(s->loop, s->config->allow, stream, request);
    else
        refuse(stream, "403");
}

void serve_request(const struct serve *s, struct mux_stream *stream, const struct mux_message *request)
{
    static const char files[] = "/files/";
    const char *method = mux_field(request, ":method");
    const char *path = mux_field(request, ":path");
    if (method && strcmp(method, "CONNECT") == 0)
        serve_connect(s, stream, request);
    else if (!method || !path)
        refuse(stream, "400");
    else if (strncmp(path, files, sizeof files - 1) == 0 && s->config->share)
        share_request(s->loop, s->config->share, stream, request);
    else if (strcmp(path, "/pipe") != 0 && strcmp(path, "/echo") != 0)
        refuse(stream, "404");
    else if (strcmp(method, "POST") != 0)
        refuse(stream, "405");
    else if (strcmp(path, "/pipe") == 0)
        serve_pipe(s, stream);
    else
        serve_echo(s, stream);
}
