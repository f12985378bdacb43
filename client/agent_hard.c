/* Peers behind NATs that map by destination: what client/hard_nat.h says is done here. */
#include "base/clock.h"
#include "client/agent_state.h"
#include "client/nat.h"
#include <string.h>

#define SPRAY_AFTER_MS 150  /* a NAT that filters less needs none of it */
#define SPRAY_STEP_MS  20   /* between two handfuls */
#define GIVE_UP_MS     8000 /* the sockets of a method that has not helped are closed */
#define WAIT_MS        200  /* for another attempt of this process to end */

/* When what a method says at first is said again, since some of it may be lost; then it has been said for good. */
static const int again_ms[] = {100, 400, 1200, 3000};
#define ROUNDS (1 + (int)(sizeof again_ms / sizeof *again_ms))

/* One attempt at a time has many sockets, or sends much. */
static const struct agent *busy;

static bool meets(enum hard_nat_method m)
{
    return m == HARD_NAT_MEET_SOCKETS || m == HARD_NAT_MEET_PORTS;
}

static bool is_large(enum hard_nat_method m)
{
    return m == HARD_NAT_SPRAY_PORTS || m == HARD_NAT_OPEN_SOCKETS || meets(m);
}

/* Is what was told now another thing to do? */
static bool changes(const struct agent_hard *h, enum hard_nat_method method, const struct nat_mapping *own,
                    const struct nat_mapping *peer, const struct endpoint *seen)
{
    if (!h->begun || method != h->method || !endpoint_same_host(seen, &h->seen))
        return true;
    return (method == HARD_NAT_GUESS || meets(method)) &&
           (own->last_port != h->own.last_port || peer->last_port != h->peer.last_port);
}

void agent_hard_told(struct agent *a, const struct nat_mapping *own, const struct nat_mapping *peer,
                     const struct endpoint *seen)
{
    struct agent_hard *h = &a->hard;
    enum hard_nat_method method =
        seen->family == AF_INET ? hard_nat_method(own, peer, a->calling) : HARD_NAT_NONE;
    bool changed = changes(h, method, own, peer, seen);
    h->own = *own;
    h->peer = *peer;
    if (!changed)
        return;
    agent_hard_end(a);
    h->method = method;
    h->seen = *seen;
    h->seed = engine_random();
    h->begun = h->counted = false;
    h->gone = h->round = 0;
    h->sent = 0;
    /* a NAT that counts is asked for the next attempt's sake, too */
    h->due_ms =
        (method == HARD_NAT_NONE && !hard_nat_counts(own)) || method == HARD_NAT_HOPELESS ? INT64_MAX : 0;
}

static void ask_port(struct agent *a, uint16_t port, int socket)
{
    struct endpoint to = a->hard.seen;
    struct net_route route = {.socket = socket};
    struct sockaddr_in6 sa;
    if (port == 0)
        return;
    to.port = port;
    endpoint_to_sockaddr6(&to, &sa);
    net_address_from(&route.to, (struct sockaddr *)&sa);
    route.local = a->hard.local;
    agent_send_to(a, &route);
}

static void open_sockets(struct agent *a, int wanted)
{
    struct agent_hard *h = &a->hard;
    while (h->socket_count < wanted &&
           net_port_extra_open(udt_port_net(a->port), &h->sockets[h->socket_count]) == HX_OK)
        h->socket_count++;
}

static bool used(const struct agent *a, int socket)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        if (a->choice.paths[i].present && a->ways[i].at.socket == socket)
            return true;
    }
    return false;
}

/* Those that are no path. */
static void close_sockets(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    int kept = 0;
    for (int i = 0; i < h->socket_count; i++) {
        if (used(a, h->sockets[i]))
            h->sockets[kept++] = h->sockets[i];
        else
            net_port_extra_close(udt_port_net(a->port), h->sockets[i]);
    }
    h->socket_count = kept;
}

void agent_hard_end(struct agent *a)
{
    close_sockets(a);
    nat_count_cancel(a->hard.count);
    a->hard.count = NULL;
    a->hard.due_ms = INT64_MAX;
    if (busy == a)
        busy = NULL;
}

void agent_hard_forget(struct agent *a)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++)
        a->choice.paths[i].present = false;
    agent_hard_end(a);
}

static void guess(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    int first = h->round == 0 ? 1 : -HARD_NAT_GUESSES; /* it may have been mapped before it was counted */
    int last = h->round == 0 ? HARD_NAT_GUESSES : HARD_NAT_GUESSES_FAR;
    for (int n = first; n <= last; n++)
        ask_port(a, hard_nat_next_port(&h->peer, n), 0);
}

/* What one round of the method says. */
static void say(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    int meeting = h->gone + HARD_NAT_MEET_AT;
    switch (h->method) {
    case HARD_NAT_GUESS:
        guess(a);
        break;
    case HARD_NAT_OPEN_SOCKETS:
        open_sockets(a, HARD_NAT_SOCKETS);
        for (int i = 0; i < h->socket_count; i++)
            ask_port(a, h->port, h->sockets[i]);
        break;
    case HARD_NAT_MEET_SOCKETS:
        open_sockets(a, HARD_NAT_MEET);
        for (int i = 0; i < h->socket_count; i++)
            ask_port(a, hard_nat_next_port(&h->peer, meeting), h->sockets[i]);
        break;
    case HARD_NAT_MEET_PORTS: /* by a socket that has asked none of them before: each gets the next port */
        open_sockets(a, 1);
        for (int n = 1; n <= HARD_NAT_MEET_PORTS_MAX && h->socket_count > 0; n++)
            ask_port(a, hard_nat_next_port(&h->peer, h->gone + n), h->sockets[h->socket_count - 1]);
        break;
    default:
        break;
    }
}

/* As many as are due. */
static void spray(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    int64_t due = (now_ms - h->begun_ms - SPRAY_AFTER_MS) * HARD_NAT_SPRAY_RATE / 1000 + 1;
    int64_t most = h->sent + 2 * HARD_NAT_SPRAY_RATE * SPRAY_STEP_MS / 1000; /* after a pause no flood */
    while (h->sent < due && h->sent < most && h->sent < HARD_NAT_SPRAY)
        ask_port(a, hard_nat_random_port(h->seed, h->sent++), 0);
    h->due_ms = h->sent < HARD_NAT_SPRAY ? now_ms + SPRAY_STEP_MS : h->begun_ms + GIVE_UP_MS;
}

static void on_counted(void *user, uint16_t port)
{
    struct agent *a = user;
    struct agent_hard *h = &a->hard;
    h->count = NULL;
    h->gone = hard_nat_steps(&h->own, port);
    h->due_ms = 0;
    agent_turn(a);
}

/* True: it must be awaited. */
static bool count(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    bool counts = hard_nat_counts(&h->own) && (h->method == HARD_NAT_NONE || meets(h->method));
    if (h->counted || !counts)
        return h->count != NULL;
    h->counted = true;
    return nat_count_begin(&h->count, on_counted, a) == HX_OK;
}

static void begin(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    if (is_large(h->method) && busy && busy != a) {
        h->due_ms = now_ms + WAIT_MS;
        return;
    }
    if (is_large(h->method))
        busy = a;
    if (count(a)) {
        h->due_ms = now_ms + 2 * NAT_COUNT_MS; /* on_counted() comes before */
        return;
    }
    h->begun = true;
    h->begun_ms = now_ms;
    /* where both are hard, the peer's one port is the next that it gets */
    h->port = hard_nat_is(&h->peer) ? hard_nat_next_port(&h->peer, 1) : h->seen.port;
    h->due_ms = h->method == HARD_NAT_NONE
                    ? INT64_MAX
                    : now_ms + (h->method == HARD_NAT_SPRAY_PORTS ? SPRAY_AFTER_MS : 0);
}

void agent_hard_turn(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    bool reached = a->choice.state == PATHS_GOOD || a->choice.state == PATHS_DOUBT;
    if (h->due_ms > now_ms)
        return;
    if ((reached && h->method != HARD_NAT_NONE) || (h->begun && now_ms >= h->begun_ms + GIVE_UP_MS)) {
        agent_hard_end(a);
        return;
    }
    if (!h->begun)
        begin(a, now_ms);
    if (h->due_ms > now_ms)
        return;
    if (h->method == HARD_NAT_SPRAY_PORTS) {
        spray(a, now_ms);
        return;
    }
    say(a);
    h->due_ms = h->begun_ms + (h->round < ROUNDS - 1 ? again_ms[h->round] : GIVE_UP_MS);
    if (h->round < ROUNDS)
        h->round++;
    if (h->due_ms <= now_ms)
        h->due_ms = now_ms + 1;
}
