#include "base/clock.h"
#include "base/container_of.h"
#include "client/agent_state.h"
#include "shim/net/net_port.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define AGENTS_MAX \
    NET_PEERS_MAX /* at once; who asks for more is refused (client/punch.h has its own limits) */

/* How often the nameserver is listened to about one peer: each time may cost packets to anybody. */
static const struct token_limit told_limit = {.per_second = 1, .most = 8};

static struct agent *agents;
static int agent_count;

static void forget(struct agent *a)
{
    engine_timer_cancel(&a->timer);
    probe_inbox_leave(&a->member);
    engine_leave(&a->engine);
    DL_DELETE(agents, a);
    agent_count--;
    agent_relay_end(a);
    if (!a->canceled) { /* else UDT's last words still have to leave: its paths stay as long as the process */
        agent_hard_forget(a);
        net_peer_destroy(a->peer);
    }
    pthread_mutex_destroy(&a->mutex);
    explicit_bzero(a, sizeof *a);
    free(a);
}

/* What shim/net has seen; of what comes by another path than the one in use we only know that the peer
 * lives. */
static void look(struct agent *a, int64_t now_ms)
{
    struct net_peer_view view;
    struct path_traffic t;
    net_peer_view(a->peer, &view);
    struct net_route heard = {.to = view.heard.remote, .socket = view.heard.socket};
    int at = agent_way_of(a, &heard);
    t = (struct path_traffic){.heard_ms = at >= 0 && at == a->choice.used ? view.heard_ms : 0,
                              .unanswered_ms = view.unanswered_ms,
                              .count = view.sent + view.came};
    path_choice_look(&a->choice, &t, now_ms);
}

/* By which of our addresses it leaves is nobody's business. */
static void tell_of_path(struct agent *a, const struct net_path *path)
{
    bool same = a->told_path.socket == path->socket && net_address_equal(&a->told_path.remote, &path->remote);
    a->told_path = *path;
    if (!same && a->callbacks.path_changed)
        a->callbacks.path_changed(a->callbacks.user);
}

/* What was sent in vain need not wait for its turn. */
static void repeat(const struct agent *a)
{
    struct sockaddr_in6 peer;
    agent_address(a, &peer);
    udt_port_resend_anew(a->port, &peer);
}

/* Tells shim/net what was chosen. While no path works, what is small leaves by all of those that once did. */
static void apply(struct agent *a)
{
    bool seeks = a->choice.state == PATHS_SEEKING || a->choice.state == PATHS_LOST || a->choice.used < 0;
    if (seeks && a->applied >= 0) {
        agent_unlink_silent(a);
        net_peer_seek(a->peer);
        a->applied = -1;
    } else if (!seeks && a->applied != a->choice.used &&
               net_peer_use(a->peer, &a->ways[a->choice.used].at, a->choice.paths[a->choice.used].rtt_us) ==
                   HX_OK) {
        a->applied = a->choice.used;
        a->ways[a->applied].linked = true;
        repeat(a);
        tell_of_path(a, &a->ways[a->applied].at);
    }
    bool lost = a->choice.state == PATHS_LOST;
    bool suspect = lost || a->choice.state == PATHS_CHECKING;
    bool changed = lost != a->lost;
    if ((suspect && !a->suspect) || (lost && changed)) {
        /* a NAT that has forgotten this has forgotten the way to the nameserver, too */
        engine_path_suspect(lost);
        agent_relay_check(a);
    }
    if (a->lost && !lost) {
        agent_spare_end(a);
    } else if (changed) {
        a->hard.asked = 0; /* the peer was there: this is another attempt */
        agent_spare_lost(a);
    }
    a->suspect = suspect;
    a->lost = lost;
    enum agent_reach reach = lost                              ? AGENT_LOST
                             : path_choice_relayed(&a->choice) ? AGENT_RELAYED
                                                               : AGENT_DIRECT;
    if (reach == a->told_reach || !a->callbacks.reach_changed)
        return;
    a->told_reach = reach;
    a->callbacks.reach_changed(a->callbacks.user, reach);
}

void agent_turn(struct agent *a)
{
    int64_t now_ms = clock_now_ms();
    int at;
    if (a->ended)
        return;
    look(a, now_ms);
    for (int i = 0; i < PATH_CHOICE_MAX && (at = path_choice_next(&a->choice, now_ms)) >= 0; i++)
        agent_send_request(a, at);
    agent_unlink_unproven(a);
    agent_hard_turn(a, now_ms);
    int64_t relay_due_ms = agent_relay_turn(a, now_ms);
    apply(a);
    int64_t due_ms = path_choice_due_ms(&a->choice, now_ms);
    if (a->hard.due_ms < due_ms)
        due_ms = a->hard.due_ms;
    if (a->hard.spare_due_ms < due_ms)
        due_ms = a->hard.spare_due_ms;
    atomic_store(&a->awake, due_ms <= now_ms + PATH_ASK_MS);
    int64_t mtu_due_ms = agent_mtu_turn(a, now_ms);
    if (mtu_due_ms < due_ms)
        due_ms = mtu_due_ms;
    if (relay_due_ms < due_ms)
        due_ms = relay_due_ms;
    if (due_ms == INT64_MAX)
        engine_timer_cancel(&a->timer);
    else
        engine_timer_set(&a->timer, due_ms);
}

static void on_timer(struct timer *t)
{
    struct agent *a = container_of(t, struct agent, timer);
    if (a->ended)
        forget(a);
    else
        agent_turn(a);
}

static void on_probe(struct probe_member *m, const struct arrived_probe *probe)
{
    agent_take_probe((struct agent *)m, probe);
}

static void on_noted(struct probe_member *m, unsigned notes)
{
    struct agent *a = (struct agent *)m;
    if (a->ended)
        return;
    if (notes & AGENT_NOTE_PROVEN)
        agent_take_secret(a);
    if (notes & AGENT_NOTE_WAKE)
        path_choice_wakes(&a->choice, clock_now_ms());
    agent_turn(a);
}

/* The library ends: no timer fires any more. Whoever has the agent still ends it. */
static void on_cancel(struct engine_member *m)
{
    struct agent *a = container_of(m, struct agent, engine);
    a->canceled = true;
    if (a->ended)
        forget(a);
}

static void on_network_changed(struct engine_member *m)
{
    agent_network_changed(container_of(m, struct agent, engine));
}

/* What has waited for it may leave. */
static void on_nat_news(struct nat_watch *w)
{
    struct agent *a = container_of(w, struct agent, nat);
    bool waits = a->lost;
    agent_spare_lost(a); /* whether there is a NAT may not have been known */
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        const struct path_times *p = &a->choice.paths[i];
        if (!p->present || !a->ways[i].opens || p->spent == 0 || agent_hops(a, i, p->spent) > 0)
            continue;
        path_choice_told(&a->choice, i, clock_now_ms());
        waits = true;
    }
    if (waits)
        engine_timer_set(&a->timer, clock_now_ms());
}

static int open_agent(struct agent *a, const struct agent_config *config)
{
    int err = agent_make_keys(a);
    if (err == HX_OK)
        err = net_peer_create(&a->peer, udt_port_net(a->port));
    if (err < 0)
        return err;
    agent_fit(a);
    a->external = config->external;
    agent_hard_told(a, &config->own, &config->peer, &config->candidates.list[0].at);
    agent_add_candidates(a, &config->candidates);
    agent_relay_offered(a, &a->session, &config->server);
    if (path_choice_next(&a->choice, clock_now_ms()) < 0 && a->relay.due_ms == INT64_MAX)
        return HX_EADDR;
    return probe_inbox_join(&a->member);
}

int agent_begin(struct agent **out, const struct agent_config *config)
{
    if (agent_count >= AGENTS_MAX)
        return HX_ELIMIT;
    struct agent *a = calloc(1, sizeof *a);
    if (!a)
        return HX_ENOMEM;
    a->member.on_probe = on_probe;
    a->member.on_noted = on_noted;
    probe_inbox_listen(config->port);
    a->engine.cancel = on_cancel;
    a->engine.network_changed = on_network_changed;
    a->timer.fire = on_timer;
    a->nat.on_news = on_nat_news;
    a->port = config->port;
    a->session = *config->session;
    a->families = config->families;
    a->calling = config->calling;
    a->uplink = config->uplink;
    a->scope_id = config->scope_id;
    a->callbacks = config->callbacks;
    a->relay.after_ms = config->relay_after_ms;
    a->relay.due_ms = INT64_MAX;
    agent_say_early(a, config->early, config->early_len);
    a->applied = -1;
    a->introductions = 1;
    pthread_mutex_init(&a->mutex, NULL);
    path_choice_init(&a->choice, clock_now_ms());
    DL_APPEND(agents, a);
    agent_count++;
    int err = open_agent(a, config);
    if (err < 0) {
        forget(a);
        return err;
    }
    engine_join(&a->engine);
    nat_watch_begin(&a->nat);
    agent_turn(a);
    *out = a;
    return HX_OK;
}

void agent_end(struct agent *a)
{
    if (!a)
        return;
    a->ended = true;
    nat_watch_end(&a->nat);
    agent_spare_end(a);
    agent_hard_end(a);
    a->callbacks = (struct agent_callbacks){.user = NULL};
    if (a->canceled || !a->connected)
        forget(a);
    else
        engine_timer_set(&a->timer, clock_now_ms() + AGENT_LINGER_MS);
}

struct agent *agent_find(const uint8_t id[SESSION_BYTES], bool calling)
{
    struct agent *a;
    DL_FOREACH(agents, a)
    {
        if (!a->ended && a->calling == calling && memcmp(a->session.id, id, SESSION_BYTES) == 0)
            return a;
    }
    return NULL;
}

void agent_watch(struct agent *a, const struct agent_callbacks *callbacks)
{
    a->callbacks = *callbacks;
    a->told_reach = AGENT_DIRECT;
    engine_timer_set(&a->timer, clock_now_ms());
}

void agent_address(const struct agent *a, struct sockaddr_in6 *out)
{
    net_address_to_sockaddr6(net_peer_address(a->peer), out);
}

int agent_send_beside(struct agent *a, const uint8_t *bytes, size_t len)
{
    if (len > PATH_MTU_BASE && !atomic_load(&a->beside))
        atomic_store(&a->beside, true);
    const struct iovec part = {.iov_base = (uint8_t *)(uintptr_t)bytes, .iov_len = len};
    const struct net_route route = {.to = *net_peer_address(a->peer)};
    return net_port_send(udt_port_net(a->port), &route, &part, 1, MSG_DONTWAIT);
}

int agent_datagram_room(const struct agent *a)
{
    int fits = net_peer_fits(a->peer);
    return fits > 0 ? fits : PATH_MTU_BASE;
}

void agent_connected(struct agent *a)
{
    struct net_peer_view view;
    net_peer_view(a->peer, &view);
    struct net_route heard = {.to = view.heard.remote, .socket = view.heard.socket};
    a->connected = true;
    a->connected_ms = clock_now_ms();
    a->fitted = 0; /* UDT's connection has not been told */
    path_choice_connected(&a->choice, agent_way_of(a, &heard), clock_now_ms());
    /* our NAT gives whatever leaves this port anew another one than the nameserver sees (hard_nat.h) */
    if (!a->calling && a->hard.spare != 0 && heard.socket == a->hard.spare)
        agent_leave_port(a);
    agent_spare_end(a);
    agent_turn(a);
}

void agent_told(struct agent *a, const struct agent_news *news)
{
    static const struct session none;
    if (!token_bucket_take(&a->told, &told_limit, 1, clock_now_ms()))
        return;
    a->introductions++;
    a->unheard = true;
    a->uplink = *news->uplink;
    agent_spare_said(a, &news->own->candidates);
    agent_hard_told(a, &news->own->mapping, news->peer_mapping, &news->peer->list[0].at);
    agent_add_candidates(a, news->peer);
    agent_relay_offered(a, news->session ? news->session : &none, &news->server);
    agent_turn(a);
}

void agent_network_changed(struct agent *a)
{
    if (a->ended)
        return;
    agent_reset_locals(a);
    agent_relay_network_changed(a);
    path_choice_moved(&a->choice, clock_now_ms());
    if (a->told_reach == AGENT_RELAYED)
        a->told_reach = AGENT_DIRECT; /* and so it is told again */
    agent_turn(a);
}

void agent_tried(const struct agent *a, struct agent_tried *out)
{
    *out = (struct agent_tried){.own = agent_as_told(&a->hard.own),
                                .peer = agent_as_told(&a->hard.peer),
                                .hopeless = a->hard.method == HARD_NAT_HOPELESS,
                                .heard = agent_heard(a),
                                .told_ms = a->hard.told_ms,
                                .probes = a->number,
                                .introductions = a->introductions,
                                .relay = {.offered = a->relay.offered,
                                          .wanted = a->relay.after_ms >= 0,
                                          .begun = a->relay.begun,
                                          .state = a->relay.state,
                                          .reason = a->relay.reason}};
}

const struct session *agent_session(const struct agent *a)
{
    return &a->session;
}

struct udt_port *agent_port(const struct agent *a)
{
    return a->port;
}

void agent_prove(struct agent *a, const uint8_t secret[AGENT_SECRET_BYTES])
{
    pthread_mutex_lock(&a->mutex);
    memcpy(a->secret, secret, sizeof a->secret);
    pthread_mutex_unlock(&a->mutex);
    probe_inbox_note(&a->member, AGENT_NOTE_PROVEN);
}

void agent_wake(struct agent *a)
{
    if (!atomic_load(&a->awake) && !atomic_exchange(&a->awake, true))
        probe_inbox_note(&a->member, AGENT_NOTE_WAKE);
}
