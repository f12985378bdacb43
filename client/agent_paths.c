/* Where the peer may be reached, and what shim/net is told of it. */
#include "base/clock.h"
#include "client/agent_state.h"
#include "client/race.h"
#include "client/unvalidated.h"
#include "proto/address.h"
#include <string.h>

static const char *const names[] = {"lan", "ipv6", "direct", "mapped", "relayed"};
static_assert(sizeof names / sizeof *names == PATH_RANKS, "each rank has a name");

/* Where a NAT maps by destination, a path is one that the two have found by its method. */
static const char *kind_of(const struct agent *a, int at)
{
    const struct agent_way *w = &a->ways[at];
    const struct agent_hard *h = &a->hard;
    struct net_address seen;
    struct sockaddr_in6 sa;
    endpoint_to_sockaddr6(&h->seen, &sa);
    net_address_from(&seen, (struct sockaddr *)&sa);
    bool found = h->begun && memcmp(seen.ip, w->at.remote.ip, sizeof seen.ip) == 0 &&
                 (w->at.socket != 0 || seen.port != w->at.remote.port);
    if (!found)
        return names[a->choice.paths[at].rank];
    return h->method == HARD_NAT_SPRAY_PORTS || h->method == HARD_NAT_OPEN_SOCKETS ? "birthday" : "predicted";
}

static enum path_rank rank_of(const struct candidate *c)
{
    if (c->kind != CANDIDATE_MAPPED &&
        address_is_near(&c->at)) /* a nameserver of this network sees those, too */
        return PATH_RANK_LAN;
    if (c->at.family == AF_INET6)
        return PATH_RANK_IPV6;
    return c->kind == CANDIDATE_MAPPED ? PATH_RANK_MAPPED : PATH_RANK_DIRECT;
}

int agent_way_of(const struct agent *a, const struct net_route *from)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        const struct net_path *way = &a->ways[i].at;
        if (a->choice.paths[i].present && way->socket == from->socket &&
            net_address_equal(&way->remote, &from->to))
            return i;
    }
    return -1;
}

bool agent_heard(const struct agent *a)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        const struct path_times *p = &a->choice.paths[i];
        if (p->present && p->rank != PATH_RANK_RELAYED && (p->heard || p->answered_ms != 0))
            return true;
    }
    return false;
}

void agent_drop_way(struct agent *a, int at)
{
    if (a->ways[at].linked)
        net_peer_remove(a->peer, &a->ways[at].at);
    path_choice_remove(&a->choice, at);
    if (a->applied == at)
        a->applied = -1;
}

void agent_link(struct agent *a, int at)
{
    a->ways[at].opens = false;
    if (!a->ways[at].linked)
        a->ways[at].linked = net_peer_add(a->peer, &a->ways[at].at) == HX_OK;
}

void agent_link_candidate(struct agent *a, int at)
{
    struct agent_way *w = &a->ways[at];
    if (w->linked)
        return;
    w->spent = !agent_way_proven(a, at);
    if (!w->spent || unvalidated_take(&w->at.remote, UNVALIDATED_CONNECT, clock_now_ms()))
        agent_link(a, at);
    w->spent &= w->linked;
}

void agent_way_answers(struct agent *a, int at)
{
    if (a->ways[at].spent)
        unvalidated_give(&a->ways[at].at.remote, UNVALIDATED_CONNECT);
    a->ways[at].spent = false;
    agent_link(a, at);
}

int agent_add_way(struct agent *a, const struct net_path *way, enum path_rank rank)
{
    struct net_route there = {.to = way->remote, .socket = way->socket};
    int64_t now_ms = clock_now_ms();
    int at = agent_way_of(a, &there);
    if (at >= 0)
        return at;
    at = path_choice_add(&a->choice, rank, now_ms);
    if (at < 0) {
        int least = path_choice_least(&a->choice, now_ms);
        if (least < 0)
            return -1;
        agent_drop_way(a, least);
        at = path_choice_add(&a->choice, rank, now_ms);
    }
    a->ways[at] = (struct agent_way){.at = *way};
    agent_fit_way(a, at);
    return at;
}

bool agent_way_proven(const struct agent *a, int at)
{
    struct sockaddr_in6 sa;
    struct endpoint e;
    if (a->choice.paths[at].answered_ms != 0 || agent_way_relayed(a, at))
        return true;
    net_address_to_sockaddr6(&a->ways[at].at.remote, &sa);
    return endpoint_from_sockaddr(&e, (struct sockaddr *)&sa, sizeof sa) == HX_OK &&
           endpoint_same_host(&e, &a->hard.seen);
}

/* By which address and interface it leaves: as what is sent to the nameserver, so that the peer sees what the
 * nameserver saw. To a host of this network it may be any. */
static void local_for(const struct agent *a, const struct candidate *c, struct net_address *out)
{
    struct sockaddr_storage to;
    struct sockaddr_in6 source;
    memset(out, 0, sizeof *out);
    if (c->kind == CANDIDATE_HOST && address_is_near(&c->at))
        return;
    socklen_t len = endpoint_to_sockaddr(&c->at, &to);
    uplink_source(&a->uplink, (struct sockaddr *)&to, len, &source);
    net_address_from(out, (struct sockaddr *)&source);
    out->scope = source.sin6_scope_id;
}

/* That path leaves by this address and interface from now on. */
static void leave_by(struct agent *a, int at, const struct net_address *local)
{
    struct agent_way *w = &a->ways[at];
    if (memcmp(&w->at.local, local, sizeof *local) == 0)
        return;
    if (w->linked)
        net_peer_remove(a->peer, &w->at);
    w->at.local = *local;
    if (w->linked)
        w->linked = net_peer_add(a->peer, &w->at) == HX_OK;
    if (a->applied == at)
        a->applied = -1;
}

void agent_answers_by(struct agent *a, int at, const struct net_address *local)
{
    if (a->choice.state != PATHS_LOST || a->choice.paths[at].tries == 0 ||
        memcmp(&a->ways[at].at.local, local, sizeof *local) == 0)
        return;
    leave_by(a, at, local);
    path_choice_told(&a->choice, at, clock_now_ms());
}

/* How many candidates at this host have been taken that the nameserver has not seen there: only one, since
 * the host may be anybody's. */
static bool is_unvalidated(const struct candidates *all, size_t i)
{
    if (i == 0 || endpoint_same_host(&all->list[i].at, &all->list[0].at))
        return false;
    for (size_t k = 1; k < i; k++) {
        if (endpoint_same_host(&all->list[k].at, &all->list[i].at))
            return true;
    }
    return false;
}

void agent_add_candidates(struct agent *a, const struct candidates *all)
{
    const struct endpoint *spare = NULL;
    a->hard.peer_public = all->list[0].host_too; /* one that hides its addresses may be behind any NAT */
    for (size_t i = 0; i < all->count; i++) {
        const struct candidate *c = &all->list[i];
        struct net_path way = {.socket = 0};
        struct sockaddr_in6 sa;
        int family = c->at.family == AF_INET6 ? FAMILY_IPV6 : FAMILY_IPV4;
        if (!endpoint_punchable(&c->at) || !(a->families & family) || is_unvalidated(all, i))
            continue;
        endpoint_to_sockaddr6(&c->at, &sa);
        if (endpoint_link_local(&c->at))
            sa.sin6_scope_id = a->scope_id;
        net_address_from(&way.remote, (struct sockaddr *)&sa);
        local_for(a, c, &way.local);
        if (i > 0 && c->kind == CANDIDATE_SRFLX)
            spare = &c->at;
        struct net_route there = {.to = way.remote};
        bool known = agent_way_of(a, &there) >= 0;
        int at = agent_add_way(a, &way, rank_of(c));
        if (at >= 0 && known)
            leave_by(a, at, &way.local);
        if (at >= 0 && !known && agent_hops(a, at, 0) > 0 && a->choice.paths[at].rank == PATH_RANK_DIRECT)
            a->ways[at].opens = true;
        else if (at >= 0 && !known)
            agent_link_candidate(a, at);
        if (i == 0)
            a->hard.local = way.local;
        if (at >= 0 && i == 0)
            path_choice_told(&a->choice, at, clock_now_ms());
    }
    agent_spare_told(a, spare);
}

void agent_unlink_unproven(struct agent *a)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        if (!a->choice.paths[i].present || !a->ways[i].linked || a->choice.paths[i].due_ms != INT64_MAX ||
            i == a->applied || agent_way_proven(a, i))
            continue;
        net_peer_remove(a->peer, &a->ways[i].at);
        a->ways[i].linked = false;
    }
}

void agent_unlink_silent(struct agent *a)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        const struct path_times *p = &a->choice.paths[i];
        if (!p->present || !a->ways[i].linked || p->heard || p->answered_ms != 0 || i == a->applied)
            continue;
        net_peer_remove(a->peer, &a->ways[i].at);
        a->ways[i].linked = false;
    }
}

void agent_reset_locals(struct agent *a)
{
    static const struct net_address any;
    a->hard.local = any;
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        if (a->choice.paths[i].present && a->ways[i].at.socket == 0)
            leave_by(a, i, &any);
    }
}

bool agent_path(const struct agent *a, struct agent_path *out)
{
    struct net_peer_view view;
    struct sockaddr_in6 sa;
    net_peer_view(a->peer, &view);
    int at = a->choice.used;
    if (at < 0) {
        struct net_route heard = {.to = view.heard.remote, .socket = view.heard.socket};
        at = agent_way_of(a, &heard);
    }
    if (at < 0)
        return false;
    net_address_to_sockaddr6(agent_relay_server(a, at), &sa);
    *out = (struct agent_path){.kind = kind_of(a, at), .rtt_us = a->choice.paths[at].rtt_us};
    return endpoint_from_sockaddr(&out->remote, (struct sockaddr *)&sa, sizeof sa) == HX_OK;
}
