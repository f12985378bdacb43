/* Peers behind NATs that map by destination: which ports of the peer's are asked, and by which sockets
 * (client/hard_nat.h). When that is done: agent_hard.c. */
#include "base/clock.h"
#include "client/agent_state.h"
#include "client/unvalidated.h"

#define SPRAY_AFTER_MS 150 /* a NAT that filters less needs none of it */
#define SPRAY_AGAIN_MS 30  /* for those who have met before: the other side opens its sockets meanwhile */
#define SPRAY_STEP_MS  20  /* between two handfuls */
#define SPRAY_LATE_MS  200 /* what was due while others had the processor is made up for, if it is no more */

uint16_t agent_search_port(const struct agent *a, const struct endpoint *seen)
{
    const struct agent_hard *h = &a->hard;
    return hard_nat_is(&h->peer) ? hard_nat_next_port(&h->peer, HARD_NAT_SPRAY_AT) : seen->port;
}

bool agent_search_by_next_port(const struct agent *a, enum hard_nat_method m)
{
    return hard_nat_is(&a->hard.own) && (m == HARD_NAT_GUESS || m == HARD_NAT_SPRAY_PORTS);
}

bool agent_search_knocked(const struct agent *a)
{
    const struct agent_hard *h = &a->hard;
    return hard_nat_supposed(&h->own, &h->peer) &&
           (a->calling ? hard_nat_is(&h->own) && hard_nat_takes(&h->peer)
                       : hard_nat_is(&h->peer) && hard_nat_takes(&h->own));
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
    if (hops == 0 && !unvalidated_take_port(&route.to, clock_now_ms()))
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
           net_port_extra_open(udt_port_net(a->port), &h->sockets[h->socket_count]) == HX_OK) {
        h->socket_count++;
        h->moved = true;
    }
}

static int asking_socket(const struct agent *a)
{
    const struct agent_hard *h = &a->hard;
    if (!agent_search_by_next_port(a, h->method) || h->socket_count == 0)
        return 0;
    bool sprays = h->method == HARD_NAT_SPRAY_PORTS;
    return h->sockets[sprays ? hard_nat_sprayer(h->socket_count, h->gone) : h->socket_count - 1];
}

void agent_search_take_ports(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    int count = h->method == HARD_NAT_SPRAY_PORTS ? HARD_NAT_SPRAY_AT : 1;
    for (int i = 0; i < count && h->socket_count < HARD_NAT_SOCKETS; i++) {
        open_sockets(a, h->socket_count + 1);
        ask_port(a, h->seen.port, h->socket_count > 0 ? h->sockets[h->socket_count - 1] : 0);
    }
}

/* The newest first: an older one of the peer's may already have knocked at our NAT, which then gives what we
 * send there another port, and all that follows. */
static void guess(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    bool knocked = agent_search_knocked(a);
    int last = h->round == 0 ? HARD_NAT_GUESSES : HARD_NAT_GUESSES_FAR;
    int least = knocked ? HARD_NAT_GUESSES + 1 : -HARD_NAT_GUESSES;
    int first = knocked ? HARD_NAT_GUESSES / HARD_NAT_SEARCH_STEP + 1 : HARD_NAT_SEARCH_FIRST;
    for (int n = last; n >= least; n--) /* it may have been mapped before it was counted */
        ask_port(a, hard_nat_next_port(&h->peer, n), asking_socket(a));
    for (int n = HARD_NAT_SEARCH_LAST; n >= first && h->round >= AGENT_SEARCH_ROUND; n--)
        ask_port(a, hard_nat_next_port(&h->peer, n * HARD_NAT_SEARCH_STEP), asking_socket(a));
}

static void open_to(struct agent *a, uint16_t port)
{
    struct agent_hard *h = &a->hard;
    for (int i = 0; i < h->socket_count; i++)
        ask_port_by(a, port, h->sockets[i], agent_hops(a, -1, h->round));
}

/* What comes back is the peer's guess, or its spray. A spray that does not come by the port that was agreed
 * upon may come by one of its neighbours. */
static void open_by_sockets(struct agent *a, int count)
{
    struct agent_hard *h = &a->hard;
    open_sockets(a, count);
    open_to(a, h->port);
    if (hard_nat_supposed(&h->own, &h->peer) && h->port != h->seen.port) /* it may be easy, after all */
        open_to(a, h->seen.port);
    if (!hard_nat_is(&h->peer) || h->round == 0)
        return;
    open_to(a, hard_nat_next_port(&h->peer, HARD_NAT_SPRAY_AT - 1));
    open_to(a, hard_nat_next_port(&h->peer, HARD_NAT_SPRAY_AT + 1));
}

/* Each port of ours is another one, until it is the one that the called's sockets ask. */
static void meet_behind_one(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    open_sockets(a, HARD_NAT_ONE_SOCKETS);
    for (int i = 0; i < h->socket_count; i++) {
        for (int n = 0; n <= HARD_NAT_ONE_FAR - HARD_NAT_ONE_NEAR; n++)
            ask_port(a, hard_nat_one_port(&h->own, h->gone, n), h->sockets[i]);
    }
}

void agent_search_say(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    switch (h->method) {
    case HARD_NAT_GUESS:
        guess(a);
        break;
    case HARD_NAT_NONE:
        open_by_sockets(a, HARD_NAT_RUN);
        break;
    case HARD_NAT_OPEN_SOCKETS:
        open_by_sockets(a, hard_nat_sockets(&h->own));
        break;
    case HARD_NAT_MEET_SOCKETS:
        open_sockets(a, hard_nat_supposed(&h->own, &h->peer) ? HARD_NAT_MEET_LATE : HARD_NAT_MEET);
        for (int i = 0; i < h->socket_count; i++)
            ask_port(a,
                     h->one_nat ? hard_nat_one_asked(&h->own, h->gone)
                                : hard_nat_meeting_port(&h->peer, h->gone, i),
                     h->sockets[i]);
        break;
    case HARD_NAT_MEET_PORTS: /* by a socket that has asked none of them before: each gets the next port */
        if (h->one_nat) {
            meet_behind_one(a);
            break;
        }
        open_sockets(a, 1);
        for (int n = 1; n <= HARD_NAT_MEET_PORTS_MAX && h->socket_count > 0; n++)
            ask_port(a, hard_nat_next_port(&h->peer, h->gone + n), h->sockets[h->socket_count - 1]);
        break;
    default:
        break;
    }
}

int agent_search_spray_after_ms(const struct agent *a)
{
    return a->hard.again ? SPRAY_AGAIN_MS : SPRAY_AFTER_MS;
}

/* One that is only supposed to have a further port for the peer may have the one that everybody sees. */
static void spray_one(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    int64_t n = h->sent++;
    bool both = asking_socket(a) != 0 && hard_nat_supposed(&h->own, &h->peer);
    ask_port(a, hard_nat_spray_port(h->seed, h->seen.port, (uint32_t)(both ? n / 2 : n)),
             both && n % 2 ? 0 : asking_socket(a));
}

void agent_search_spray(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    int64_t rate = h->again ? HARD_NAT_SPRAY_RATE_AGAIN : HARD_NAT_SPRAY_RATE;
    int64_t due = (now_ms - h->begun_ms - agent_search_spray_after_ms(a)) * rate / 1000 + 1;
    int64_t most = h->sent + rate * SPRAY_LATE_MS / 1000; /* after a longer pause no flood */
    while (h->sent < due && h->sent < most && h->sent < HARD_NAT_SPRAY)
        spray_one(a);
    h->due_ms = h->sent < HARD_NAT_SPRAY ? now_ms + SPRAY_STEP_MS : h->begun_ms + AGENT_SEARCH_MS;
    if (h->sent == HARD_NAT_SPRAY)
        hard_turn_end(&h->turn);
}
