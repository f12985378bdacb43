/* What the application reads and writes, and what it polls. */
#include "client/stream_parts.h"

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
    ssize_t got = secure_channel_read(h->channel, buf, len);
    stream_tell_proof(h);
    if (got > 0)
        secure_channel_note_end(h->channel);
    if (got == HX_EAGAIN && h->gone)
        got = HX_ECLOSED;
    if (got == HX_EAGAIN)
        readiness_fd_set(&h->read_fd, false);
    if (got == HX_EEOF)
        got = 0;
    else if (got == HX_ECLOSED && !h->channel->tls)
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
    int err = secure_channel_prove(h->channel); /* why it failed is told even if the peer has gone since */
    stream_tell_proof(h);
    if (err == HX_OK || err == HX_EAGAIN)
        err = h->gone ? HX_ECLOSED : err;
    ssize_t put = err < 0 ? err : secure_channel_write(h->channel, buf, len);
    if (put == HX_EAGAIN)
        readiness_fd_set(&h->write_fd, false);
    if (put > 0)
        h->unsure = true;
    if (put > 0 && h->agent)
        agent_wake(h->agent);
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

size_t hx_write_room(struct hx_stream *h, size_t most)
{
    size_t room = most;
    pthread_mutex_lock(&h->mutex);
    if (h->s && !h->finished && !h->gone)
        room = secure_channel_room(h->channel, most);
    if (room == 0 && most > 0)
        readiness_fd_set(&h->write_fd, false);
    pthread_mutex_unlock(&h->mutex);
    return room;
}

static int try_prove(struct hx_stream *h)
{
    if (h->canceled)
        return HX_ECANCELED;
    int err = secure_channel_prove(h->channel);
    stream_tell_proof(h);
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

static const char *of_key(struct hx_stream *h, const char *(*what)(const struct tls *t))
{
    pthread_mutex_lock(&h->mutex);
    const char *text = h->channel->tls ? what(h->channel->tls) : "";
    pthread_mutex_unlock(&h->mutex);
    return text;
}

const char *hx_peer_label(struct hx_stream *h)
{
    return of_key(h, tls_label);
}

const char *hx_peer_key(struct hx_stream *h)
{
    return of_key(h, tls_key_identity);
}

int hx_shutdown(struct hx_stream *h)
{
    int err = HX_ECLOSED;
    engine_lock();
    pthread_mutex_lock(&h->mutex);
    if (h->s) {
        bool before = h->finished;
        h->finished = true;
        err = stream_push(h);
        if (err == HX_EAGAIN) /* what waits leaves when there is room */
            err = HX_OK;
        h->finished = before || err == HX_OK;
    }
    pthread_mutex_unlock(&h->mutex);
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
