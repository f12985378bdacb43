#include "client/tool/raw.h"
#include "base/thread.h"
#include "client/forward/pump.h"
#include "client/forward/say.h"
#include "client/mux/mux.h"
#include "client/tool/keyfile.h"
#include "client/tool/program.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ECHO_BUFFER_BYTES (64 * 1024)
#define STACK_BYTES       (256 * 1024)
#define PEERS_MAX         512   /* at once; more are turned away */
#define PROOF_MS          10000 /* a peer that has not proven its key until then has none */

static atomic_int served;

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
    int err = data ? hx_handshake(stream, PROOF_MS) : HX_ENOMEM;
    if (err == HX_OK)
        echo_all(stream, data);
    else
        turn_away(stream, hx_strerror(err));
    free(data);
    atomic_fetch_sub(&served, 1);
    return NULL;
}

/* In a thread of its own. */
static void serve(struct hx_stream *s, void *(*run)(void *stream))
{
    if (atomic_fetch_add(&served, 1) >= PEERS_MAX) {
        turn_away(s, "too many peers");
    } else if (thread_detached(STACK_BYTES, run, s) == HX_OK) {
        return;
    } else {
        turn_away(s, "no thread can be had");
    }
    atomic_fetch_sub(&served, 1);
}

static int serve_echo(struct hx_listener *listener)
{
    struct hx_stream *stream;
    int err;
    while ((err = hx_accept(listener, &stream, -1)) == HX_OK)
        serve(stream, echo_run);
    if (interrupted())
        return STATUS_OK;
    say_error("cannot accept: %s", hx_strerror(err));
    return STATUS_FAILED;
}

/* ---- the pipe: the first that has proven itself gets it, however many say nothing ---- */

static struct {
    struct hx_stream *stream; /* of the first; NULL: there is none yet */
    pthread_mutex_t lock;
    int proven; /* an eventfd: there is one */
} first = {NULL, PTHREAD_MUTEX_INITIALIZER, -1};

static bool is_first(struct hx_stream *s)
{
    pthread_mutex_lock(&first.lock);
    bool it_is = !first.stream;
    if (it_is)
        first.stream = s;
    pthread_mutex_unlock(&first.lock);
    return it_is;
}

static void *prove_run(void *stream)
{
    uint64_t one = 1;
    int err = hx_handshake(stream, PROOF_MS);
    if (err < 0)
        turn_away(stream, hx_strerror(err));
    else if (is_first(stream))
        (void)!write(first.proven, &one, sizeof one);
    else
        turn_away(stream, "busy with another peer");
    atomic_fetch_sub(&served, 1);
    return NULL;
}

/* HX_OK: there is a first one; HX_ECANCELED: interrupted; else why none can be accepted. */
static int await_first(struct hx_listener *listener)
{
    struct pollfd fds[] = {
        {hx_listener_fd(listener), POLLIN, 0}, {first.proven, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    struct hx_stream *stream;
    int err = HX_EAGAIN;
    while (err == HX_EAGAIN) {
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return HX_ESYS;
        if (interrupted())
            return HX_ECANCELED;
        if (fds[1].revents)
            return HX_OK;
        while ((err = hx_accept(listener, &stream, 0)) == HX_OK)
            serve(stream, prove_run);
    }
    return err;
}

static void on_later_peer(void *user)
{
    struct hx_stream *stream;
    if (hx_accept(user, &stream, 0) == HX_OK)
        turn_away(stream, "busy with another peer");
}

/* What an hx without --bare says is not for standard output, and it would wait for an answer for ever. */
static const char *wrong(bool connecting, const void *first, size_t len)
{
    return mux_opens(connecting, first, len)
               ? "the peer has hx without --bare: leave it out here, or give it there, too"
               : NULL;
}

static const char *wrong_at_bind(const void *first, size_t len)
{
    return wrong(true, first, len);
}

static const char *wrong_at_connect(const void *first, size_t len)
{
    return wrong(false, first, len);
}

static int serve_pipe(struct hx_listener *listener)
{
    first.proven = eventfd(0, EFD_CLOEXEC);
    int err = first.proven < 0 ? HX_ESYS : await_first(listener);
    if (interrupted()) {
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
                               .user = listener,
                               .wrong = wrong_at_bind};
    return pump_run(first.stream, &pump) ? STATUS_OK : STATUS_FAILED;
}

int raw_serve(struct hx_listener *listener, bool echo)
{
    return echo ? serve_echo(listener) : serve_pipe(listener);
}

int raw_pipe(struct hx_stream *s)
{
    struct pump_config pump = {.in_fd = STDIN_FILENO,
                               .out_fd = STDOUT_FILENO,
                               .interrupt_fd = interrupt_fd(),
                               .other_fd = -1,
                               .wrong = wrong_at_connect};
    return pump_run(s, &pump) ? STATUS_OK : STATUS_FAILED;
}

bool raw_keys(const struct args *args, char **keys)
{
    char error[KEYFILE_ERROR_MAX];
    *keys = NULL;
    if (args->insecure)
        say_error(
            "--insecure: anyone may be the peer, and anyone on the way may read and change what passes");
    else if (!(*keys = keyfile_load(args, error)))
        say_error("%s", error);
    return args->insecure || *keys;
}
