/* The way through the nameserver, for as long as there is no other. */
#include "base/clock.h"
#include "client/agent_state.h"
#include "shim/net/relays.h"
#include "shim/net/tunnels.h"
#include <string.h>

#define SPARE_MS  30000 /* a path that works so long needs no other beside it */
#define ENDED_MS  250   /* between two looks at a relay that has ended, and is in use */
#define FAILED_IN 4     /* requests in a row without an answer: it does not work */

static bool has(const struct agent *a, const struct relay_party *r)
{
    for (int i = 0; i < AGENT_RELAYS; i++) {
        if (a->relay.list[i] == r)
            return true;
    }
    return false;
}

bool agent_way_relayed(const struct agent *a, int at)
{
    return at >= 0 && a->choice.paths[at].present && a->choice.paths[at].rank == PATH_RANK_RELAYED;
}

const struct net_address *agent_relay_server(const struct agent *a, int at)
{
    for (int i = 0; i < AGENT_RELAYS; i++) {
        const struct relay_party *r = a->relay.list[i];
        if (r && net_address_equal(relay_party_peer(r), &a->ways[at].at.remote))
            return relay_party_server(r);
    }
    return &a->ways[at].at.remote;
}

/* The nameserver lets what we send there through: so may UDT's handshake. */
static int add_way(struct agent *a, const struct relay_party *r)
{
    struct net_path way = {.remote = *relay_party_peer(r)};
    struct net_route there = {.to = way.remote};
    int at = agent_way_of(a, &there);
    if (at >= 0)
        return at;
    at = agent_add_way(a, &way, PATH_RANK_RELAYED);
    if (at >= 0)
        agent_link(a, at);
    return at;
}

static void on_changed(void *user, struct relay_party *r)
{
    struct agent *a = user;
    struct relay_party_view view;
    relay_party_view(r, &view);
    if (!has(a, r) || a->ended)
        return;
    if (view.state == RELAY_STATE_OPEN)
        (void)add_way(a, r);
    a->relay.over |= view.state == RELAY_STATE_ENDED && view.reason == RELAY_OVER_TIME;
    a->relay.state = view.state;
    a->relay.reason = view.reason;
    if (view.reason != RELAY_NO_REASON && a->callbacks.relay_limited)
        a->callbacks.relay_limited(a->callbacks.user, view.reason);
    engine_timer_set(&a->timer, clock_now_ms());
}

int agent_relay_way(struct agent *a, const struct net_address *peer)
{
    for (int i = 0; i < AGENT_RELAYS; i++) {
        const struct relay_party *r = a->relay.list[i];
        if (r && net_address_equal(relay_party_peer(r), peer))
            return add_way(a, r);
    }
    return -1;
}

/* -1: it has no path. */
static int place_of(const struct agent *a, const struct relay_party *r)
{
    struct net_route there = {.to = *relay_party_peer(r)};
    return agent_way_of(a, &there);
}

static void end(struct agent *a, struct relay_party **r)
{
    int at = *r ? place_of(a, *r) : -1;
    if (at >= 0)
        agent_drop_way(a, at);
    relay_party_end(*r);
    *r = NULL;
}

void agent_relay_end(struct agent *a)
{
    for (int i = 0; i < AGENT_RELAYS; i++)
        end(a, &a->relay.list[i]);
    a->relay.due_ms = INT64_MAX;
}

/* Both sides find that they have the same one: what works needs no other. */
static bool one_works(const struct agent *a)
{
    for (int i = 0; i < AGENT_RELAYS && a->choice.state != PATHS_LOST; i++) {
        const struct relay_party *r = a->relay.list[i];
        int at = r ? place_of(a, r) : -1;
        if (at >= 0 && a->choice.paths[at].answered_ms != 0 && a->choice.paths[at].tries < FAILED_IN)
            return true;
    }
    return false;
}

static bool reached_directly(const struct agent *a)
{
    const struct path_choice *c = &a->choice;
    return c->used >= 0 && !path_choice_relayed(c) && c->paths[c->used].answered_ms != 0 &&
           (c->state == PATHS_GOOD || c->state == PATHS_SEEKING);
}

/* With each introduction there is another session to relay. The one of the last introduction stays beside
 * it, since the peer may not have heard of this one. */
static void begin(struct agent *a)
{
    struct agent_relay *ar = &a->relay;
    struct relay_party_config config = {.port = a->port,
                                        .session = &ar->session,
                                        .calling = a->calling,
                                        .server = ar->server,
                                        .local = ar->local,
                                        .changed = on_changed,
                                        .user = a};
    int at = ar->list[0] ? place_of(a, ar->list[0]) : -1;
    if (ar->list[0] && ar->list[1])
        end(a, &ar->list[at >= 0 && at == a->applied]);
    struct relay_party **r = ar->list[0] ? &ar->list[1] : &ar->list[0];
    if (relay_party_begin(r, &config) < 0) /* without memory it goes on without */
        *r = NULL;
    if (!ar->begun || ar->state == RELAY_STATE_ENDED) /* an open one is there until the contrary is known */
        ar->state = RELAY_STATE_ASKING;
    ar->begun = true;
}

/* As what the nameserver has got left by: so it knows us. */
static void set_place(struct agent *a, const struct net_address *server)
{
    struct sockaddr_in6 to, source;
    net_address_to_sockaddr6(server, &to);
    uplink_source(&a->uplink, (struct sockaddr *)&to, sizeof to, &source);
    net_address_from(&a->relay.local, (struct sockaddr *)&source);
    a->relay.local.scope = source.sin6_scope_id;
    a->relay.server = *server;
}

/* One of the two reaches the nameserver through TCP alone, or they reach it over different address families:
 * they have no other way than within their own network. */
static bool without_way(const struct agent *a, const struct net_address *server)
{
    const struct endpoint *seen = &a->hard.seen;
    return tunnels_lead_to(server) || endpoint_tunnelled(seen) ||
           net_address_is_ipv4(server) != (seen->family == AF_INET);
}

/* The nameserver is reached by UDP again. */
static bool leaves_tunnel(const struct relay_party *r, const struct net_address *server)
{
    return tunnels_lead_to(relay_party_server(r)) && !tunnels_lead_to(server);
}

void agent_relay_offered(struct agent *a, const struct session *session, const struct net_address *server)
{
    struct agent_relay *ar = &a->relay;
    ar->offered = session->relay.offered && server->port != 0;
    ar->due_ms = INT64_MAX;
    if (!ar->offered || ar->after_ms < 0 || ar->over)
        return;
    ar->session = *session;
    ar->told_ms = clock_now_ms();
    set_place(a, server);
    for (int i = 0; i < AGENT_RELAYS; i++) {
        struct relay_party *r = ar->list[i];
        if (r && (net_address_equal(relay_party_server(r), server) || leaves_tunnel(r, server)))
            relay_party_move(r, server, &ar->local);
    }
    bool alone = a->hard.method == HARD_NAT_HOPELESS || path_choice_next(&a->choice, INT64_MAX) < 0 ||
                 without_way(a, server);
    if (ar->first_ms == 0)
        ar->first_ms = ar->told_ms;
    ar->due_ms = a->connected || alone ? ar->told_ms : ar->first_ms + ar->after_ms;
}

/* One that was refused, or is silent: the path is checked at once, if it is in use. */
static int64_t look_at_ended(struct agent *a, int64_t now_ms)
{
    int64_t due_ms = INT64_MAX;
    for (int i = 0; i < AGENT_RELAYS; i++) {
        struct relay_party **r = &a->relay.list[i];
        struct relay_party_view view = {.state = RELAY_STATE_ASKING};
        if (*r)
            relay_party_view(*r, &view);
        if (view.state != RELAY_STATE_ENDED)
            continue;
        int at = place_of(a, *r);
        if (at < 0 || at != a->choice.used || a->choice.state == PATHS_LOST ||
            a->choice.state == PATHS_SEEKING) {
            end(a, r);
            continue;
        }
        if (a->choice.state == PATHS_GOOD)
            path_choice_moved(&a->choice, now_ms);
        due_ms = now_ms + ENDED_MS;
    }
    return due_ms;
}

int64_t agent_relay_turn(struct agent *a, int64_t now_ms)
{
    struct agent_relay *ar = &a->relay;
    int64_t due_ms = look_at_ended(a, now_ms);
    bool any = ar->list[0] || ar->list[1];
    if (ar->due_ms <= now_ms) {
        ar->due_ms = INT64_MAX;
        if (now_ms - ar->told_ms < AGENT_OFFER_MS && !one_works(a) &&
            (a->introductions > 1 || !reached_directly(a)))
            begin(a);
        return now_ms;
    }
    if (!any || !reached_directly(a) || a->choice.state != PATHS_GOOD)
        ar->direct_ms = 0;
    else if (ar->direct_ms == 0)
        ar->direct_ms = now_ms;
    else if (now_ms - ar->direct_ms >= SPARE_MS)
        agent_relay_end(a);
    if (ar->direct_ms != 0 && any && ar->direct_ms + SPARE_MS < due_ms)
        due_ms = ar->direct_ms + SPARE_MS;
    return ar->due_ms < due_ms ? ar->due_ms : due_ms;
}

void agent_relay_check(struct agent *a)
{
    for (int i = 0; i < AGENT_RELAYS; i++) {
        if (a->relay.list[i])
            relay_party_check(a->relay.list[i]);
    }
}

void agent_relay_network_changed(struct agent *a)
{
    static const struct net_address any;
    a->relay.local = any;
    for (int i = 0; i < AGENT_RELAYS; i++) {
        struct relay_party *r = a->relay.list[i];
        if (r)
            relay_party_move(r, relay_party_server(r), &any);
    }
    agent_relay_check(a);
}
