/* Peers behind NATs that map by destination: what client/hard_nat.h says is done here. */
#include "base/clock.h"
#include "base/rate.h"
#include "client/agent_state.h"
#include "client/nat.h"
#include "client/spare_port.h"
#include <string.h>

#define SPRAY_AFTER_MS 150  /* a NAT that filters less needs none of it */
#define SPRAY_STEP_MS  20   /* between two handfuls */
#define SPARE_OPEN_MS  500  /* nothing has come in this time */
#define SPARE_TRIED_MS 1500 /* nor by the further port */
#define SPARE_AFTER_MS 200  /* so much later than the caller may the called be told, and open its NAT */
#define GIVE_UP_MS     8000 /* the sockets of a method that has not helped are closed */
#define FEW_SOCKETS    2
#define WAIT_MS        200 /* for another attempt of this process to end */

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
static bool changes(const struct agent_hard *h, enum hard_nat_method method, const struct endpoint *seen)
{
    if (!h->begun || method != h->method || !endpoint_same_host(seen, &h->seen))
        return true;
    return (method == HARD_NAT_GUESS || meets(method)) &&
           (h->own.last_port != h->own_at_begin || h->peer.last_port != h->peer_at_begin);
}

static int64_t spare_after_ms(const struct agent *a)
{
    return clock_now_ms() + (a->calling ? SPARE_AFTER_MS : 0);
}

void agent_hard_told(struct agent *a, const struct nat_mapping *own, const struct nat_mapping *peer,
                     const struct endpoint *seen)
{
    struct agent_hard *h = &a->hard;
    enum hard_nat_method method =
        seen->family == AF_INET ? hard_nat_method(own, peer, a->calling) : HARD_NAT_NONE;
    h->own = *own;
    h->peer = *peer;
    if (h->spare != 0 && !h->spare_used)
        h->spare_due_ms = spare_after_ms(a);
    else if (h->spare == 0 && !h->spare_asked)
        h->spare_due_ms = clock_now_ms() + (a->port == engine_port() ? SPARE_OPEN_MS : 0);
    if (!changes(h, method, seen))
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

/* All sessions' with one host together: a nameserver may begin them one after the other. */
static bool may_ask(const struct net_address *host)
{
    static const struct token_limit limit = {.per_second = HARD_NAT_SPRAY_RATE, .most = 2 * HARD_NAT_MOST};
    static struct rate hosts;
    static bool begun;
    uint8_t key[RATE_KEY_BYTES];
    if (!begun)
        rate_init(&hosts, HARD_NAT_SPRAY_RATE);
    begun = true;
    return token_bucket_take(rate_bucket_of(&hosts, key, rate_source_key(host->ip, key)), &limit, 1,
                             clock_now_ms());
}

static void ask_port_by(struct agent *a, uint16_t port, int socket, int hops)
{
    struct endpoint to = a->hard.seen;
    struct net_route route = {.socket = socket, .hops = (uint8_t)hops};
    struct sockaddr_in6 sa;
    if (port == 0 || a->hard.asked >= HARD_NAT_MOST) /* whatever the nameserver tells, and however often */
        return;
    to.port = port;
    endpoint_to_sockaddr6(&to, &sa);
    net_address_from(&route.to, (struct sockaddr *)&sa);
    if (!may_ask(&route.to))
        return;
    a->hard.asked++;
    route.local = a->hard.local;
    agent_send_to(a, &route);
}

static void ask_port(struct agent *a, uint16_t port, int socket)
{
    ask_port_by(a, port, socket, 0);
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

/* The newest first: an older one of the peer's may already have knocked at our NAT, which then gives what we send there
 * another port, and all that follows. */
static void guess(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    int first = h->round == 0 ? 1 : -HARD_NAT_GUESSES; /* it may have been mapped before it was counted */
    int last = h->round == 0 ? HARD_NAT_GUESSES : HARD_NAT_GUESSES_FAR;
    for (int n = last; n >= first; n--)
        ask_port(a, hard_nat_next_port(&h->peer, n), 0);
}

/* What comes back is the peer's guess, or its spray. */
static void open_by_sockets(struct agent *a, int count)
{
    struct agent_hard *h = &a->hard;
    int hops = hard_nat_hops(h->round, hard_nat_openings(&h->own, &h->peer, a->calling));
    open_sockets(a, count);
    for (int i = 0; i < h->socket_count; i++)
        ask_port_by(a, h->port, h->sockets[i], hops);
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
    case HARD_NAT_NONE: /* ours counts: a packet that the peer's NAT has taken leaves no other way than a new port */
        open_by_sockets(a, FEW_SOCKETS);
        break;
    case HARD_NAT_OPEN_SOCKETS:
        open_by_sockets(a, HARD_NAT_SOCKETS);
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

/* Where it is our NAT that gives the peer another port than it should, since the peer's packets came before ours: to
 * begin with, or once both NATs have forgotten. */
static bool wants_spare(const struct agent *a)
{
    const struct agent_hard *h = &a->hard;
    bool lost = a->choice.state == PATHS_LOST;
    for (int i = 0; i < PATH_CHOICE_MAX && !lost; i++) {
        if (a->choice.paths[i].present && (a->choice.paths[i].heard || a->choice.paths[i].answered_ms != 0))
            return false;
    }
    return h->seen.family == AF_INET && nat_translates(AF_INET) && !hard_nat_is(&h->own) &&
           !hard_nat_is(&h->peer);
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
    if (!used(a, h->spare))
        net_port_extra_close(udt_port_net(a->port), h->spare);
    else if (h->socket_count < HARD_NAT_SOCKETS)
        h->sockets[h->socket_count++] = h->spare;
    h->spare = 0;
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

/* Ours has been in vain, if the peer's was another one then. */
void agent_hard_spare_told(struct agent *a, const struct endpoint *peer)
{
    struct agent_hard *h = &a->hard;
    if (endpoint_equal(peer, &h->peer_spare))
        return;
    h->peer_spare = *peer;
    if (h->spare == 0)
        return;
    h->spare_used = false;
    h->spare_due_ms = spare_after_ms(a);
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
        a->ways[at].opens = HARD_NAT_OPENINGS;
    h->spare_used = true;
    h->spare_due_ms = clock_now_ms() + SPARE_TRIED_MS;
}

static void turn_spare(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    struct endpoint server;
    if (h->spare_due_ms > now_ms)
        return;
    h->spare_due_ms = INT64_MAX;
    if (!wants_spare(a))
        return;
    if (h->spare != 0 && !h->spare_used) {
        use_spare(a);
        return;
    }
    agent_spare_end(a); /* the pair with it is taken by now, too */
    if (nat_server(&server) && spare_port_begin(&h->spare_asked, a->port, &server, on_spare, a) < 0)
        h->spare_asked = NULL;
}

void agent_hard_forget(struct agent *a)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++)
        a->choice.paths[i].present = false;
    agent_spare_end(a);
    agent_hard_end(a);
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
    h->own_at_begin = h->own.last_port;
    h->peer_at_begin = h->peer.last_port;
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
    turn_spare(a, now_ms);
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
