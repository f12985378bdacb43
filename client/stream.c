/* A stream's life, and the events of its connection. */
#include "base/clock.h"
#include "base/container_of.h"
#include "client/delayed_close.h"
#include "client/report.h"
#include "client/stream_parts.h"
#include <stdlib.h>
#include <string.h>

#define SILENCE_LOOK_MS 5000 /* how often the peer's last sign of life is looked at */

static void wake(struct hx_stream *h)
{
    h->news++;
    pthread_cond_broadcast(&h->cond);
}

/* From now on the nameserver, which has given the first key, can steer the paths no more. */
static void prove_paths(struct hx_stream *h)
{
    uint8_t secret[AGENT_SECRET_BYTES];
    if (!h->agent || !h->channel->tls || h->channel->error < 0)
        return;
    if (tls_export(h->channel->tls, "EXPERIMENTAL hx paths", secret, sizeof secret) == HX_OK)
        agent_prove(h->agent, secret);
    explicit_bzero(secret, sizeof secret);
}

void stream_tell_proof(struct hx_stream *h)
{
    if (h->proof_told || !(h->channel->proven || h->channel->error < 0))
        return;
    h->proof_told = true;
    prove_paths(h);
    readiness_fd_set(&h->read_fd, true);
    readiness_fd_set(&h->write_fd, true);
    wake(h);
}

int stream_push(struct hx_stream *h)
{
    if (!h->finished || h->ended)
        return secure_channel_flush(h->channel);
    int err = secure_channel_end(h->channel);
    stream_tell_proof(h);
    if (err == HX_OK)
        err = udt_stream_half_close(h->s);
    h->ended = err == HX_OK;
    return err;
}

static void on_writable(struct hx_stream *h)
{
    int pushed = stream_push(h);
    if (pushed == HX_OK && stream_unacked(h->s) == 0)
        h->unsure = false;
    if (pushed == HX_OK && udt_stream_room(h->s, 1) == 0) /* it is told again */
        pushed = HX_EAGAIN;
    if (pushed != HX_EAGAIN || !h->proof_told)
        readiness_fd_set(&h->write_fd, true);
}

static void on_readable(struct hx_stream *h)
{
    if (h->finished && !h->ended) /* it may be the proof's end */
        (void)stream_push(h);
    if (!h->eof_told)
        secure_channel_note_end(h->channel);
    if (!h->eof_told)
        readiness_fd_set(&h->read_fd, true);
    if (!h->proof_told) /* who writes waits for the peer's proof */
        readiness_fd_set(&h->write_fd, true);
}

/* The stream's mutex is held. */
static void take_event(struct hx_stream *h, const struct udt_event *ev)
{
    if (ev->type == UDT_EV_CLOSED) {
        h->gone = true;
        if (h->s && !h->channel->tls && udt_stream_all_acknowledged(h->s))
            h->unsure = false;
        readiness_fd_set(&h->read_fd, true);
        readiness_fd_set(&h->write_fd, true);
    } else if (ev->type == UDT_EV_WRITABLE && h->s) {
        on_writable(h);
    } else if (ev->type == UDT_EV_READABLE && h->s) {
        on_readable(h);
    }
    wake(h);
}

static void on_event(struct engine_sink *sink, const struct udt_event *ev)
{
    struct hx_stream *h = (struct hx_stream *)sink;
    pthread_mutex_lock(&h->mutex);
    bool unproven = !h->proof_told;
    take_event(h, ev);
    pthread_mutex_unlock(&h->mutex);
    if (unproven && h->owner.news)
        h->owner.news(h->owner.user, h);
}

/* From UDT's own thread, without the engine's lock: so who polls or waits is woken by the thread that has
 * received. All streams' datagrams wait for it. It leaves to the engine's thread what would take long: a
 * stream that somebody is reading or writing, and the proof of the keys. */
static bool on_event_at_once(void *user, const struct udt_event *ev)
{
    struct hx_stream *h = user;
    if (pthread_mutex_trylock(&h->mutex) != 0)
        return false;
    bool quick = h->proof_told && (!h->finished || h->ended);
    if (quick)
        take_event(h, ev);
    pthread_mutex_unlock(&h->mutex);
    return quick;
}

static void fall_silent(struct hx_stream *h)
{
    pthread_mutex_lock(&h->mutex);
    h->gone = h->silent = true;
    readiness_fd_set(&h->read_fd, true);
    readiness_fd_set(&h->write_fd, true);
    wake(h);
    pthread_mutex_unlock(&h->mutex);
    if (h->owner.silent)
        h->owner.silent(h->owner.user, h);
}

/* UDT itself takes up to 46 s, and tells nobody (UDT4.md, B). */
static void on_silence(struct timer *t)
{
    struct hx_stream *h = container_of(t, struct hx_stream, silence);
    int64_t now_ms = clock_now_ms();
    bool slept = now_ms - t->at_ms >= SILENCE_LOOK_MS; /* a process that was stopped has not listened */
    if (stream_heard_ms(h->s) + STREAM_SILENCE_MS <= now_ms && !slept)
        fall_silent(h);
    else
        engine_timer_set(t, now_ms + SILENCE_LOOK_MS);
}

void stream_detach(struct hx_stream *h, bool settle)
{
    struct stream_owner owner = h->owner;
    stream_disown(h);
    engine_timer_cancel(&h->silence);
    pthread_mutex_lock(&h->mutex);
    struct stream *s = h->s;
    struct agent *agent = h->agent;
    h->s = NULL;
    h->agent = NULL;
    h->canceled = true;
    readiness_fd_set(&h->read_fd, true);
    readiness_fd_set(&h->write_fd, true);
    wake(h);
    bool gone = h->gone, broken = gone && !h->eof_told;
    int64_t settled_ms = h->born_ms + STREAM_SETTLE_MS;
    if (h->channel->error < 0 && h->channel->failed_ms + STREAM_ALERT_MS > settled_ms)
        settled_ms = h->channel->failed_ms + STREAM_ALERT_MS;
    pthread_mutex_unlock(&h->mutex);
    rejoin_destroy(h->rejoin);
    h->rejoin = NULL;
    agent_end(agent);
    if (!s)
        return;
    udt_stream_watch(s, NULL);
    if (h->port && stream_heard_ms(s) + STREAM_MISSED_MS <= clock_now_ms())
        engine_port_leave(h->port); /* our NAT may keep a dead mapping as long as packets use it */
    s->user = NULL;
    if (!settle || gone || !delayed_close(s, settled_ms))
        stream_close(s);
    if (owner.closed)
        owner.closed(owner.user, h, broken);
}

/* The one who has asked for the other's name asks again. */
static void on_reach_changed(void *user, enum agent_reach reach)
{
    struct hx_stream *h = user;
    if (h->rejoin)
        rejoin_need(h->rejoin, reach);
    if (h->owner.reach_changed)
        h->owner.reach_changed(h->owner.user, h, reach);
}

static void on_relay_limited(void *user, enum relay_reason reason)
{
    struct hx_stream *h = user;
    report(&h->reporter,
           &(struct hx_event_info){
               .event = HX_EVENT_RELAY_LIMIT, .name = h->name, .text = relay_party_limit_name(reason)},
           &h->peer);
}

static void on_path_changed(void *user)
{
    struct hx_stream *h = user;
    struct agent_path path;
    if (agent_path(h->agent, &path))
        report(&h->reporter,
               &(struct hx_event_info){.event = HX_EVENT_PATH, .name = h->name, .text = path.kind},
               &path.remote);
}

static void on_early(void *user, const uint8_t *bytes, size_t len)
{
    struct hx_stream *h = user;
    pthread_mutex_lock(&h->mutex);
    bool unproven = h->s && !h->proof_told;
    if (unproven) {
        secure_channel_take_early(h->channel, bytes, len);
        stream_tell_proof(h);
        if (h->finished && !h->ended)
            (void)stream_push(h);
    }
    pthread_mutex_unlock(&h->mutex);
    if (unproven && h->owner.news)
        h->owner.news(h->owner.user, h);
}

static void on_cancel(struct engine_member *m)
{
    stream_detach(container_of(m, struct hx_stream, member), false);
}

/* Of what hx_shutdown() promises. Where no key is proven yet nothing could be written. */
static bool has_unsent(struct engine_member *m)
{
    struct hx_stream *h = container_of(m, struct hx_stream, member);
    pthread_mutex_lock(&h->mutex);
    bool promised = h->s && h->finished && !h->gone && h->channel->proven && h->channel->error == HX_OK;
    bool unsent = promised && (!h->ended || udt_stream_unsent(h->s) > 0);
    pthread_mutex_unlock(&h->mutex);
    return unsent;
}

int stream_adopt(struct hx_stream **out, struct stream *s, const struct stream_info *info)
{
    struct secure_channel *channel = info->channel;
    struct hx_stream *h = calloc(1, sizeof *h);
    if (!h || (!channel && secure_channel_create(&channel, info->keys, info->connecting) != HX_OK) ||
        engine_cond_init(&h->cond) != HX_OK) {
        secure_channel_destroy(channel);
        free(h);
        stream_close(s);
        rejoin_destroy(info->rejoin);
        agent_end(info->agent);
        return HX_ENOMEM;
    }
    h->channel = channel;
    h->connecting = info->connecting;
    h->proof_told = !channel->tls; /* there is none */
    h->unsure = channel->tls;
    pthread_mutex_init(&h->mutex, NULL);
    h->sink.on_event = on_event;
    h->silence.fire = on_silence;
    h->member.cancel = on_cancel;
    h->member.unsent = has_unsent;
    h->port = info->port;
    h->agent = info->agent;
    h->rejoin = info->rejoin;
    h->reporter = info->reporter;
    h->owner = info->owner;
    h->peer = info->peer;
    h->external = info->external;
    h->linger_ms = info->linger_ms == 0 ? STREAM_LINGER_MS : info->linger_ms;
    strncpy(h->name, info->name, HOST_ID_MAX);
    fair_share_source(&h->waiting.source, info->peer.family, info->peer.address);
    h->born_ms = clock_now_ms();
    readiness_fd_init(&h->read_fd, true); /* nobody knows what waits: the first call will tell */
    readiness_fd_init(&h->write_fd, true);
    h->s = s;
    secure_channel_attach(channel, s);
    s->user = &h->sink;
    udt_stream_watch(s, &(struct udt_watcher){on_event_at_once, h});
    if (h->agent)
        agent_watch(h->agent, &(struct agent_callbacks){on_path_changed, on_reach_changed, on_early, h,
                                                        on_relay_limited});
    pthread_mutex_lock(&h->mutex);
    stream_tell_proof(h);
    pthread_mutex_unlock(&h->mutex);
    engine_join(&h->member);
    engine_timer_set(&h->silence, h->born_ms + SILENCE_LOOK_MS);
    *out = h;
    return HX_OK;
}

void stream_discard(struct hx_stream *h)
{
    if (!h)
        return;
    stream_detach(h, true);
    engine_leave(&h->member);
    pthread_mutex_lock(&h->mutex);
    while (h->users > 0)
        pthread_cond_wait(&h->cond, &h->mutex);
    pthread_mutex_unlock(&h->mutex);
    secure_channel_destroy(h->channel);
    datagrams_destroy(h->datagrams);
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

const char *hx_peer_name(struct hx_stream *h)
{
    return h->name;
}

static int copy_endpoint(const struct endpoint *e, char *text, size_t size)
{
    char whole[ENDPOINT_TEXT_MAX];
    size_t len = report_address(e, whole);
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

int hx_stream_path_sized(struct hx_stream *h, struct hx_path *out, size_t size)
{
    struct hx_path path = {.rtt_us = 0};
    struct agent_path way = {.remote = h->peer, .kind = h->peer.family == AF_INET6 ? "ipv6" : "direct"};
    engine_lock();
    bool open = h->s != NULL;
    if (open && h->agent)
        (void)agent_path(h->agent, &way);
    engine_unlock();
    report_address(&way.remote, path.address);
    strncpy(path.kind, way.kind, sizeof path.kind - 1);
    path.rtt_us = way.rtt_us;
    memcpy(out, &path, size < sizeof path ? size : sizeof path);
    return open ? HX_OK : HX_ECLOSED;
}
