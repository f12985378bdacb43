#include "client/tool/asking.h"
#include "client/forward/say.h"
#include "client/mux/link_loop.h"
#include "client/tool/program.h"
#include "client/tool/ui.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static void leave(struct asking *a)
{
    ev_timer_stop(a->loop, &a->silence);
    if (a->leaving && a->out.len == 0)
        reconnector_leave(a->reconnector);
}

void asking_end(struct asking *a, int status)
{
    a->leaving = true;
    a->status = status;
    if (a->stream)
        mux_stream_reset(a->stream, MUX_CANCEL);
    a->stream = NULL;
    leave(a);
}

int asking_print(struct asking *a, const char *text, size_t len)
{
    ev_io_start(a->loop, &a->output);
    return buf_append(&a->out, text, len);
}

static void on_readable(void *asking)
{
    struct asking *a = asking;
    char data[16384];
    ssize_t got;
    while (a->stream && a->out.len < ASKING_PAUSE &&
           (got = mux_stream_read(a->stream, data, sizeof data)) > 0) {
        ev_timer_again(a->loop, &a->silence);
        if (a->events->body(a->user, data, (size_t)got) < 0 && !a->leaving)
            asking_end(a, STATUS_FAILED);
    }
    if (a->out.len >= ASKING_PAUSE) /* it is not the peer that is silent */
        ev_timer_stop(a->loop, &a->silence);
}

static void on_headers(void *asking, const struct mux_message *m)
{
    struct asking *a = asking;
    ev_timer_again(a->loop, &a->silence);
    a->events->headers(a->user, m);
}

static void on_closed(void *asking, int error, uint32_t code)
{
    struct asking *a = asking;
    (void)code;
    a->stream = NULL;
    if (a->leaving)
        return;
    if (error == HX_OK)
        a->events->answered(a->user);
    else
        ev_timer_start(a->loop,
                       &a->broken); /* if the link has ended, too, over() says why, and comes first */
}

static void on_broken(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct asking *a = w->data;
    (void)loop;
    (void)revents;
    say_error("%s has broken off its answer: try again", a->args->name);
    asking_end(a, STATUS_FAILED);
}

static void on_silence(struct ev_loop *loop, ev_timer *w, int revents)
{
    const struct asking *a = w->data;
    (void)revents;
    ev_timer_stop(loop, w);
    say_error("%s has said nothing for %d s", a->args->name, a->args->timeout_s);
    ev_break(loop, EVBREAK_ALL);
}

void asking_request(struct asking *a, const char *method, const char *path, const struct mux_field *more,
                    size_t count)
{
    static const struct mux_stream_events events = {
        .headers = on_headers, .readable = on_readable, .closed = on_closed, .reads_end = true};
    struct mux_field fields[4 + ASKING_FIELDS_MAX] = {
        {":method", method}, {":scheme", "hx"}, {":authority", a->args->name}, {":path", path}};
    struct mux_message m = {.fields = fields, .count = 4, .ended = true};
    for (size_t i = 0; i < count; i++)
        fields[m.count++] = more[i];
    int err = mux_request(link_mux(reconnector_link(a->reconnector)), &a->stream, &m, &events, a);
    if (err == HX_OK) {
        ev_timer_again(a->loop, &a->silence);
        return;
    }
    a->stream = NULL;
    say_error("cannot ask %s: %s", a->args->name, hx_strerror(err));
    asking_end(a, STATUS_FAILED);
}

bool asking_aim(char path[PATH_TEXT_MAX], char target[ASKING_TARGET_MAX], const char *written, bool *slash)
{
    int err = path_clean(path, written, slash);
    if (err == HX_OK)
        err = path_encode(target + strlen(strcpy(target, SHARE_PREFIX)), path);
    if (err < 0)
        say_error("'%.100s' is %s", written,
                  err == HX_ETOOBIG ? "too long a path" : "no path beneath the shared directory");
    return err >= 0;
}

/* Of a pipe that can be written to, PIPE_BUF bytes are taken without waiting. */
static void on_output(struct ev_loop *loop, ev_io *w, int revents)
{
    struct asking *a = w->data;
    size_t most = a->out.len < PIPE_BUF ? a->out.len : PIPE_BUF;
    (void)revents;
    ssize_t put = most > 0 ? write(STDOUT_FILENO, buf_data(&a->out), most) : 0;
    if (put < 0 && errno != EAGAIN && errno != EINTR) {
        if (errno != EPIPE)
            say_error("standard output: %s", strerror(errno));
        a->status = STATUS_FAILED;
        a->leaving = true;
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    if (put > 0)
        buf_consume(&a->out, (size_t)put);
    if (a->out.len == 0) {
        ev_io_stop(loop, w);
        if (a->leaving)
            leave(a);
    }
    if (a->stream && a->out.len < ASKING_PAUSE)
        on_readable(a);
}

static void on_up(void *user, struct link *l)
{
    struct asking *a = user;
    a->events->up(a->user, l);
}

static void on_pong(void *user, int64_t rtt_us)
{
    struct asking *a = user;
    if (a->events->pong && !a->leaving)
        a->events->pong(a->user, rtt_us);
}

static void on_over(void *user, int error)
{
    struct asking *a = user;
    if (error < 0 && !a->leaving)
        a->status = STATUS_FAILED;
    ev_break(a->loop, EVBREAK_ALL);
}

static void on_interrupt(struct ev_loop *loop, ev_io *w, int revents)
{
    struct asking *a = w->data;
    (void)revents;
    a->status = STATUS_FAILED;
    ev_break(loop, EVBREAK_ALL);
}

static void watch(struct asking *a)
{
    ev_io_init(&a->interrupt, on_interrupt, interrupt_fd(), EV_READ);
    ev_io_init(&a->output, on_output, STDOUT_FILENO, EV_WRITE);
    ev_timer_init(&a->silence, on_silence, 0., a->args->timeout_s);
    ev_timer_init(&a->broken, on_broken, 0., 0.);
    a->interrupt.data = a->output.data = a->silence.data = a->broken.data = a;
    ev_io_start(a->loop, &a->interrupt);
}

int asking_run(struct asking *a)
{
    static const struct reconnector_events events = {.up = on_up, .pong = on_pong, .over = on_over};
    const struct reconnector_config config = {.args = a->args, .events = &events, .user = a};
    a->loop = link_loop_create();
    if (!a->loop) {
        ui_cannot_begin(HX_ESYS);
        return STATUS_FAILED;
    }
    buf_init(&a->out, ASKING_OUTPUT_MAX);
    watch(a);
    a->status = STATUS_FAILED;
    if (reconnector_create(&a->reconnector, a->loop, &config) == HX_OK) {
        ev_run(a->loop, 0);
        a->stream = NULL;
        a->leaving = true;
        reconnector_destroy(a->reconnector);
    }
    ev_loop_destroy(a->loop);
    buf_free(&a->out);
    return a->status;
}
