#include "client/tool/raw.h"
#include "base/thread.h"
#include "client/forward/pump.h"
#include "client/forward/say.h"
#include "client/tool/program.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define ECHO_BUFFER_BYTES (64 * 1024)
#define ECHO_STACK_BYTES  (256 * 1024)
#define ECHO_MAX          512 /* peers at once; more are turned away */

static atomic_int echoing;

static void turn_away(struct hx_stream *s, const char *why)
{
    char address[HX_ADDRESS_MAX];
    if (hx_peer(s, address, sizeof address) > 0)
        say_note("turned away %s: %s", address, why);
    (void)hx_close(s);
}

static void echo_all(struct hx_stream *s, char *data)
{
    char address[HX_ADDRESS_MAX];
    ssize_t got;
    ssize_t put = 0;
    long long total = 0;
    while ((got = hx_read(s, data, ECHO_BUFFER_BYTES, -1)) > 0) {
        put = hx_write(s, data, (size_t)got, -1);
        if (put != got)
            break;
        total += put;
    }
    if (got == 0)
        got = hx_shutdown(s);
    if (hx_peer(s, address, sizeof address) < 0)
        address[0] = '\0';
    int err = hx_close(s);
    if (interrupted())
        return;
    if (got < 0 || put < 0 || err < 0)
        say_note("left %s echoed=%lld reason=\"%s\"", address, total,
                 hx_strerror(put < 0   ? (int)put
                             : got < 0 ? (int)got
                                       : err));
    else
        say_note("left %s echoed=%lld", address, total);
}

static void *echo_run(void *stream)
{
    char *data = malloc(ECHO_BUFFER_BYTES);
    if (data)
        echo_all(stream, data);
    else
        turn_away(stream, "out of memory");
    free(data);
    atomic_fetch_sub(&echoing, 1);
    return NULL;
}

static void echo_begin(struct hx_stream *s)
{
    if (atomic_fetch_add(&echoing, 1) >= ECHO_MAX) {
        turn_away(s, "too many peers");
    } else if (thread_detached(ECHO_STACK_BYTES, echo_run, s) == HX_OK) {
        return;
    } else {
        turn_away(s, "no thread can be had");
    }
    atomic_fetch_sub(&echoing, 1);
}

static int serve_echo(struct hx_listener *listener)
{
    struct hx_stream *stream;
    int err;
    while ((err = hx_accept(listener, &stream, -1)) == HX_OK)
        echo_begin(stream);
    if (interrupted())
        return STATUS_OK;
    say_error("cannot accept: %s", hx_strerror(err));
    return STATUS_FAILED;
}

static void on_later_peer(void *user)
{
    struct hx_stream *stream;
    if (hx_accept(user, &stream, 0) == HX_OK)
        turn_away(stream, "busy with another peer");
}

static int serve_pipe(struct hx_listener *listener)
{
    struct hx_stream *stream;
    int err = hx_accept(listener, &stream, -1);
    if (interrupted()) {
        if (err == HX_OK)
            (void)hx_close(stream);
        say_error("interrupted before a peer came");
        return STATUS_FAILED;
    }
    if (err < 0) {
        say_error("cannot accept: %s", hx_strerror(err));
        return STATUS_FAILED;
    }
    struct pump_config pump = {.in_fd = STDIN_FILENO,
                               .out_fd = STDOUT_FILENO,
                               .interrupt_fd = interrupt_fd(),
                               .other_fd = hx_listener_fd(listener),
                               .on_other = on_later_peer,
                               .user = listener};
    return pump_run(stream, &pump) ? STATUS_OK : STATUS_FAILED;
}

int raw_serve(struct hx_listener *listener, bool echo)
{
    return echo ? serve_echo(listener) : serve_pipe(listener);
}

int raw_pipe(struct hx_stream *s)
{
    struct pump_config pump = {
        .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .interrupt_fd = interrupt_fd(), .other_fd = -1};
    return pump_run(s, &pump) ? STATUS_OK : STATUS_FAILED;
}

void raw_warn(void)
{
    say_error("--insecure: anyone may be the peer, and anyone on the way may read and change what passes");
}
