/* hx connect NAME: reaches the peer that waits under NAME. A pipe to it (or, with --to, to a target that it
 * reaches), a command that the peer runs, or forwards. */
#include "base/clock.h"
#include "client/forward/forward.h"
#include "client/forward/relay.h"
#include "client/forward/remote.h"
#include "client/forward/say.h"
#include "client/forward/udp_forward.h"
#include "client/mux/link_loop.h"
#include "client/run/run.h"
#include "client/run/session.h"
#include "client/run/terminal.h"
#include "client/tool/keyfile.h"
#include "client/tool/program.h"
#include "client/tool/raw.h"
#include "client/tool/reach.h"
#include "client/tool/reconnector.h"
#include "client/tool/ui.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AHEAD_MAX \
    8192 /* bytes of standard input that leave with a pipe's request; its first window is larger */

struct connecting {
    const struct args *args;
    struct ev_loop *loop;
    struct reconnector *reconnector;
    ev_io interrupt, asked;
    int status;

    char to[AUTHORITY_WIRE_MAX]; /* args->to as a CONNECT has it */
    const char *path;        /* of the pipe: "/pipe", or "/echo" when the other side has no pipe; or "/run" */
    bool terminal;           /* what is run there gets one, which is ours */
    bool command;            /* it runs, or has: failures are STATUS_COMMAND_FAILED */
    struct session *session; /* while it does */
    int result;              /* of it, or STATUS_OK of the pipe; when the link has ended in order */
    struct mux_stream *stream; /* asked for, not answered yet */
    char ahead[AHEAD_MAX];     /* was read of standard input to be sent with that, */
    size_t ahead_len;          /* and again with another path */
    bool ahead_ended;          /* nothing follows */
    bool over;                 /* the link is, which was told */
    int error, system;         /* of the pipe; told in the end */

    struct forward *forwards[ARGS_FORWARDS_MAX];
    int forward_count;
    struct flows flows;
    struct udp_forward *udps[ARGS_FORWARDS_MAX];
    int udp_count;
    struct remote *remotes[ARGS_FORWARDS_MAX];
    int remote_count;
    bool failed;  /* one of them, for good */
    bool serving; /* the forwards have had a link */
};

static void stop(struct connecting *c, int status)
{
    c->status = status;
    ev_break(c->loop, EVBREAK_ALL);
}

static void on_pipe_done(void *user, int error, int system)
{
    struct connecting *c = user;
    if (error == HX_OK) {
        reconnector_finish(c->reconnector);
        return;
    }
    c->error = error;
    c->system = system;
    stop(c, STATUS_FAILED); /* the link breaks: so the peer learns that not everything has arrived */
}

static void on_command_done(void *user, int error, int system, int status)
{
    struct connecting *c = user;
    c->session = NULL;
    if (error == HX_OK) {
        c->result = status;
        reconnector_leave(c->reconnector);
        return;
    }
    if (error == HX_ECANCELED)
        say_error("left '%s'", c->args->name);
    else
        c->error = error;
    c->system = system;
    stop(c, STATUS_COMMAND_FAILED);
}

static void begin_command(struct connecting *c)
{
    const struct session_config config = {
        .terminal = c->terminal, .in_ended = c->ahead_ended, .done = on_command_done, .user = c};
    struct mux_stream *s = c->stream;
    c->stream = NULL;
    c->command = true;
    if (c->terminal) /* what runs there draws on it */
        say_init(c->args->verbose, !c->args->verbose);
    int err = session_start(&c->session, c->loop, s, &config);
    if (err < 0) {
        mux_stream_reset(s, MUX_CANCEL);
        on_command_done(c, err, errno, 0);
    }
}

static void ask(struct connecting *c);

static void refused_command(struct connecting *c, const char *status)
{
    const char *name = c->args->name;
    if (strcmp(status, "403") == 0)
        say_error("'%s' gives no terminal: start it with `hx bind --pty`, or leave out -t", name);
    else if (strcmp(status, "404") == 0)
        say_error("'%s' runs no command: start it with `hx bind --exec CMD --pty`", name);
    else if (strcmp(status, "429") == 0)
        say_error("'%s' runs as many commands as it may: try again later", name);
    else
        say_error("'%s' cannot run its command (status %s): see what its standard error says", name, status);
}

static void refused(struct connecting *c, const char *status)
{
    const char *to = c->args->to;
    mux_stream_leave(c->stream);
    c->stream = NULL;
    if (!to && strcmp(status, "404") == 0 && strcmp(c->path, "/pipe") == 0) {
        c->path = "/echo";
        ask(c);
        return;
    }
    if (!to && (strcmp(c->path, "/run") == 0 || strcmp(status, "429") == 0 || strcmp(status, "500") == 0))
        refused_command(c, status);
    else if (to && strcmp(status, "403") == 0)
        say_error("'%s' does not allow connections to %s: start it with `hx bind --allow %s`", c->args->name,
                  to, to);
    else if (to && strcmp(status, "504") == 0)
        say_error("%s does not answer '%s'", to, c->args->name);
    else if (to)
        say_error("'%s' cannot reach %s (status %s): see what its standard error says", c->args->name, to,
                  status);
    else if (strcmp(status, "409") == 0)
        say_error("'%s' is busy with another peer: try again when that one has left", c->args->name);
    else
        say_error("'%s' offers no pipe (status %s): name a target with --to, -L or -D, or use hx cp",
                  c->args->name, status);
    stop(c, STATUS_FAILED);
}

static void on_headers(void *user, const struct mux_message *response)
{
    struct connecting *c = user;
    const char *status = mux_field(response, ":status");
    const struct relay_config config = {.in_fd = STDIN_FILENO,
                                        .out_fd = STDOUT_FILENO,
                                        .in_ended = c->ahead_ended,
                                        .done = on_pipe_done,
                                        .user = c};
    struct relay *relay;
    if (!status || strcmp(status, "200") != 0) {
        refused(c, status ? status : "-");
        return;
    }
    if (mux_field(response, RUN_FIELD)) {
        begin_command(c);
        return;
    }
    struct mux_stream *s = c->stream;
    c->stream = NULL;
    int err = relay_start(&relay, c->loop, s, &config);
    if (err < 0) {
        mux_stream_reset(s, MUX_CANCEL);
        on_pipe_done(c, err, 0);
    }
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct connecting *c = user;
    (void)code;
    c->stream = NULL;
    on_pipe_done(c, error < 0 ? error : HX_ECLOSED, 0);
}

/* What there is to say already, and that it is all: it needs not wait for the answer, which takes a round
 * trip. A terminal's end of input would be lost. */
static void read_ahead(struct connecting *c)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    if (c->ahead_len > 0 || c->ahead_ended || isatty(STDIN_FILENO))
        return;
    while (c->ahead_len < AHEAD_MAX && poll(&in, 1, 0) == 1 && (in.revents & (POLLIN | POLLHUP))) {
        ssize_t got = read(STDIN_FILENO, c->ahead + c->ahead_len, AHEAD_MAX - c->ahead_len);
        c->ahead_ended = got == 0;
        if (got <= 0) /* a failure comes again when the relay reads */
            return;
        c->ahead_len += (size_t)got;
    }
}

static int say_ahead(struct connecting *c)
{
    read_ahead(c);
    ssize_t put = mux_stream_write(c->stream, c->ahead, c->ahead_len); /* a new stream takes MUX_UNSENT_MAX */
    if (c->ahead_ended)
        mux_stream_end(c->stream);
    return put < 0 ? (int)put : HX_OK;
}

static void ask(struct connecting *c)
{
    static const struct mux_stream_events events = {.headers = on_headers, .closed = on_closed};
    const struct mux_field to[] = {{":method", "CONNECT"}, {":authority", c->to}};
    const char *term = getenv("TERM");
    char size[24];
    struct window w = terminal_window(STDIN_FILENO);
    snprintf(size, sizeof size, "%ux%u", w.columns, w.rows);
    const struct mux_field pipe[] = {{":method", "POST"},
                                     {":scheme", "hx"},
                                     {":authority", c->args->name},
                                     {":path", c->path},
                                     {RUN_FIELD, "1"}, /* we know what to do if there is a command instead */
                                     {RUN_TTY, size},
                                     {RUN_TERM, term && term[0] ? term : "dumb"}};
    const struct mux_message request = {.fields = c->args->to ? to : pipe,
                                        .count = c->args->to   ? 2
                                                 : c->terminal ? 7
                                                               : 5};
    int err = mux_request(link_mux(reconnector_link(c->reconnector)), &c->stream, &request, &events, c);
    if (err == HX_OK)
        err = say_ahead(c);
    if (err < 0)
        on_pipe_done(c, err, 0);
}

static_assert(AHEAD_MAX <= MUX_UNSENT_MAX && AHEAD_MAX <= MUX_WINDOW_FIRST, "it leaves without an answer");

static void on_pipe_up(void *user, struct link *l)
{
    (void)l;
    ask(user);
}

static void set_link(struct connecting *c, struct link *l)
{
    for (int i = 0; i < c->forward_count; i++)
        forward_set_link(c->forwards[i], l);
    for (int i = 0; i < c->udp_count; i++)
        udp_forward_set_link(c->udps[i], l);
    for (int i = 0; i < c->remote_count; i++)
        remote_set_link(c->remotes[i], l);
}

static void on_forward_up(void *user, struct link *l)
{
    struct connecting *c = user;
    c->serving = true;
    set_link(c, l);
}

static void on_forward_lost(void *user, int error)
{
    (void)error;
    set_link(user, NULL);
}

static void on_over(void *user, int error)
{
    struct connecting *c = user;
    c->over = true;
    stop(c, error == HX_OK ? c->result : c->command ? STATUS_COMMAND_FAILED : STATUS_FAILED);
}

static void on_interrupt(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    struct connecting *c = w->data;
    stop(c, c->command ? STATUS_COMMAND_FAILED : STATUS_FAILED);
}

static void on_asked(struct ev_loop *loop, ev_io *w, int revents)
{
    struct connecting *c = w->data;
    (void)loop;
    (void)revents;
    if (progress_asked())
        flows_say(&c->flows);
}

static void on_remote_failed(void *user)
{
    struct connecting *c = user;
    c->over = true;
    c->failed = true;
    stop(c, STATUS_FAILED);
}

static int begin_local(struct connecting *c, const char *text, char error[FORWARD_ERROR_MAX])
{
    struct forward_spec spec;
    int err = forward_spec_parse(&spec, FORWARD_LOCAL, text, error);
    if (err < 0)
        return err;
    if (!spec.udp) {
        err = forward_create(&c->forwards[c->forward_count], c->loop, FORWARD_LOCAL, text, error);
        c->forward_count += err == HX_OK;
        return err;
    }
    err = udp_forward_create(&c->udps[c->udp_count], &c->flows, &spec, error);
    c->udp_count += err == HX_OK;
    return err;
}

static int begin_forward(struct connecting *c, char kind, const char *spec, char error[FORWARD_ERROR_MAX])
{
    const struct remote_config config = {
        .loop = c->loop, .name = c->args->name, .flows = &c->flows, .failed = on_remote_failed, .user = c};
    if (kind == 'L')
        return begin_local(c, spec, error);
    int *count = kind == 'R' ? &c->remote_count : &c->forward_count;
    int err = kind == 'R' ? remote_create(&c->remotes[*count], &config, spec, error)
                          : forward_create(&c->forwards[*count], c->loop, FORWARD_SOCKS, spec, error);
    *count += err == HX_OK;
    if (err == HX_OK && kind == 'D')
        forward_set_flows(c->forwards[*count - 1], &c->flows);
    return err;
}

static bool listen_all(struct connecting *c)
{
    char error[FORWARD_ERROR_MAX];
    c->flows = (struct flows){.loop = c->loop, .timeout_s = c->args->udp_timeout_s};
    for (int i = 0; i < c->args->forward_count; i++) {
        if (begin_forward(c, c->args->forwards[i].kind, c->args->forwards[i].spec, error) < 0) {
            say_error("%s", error);
            return false;
        }
    }
    return true;
}

static void run(struct connecting *c)
{
    static const struct reconnector_events pipe_events = {.up = on_pipe_up, .over = on_over};
    static const struct reconnector_events forward_events = {
        .up = on_forward_up, .lost = on_forward_lost, .over = on_over};
    bool pipe = c->args->forward_count == 0;
    const struct reconnector_config config = {.args = c->args,
                                              .retry_ms = pipe ? 0 : -1,
                                              .events = pipe ? &pipe_events : &forward_events,
                                              .user = c};
    if (reconnector_create(&c->reconnector, c->loop, &config) < 0)
        return;
    ev_io_init(&c->interrupt, on_interrupt, interrupt_fd(), EV_READ);
    c->interrupt.data = c;
    ev_io_start(c->loop, &c->interrupt);
    ev_io_init(&c->asked, on_asked, progress_asked_fd(), EV_READ);
    c->asked.data = c;
    ev_io_start(c->loop, &c->asked);
    ev_run(c->loop, 0);
    session_abort(c->session);
    c->session = NULL;
    if (interrupted() && c->serving && !c->failed) /* until then: so that is no failure */
        c->status = STATUS_OK;
    else if (hung_up())
        return;
    else if (interrupted())
        say_error("interrupted");
    else if (c->error < 0 && !c->over) /* else the link's end was told, which is the reason */
        ui_pipe_failure(c->error, c->system);
}

static int connect_secure(struct connecting *c)
{
    if (listen_all(c))
        run(c);
    for (int i = 0; i < c->forward_count; i++)
        forward_destroy(c->forwards[i]);
    for (int i = 0; i < c->udp_count; i++)
        udp_forward_destroy(c->udps[i]);
    for (int i = 0; i < c->remote_count; i++)
        remote_destroy(c->remotes[i]);
    c->forward_count = c->udp_count = c->remote_count = 0;
    reconnector_destroy(c->reconnector);
    return c->status;
}

/* `keys`: NULL for none. */
static int connect_raw(const struct args *args, const char *keys)
{
    int timeout_ms = (args->timeout_s + args->wait_s) * 1000;
    struct hx_config config = reach_config(args);
    config.name = args->own_name;
    config.wait_s = args->wait_s;
    config.keys = keys;
    config.linger_ms = -1; /* a pager at the other end may take its time */
    config.on_event = ui_connect_event;
    struct hx_stream *stream;
    int64_t deadline_ms = clock_now_ms() + timeout_ms;
    int err = hx_connect(&stream, &config, args->name, timeout_ms);
    if (interrupted() || err < 0)
        return reach_failed(err, args->name, &config);
    int64_t left_ms = deadline_ms - clock_now_ms();
    err = hx_handshake(stream, left_ms > 0 ? (int)left_ms : 0);
    if (err == HX_OK)
        return raw_pipe(stream);
    if (!interrupted())
        ui_proof_failure(err == HX_EAGAIN ? HX_ETIMEDOUT : err, args->name);
    (void)hx_close(stream);
    return STATUS_FAILED;
}

static int connect_bare(const struct args *args)
{
    char *keys;
    if (!raw_keys(args, &keys))
        return STATUS_FAILED;
    int status = connect_raw(args, keys);
    keyfile_wipe(keys);
    return status;
}

int cmd_connect(const struct args *args)
{
    struct connecting c = {.args = args, .status = STATUS_FAILED, .path = args->tty ? "/run" : "/pipe"};
    struct authority to;
    if (args->bare)
        return connect_bare(args);
    if (args->to && authority_parse(&to, args->to) == HX_OK)
        authority_to_wire(&to, c.to);
    c.loop = link_loop_create();
    if (!c.loop) {
        ui_cannot_begin(HX_ESYS);
        return STATUS_FAILED;
    }
    c.terminal = args->tty && terminal_is_ours(STDIN_FILENO);
    if (args->tty && !c.terminal)
        say_error("-t: standard input is no terminal of this program's: the command gets none");
    int status = connect_secure(&c);
    ev_loop_destroy(c.loop);
    return status;
}
