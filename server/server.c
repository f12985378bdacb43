#include "server/server.h"
#include "base/error.h"
#include "base/rate.h"
#include "base/timers.h"
#include "server/config.h"
#include "server/conn.h"
#include "server/limits.h"
#include "server/registry.h"
#include <limits.h>
#include <stdlib.h>

struct server {
    struct server_config config;
    struct registry registry;
    struct timers timers;
    struct limits limits;
    struct conn_world world;
    struct rate refusals;
    size_t admitted;
    size_t refused;
    size_t ended;
};

int server_create(struct server **out, const struct server_config *config)
{
    struct server *s = calloc(1, sizeof *s);

    if (!s)
        return HX_ENOMEM;
    s->config = *config;
    s->limits.per_address = (size_t)config->max_per_address;
    rate_init(&s->refusals, (unsigned)config->rate_per_address);
    s->world = (struct conn_world){
        .config = &s->config, .registry = &s->registry, .timers = &s->timers, .refusals = &s->refusals};
    *out = s;
    return HX_OK;
}

/* REPLY_NOTHING: counted as admitted. */
static enum reply_reason admit(struct server *s, const struct endpoint *peer)
{
    int err;

    if (s->config.max_connections > 0 && s->admitted >= (size_t)s->config.max_connections)
        return REPLY_TOTAL_LIMIT;
    err = limits_take(&s->limits, peer);
    if (err < 0)
        return reply_reason_for(err);
    s->admitted++;
    return REPLY_NOTHING;
}

static void discount(struct server *s, const struct endpoint *peer, bool refused)
{
    if (refused) {
        s->refused--;
        return;
    }
    s->admitted--;
    limits_give(&s->limits, peer);
}

/* More connections than one answers: the peer sees UDT's shutdown, and the log one line. */
static void turn_away(struct stream *stream, const struct endpoint *peer, const char *reason)
{
    char text[ENDPOINT_TEXT_MAX];

    endpoint_format(peer, text);
    log_event(LOG_INFO, "turned_away", "peer", text, "reason", reason);
    stream_close(stream);
}

void server_accept(struct server *s, struct stream *stream, int64_t now_ms)
{
    struct endpoint peer = {.family = AF_UNSPEC};
    struct conn *c;
    enum reply_reason reason;
    socklen_t len;
    const struct sockaddr *address = stream_peer(stream, &len);
    int err;

    s->world.now_ms = now_ms;
    if (s->world.stopping || endpoint_from_sockaddr(&peer, address, len) < 0) {
        turn_away(stream, &peer, s->world.stopping ? "the server stops" : "no IP address");
        return;
    }
    reason = admit(s, &peer);
    if (reason != REPLY_NOTHING && s->refused >= SERVER_REFUSED_MAX) {
        turn_away(stream, &peer, "above a limit, and too many such connections to answer all");
        return;
    }
    if (reason != REPLY_NOTHING)
        s->refused++;
    err = conn_create(&c, &s->world, stream, reason);
    if (err < 0) {
        discount(s, &peer, reason != REPLY_NOTHING);
        turn_away(stream, &peer, hx_error_text(err));
        return;
    }
    stream->user = c;
    conn_ready(c);
}

void server_stream_ready(struct server *s, struct stream *stream, int64_t now_ms)
{
    s->world.now_ms = now_ms;
    conn_ready(stream->user);
}

void server_stream_closed(struct server *s, struct stream *stream, int64_t now_ms)
{
    s->world.now_ms = now_ms;
    conn_peer_closed(stream->user);
}

static void sweep(struct server *s)
{
    struct conn *c;

    while ((c = conn_next_done(&s->world)) != NULL) {
        discount(s, conn_peer(c), conn_refused(c));
        conn_destroy(c);
        s->ended++;
    }
}

void server_turn(struct server *s, int64_t now_ms)
{
    struct conn *last = conn_last_ready(&s->world);

    s->world.now_ms = now_ms;
    /* Those that ask for another turn while they run come behind `last`, and have theirs the next time. */
    for (size_t ran = 0; last && s->world.ready && ran < SERVER_TURN_READY_MAX; ran++) {
        struct conn *c = s->world.ready;
        bool is_last = c == last;

        conn_ready(c);
        if (is_last)
            break;
    }
    timers_run(&s->timers, now_ms);
    sweep(s);
}

int server_timeout_ms(const struct server *s, int64_t now_ms)
{
    int64_t next = timers_next_ms(&s->timers);

    if (s->world.ready || s->world.done)
        return 0;
    if (next < 0)
        return -1;
    if (next <= now_ms)
        return 0;
    return next - now_ms > INT_MAX ? INT_MAX : (int)(next - now_ms);
}

void server_stop(struct server *s, int64_t now_ms)
{
    s->world.now_ms = now_ms;
    s->world.stopping = true;
    for (struct conn *c = s->world.all; c; c = conn_next(c))
        conn_stop(c);
}

size_t server_connections(const struct server *s)
{
    return s->admitted + s->refused;
}

size_t server_names(const struct server *s)
{
    return s->registry.holders;
}

void server_stats(const struct server *s, struct server_stats *out)
{
    *out = (struct server_stats){.connections = server_connections(s),
                                 .names = s->registry.holders,
                                 .waiters = s->registry.waiters,
                                 .timers = s->timers.len};
    for (const struct conn *c = s->world.all; c; c = conn_next(c))
        out->queued += conn_queued_bytes(c);
}

size_t server_ended(const struct server *s)
{
    return s->ended;
}

void server_destroy(struct server *s)
{
    if (!s)
        return;
    while (s->world.all)
        conn_destroy(s->world.all);
    limits_free(&s->limits);
    timers_free(&s->timers);
    free(s);
}
