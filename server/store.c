#include "server/store.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/error.h"
#include "proto/host_id.h"
#include "server/log.h"
#include "server/store_process.h"
#include "server/store_state.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#define SOCKET_BYTES (1 << 20) /* wished for; the kernel has a bound of its own */

/* ---- to the store ---- */

static ssize_t send_bytes(struct store *s, const uint8_t *bytes, size_t len)
{
    ssize_t n = send(s->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return HX_EAGAIN;
    return n < 0 ? HX_ECLOSED : n;
}

static int queue_bytes(struct store *s, const uint8_t *bytes, size_t len)
{
    struct packet *p = malloc(sizeof *p + len);

    if (!p)
        return HX_ENOMEM;
    p->len = len;
    memcpy(p->bytes, bytes, len);
    DL_APPEND(s->queue, p);
    s->queued += len;
    return HX_OK;
}

/* `most`: bytes that may wait already. */
static int send_message(struct store *s, const struct store_message *m, size_t most)
{
    uint8_t bytes[STORE_MESSAGE_MAX];
    ssize_t len = store_message_write(bytes, m);

    if (s->fd < 0)
        return HX_ECLOSED;
    if (len < 0)
        return (int)len;
    ssize_t n = s->queue ? HX_EAGAIN : send_bytes(s, bytes, (size_t)len);
    if (n >= 0)
        return HX_OK;
    if (n == HX_ECLOSED) /* what it has said before will be read, and then its end */
        return HX_ECLOSED;
    return s->queued + (size_t)len > most ? HX_EAGAIN : queue_bytes(s, bytes, (size_t)len);
}

static void flush(struct store *s)
{
    while (s->queue) {
        struct packet *p = s->queue;

        if (send_bytes(s, p->bytes, p->len) < 0)
            return;
        DL_DELETE(s->queue, p);
        s->queued -= p->len;
        free(p);
    }
}

int store_read(struct store *s, int which)
{
    const struct store_message m = {.kind = STORE_READ, .code = which};

    if (s->fd < 0)
        return HX_ECLOSED;
    if (s->reading) {
        s->read_again |= which;
        return HX_OK;
    }
    int err = send_message(s, &m, STORE_QUEUE_MAX);
    s->reading = err == HX_OK;
    return err;
}

static int ask(struct store *s, enum store_kind kind, const char *name, const uint8_t *key)
{
    struct pending *p;
    size_t len = strnlen(name, STORE_NAME_MAX + 1);

    if (s->fd < 0)
        return HX_ECLOSED;
    if (!host_id_valid(name, len))
        return HX_EINVAL;
    if (s->pending_count >= STORE_PENDING_MAX)
        return HX_ELIMIT;
    p = calloc(1, sizeof *p);
    if (!p)
        return HX_ENOMEM;
    *p = (struct pending){
        .id = ++s->last_id, .until_ms = clock_now_ms() + STORE_ANSWER_MS, .claims = kind == STORE_CLAIM};
    memcpy(p->name, name, len);
    if (key)
        memcpy(p->key, key, sizeof p->key);
    const struct store_message m = {
        .kind = kind, .id = p->id, .name = {name, len}, .value = {key, key ? STORE_KEY_BYTES : 0}};
    int err = send_message(s, &m, STORE_QUEUE_MAX);
    if (err < 0) {
        free(p);
        return err == HX_EAGAIN ? HX_ELIMIT : err;
    }
    DL_APPEND(s->pending, p);
    s->pending_count++;
    return HX_OK;
}

int store_claim(struct store *s, const char *name, const uint8_t key[STORE_KEY_BYTES])
{
    return ask(s, STORE_CLAIM, name, key);
}

int store_forget(struct store *s, const char *name)
{
    return ask(s, STORE_FORGET, name, NULL);
}

int store_write(struct store *s, enum store_write what, const char *name, const void *data, size_t len)
{
    const struct store_message m = {
        .kind = STORE_WRITE, .code = (int32_t)what, .name = {name, strlen(name)}, .value = {data, len}};

    return send_message(s, &m, STORE_WRITES_MAX);
}

static void readable(void *user, int64_t now_ms)
{
    struct store *s = user;

    (void)now_ms;
    for (int i = 0; i < STORE_TURN_MAX && store_take(s); i++) {
    }
}

static void has_room(struct loop_edge *e, unsigned changes, int64_t now_ms)
{
    struct store *s = container_of(e, struct store, room);

    (void)now_ms;
    if (changes & LOOP_WRITABLE)
        flush(s);
}

int store_begin(struct store *s, struct loop *loop)
{
    if (s->fd < 0)
        return HX_OK;
    s->room = (struct loop_edge){.fd = s->fd, .handler = has_room};
    int err = loop_watch(loop, s->fd, readable, s);
    if (err == HX_OK && (err = loop_add_edge(loop, &s->room)) < 0)
        loop_unwatch(loop, s->fd);
    s->loop = loop;
    s->watched = err == HX_OK;
    return err;
}

void store_leave(struct store *s)
{
    if (s->watched) {
        loop_unwatch(s->loop, s->fd);
        loop_remove_edge(s->loop, &s->room);
    }
    s->watched = false;
    s->texts = NULL;
    s->owners = NULL;
}

/* ---- as a whole ---- */

void store_tell_texts(struct store *s, const struct store_text_events *events)
{
    s->texts = events;
}

void store_tell_owners(struct store *s, const struct store_owner_events *events)
{
    s->owners = events;
}

int store_start(struct store **out, const struct store_config *config)
{
    struct store *s = calloc(1, sizeof *s);
    int fds[2], bytes = SOCKET_BYTES;

    if (!s)
        return HX_ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        free(s);
        return HX_ESYS;
    }
    for (int i = 0; i < 2; i++)
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    pid_t parent = getpid();
    s->reap_ms = -1;
    s->pid = fork();
    if (s->pid == 0)
        _exit(store_process(fds[1], parent, config));
    close(fds[1]);
    s->fd = fds[0];
    if (s->pid < 0) {
        close(fds[0]);
        free(s);
        return HX_ESYS;
    }
    *out = s;
    return HX_OK;
}

/* Until it has something to say, maybe; false: it is too late. */
static bool await_message(const struct store *s, int64_t end_ms)
{
    struct pollfd fd = {.fd = s->fd, .events = POLLIN};
    int64_t left_ms = end_ms - clock_now_ms();

    return left_ms > 0 && (poll(&fd, 1, (int)left_ms) >= 0 || errno == EINTR);
}

int store_load(struct store *s)
{
    int64_t end_ms = clock_now_ms() + STORE_LOAD_MS;

    while (s->fd >= 0 && !s->loaded && await_message(s, end_ms))
        store_take(s);
    if (s->loaded)
        return HX_OK;
    return s->fd < 0 ? HX_ECLOSED : HX_ETIMEDOUT;
}

void store_turn(struct store *s, int64_t now_ms)
{
    struct pending *p;

    store_reap(s, now_ms);
    DL_FOREACH(s->pending, p)
    {
        if (p->until_ms > now_ms)
            break;
        store_tell_claimed(s, p, HX_ETIMEDOUT); /* its answer is still to come, and in its order */
    }
}

int64_t store_next_ms(const struct store *s)
{
    const struct pending *p;

    if (s->reap_ms >= 0)
        return s->reap_ms;
    DL_FOREACH(s->pending, p)
    {
        if (!p->over)
            return p->until_ms;
    }
    return -1;
}

bool store_lives(const struct store *s)
{
    return s->fd >= 0;
}

bool store_owners_usable(const struct store *s)
{
    return s->fd >= 0 && !s->unusable;
}

/* Its end of the socket is closed when all is written. */
static void await_end(struct store *s)
{
    int64_t end_ms = clock_now_ms() + STORE_END_MS;
    uint8_t bytes[STORE_MESSAGE_MAX];
    bool ended = false;

    shutdown(s->fd, SHUT_WR);
    while (!ended && await_message(s, end_ms)) {
        ssize_t n = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    }
    if (ended)
        waitpid(s->pid, NULL, 0);
    else
        log_always(LOG_WARN, "store_slow", "reason", "it still waits for the disk, and nobody waits for it");
}

void store_end(struct store *s)
{
    if (!s)
        return;
    if (s->fd >= 0) {
        flush(s); /* what there is room for */
        await_end(s);
        close(s->fd);
    }
    store_reap(s, INT64_MAX);
    store_drop_queue(s);
    store_fail_pending(s);
    free(s);
}
