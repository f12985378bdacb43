/* Requests and answers: what is said, and what is believed. */
#include "base/clock.h"
#include "client/agent_state.h"
#include "client/unvalidated.h"
#include "shim/net/relays.h"
#include <errno.h>
#include <string.h>

#define MOVED_MS 1000 /* the peer's word that its paths are lost counts so often */
/* Requests of one path with early bytes. Where nothing shows that the peer is there it may be anybody's
 * address; and a peer that has not answered them so often does not know of them. */
#define EARLY_MOST         8
#define EARLY_MOST_STRANGE 2

static int derive(struct agent_keys *k, bool calling, const uint8_t *secret, size_t len)
{
    memset(k, 0, sizeof *k);
    int err = mac_derive(secret, len, "hx probe of the caller", calling ? k->out : k->in);
    if (err == HX_OK)
        err = mac_derive(secret, len, "hx probe of the called", calling ? k->in : k->out);
    k->set = err == HX_OK;
    return err;
}

int agent_make_keys(struct agent *a)
{
    uint8_t tag[MAC_KEY_BYTES];
    int err = mac_derive(a->session.id, sizeof a->session.id, "hx session", tag);
    if (err == HX_OK)
        err = derive(&a->given, a->calling, a->session.key, sizeof a->session.key);
    memcpy(a->member.tag, tag, sizeof a->member.tag);
    return err;
}

void agent_take_secret(struct agent *a)
{
    if (a->proven.set)
        return;
    pthread_mutex_lock(&a->mutex);
    (void)derive(&a->proven, a->calling, a->secret,
                 sizeof a->secret); /* without memory the first keys go on */
    a->early_len = 0;
    explicit_bzero(a->secret, sizeof a->secret);
    pthread_mutex_unlock(&a->mutex);
}

void agent_say_early(struct agent *a, const uint8_t *bytes, size_t len)
{
    a->early_len = 0;
    if (len == 0 || len > sizeof a->early || a->proven.set)
        return;
    memcpy(a->early, bytes, len);
    a->early_len = len;
}

static void add_early(const struct agent *a, struct probe *p, size_t *len)
{
    p->early = a->early;
    p->early_len = a->early_len;
    *len = PROBE_BYTES + a->early_len;
}

static int send_probe(struct agent *a, const struct net_route *to, struct probe *p, size_t len)
{
    const struct agent_keys *k = a->proven.set ? &a->proven : &a->given;
    uint8_t bytes[PROBE_BYTES_MAX];
    struct iovec part = {.iov_base = bytes, .iov_len = len};
    struct net_route route = *to;
    size_t said = len - PROBE_CODE_BYTES;
    route.whole = true;
    p->flags |= (a->calling ? PROBE_CALLER : 0) | (a->proven.set ? PROBE_PROVEN : 0);
    memcpy(p->tag, a->member.tag, sizeof p->tag);
    probe_write(p, bytes, len);
    errno = ENOMEM;
    if (mac_compute(k->out, bytes, said, bytes + said) < 0)
        return -1;
    return net_port_send(udt_port_net(a->port), &route, &part, 1, MSG_DONTWAIT);
}

static void way_of(const struct agent *a, int at, struct net_route *out)
{
    const struct net_path *way = &a->ways[at].at;
    *out = (struct net_route){.to = way->remote, .local = way->local, .socket = way->socket};
}

void agent_send_request(struct agent *a, int at)
{
    struct net_route route;
    struct agent_way *way = &a->ways[at];
    struct probe p = {.kind = PROBE_REQUEST,
                      .flags = a->choice.state == PATHS_LOST ? PROBE_MOVED : 0,
                      .number = ++a->number};
    bool proven = agent_way_proven(a, at);
    size_t len = PROBE_BYTES;
    way_of(a, at, &route);
    if (way->opens && (route.hops = (uint8_t)agent_hops(a, at, a->choice.paths[at].spent)) == 0)
        agent_link_candidate(a, at);
    if (a->calling && route.hops == 0 && way->early < (proven ? EARLY_MOST : EARLY_MOST_STRANGE)) {
        way->early++;
        add_early(a, &p, &len);
    }
    path_choice_asked(&a->choice, at, p.number, clock_now_us());
    if (proven || unvalidated_take(&route.to, (int)((len + PROBE_BYTES - 1) / PROBE_BYTES), clock_now_ms()))
        (void)send_probe(a, &route, &p, len); /* else it is as good as lost */
}

int agent_send_padded(struct agent *a, int at, int len)
{
    struct net_route route;
    struct probe p = {.kind = PROBE_REQUEST, .number = ++a->number};
    way_of(a, at, &route);
    return send_probe(a, &route, &p, (size_t)len);
}

void agent_send_to(struct agent *a, const struct net_route *route)
{
    struct probe p = {.kind = PROBE_REQUEST, .number = ++a->number};
    (void)send_probe(a, route, &p, PROBE_BYTES);
}

static void send_answer(struct agent *a, const struct arrived_probe *arrived, const struct probe *request)
{
    struct probe p = {.kind = PROBE_ANSWER, .number = request->number};
    struct sockaddr_in6 sa;
    size_t len = PROBE_BYTES;
    if (!a->calling && request->early_len > 0 && a->early_len <= request->early_len)
        add_early(a, &p, &len);
    net_address_to_sockaddr6(&arrived->from.to, &sa);
    if (endpoint_from_sockaddr(&p.seen, (struct sockaddr *)&sa, sizeof sa) == HX_OK)
        (void)send_probe(a, &arrived->from, &p, len);
}

/* Those of the caller come in requests, of the called in answers. */
static void take_early(struct agent *a, const struct probe *p)
{
    if (p->early_len > 0 && a->callbacks.early && a->calling == (p->kind == PROBE_ANSWER))
        a->callbacks.early(a->callbacks.user, p->early, p->early_len);
}

static bool seen(struct agent_keys *k, uint64_t number, bool set)
{
    uint64_t bit = (uint64_t)1 << number % 64, *word = &k->seen[number % AGENT_REPLAY_MAX / 64];
    bool was = *word & bit;
    *word = set ? *word | bit : *word & ~bit;
    return was;
}

/* Each request counts once (as RFC 4303, 3.4.3, has it): a copy of one may come from whoever saw it. */
static bool is_new(struct agent_keys *k, uint64_t number)
{
    uint64_t ahead = number > k->newest ? number - k->newest : 0;
    if (number == 0 || (number < k->newest && k->newest - number >= AGENT_REPLAY_MAX))
        return false;
    if (ahead >= AGENT_REPLAY_MAX)
        memset(k->seen, 0, sizeof k->seen);
    for (uint64_t i = 1; i <= ahead && ahead < AGENT_REPLAY_MAX; i++)
        (void)seen(k, k->newest + i, false);
    k->newest += ahead;
    return !seen(k, number, true);
}

static void take_request(struct agent *a, struct agent_keys *k, const struct probe *p,
                         const struct arrived_probe *arrived)
{
    int64_t now_ms = clock_now_ms();
    if (!is_new(k, p->number))
        return;
    int at = agent_way_of(a, &arrived->from);
    if (at < 0 && net_relay_is_peer(&arrived->from.to)) {
        at = agent_relay_way(a, &arrived->from.to);
        if (at < 0)
            return;
    }
    if (at < 0) { /* peer-reflexive (RFC 8445, 7.3.1.3) */
        struct net_path way = {
            .remote = arrived->from.to, .local = arrived->from.local, .socket = arrived->from.socket};
        at = agent_add_way(a, &way, net_address_is_ipv4(&way.remote) ? PATH_RANK_DIRECT : PATH_RANK_IPV6);
        if (at < 0) /* there are enough that work: it shall take none of them for one */
            return;
        if (!agent_way_proven(a, at))
            path_choice_unexpected(&a->choice, at);
    }
    if (agent_way_proven(a, at))
        agent_link(a, at);
    if (!agent_way_relayed(a, at)) {
        if (a->unheard && a->choice.state != PATHS_LOST)
            agent_spare_end(a);
        a->unheard = false;
    }
    agent_answers_by(a, at, &arrived->from.local);
    if (!a->connected) /* its handshake comes right behind its first request */
        udt_port_peer_began(a->port, arrived->came_us / 1000);
    take_early(a, p); /* the answer has ours */
    send_answer(a, arrived, p);
    path_choice_heard(&a->choice, at, now_ms);
    if ((p->flags & PROBE_MOVED) && now_ms - a->moved_ms >= MOVED_MS) {
        a->moved_ms = now_ms;
        path_choice_moved(&a->choice, now_ms);
    }
}

static void take_answer(struct agent *a, const struct probe *p, const struct arrived_probe *arrived)
{
    int at = agent_way_of(a, &arrived->from);
    if (at >= 0)
        take_early(a, p);
    if (at < 0 || path_mtu_answered(&a->ways[at].mtu, p->number, clock_now_ms()))
        return;
    if (!path_choice_answered(&a->choice, at, p->number, arrived->came_us))
        return;
    agent_way_answers(a, at);
    if (a->ways[at].at.socket == 0 && !agent_way_relayed(a, at))
        agent_seen_as(a, &p->seen);
}

void agent_take_probe(struct agent *a, const struct arrived_probe *arrived)
{
    struct probe p;
    if (arrived->port != a->port || probe_read(&p, arrived->bytes, arrived->len) < 0 ||
        !(p.flags & PROBE_CALLER) != a->calling)
        return;
    bool proven = p.flags & PROBE_PROVEN;
    struct agent_keys *k = proven ? &a->proven : &a->given;
    size_t said = arrived->len - PROBE_CODE_BYTES;
    if (!k->set || (!proven && a->peer_proven) ||
        !mac_right(k->in, arrived->bytes, said, arrived->bytes + said))
        return;
    a->peer_proven |= proven;
    if (p.kind == PROBE_REQUEST)
        take_request(a, k, &p, arrived);
    else
        take_answer(a, &p, arrived);
    agent_turn(a);
}
