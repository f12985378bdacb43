/* hx bind NAME: waits for peers that have the key. */
#include "client/forward/say.h"
#include "client/run/child.h"
#include "client/tool/bound.h"
#include "client/tool/grant.h"
#include "client/tool/keyfile.h"
#include "client/tool/offer.h"
#include "client/tool/peer.h"
#include "client/tool/program.h"
#include "client/tool/raw.h"
#include "client/tool/ui.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct binding {
    const struct args *args;
    struct hx_listener *listener;
    struct peers_config peers;
    struct offers offers;
    struct run_offer run; /* outlives this call as the commands' threads may */
    atomic_flag pipe;
    int piped_fd;       /* readable: the pipe is over */
    atomic_int outcome; /* of it: HX_OK or an error */
    atomic_int system;  /* errno, or 0 */
    bool idle;          /* no peer uses any of this */
};

/* In a peer's thread. */
static void on_pipe_done(void *user, int error, int system)
{
    struct binding *b = user;
    uint64_t one = 1;
    atomic_store(&b->outcome, error);
    atomic_store(&b->system, system);
    (void)!write(b->piped_fd, &one, sizeof one);
}

static int pipe_status(const struct binding *b)
{
    int error = atomic_load(&b->outcome);
    if (error == HX_OK)
        return STATUS_OK;
    ui_pipe_failure(error, atomic_load(&b->system));
    return STATUS_FAILED;
}

static int interrupted_status(struct binding *b)
{
    if (!b->peers.serve.pipe)
        return STATUS_OK;
    if (atomic_flag_test_and_set(&b->pipe))
        say_error("interrupted before everything had arrived");
    else
        say_error("interrupted before a peer came");
    return STATUS_FAILED;
}

/* Until the pipe is over, or, when there is none, for ever. */
static int accept_all(struct binding *b, struct peers *peers)
{
    struct pollfd fds[] = {{hx_listener_fd(b->listener), POLLIN, 0},
                           {interrupt_fd(), POLLIN, 0},
                           {b->piped_fd, POLLIN, 0},
                           {progress_asked_fd(), POLLIN, 0}};
    struct hx_stream *stream;
    for (;;) {
        if (poll(fds, sizeof fds / sizeof *fds, -1) < 0 && errno != EINTR) {
            say_error("cannot poll: %s", strerror(errno));
            return STATUS_FAILED;
        }
        if (fds[1].revents)
            return interrupted_status(b);
        if (fds[2].revents)
            return pipe_status(b);
        if (fds[3].revents && progress_asked())
            peers_say(peers);
        int err = hx_accept(b->listener, &stream, 0);
        if (err == HX_OK) {
            peers_add(peers, stream);
        } else if (err != HX_EAGAIN && !interrupted()) {
            say_error("cannot accept: %s", hx_strerror(err));
            return STATUS_FAILED;
        }
    }
}

static int serve_peers(struct binding *b)
{
    struct peers *peers;
    b->piped_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->piped_fd < 0 || peers_create(&peers, &b->peers) < 0) {
        ui_cannot_begin(HX_ESYS);
        return STATUS_FAILED;
    }
    int status = accept_all(b, peers);
    b->idle = peers_destroy(peers);
    if (atomic_load(&b->run.count) > 0)
        say_note("commands have up to %d s to end", CHILD_END_S);
    run_finish(&b->run);
    return status;
}

static const struct serve_config *on_label(void *user, const char *label)
{
    const struct binding *b = user;
    return offers_for(&b->offers, label);
}

/* What is offered; false: it cannot be, and that was told. */
static bool offer(struct binding *b)
{
    const struct args *args = b->args;
    if (!offers_open(&b->offers, args, &b->run))
        return false;
    b->peers.serve = b->offers.list[0].serve;
    b->peers.serve_for = on_label;
    bool nothing = !args->echo && !args->allow_count && !args->allow_listen_count && !args->share &&
                   !args->exec && !args->key_label_count;
    if (nothing)
        b->offers.list[0].serve.pipe = b->peers.serve.pipe = &b->pipe;
    return true;
}

/* A label that is mistyped would leave its key with what all may do. */
static bool are_labels(const struct args *args, const char *keys)
{
    for (int i = 0; i < args->key_label_count; i++) {
        struct grant g;
        char error[GRANT_ERROR_MAX];
        if (grant_parse(&g, args->key_labels[i], error) < 0 || grant_is_label_of(g.label, keys))
            continue;
        say_error("--key-label: no key has the label '%s': hx key --label %s makes one", g.label, g.label);
        return false;
    }
    return true;
}

static int bind_raw(struct binding *b)
{
    char *keys;
    if (!raw_keys(b->args, &keys))
        return STATUS_FAILED;
    int status = bound_open(&b->listener, b->args, b->args->name, keys);
    keyfile_wipe(keys);
    if (status != STATUS_OK)
        return status;
    status = raw_serve(b->listener, b->args->echo);
    hx_listener_close(b->listener);
    return status;
}

static int bind_secure(struct binding *b)
{
    char error[KEYFILE_ERROR_MAX];
    char *keys = keyfile_load(b->args, error);
    if (!keys) {
        say_error("%s", error);
        return STATUS_FAILED;
    }
    if (!are_labels(b->args, keys)) {
        keyfile_wipe(keys);
        return STATUS_USAGE;
    }
    int status = bound_open(&b->listener, b->args, b->args->name, keys);
    keyfile_wipe(keys);
    if (status != STATUS_OK)
        return status;
    status = serve_peers(b);
    hx_listener_close(b->listener);
    return status;
}

int cmd_bind(const struct args *args)
{
    static struct binding b; /* a peer that hangs may outlive this call */
    b = (struct binding){.args = args,
                         .idle = true,
                         .pipe = ATOMIC_FLAG_INIT,
                         .run = {.command = args->exec, .terminal = args->pty},
                         .peers = {.keepalive_ms = args->keepalive_s * 1000, .pipe_done = on_pipe_done}};
    b.peers.user = &b;
    if (args->bare)
        return bind_raw(&b);
    int status = offer(&b) ? bind_secure(&b) : STATUS_USAGE;
    if (b.idle)
        offers_close(&b.offers);
    return status;
}
