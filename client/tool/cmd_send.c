/* hx send PATH...: for whoever has the code, as often as it was told to. */
#include "base/clock.h"
#include "client/forward/say.h"
#include "client/tool/bound.h"
#include "client/tool/keyfile.h"
#include "client/tool/peer.h"
#include "client/tool/program.h"
#include "client/tool/progress.h"
#include "client/tool/qr.h"
#include "client/tool/sent.h"
#include "client/tool/ui.h"
#include "secure/code.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_MS   30000 /* poll(2) does not count a sleep of the machine, which the code's time does */
#define KEY_LABEL "code"
#define COUNT_MAX 100000 /* entries that are looked at for how much it is: more take too long */

static const char used[] = "it has been received as often as it was offered";
static const char expired[] = "the code has expired";
static const char broken[] = "standard input can be read once only, and another receiver has begun";

struct sending {
    const struct args *args;
    struct hx_listener *listener; /* NULL: nobody new is let in */
    struct visit_host host;
    struct peers_config peers;
    struct pace pace; /* of all receivers together, as the next */
    struct sent sent;
    int64_t until_ms;
    int changed_fd;        /* readable: what is below has changed */
    pthread_mutex_t mutex; /* guards that */
    char (*receipts)[VISIT_RECEIPT_MAX];
    int count; /* of them */
    int begun; /* receivers that copy now */
    bool expired;
    bool lost; /* the one who got standard input is gone without all of it, */
    int error, system;
};

static void changed(struct sending *s)
{
    uint64_t one = 1;
    (void)!write(s->changed_fd, &one, sizeof one);
}

/* ---- in a receiver's thread ---- */

static const char *on_begin(void *user)
{
    struct sending *s = user;
    const char *why = NULL;
    pthread_mutex_lock(&s->mutex);
    if (s->count >= s->args->receipts)
        why = used;
    else if (s->expired)
        why = expired;
    else if (s->host.stream && (s->begun > 0 || s->lost))
        why = broken;
    s->begun += !why;
    pthread_mutex_unlock(&s->mutex);
    changed(s);
    return why;
}

static void on_whole(void *user, const char *who, const char *receipt)
{
    struct sending *s = user;
    int count;
    bool known = false;
    pthread_mutex_lock(&s->mutex);
    for (int i = 0; i < s->count; i++)
        known = known || strcmp(s->receipts[i], receipt) == 0;
    if (!known && s->count < s->args->receipts)
        memcpy(s->receipts[s->count++], receipt, strlen(receipt) + 1);
    count = s->count;
    pthread_mutex_unlock(&s->mutex);
    say_note("%s: has all of it, %d of %d", who, count, s->args->receipts);
    changed(s);
}

static void on_path(void *user, const char *kind)
{
    sent_path(&((struct sending *)user)->sent, kind);
}

static void on_left(void *user, bool whole, int error, int system)
{
    struct sending *s = user;
    pthread_mutex_lock(&s->mutex);
    s->begun--;
    if (s->host.stream && !whole) {
        s->lost = true;
        s->error = error;
        s->system = system;
    }
    pthread_mutex_unlock(&s->mutex);
    changed(s);
}

/* ---- */

static void interrupted_while(struct sending *s)
{
    pthread_mutex_lock(&s->mutex);
    int count = s->count;
    pthread_mutex_unlock(&s->mutex);
    if (count > 0)
        say_error("interrupted after %d had received it; the code leads nowhere any more", count);
    else
        say_error("interrupted before anybody had received it; the code leads nowhere any more");
}

static void stream_lost(const struct sending *s)
{
    if (s->error == HX_ESYS && s->system)
        say_error("cannot read standard input: %s", strerror(s->system));
    else
        say_error(
            "the receiver went away before it had all of standard input: look there, and send it again");
}

/* Why it is over, as the receivers are told; NULL: it is not. The mutex is held. */
static const char *verdict(const struct sending *s, int *status)
{
    *status = s->count >= s->args->receipts ? STATUS_OK : STATUS_FAILED;
    if (s->count >= s->args->receipts)
        return used;
    if (s->lost)
        return broken;
    return s->expired && s->begun == 0 ? expired : NULL;
}

/* The mutex is held: receivers may still leave. */
static void say_end(const struct sending *s, const char *why)
{
    if (why == used && !s->args->quiet)
        say_always("%s: all has arrived, the code leads nowhere any more",
                   s->count == 1 ? "received once" : "received as often as --count says");
    else if (why == broken)
        stream_lost(s);
    else if (why == expired && s->count > 0)
        say_error("the code has expired (--expire), %d of %d have received it", s->count, s->args->receipts);
    else if (why == expired)
        say_error("the code has expired (--expire) before anybody had received all of it");
}

static void expire(struct sending *s)
{
    if (s->expired || clock_now_ms() < s->until_ms)
        return;
    pthread_mutex_lock(&s->mutex);
    s->expired = true;
    int begun = s->begun;
    pthread_mutex_unlock(&s->mutex);
    hx_listener_close(s->listener);
    s->listener = NULL;
    if (begun > 0)
        say_note("the code has expired; who has begun to receive may finish (%d)", begun);
}

static void look(struct sending *s)
{
    pthread_mutex_lock(&s->mutex);
    int begun = s->begun;
    pthread_mutex_unlock(&s->mutex);
    sent_look(&s->sent, begun > 0, progress_asked());
}

/* The next thing that happens. False: poll(2) failed, or accepting, which was told. */
static bool await(struct sending *s, struct peers *peers)
{
    struct pollfd fds[] = {{interrupt_fd(), POLLIN, 0},
                           {progress_asked_fd(), POLLIN, 0},
                           {s->changed_fd, POLLIN, 0},
                           {s->listener ? hx_listener_fd(s->listener) : -1, POLLIN, 0}};
    struct hx_stream *stream;
    uint64_t times;
    int64_t left_ms = s->expired ? LOOK_MS : s->until_ms - clock_now_ms();
    left_ms = left_ms < 0 ? 0 : sent_wait_ms(&s->sent, left_ms > LOOK_MS ? LOOK_MS : left_ms);
    if (poll(fds, sizeof fds / sizeof *fds, (int)left_ms) < 0 && errno != EINTR) {
        say_error("cannot poll: %s", strerror(errno));
        return false;
    }
    if (fds[2].revents)
        (void)!read(s->changed_fd, &times, sizeof times);
    look(s);
    if (!fds[3].revents || interrupted())
        return true;
    int err = hx_accept(s->listener, &stream, 0);
    if (err == HX_OK)
        peers_add(peers, stream);
    else if (err != HX_EAGAIN && !interrupted())
        say_error("cannot accept: %s", hx_strerror(err));
    return err == HX_OK || err == HX_EAGAIN || interrupted();
}

/* Until it is over. */
static int wait_for_all(struct sending *s, struct peers *peers, const char **why)
{
    int status = STATUS_FAILED;
    while (await(s, peers)) {
        if (interrupted()) {
            interrupted_while(s);
            return STATUS_FAILED;
        }
        expire(s);
        pthread_mutex_lock(&s->mutex);
        *why = verdict(s, &status);
        pthread_mutex_unlock(&s->mutex);
        if (*why)
            return status;
    }
    return STATUS_FAILED;
}

static int serve(struct sending *s, struct share *share)
{
    struct peers *peers;
    const char *why = NULL;
    if (peers_create(&peers, &s->peers) < 0) {
        ui_cannot_begin(HX_ENOMEM);
        return STATUS_FAILED;
    }
    int status = wait_for_all(s, peers, &why);
    sent_end(&s->sent);
    hx_listener_close(s->listener);
    if (why)
        peers_over(peers, why);
    pthread_mutex_lock(&s->mutex);
    if (why)
        say_end(s, why);
    pthread_mutex_unlock(&s->mutex);
    if (peers_destroy(peers))
        share_close(share);
    return status;
}

/* The one line of standard output, and, for people, how it is meant. */
static bool show(const struct args *args, const char *code)
{
    char line[CODE_TEXT_MAX + 16];
    char most[24];
    snprintf(line, sizeof line, "hx recv %s", code);
    printf("%s\n", line);
    bool good = ui_printed();
    if (good && args->qr)
        good = qr_draw(line);
    explicit_bzero(line, sizeof line);
    progress_time(most, args->expire_s);
    say_note(
        "give that line to whoever shall have it, where HX_NAMESERVER or --nameserver is %s; waiting, for %s "
        "at most",
        args->nameserver, most);
    return good;
}

static int begin(struct sending *s, struct share *share)
{
    char text[CODE_TEXT_MAX];
    char keys[KEY_TEXT_MAX + sizeof KEY_LABEL + 2];
    struct code code;
    int group;
    int err = code_generate(text);
    if (err == HX_OK)
        err = code_parse(&code, text, &group);
    if (err < 0) {
        say_error("cannot make a code: %s", hx_strerror(err));
        return STATUS_FAILED;
    }
    snprintf(keys, sizeof keys, "%s " KEY_LABEL "\n", code.key);
    int status = bound_open(&s->listener, s->args, code.name, keys);
    explicit_bzero(keys, sizeof keys);
    code_wipe(&code);
    s->until_ms = clock_now_ms() + s->args->expire_s * 1000;
    if (status == STATUS_OK && !show(s->args, text)) {
        hx_listener_close(s->listener);
        status = STATUS_FAILED;
    }
    explicit_bzero(text, sizeof text);
    return status == STATUS_OK ? serve(s, share) : status;
}

static int open_paths(struct share **out, const struct args *args)
{
    size_t bad;
    char name[SAY_NAME_MAX];
    int err = share_open_paths(out, args->paths, (size_t)args->path_count, &bad);
    int system = errno;
    if (err == HX_OK)
        return STATUS_OK;
    printable_name(name, sizeof name, args->paths[bad]);
    if (err == HX_ECONFLICT)
        say_error("%s: another path has the same last name, and both would come as one", name);
    else if (err == HX_EINVAL)
        say_error("%s: cannot be sent under its name", name);
    else
        say_error("%s: %s", name,
                  err != HX_ESYS    ? hx_strerror(err)
                  : system == ENXIO ? "is neither a file nor a directory"
                                    : strerror(system));
    return STATUS_FAILED;
}

int cmd_send(const struct args *args)
{
    static struct sending s; /* a peer that hangs may outlive this call */
    struct share *share = NULL;
    bool stream = strcmp(args->paths[0], "-") == 0;
    keyfile_guard();
    s = (struct sending){.args = args,
                         .mutex = PTHREAD_MUTEX_INITIALIZER,
                         .changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                         .receipts = calloc((size_t)args->receipts, sizeof *s.receipts),
                         .host = {stream, on_begin, on_whole, on_left, on_path, &s},
                         .peers = {.keepalive_ms = args->keepalive_s * 1000}};
    pace_init(&s.pace, args->bytes_per_s);
    s.peers.pace = &s.pace;
    if (s.changed_fd < 0 || !s.receipts) {
        ui_cannot_begin(HX_ESYS);
        return STATUS_FAILED;
    }
    int status = stream ? STATUS_OK : open_paths(&share, args);
    s.sent = (struct sent){.pace = &s.pace,
                           .quiet = args->quiet,
                           .total = share && args->receipts == 1 ? share_bytes(share, COUNT_MAX) : -1,
                           .name = args->path_count == 1 && share ? args->paths[0] : ""};
    sent_init(&s.sent);
    s.peers.serve = (struct serve_config){.share = share, .visits = &s.host};
    return status == STATUS_OK ? begin(&s, share) : status;
}
