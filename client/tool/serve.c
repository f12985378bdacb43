#include "client/tool/serve.h"
#include "client/forward/relay.h"
#include "client/forward/say.h"
#include "client/tool/info.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int accept_stream(struct mux_stream *s)
{
    const struct mux_field fields[] = {{":status", "200"}};
    const struct mux_message response = {.fields = fields, .count = 1};
    return mux_respond(s, &response);
}

static void on_transfer_failed(void *user, const char *what, const char *path, const char *reason)
{
    const struct serve *s = user;
    char name[SAY_NAME_MAX];
    printable_name(name, sizeof name, path);
    say_often(SAY_REFUSED, "%s: %s %s failed: %s", s->who, what, name, reason);
}

static void on_command_ended(void *user, int status)
{
    const struct serve *s = user;
    if (status >= 0)
        say_often(SAY_REQUEST, "%s: the command has ended with status %d", s->who, status);
    else
        say_often(SAY_REFUSED, "%s: has left its command, which gets SIGHUP", s->who);
}

static void on_command_failed(void *user, const char *reason)
{
    const struct serve *s = user;
    say_often(SAY_REFUSED, "%s: no command is run: %s", s->who, reason);
}

void serve_init(struct serve *s)
{
    s->run = (struct run_peer){.loop = s->loop,
                               .offer = s->config->run,
                               .label = "",
                               .ended = on_command_ended,
                               .failed = on_command_failed,
                               .user = s};
    s->files = (struct share_peer){
        .loop = s->loop, .share = s->config->share, .failed = on_transfer_failed, .user = s};
    s->reverse = (struct reverse){.loop = s->loop,
                                  .permit = s->config->permit,
                                  .who = s->who,
                                  .flows = &s->udp.flows,
                                  .link_stream = s->stream};
    s->udp =
        (struct udp_targets){.flows = {.loop = s->loop, .timeout_s = s->config->udp_timeout_s, .who = s->who},
                             .allow = s->config->allow,
                             .stream = s->stream};
    s->visit = (struct visit){.host = s->config->visits, .loop = s->loop, .who = s->who, .link = s->stream};
}

static void serve_echo(const struct serve *s, struct mux_stream *stream)
{
    if (!s->config->echo) {
        mux_refuse(stream, "404");
        return;
    }
    say_often(SAY_REQUEST, "%s: echo", s->who);
    if (accept_stream(stream) < 0 || echo_start(stream) < 0)
        mux_stream_reset(stream, MUX_INTERNAL_ERROR);
}

static void serve_pipe(const struct serve *s, struct mux_stream *stream)
{
    struct relay_config config = {
        .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .done = s->pipe_done, .user = s->user};
    struct relay *relay;
    if (!s->config->pipe) { /* an echo is the pipe of who has no other */
        serve_echo(s, stream);
        return;
    }
    if (atomic_flag_test_and_set(s->config->pipe)) {
        say_often(SAY_REFUSED, "turned away %s: busy with another peer", s->who);
        mux_refuse(stream, "409");
        return;
    }
    say_often(SAY_REQUEST, "%s: pipe", s->who);
    int err = accept_stream(stream);
    if (err == HX_OK)
        err = relay_start(&relay, s->loop, stream, &config);
    if (err < 0) {
        mux_stream_reset(stream, MUX_INTERNAL_ERROR);
        s->pipe_done(s->user, err, 0);
    }
}

static void serve_run(const struct serve *s, struct mux_stream *stream, const struct mux_message *request)
{
    const char *terminal = mux_field(request, RUN_TTY) ? ", at a terminal" : "";
    if (!s->config->run)
        mux_refuse(stream, "404");
    else if (run_request(&s->run, stream, request))
        say_often(SAY_REQUEST, "%s: command%s", s->who, terminal);
}

void serve_request(struct serve *s, struct mux_stream *stream, const struct mux_message *request)
{
    const char *method = mux_field(request, ":method");
    const char *path = mux_field(request, ":path");
    if (visit_request(&s->visit, stream, request))
        return;
    if (method && strcmp(method, "CONNECT") == 0)
        dial_request(s->loop, s->config->allow, s->who, stream, request);
    else if (!method || !path)
        mux_refuse(stream, "400");
    else if (reverse_request(&s->reverse, stream, request) || udp_target_request(&s->udp, stream, request))
        return;
    else if (strncmp(path, SHARE_PREFIX, strlen(SHARE_PREFIX)) == 0 && s->config->share)
        share_request(&s->files, stream, request);
    else if (strcmp(path, "/pipe") != 0 && strcmp(path, "/echo") != 0 && strcmp(path, "/run") != 0 &&
             strcmp(path, INFO_PATH) != 0)
        mux_refuse(stream, "404");
    else if (strcmp(method, strcmp(path, INFO_PATH) == 0 ? "GET" : "POST") != 0)
        mux_refuse(stream, "405");
    else if (strcmp(path, INFO_PATH) == 0)
        serve_info(s, stream);
    else if (strcmp(path, "/run") == 0 || (s->config->run && mux_field(request, RUN_FIELD)))
        serve_run(s, stream, request);
    else if (strcmp(path, "/pipe") == 0)
        serve_pipe(s, stream);
    else
        serve_echo(s, stream);
}
