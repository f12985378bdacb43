#include "client/stream.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/delayed_close.h"
#include "client/engine.h"
#include "client/linger.h"
#include "client/readiness_fd.h"
#include "client/secure_channel.h"
#include "proto/host_id.h"
#include <stdlib.h>
#include <string.h>

#define SILENCE_LOOK_MS 5000 /* how often the peer's last sign of life is looked at */
#define LINGER_LOOK_MS  20   /* acknowledgements may come without an event */

struct hx_stream {
    struct engine_sink sink;
    struct timer silence;
    struct engine_member member;
    struct stream *s; /* changed with both locks held; NULL once the connection is given up */
    struct udt_port *port;
    struct endpoint peer, external;
    char name[HOST_ID_MAX + 1];
    int linger_ms;
    int64_t born_ms;
    struct fair_share_member waiting; /* to be accepted */

    pthread_mutex_t mutex; /* all below, and every read and write of `s` */
    pthread_cond_t cond;
    struct readiness_fd read_fd, write_fd; /* set: hx_read() or hx_write() is worth a try */
    struct secure_channel channel;
    bool proof_told; /* that the proof of the keys has ended, this way or that */
    bool eof_told;
    bool unsure;   /* something was written that no look at the acknowledgements has covered */
    bool finished; /* hx_shutdown() was called */
    bool ended;    /* and UDT has been told, too */
    bool gone;     /* the connection has ended */
    bool silent;   /* because nothing was heard: no orderly end */
    bool canceled; /* the handle's life ends */
    int users;     /* threads inside hx_read() and hx_write() */
    unsigned news; /* counts events: who waits for a change compares */
};

static void wake(struct hx_stream *h)
{
    h->news++;
    pthread_cond_broadcast(&h->cond);
}

/* Whoever waits for the proof, to read or to write, may go on or learn that it has failed. */
static void tell_proof(struct hx_stream *h)
{
    if (h->proof_told || !(h->channel.proven || h->channel.error < 0))
        return;
    h->proof_told = true;
    readiness_fd_set(&h->read_fd, true);
    readiness_fd_set(&h->write_fd, true);
    wake(h);
}

/* Sends what the secure channel holds back and, after hx_shutdown(), what ends our direction: TLS's end, then UDT's.
 * Both locks are held. HX_OK: nothing waits. */
static int push(struct hx_stream *h)
{
    if (!h->finished || h->ended)
        return secure_channel_flush(&h->channel);
    int err = secure_channel_end(&h->channel);
    tell_proof(h);
    if (err == HX_OK)
        err = udt_stream_half_close(h->s);
    h->ended = err == HX_OK;
    return err;
}

static void on_writable(struct hx_stream *h)
{
    int pushed = push(h);
    if (pushed == HX_OK && stream_unacked(h->s) == 0)
        h->unsure = false;
    if (pushed != HX_EAGAIN || !h->proof_told)
        readiness_fd_set(&h->write_fd, true);
}

static void on_readable(struct hx_stream *h)
{
    if (h->finished && !h->ended) /* it may be the proof's end */
        (void)push(h);
    if (!h->eof_told)
        readiness_fd_set(&h->read_fd, true);
    if (!h->proof_told) /* who writes waits for the peer's proof */
        readiness_fd_set(&h->write_fd, true);
}

static void on_event(struct engine_sink *sink, const struct udt_event *ev)
{
    struct hx_stream *h = (struct hx_stream *)sink;
    pthread_mutex_lock(&h->mutex);
    if (ev->type == UDT_EV_CLOSED) {
        h->gone = true;
        readiness_fd_set(&h->read_fd, true);
        readiness_fd_set(&h->write_fd, true);
    } else if (ev->type == UDT_EV_WRITABLE && h->s) {
        on_writable(h);
    } else if (ev->type == UDT_EV_READABLE && h->s) {
        on_readable(h);
    }
    wake(h);
    pthread_mutex_unlock(&h->mutex);
}

static void fall_silent(struct hx_stream *h)
{
    pthread_mutex_lock(&h->mutex);
    h->gone = h->silent = true;
    readiness_fd_set(&h->read_fd, true);
    readiness_fd_set(&h->write_fd, true);
    wake(h);
    pthread_mutex_unlock(&h->mutex);
}

/* UDT itself takes up to 46 s, and tells nobody (UDT4.md, B). */
static void on_silence(struct timer *t)
{
    struct hx_stream *h = container_of(t, struct hx_stream, silence);
    int64_t now_ms = clock_now_ms();
    if (stream_heard_ms(h->s) + STREAM_SILENCE_MS <= now_ms)
        fall_silent(h);
    else
        engine_timer_set(t, now_ms + SILENCE_LOOK_MS);
}

/* Ends the connection; the engine's lock is held. */
static void detach(struct hx_stream *h, bool settle)
{
    engine_timer_cancel(&h->silence);
    pthread_mutex_lock(&h->mutex);
    struct stream *s = h->s;
    h->s = NULL;
    h->canceled = true;
    readiness_fd_set(&h->read_fd, true);
    readiness_fd_set(&h->write_fd, true);
    wake(h);
    bool gone = h->gone;
    int64_t settled_ms = h->born_ms + STREAM_SETTLE_MS;
    if (h->channel.error < 0 && h->channel.failed_ms + STREAM_ALERT_MS > settled_ms)
        settled_ms = h->channel.failed_ms + STREAM_ALERT_MS;
    pthread_mutex_unlock(&h->mutex);
    if (!s)
        return;
    if (h->port && stream_heard_ms(s) + STREAM_MISSED_MS <= clock_now_ms())
        engine_port_leave(h->port); /* our NAT may keep a dead mapping as long as packets use it */
    s->user = NULL;
    if (!settle || gone || !delayed_close(s, settled_ms))
        stream_close(s);
}

static void on_cancel(struct engine_member *m)
{
    detach(container_of(m, struct hx_stream, member), false);
}

int stream_adopt(struct hx_stream **out, struct stream *s, const struct stream_info *info)
{
    struct hx_stream *h = calloc(1, sizeof *h);
    if (!h || secure_channel_open(&h->channel, s, info->keys, info->connecting) != HX_OK ||
        engine_cond_init(&h->cond) != HX_OK) {
        if (h)
            secure_channel_close(&h->channel);
        free(h);
        stream_close(s);
        return HX_ENOMEM;
    }
    h->proof_told = h->channel.proven;
    h->unsure = !h->channel.proven;
    pthread_mutex_init(&h->mutex, NULL);
    h->sink.on_event = on_event;
    h->silence.fire = on_silence;
    h->member.cancel = on_cancel;
    h->port = info->port;
    h->peer = info->peer;
    h->external = info->external;
    h->linger_ms = info->linger_ms == 0 ? STREAM_LINGER_MS : info->linger_ms;
    strncpy(h->name, info->name, HOST_ID_MAX);
    fair_share_source(&h->waiting.source, info->peer.family, info->peer.address);
    h->born_ms = clock_now_ms();
    readiness_fd_init(&h->read_fd, true); /* nobody knows what waits: the first call will tell */
    readiness_fd_init(&h->write_fd, true);
    h->s = s;
    s->user = &h->sink;
    engine_join(&h->member);
    engine_timer_set(&h->silence, h->born_ms + SILENCE_LOOK_MS);
    *out = h;
    return HX_OK;
}

void stream_discard(struct hx_stream *h)
{
    if (!h)
        return;
    detach(h, true);
    engine_leave(&h->member);
    pthread_mutex_lock(&h->mutex);
    while (h->users > 0)
        pthread_cond_wait(&h->cond, &h->mutex);
    pthread_mutex_unlock(&h->mutex);
    secure_channel_close(&h->channel);
    readiness_fd_close(&h->read_fd);
    readiness_fd_close(&h->write_fd);
    pthread_cond_destroy(&h->cond);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

struct fair_share_member *stream_waiting(struct hx_stream *h)
{
    return &h->waiting;
}

struct hx_stream *stream_of_waiting(struct fair_share_member *m)
{
    return container_of(m, struct hx_stream, waiting);
}

const char *stream_name(const struct hx_stream *h)
{
    return h->name;
}

const struct endpoint *stream_endpoint(const struct hx_stream *h)
{
    return &h->peer;
}

/* A stock UDT program ends its direction by closing. An hx program that closes without an end, or one that
 * fell silent, has not said that this was all. */
static ssize_t closed_or_end(struct hx_stream *h)
{
    struct udt_half_close state;
    udt_stream_half_close_state(h->s, &state);
    return state.peer_speaks || h->silent ? HX_ECLOSED : 0;
}

/* One try, the mutex held. HX_EAGAIN leaves the descriptor quiet until an event comes: that is delivered
 * under the same mutex, so none can be lost between. */
static ssize_t try_read(struct hx_stream *h, void *buf, size_t len)
{
    if (h->canceled)
        return HX_ECANCELED;
    if (h->eof_told)
        return h->gone ? HX_ECLOSED : 0;
    ssize_t got = secure_channel_read(&h->channel, buf, len);
    tell_proof(h);
    if (got == HX_EAGAIN && h->gone)
        got = HX_ECLOSED;
    if (got == HX_EAGAIN)
        readiness_fd_set(&h->read_fd, false);
    if (got == HX_EEOF)
        got = 0;
    else if (got == HX_ECLOSED && !h->channel.tls)
        got = closed_or_end(h);
    if (got == 0) {
        h->eof_told = true;
        readiness_fd_set(&h->read_fd, h->gone);
    }
    return got;
}

static ssize_t try_write(struct hx_stream *h, const void *buf, size_t len)
{
    if (h->canceled)
        return HX_ECANCELED;
    if (h->finished)
        return HX_EINVAL;
    int err = secure_channel_prove(&h->channel); /* why it failed is told even if the peer has gone since */
    tell_proof(h);
    if (err == HX_OK || err == HX_EAGAIN)
        err = h->gone ? HX_ECLOSED : err;
    ssize_t put = err < 0 ? err : secure_channel_write(&h->channel, buf, len);
    if (put == HX_EAGAIN)
        readiness_fd_set(&h->write_fd, false);
    if (put > 0)
        h->unsure = true;
    return put;
}

static void leave(struct hx_stream *h)
{
    h->users--;
    if (h->canceled)
        pthread_cond_broadcast(&h->cond);
    pthread_mutex_unlock(&h->mutex);
}

ssize_t hx_read(struct hx_stream *h, void *buf, size_t len, int timeout_ms)
{
    int64_t deadline_ms = engine_deadline(timeout_ms);
    ssize_t got;
    if (len == 0)
        return HX_EINVAL;
    pthread_mutex_lock(&h->mutex);
    h->users++;
    while ((got = try_read(h, buf, len)) == HX_EAGAIN && timeout_ms != 0) {
        if (!engine_cond_wait(&h->cond, &h->mutex, deadline_ms)) {
            got = HX_ETIMEDOUT;
            break;
        }
    }
    leave(h);
    return got;
}

ssize_t hx_write(struct hx_stream *h, const void *buf, size_t len, int timeout_ms)
{
    int64_t deadline_ms = engine_deadline(timeout_ms);
    const char *data = buf;
    size_t done = 0;
    ssize_t put = HX_EINVAL;
    if (len == 0)
        return HX_EINVAL;
    pthread_mutex_lock(&h->mutex);
    h->users++;
    while (done < len) {
        put = try_write(h, data + done, len - done);
        if (put > 0)
            done += (size_t)put;
        if (put > 0 && timeout_ms != 0)
            continue;
        if (put != HX_EAGAIN || timeout_ms == 0)
            break;
        if (!engine_cond_wait(&h->cond, &h->mutex, deadline_ms)) {
            put = HX_ETIMEDOUT;
            break;
        }
    }
    leave(h);
    return done > 0 ? (ssize_t)done : put;
}

static int try_prove(struct hx_stream *h)
{
    if (h->canceled)
        return HX_ECANCELED;
    int err = secure_channel_prove(&h->channel);
    tell_proof(h);
    if (err == HX_EAGAIN && h->gone)
        return HX_ECLOSED;
    if (err == HX_EAGAIN) /* nor has hx_read() anything */
        readiness_fd_set(&h->read_fd, false);
    return err;
}

int hx_handshake(struct hx_stream *h, int timeout_ms)
{
    int64_t deadline_ms = engine_deadline(timeout_ms);
    int err;
    pthread_mutex_lock(&h->mutex);
    h->users++;
    while ((err = try_prove(h)) == HX_EAGAIN && timeout_ms != 0) {
        if (!engine_cond_wait(&h->cond, &h->mutex, deadline_ms)) {
            err = HX_ETIMEDOUT;
            break;
        }
    }
    leave(h);
    return err;
}

const char *hx_peer_label(struct hx_stream *h)
{
    pthread_mutex_lock(&h->mutex);
    const char *label = h->channel.tls ? tls_label(h->channel.tls) : "";
    pthread_mutex_unlock(&h->mutex);
    return label;
}

int hx_shutdown(struct hx_stream *h)
{
    int err = HX_ECLOSED;
    engine_lock();
    pthread_mutex_lock(&h->mutex);
    if (h->s) {
        bool before = h->finished;
        h->finished = true;
        err = push(h);
        if (err == HX_EAGAIN) /* what waits leaves when there is room */
            err = HX_OK;
        h->finished = before || err == HX_OK;
    }
    pthread_mutex_unlock(&h->mutex);
    engine_unlock();
    return err;
}

/* Fills what linger_judge() wants to know. The news come first: what changes later is seen as news again. */
static unsigned look(struct hx_stream *h, struct linger_view *view)
{
    engine_lock();
    pthread_mutex_lock(&h->mutex);
    unsigned news = h->news;
    view->canceled = h->canceled;
    view->gone = h->gone;
    view->now_ms = clock_now_ms();
    if (h->s) {
        (void)push(h);
        view->error = h->ended ? HX_OK : h->channel.error;
        udt_stream_half_close_state(h->s, &view->half_close);
        view->unacked = stream_unacked(h->s);
        if (view->unacked >= 0 && !h->ended)
            view->unacked++; /* what UDT has not even got */
        view->heard_ms = stream_heard_ms(h->s);
    }
    pthread_mutex_unlock(&h->mutex);
    engine_unlock();
    return news;
}

static int linger(struct hx_stream *h)
{
    struct linger_view view = {.unacked = 0};
    struct linger_state state;
    pthread_mutex_lock(&h->mutex);
    linger_init(&state, h->linger_ms, h->unsure || !h->ended ? -1 : 0, clock_now_ms());
    pthread_mutex_unlock(&h->mutex);
    for (;;) {
        unsigned news = look(h, &view);
        int verdict = linger_judge(&state, &view);
        if (verdict != HX_EAGAIN)
            return verdict;
        int64_t until_ms = view.now_ms + LINGER_LOOK_MS;
        pthread_mutex_lock(&h->mutex);
        while (h->news == news && engine_cond_wait(&h->cond, &h->mutex, until_ms))
            ;
        pthread_mutex_unlock(&h->mutex);
    }
}

void hx_abort(struct hx_stream *h)
{
    engine_lock();
    detach(h, true);
    engine_unlock();
}

int hx_close(struct hx_stream *h)
{
    if (!h)
        return HX_OK;
    pthread_mutex_lock(&h->mutex);
    bool finished = h->finished;
    pthread_mutex_unlock(&h->mutex);
    int err = finished ? linger(h) : HX_OK;
    engine_lock();
    stream_discard(h);
    engine_unlock();
    return err;
}

static int fd_of(struct hx_stream *h, struct readiness_fd *f)
{
    pthread_mutex_lock(&h->mutex);
    int fd = readiness_fd_get(f);
    pthread_mutex_unlock(&h->mutex);
    return fd;
}

int hx_stream_fd(struct hx_stream *h)
{
    return fd_of(h, &h->read_fd);
}

int hx_stream_write_fd(struct hx_stream *h)
{
    return fd_of(h, &h->write_fd);
}

const char *hx_peer_name(struct hx_stream *h)
{
    return h->name;
}

static int copy_endpoint(const struct endpoint *e, char *text, size_t size)
{
    char whole[ENDPOINT_TEXT_MAX];
    size_t len = endpoint_format(e, whole);
    if (len >= size)
        return HX_ETOOBIG;
    memcpy(text, whole, len + 1);
    return (int)len;
}

int hx_peer(struct hx_stream *h, char *text, size_t size)
{
    return copy_endpoint(&h->peer, text, size);
}

int hx_external(struct hx_stream *h, char *text, size_t size)
{
    return copy_endpoint(&h->external, text, size);
}
