#include "server/server.h"
#include "base/error.h"
#include "base/timers.h"
#include "server/auth.h"
#include "server/config.h"
#include "server/conn_state.h"
#include "server/counters.h"
#include "server/drain.h"
#include "server/lone_source.h"
#include "server/policy.h"
#include "server/registry_local.h"
#include "server/transcripts.h"
#include "server/tunnel.h"
#include <limits.h>
#include <stdlib.h>

struct server {
    struct server_config config;
    struct timers timers;
    struct counters counters;
    struct conn_world world;
    struct lone_source lone;
    struct drain drain;
    size_t refused; /* connections above a limit */
    size_t ended;
    bool tidying; /* former rules are given back */
};

static int most_members(const struct server_config *c)
{
    return c->max_members > 0 ? (int)c->max_members : MEMBERS_MAX;
}

void server_reconfigure(struct server *s, const struct server_config *config)
{
    s->config = *config;
    policy_reconfigure(s->world.policy);
    groups_set_max_members(s->world.groups, most_members(config));
}

int server_create(struct server **out, const struct server_config *config, struct relay *relay)
{
    struct server *s = calloc(1, sizeof *s);

    int err;

    if (!s)
        return HX_ENOMEM;
    s->config = *config;
    s->world = (struct conn_world){.config = &s->config, .timers = &s->timers, .counters = &s->counters};
    err = policy_create(&s->world.policy, &s->config);
    if (err == HX_OK)
        err = tunnels_create(&s->world.tunnels, &s->counters);
    if (err == HX_OK)
        policy_use_tunnels(s->world.policy, s->world.tunnels);
    const struct registry_config names = {.timers = &s->timers,
                                          .policy = s->world.policy,
                                          .counters = &s->counters,
                                          .relay = relay,
                                          .now_ms = &s->world.now_ms};
    if (err == HX_OK)
        err = registry_local_create(&s->world.registry, &names);
    if (err == HX_OK)
        err = groups_create(&s->world.groups, &names, most_members(config));
    if (err < 0)
        server_destroy(s);
    else
        *out = s;
    return err;
}

static void set_now(struct server *s, int64_t now_ms)
{
    s->world.now_ms = now_ms;
    log_turn(now_ms);
}

static void discount(struct server *s, const struct endpoint *peer, bool refused)
{
    if (refused)
        s->refused--;
    else
        policy_left(s->world.policy, peer);
}

/* More connections than one answers: the peer sees UDT's shutdown, and the log one line. */
static void turn_away(struct server *s, struct stream *stream, const struct endpoint *peer,
                      const char *reason)
{
    counters_add(&s->counters, COUNTER_TURNED_AWAY);
    log_event_of(LOG_INFO, "turned_away", s->world.stopping ? NULL : tunnels_source(s->world.tunnels, peer),
                 "turned_away", "peer", LOG_ADDRESS(peer), "transport",
                 stream->ops->transport == STREAM_TCP ? "tcp" : NULL, "reason", reason);
    stream_close(stream);
}

/* Once, and with what to do: whoever runs this in a container sees that everybody connects, and nobody
 * meets. */
static void look_at_source(struct server *s, const struct endpoint *peer)
{
    if (!lone_source_seen(&s->lone, peer, server_connections(s)))
        return;
    log_always(
        LOG_WARN, "one_source", "peer", LOG_ADDRESS(peer), "clients", LOG_NUM((int64_t)server_connections(s)),
        "reason",
        "all clients come from one private address: what stands before this server hides theirs, and nobody "
        "can be told where another one is. In a container: host networking, or docker without its userland "
        "proxy. Behind a proxy for TCP: --proxy-protocol, with version 2 of it there");
}

void server_turn_away(struct server *s, struct stream *stream, const char *reason, int64_t now_ms)
{
    struct endpoint peer = {.family = AF_UNSPEC};
    socklen_t len;
    const struct sockaddr *address = stream_peer(stream, &len);

    set_now(s, now_ms);
    endpoint_from_sockaddr(&peer, address, len);
    turn_away(s, stream, &peer, reason);
}

/* `reason`: why it is refused, whatever it will ask; NOTHING: the policy decides. */
static void accept_for(struct server *s, struct stream *stream, enum reply_reason reason)
{
    struct endpoint peer = {.family = AF_UNSPEC};
    socklen_t len;
    const struct sockaddr *address = stream_peer(stream, &len);

    if (s->world.stopping || endpoint_from_sockaddr(&peer, address, len) < 0) {
        turn_away(s, stream, &peer, s->world.stopping ? "the server stops" : "no IP address");
        return;
    }
    if (reason == REPLY_NOTHING)
        reason = policy_may_enter(s->world.policy, &peer);
    if (reason != REPLY_NOTHING && s->refused >= SERVER_REFUSED_MAX) {
        turn_away(s, stream, &peer, "above a limit, and too many such connections to answer all");
        return;
    }
    if (reason != REPLY_NOTHING)
        s->refused++;
    struct conn *c;
    int err;
    struct stream *recorded =
        s->world.transcripts ? transcripts_record(s->world.transcripts, stream) : NULL; /* or goes without */
    err = conn_create(&c, &s->world, recorded ? recorded : stream, reason);
    if (err < 0) {
        if (recorded)
            transcripts_release(recorded);
        discount(s, &peer, reason != REPLY_NOTHING);
        turn_away(s, stream, &peer, hx_error_text(err));
        return;
    }
    counters_add(&s->counters, COUNTER_ACCEPTED);
    look_at_source(s, &peer);
    stream->user = c;
    conn_ready(c);
}

void server_accept(struct server *s, struct stream *stream, int64_t now_ms)
{
    set_now(s, now_ms);
    accept_for(s, stream, REPLY_NOTHING);
}

void server_accept_often(struct server *s, struct stream *stream, int64_t now_ms)
{
    set_now(s, now_ms);
    accept_for(s, stream, REPLY_PEER_OFTEN);
}

void server_stream_ready(struct server *s, struct stream *stream, int64_t now_ms)
{
    set_now(s, now_ms);
    conn_ready(stream->user);
}

void server_stream_closed(struct server *s, struct stream *stream, int64_t now_ms)
{
    set_now(s, now_ms);
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

void server_use_auth(struct server *s, struct auth *auth)
{
    s->world.auth = auth;
}

void server_reauthorize(struct server *s)
{
    s->world.judged = s->world.auth ? s->world.all : NULL;
}

/* Those that come meanwhile come behind. */
static void judge_again(struct server *s)
{
    if (!s->world.judged)
        return;
    size_t cost = auth_judge_cost(s->world.auth);
    for (size_t spent = 0; s->world.judged && spent < SERVER_TURN_JUDGED; spent += cost) {
        struct conn *c = s->world.judged;

        s->world.judged = conn_next(c);
        conn_judge(c);
    }
}

void server_turn(struct server *s, int64_t now_ms)
{
    struct conn *last = conn_last_ready(&s->world);

    set_now(s, now_ms);
    /* Those that ask for another turn while they run come behind `last`, and have theirs the next time. */
    for (size_t ran = 0; last && s->world.ready && ran < SERVER_TURN_READY_MAX; ran++) {
        struct conn *c = s->world.ready;
        bool is_last = c == last;

        conn_ready(c);
        if (is_last)
            break;
    }
    conn_prove_waiting(&s->world);
    judge_again(s);
    s->tidying = s->world.auth && auth_tidy(s->world.auth);
    timers_run(&s->timers, now_ms);
    sweep(s);
}

int server_timeout_ms(const struct server *s, int64_t now_ms)
{
    int64_t next = timers_next_ms(&s->timers), log_ms = log_next_ms();

    if (s->world.ready || s->world.done || s->world.proving || s->world.judged || s->tidying)
        return 0;
    if (log_ms >= 0 && (next < 0 || log_ms < next))
        next = log_ms;
    if (next < 0)
        return -1;
    if (next <= now_ms)
        return 0;
    return next - now_ms > INT_MAX ? INT_MAX : (int)(next - now_ms);
}

void server_drain(struct server *s, int64_t ms, int64_t now_ms)
{
    set_now(s, now_ms);
    groups_stop(s->world.groups); /* who is ended joins the others again elsewhere: it has not left them */
    drain_begin(&s->drain, &s->world, ms);
}

bool server_drained(const struct server *s, int64_t now_ms)
{
    return drain_over(&s->drain, now_ms);
}

int64_t server_drain_end_ms(const struct server *s)
{
    return drain_end_ms(&s->drain);
}

size_t server_holders_left(const struct server *s)
{
    return drain_holders(&s->drain);
}

void server_use_transcripts(struct server *s, struct transcripts *transcripts)
{
    s->world.transcripts = transcripts;
}

struct counters *server_count_in(struct server *s)
{
    return &s->counters;
}

void server_stop(struct server *s, int64_t now_ms)
{
    set_now(s, now_ms);
    drain_stop(&s->drain);
    s->world.stopping = true;
    groups_stop(s->world.groups);
    for (struct conn *c = s->world.all; c; c = conn_next(c))
        conn_stop(c);
}

size_t server_connections(const struct server *s)
{
    return policy_entered(s->world.policy) + s->refused;
}

size_t server_names(const struct server *s)
{
    struct registry_totals totals;

    registry_totals(s->world.registry, &totals);
    return totals.names;
}

static size_t owned(const struct server *s)
{
    const struct owners *owners = s->world.auth ? auth_owners(s->world.auth) : NULL;

    return owners ? owners_count(owners) : 0;
}

void server_totals(const struct server *s, struct server_stats *out)
{
    struct registry_totals totals;
    struct groups_totals groups;

    registry_totals(s->world.registry, &totals);
    groups_totals(s->world.groups, &groups);
    *out = (struct server_stats){.connections = server_connections(s),
                                 .names = totals.names,
                                 .owned = owned(s),
                                 .waiters = totals.waiters,
                                 .sessions = groups.sessions,
                                 .members = groups.members,
                                 .timers = s->timers.len};
}

void server_stats(const struct server *s, struct server_stats *out)
{
    server_totals(s, out);
    for (const struct conn *c = s->world.all; c; c = conn_next(c))
        out->queued += conn_queued_bytes(c);
}

struct conn_world *server_world(struct server *s, int64_t now_ms)
{
    set_now(s, now_ms);
    return &s->world;
}

bool server_stopping(const struct server *s)
{
    return s->world.stopping || s->world.drain;
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
    registry_destroy(s->world.registry);
    groups_destroy(s->world.groups);
    policy_destroy(s->world.policy);
    tunnels_destroy(s->world.tunnels);
    free(s);
}

struct tunnels *server_tunnels(struct server *s)
{
    return s->world.tunnels;
}

const struct counters *server_counters(const struct server *s)
{
    return &s->counters;
}
