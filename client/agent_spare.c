/* A further port of ours, where one of the two NATs has given the first one away (client/spare_port.h). */
#include "base/clock.h"
#include "client/agent_state.h"
#include "client/nat.h"
#include "client/spare_port.h"

#define SPARE_OPEN_MS  500   /* nothing has come in this time */
#define SPARE_TRIED_MS 1500  /* nor by the further port */
#define LEAVE_MS       10000 /* between two times that a port is left: a peer may say what it likes */
#define SEEN_EARLY_MS  8000  /* a NAT that was switched off and on gives another port, too, but later */
#define SPARE_AFTER_MS 200   /* so much later than the caller may the called be told, and open its NAT */

/* What came from where the peer is before we sent there has made our NAT give this port another one
 * outside, and it stays with all that leaves it anew: the nameserver still sees the first one, and peers
 * are told it in vain. */
void agent_leave_port(struct agent *a)
{
    static int64_t left_ms;
    int64_t now_ms = clock_now_ms();
    struct nat_mapping now;
    if (!nat_known(AF_INET, &now) || now.kind != NAT_MAPPING_ENDPOINT_INDEPENDENT ||
        !nat_translates(AF_INET) || (left_ms != 0 && now_ms - left_ms < LEAVE_MS))
        return;
    left_ms = now_ms;
    engine_port_leave(a->port);
    nat_ask_anew(AF_INET);
}

/* Once the peer has seen us where the nameserver does, or much later, another port is that of a NAT which
 * was switched off and on: this one is as good as any, and streams that stay with it are found by what
 * peers are told of it. */
void agent_seen_as(struct agent *a, const struct endpoint *seen)
{
    bool early = clock_now_ms() - a->hard.told_ms < SEEN_EARLY_MS;
    a->seen_there |= endpoint_equal(seen, &a->external);
    if (early && !a->seen_there && endpoint_same_host(seen, &a->external))
        agent_leave_port(a);
}

/* It may be why no guess of ours has hit. */
void agent_failed(struct agent *a)
{
    if (!a->calling && a->hard.asked > 0 && !hard_nat_is(&a->hard.own) &&
        !hard_nat_supposed(&a->hard.own, &a->hard.peer))
        agent_leave_port(a);
}

/* Where it is our NAT that gives the peer another port than it should, since the peer's packets came
 * before ours: to begin with, or once both NATs have forgotten, or for the peer alone, which then does not
 * reach us. */
static bool wants_spare(const struct agent *a)
{
    const struct agent_hard *h = &a->hard;
    bool unheard = a->connected && a->unheard;
    if (a->choice.state != PATHS_LOST && !unheard && agent_heard(a))
        return false;
    const struct nat_mapping own = agent_as_told(&h->own), peer = agent_as_told(&h->peer);
    return h->seen.family == AF_INET && nat_translates(AF_INET) && !hard_nat_is(&own) && !hard_nat_is(&peer);
}

void agent_spare_end(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    struct endpoint told;
    spare_port_cancel(h->spare_asked);
    h->spare_asked = NULL;
    h->spare_due_ms = INT64_MAX;
    if (h->spare == 0)
        return;
    if (!agent_uses_socket(a, h->spare))
        net_port_extra_close(udt_port_net(a->port), h->spare);
    else if (h->socket_count < HARD_NAT_SOCKETS)
        h->sockets[h->socket_count++] = h->spare;
    h->spare = 0;
    h->spare_said = false;
    if (nat_spare(&told) && endpoint_equal(&told, &h->spare_at))
        nat_set_spare(&(struct endpoint){.family = AF_UNSPEC});
}

/* The peer is told with what either side asks of the nameserver next. */
static void on_spare(void *user, int socket, const struct endpoint *mapped)
{
    struct agent *a = user;
    a->hard.spare_asked = NULL;
    a->hard.spare = socket;
    a->hard.spare_used = false;
    a->hard.spare_at = *mapped;
    if (socket != 0)
        nat_set_spare(mapped);
}

static int64_t spare_after_ms(const struct agent *a)
{
    return clock_now_ms() + (a->calling ? SPARE_AFTER_MS : 0);
}

void agent_spare_expect(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    if (h->spare_said && !h->spare_used)
        h->spare_due_ms = spare_after_ms(a);
    else if (h->spare == 0 && !h->spare_asked)
        h->spare_due_ms = clock_now_ms() + (a->port == engine_port() ? SPARE_OPEN_MS : 0);
}

void agent_spare_said(struct agent *a, const struct candidates *own)
{
    struct agent_hard *h = &a->hard;
    for (size_t i = 0; i < own->count && h->spare != 0; i++)
        h->spare_said |= endpoint_equal(&own->list[i].at, &h->spare_at);
}

/* Ours has been in vain, if the peer's was another one then. */
void agent_spare_told(struct agent *a, const struct endpoint *peer)
{
    static const struct endpoint none;
    struct agent_hard *h = &a->hard;
    if (!peer)
        peer = &none;
    if (endpoint_equal(peer, &h->peer_spare))
        return;
    h->peer_spare = *peer;
    if (!h->spare_said)
        return;
    h->spare_used = false;
    h->spare_due_ms = spare_after_ms(a);
}

void agent_spare_lost(struct agent *a)
{
    if (a->choice.state == PATHS_LOST && a->hard.spare == 0 && !a->hard.spare_asked)
        a->hard.spare_due_ms = clock_now_ms();
}

/* The called opens its NAT at once, the caller comes a little later. */
static void use_spare(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    struct net_path way = {.socket = h->spare};
    struct net_route seen = {.socket = 0};
    struct sockaddr_in6 sa;
    endpoint_to_sockaddr6(&h->seen, &sa);
    net_address_from(&seen.to, (struct sockaddr *)&sa);
    int like = agent_way_of(a, &seen);
    if (like >= 0)
        way.local = a->ways[like].at.local;
    endpoint_to_sockaddr6(h->peer_spare.family == AF_INET ? &h->peer_spare : &h->seen, &sa);
    net_address_from(&way.remote, (struct sockaddr *)&sa);
    int at = agent_add_way(a, &way, PATH_RANK_DIRECT);
    if (at >= 0 && !a->calling) /* that its NAT takes what comes unasked is why we are here */
        a->ways[at].opens = a->ways[at].spare = true;
    h->spare_used = true;
    h->spare_due_ms = clock_now_ms() + SPARE_TRIED_MS;
}

void agent_spare_turn(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    struct endpoint server;
    if (h->spare_due_ms > now_ms)
        return;
    h->spare_due_ms = INT64_MAX;
    if (!wants_spare(a))
        return;
    if (h->spare_said && !h->spare_used) {
        use_spare(a);
        return;
    }
    agent_spare_end(a); /* the pair with it is taken by now, too */
    if (nat_server(&server) && spare_port_begin(&h->spare_asked, a->port, &server, on_spare, a) < 0)
        h->spare_asked = NULL;
}
