/* Peers behind NATs that map by destination: which method of client/hard_nat.h is tried, when, and for how
 * long. What a method asks: agent_search.c. */
#include "base/clock.h"
#include "base/container_of.h"
#include "client/agent_state.h"
#include "client/nat.h"
#include "client/own_hops.h"
#include <string.h>

#define SOCKETS_AFTER_MS 100  /* a NAT that lets everybody in needs one socket */
#define SHARED_MS        2500 /* of a turn, while others wait: a spray hits in 99 of 100 cases by then */
#define SHARE_LOOK_MS    500  /* whether somebody does */
#define RUN_AFTER_MS     200  /* the first guesses have not hit; the peer's search begins a little later */
#define HOLD_MS          2500 /* a hard NAT is opened so long by packets that pass its router alone, ... */
#define HOLD_FAR_MS      4500 /* ... and so long by such that pass a carrier's as well */
#define HEARD_MS         1000 /* where the peer was heard leads back, too: so long UDT may take to connect by it */
#define SUPPOSE_AFTER_MS 1000 /* two easy NATs have been passed by then */
#define SUPPOSE_LATE_MS  3000 /* nor do those fail to, as a rule, that have met before */
#define SUPPOSE_COUNT_MS 200  /* two whose ports are known beforehand have met by then, as a rule, ... */
#define SUPPOSE_ONE_MS   400  /* ... and so have two easy ones, and this costs few packets */
#define SUPPOSE_HARD_MS  1100 /* where one is random: a spray hits in 85 of 100 cases by then, and goes on */
#define SUPPOSE_MS       2500 /* for each guess: a spray hits in 99 of 100 cases */
#define SUPPOSE_GUESS_MS 800  /* where one of the two counts it has been found by then */
#define SUPPOSE_LONG_MS  2800 /* for the one that there is beside a random NAT: as long as there are probes */
#define OTHER_OPENS_MS   100  /* behind one NAT: a round trip to the nameserver and 64 packets */

/* When what a method says at first is said again, since some of it may be lost; then it has been said for
 * good. */
static const int again_ms[] = {100, 400, 1200, 3000};
#define ROUNDS (1 + (int)(sizeof again_ms / sizeof *again_ms))

static bool meets(enum hard_nat_method m)
{
    return m == HARD_NAT_MEET_SOCKETS || m == HARD_NAT_MEET_PORTS;
}

/* One at a time has many sockets, or sends much. */
static bool needs_turn(const struct agent_hard *h)
{
    enum hard_nat_method m = h->method;
    return m == HARD_NAT_SPRAY_PORTS || m == HARD_NAT_OPEN_SOCKETS || meets(m) ||
           (h->begun && h->round >= AGENT_SEARCH_ROUND);
}

static void on_turn(struct hard_turn *t)
{
    struct agent *a = container_of(t, struct agent, hard.turn);
    struct agent_hard *h = &a->hard;
    h->due_ms = 0;
    if (h->begun) /* the time that it has waited is not its own */
        h->begun_ms = h->say_ms = clock_now_ms();
    engine_timer_set(&a->timer, clock_now_ms());
}

/* False: on_turn() will come. */
static bool take_turn(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    h->turn.granted = on_turn;
    if (!needs_turn(h) || hard_turn_take(&h->turn, &h->seen))
        return true;
    h->due_ms = INT64_MAX;
    return false;
}

/* Is what was told now another thing to do? */
static bool changes(const struct agent *a, enum hard_nat_method method, const struct endpoint *seen)
{
    const struct agent_hard *h = &a->hard;
    if (!h->begun || method != h->method || !endpoint_same_host(seen, &h->seen))
        return true;
    if (method == HARD_NAT_OPEN_SOCKETS)
        return agent_search_port(a, seen) != h->port;
    return (method == HARD_NAT_GUESS || meets(method) || agent_search_by_next_port(a, method)) &&
           (h->own.last_port != h->own_at_begin || h->peer.last_port != h->peer_at_begin);
}

struct nat_mapping agent_as_told(const struct nat_mapping *m)
{
    struct nat_mapping told = *m;
    if (m->one_address)
        told.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT;
    return told;
}

static void begin_anew(struct agent *a, enum hard_nat_method method)
{
    struct agent_hard *h = &a->hard;
    h->method = method;
    h->seed = engine_random();
    h->begun = h->counted = h->held = h->helped = false;
    h->again = a->connected;
    h->gone = h->round = 0;
    h->sent = 0;
    /* a NAT that counts is asked for the next attempt's sake, too */
    h->due_ms =
        (method == HARD_NAT_NONE && !hard_nat_counts(&h->own)) || method == HARD_NAT_HOPELESS ? INT64_MAX : 0;
}

/* What is supposed next of the two NATs. False: nothing more. */
static bool next_guess(const struct agent *a, struct nat_mapping *own, struct nat_mapping *peer)
{
    *own = agent_as_told(&a->hard.own);
    *peer = agent_as_told(&a->hard.peer);
    return hard_nat_suppose(own, peer, a->calling, a->hard.guesses);
}

/* It is tried at h->suppose_ms, or later. */
static bool may_suppose(const struct agent *a)
{
    struct nat_mapping own, peer;
    return a->hard.suppose_ms != 0 && next_guess(a, &own, &peer);
}

/* False: there is nothing more to be supposed. */
static bool suppose(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    struct nat_mapping own, peer;
    if (h->suppose_ms == 0 || !next_guess(a, &own, &peer))
        return false;
    h->guesses++;
    h->own = own;
    h->peer = peer;
    begin_anew(a, hard_nat_method(&own, &peer, a->calling));
    return true;
}

/* What is told again does not end what is supposed. Only an easy NAT can be supposed to be another one: a
 * peer may say of any that one address has seen it. */
static void take_told(struct agent *a, const struct nat_mapping *own, const struct nat_mapping *peer)
{
    struct agent_hard *h = &a->hard;
    bool supposed = h->guesses > 0 && hard_nat_supposed(&h->own, &h->peer);
    h->own = *own;
    h->peer = *peer;
    h->peer.one_address = peer->one_address && peer->kind == NAT_MAPPING_ENDPOINT_INDEPENDENT;
    if (supposed)
        (void)hard_nat_suppose(&h->own, &h->peer, a->calling, h->guesses - 1);
}

/* The two as they are supposed. */
static int suppose_after_ms(const struct agent *a, const struct nat_mapping *own,
                            const struct nat_mapping *peer)
{
    if (a->connected)
        return SUPPOSE_LATE_MS;
    if (hard_nat_counts(own) && hard_nat_counts(peer))
        return SUPPOSE_COUNT_MS;
    if (hard_nat_is(&a->hard.own) || hard_nat_is(&a->hard.peer))
        return SUPPOSE_HARD_MS;
    return hard_nat_counts(own) || hard_nat_counts(peer) ? SUPPOSE_ONE_MS : SUPPOSE_AFTER_MS;
}

void agent_hard_told(struct agent *a, const struct nat_mapping *own, const struct nat_mapping *peer,
                     const struct endpoint *seen)
{
    struct agent_hard *h = &a->hard;
    take_told(a, own, peer);
    enum hard_nat_method method =
        seen->family == AF_INET ? hard_nat_method(&h->own, &h->peer, a->calling) : HARD_NAT_NONE;
    agent_spare_expect(a);
    int64_t now_ms = clock_now_ms();
    bool supposed = hard_nat_supposed(&h->own, &h->peer);
    /* It has helped once, and its paths have ended; or it has missed, and the peer's sockets may still be
     * there. */
    bool again = (a->connected && ((h->due_ms == INT64_MAX && !supposed) || h->helped)) ||
                 (method == HARD_NAT_SPRAY_PORTS && h->sent == HARD_NAT_SPRAY);
    bool easy = method == HARD_NAT_NONE && !hard_nat_counts(own);
    struct nat_mapping mine, theirs;
    h->one_nat = endpoint_same_host(seen, &a->external);
    if (seen->family == AF_INET && !supposed && !h->one_nat && next_guess(a, &mine, &theirs)) {
        /* Sooner, if more is known by now; and when the other side does, which has known its own NAT
         * before. */
        bool waited = method == HARD_NAT_NONE && h->method == method && h->told_ms != 0 && !a->connected;
        int64_t at_ms = (waited ? h->told_ms : now_ms) + suppose_after_ms(a, &mine, &theirs);
        h->suppose_ms = h->suppose_ms == 0 || at_ms < h->suppose_ms ? at_ms : h->suppose_ms;
    }
    if (!again && !changes(a, method, seen))
        return;
    agent_hard_end(a);
    if (h->told_ms == 0 || method != h->method)
        h->told_ms = now_ms;
    if (now_ms - h->asked_ms >= HARD_NAT_MOST_MS) {
        h->asked = 0;
        h->asked_ms = now_ms;
    }
    h->seen = *seen;
    begin_anew(a, method);
    if (may_suppose(a) && easy)
        h->due_ms = h->suppose_ms;
}

/* What the peer was told is what its guesses go by. How we open our NAT goes by what is known now; until
 * that is, it may be one whose packets the peer's takes for its own. A hard one waits for the peer's
 * probes: one packet of ours that gets there before moves the port of all that the peer sends from then
 * on. */
int agent_hops(const struct agent *a, int at, int n)
{
    static const struct nat_mapping worst = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT};
    struct nat_mapping now;
    const struct nat_mapping *own = hard_nat_supposed(&a->hard.own, &a->hard.peer) ? &a->hard.own
                                    : nat_known(AF_INET, &now)                     ? &now
                                    : nat_asking(AF_INET)                          ? &worst
                                                                                   : &a->hard.own;
    int openings = a->hard.peer_public ? 0 : hard_nat_openings(own, &a->hard.peer, a->calling);
    int64_t held_ms = clock_now_ms() - a->hard.told_ms;
    if (at >= 0 && a->ways[at].spare)
        return hard_nat_hops(n, HARD_NAT_OPENINGS, own_hops(true));
    int hops = own_hops(false);
    if (openings == 0 || own == &worst || !hard_nat_holds(own, a->calling))
        return hard_nat_hops(n, openings, hops);
    return held_ms < HOLD_MS ? hops : held_ms < HOLD_FAR_MS ? hops + 1 : 0;
}

bool agent_uses_socket(const struct agent *a, int socket)
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
        if (agent_uses_socket(a, h->sockets[i]))
            h->sockets[kept++] = h->sockets[i];
        else
            net_port_extra_close(udt_port_net(a->port), h->sockets[i]);
    }
    h->socket_count = kept;
}

/* Peers are told of it before the two are told of each other again. */
static void count_anew(struct agent *a)
{
    if (a->hard.moved && !a->canceled)
        nat_count_anew();
    a->hard.moved = false;
}

void agent_hard_end(struct agent *a)
{
    close_sockets(a);
    nat_count_cancel(a->hard.count);
    a->hard.count = NULL;
    a->hard.due_ms = INT64_MAX;
    count_anew(a);
    hard_turn_end(&a->hard.turn); /* last: another one's begins */
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
    h->moved = false;
    h->due_ms = 0;
    agent_turn(a);
}

/* True: it must be awaited. */
static bool count(struct agent *a)
{
    struct agent_hard *h = &a->hard;
    bool counts = hard_nat_counts(&h->own) &&
                  (h->method == HARD_NAT_NONE || h->method == HARD_NAT_SPRAY_PORTS || meets(h->method));
    if (h->counted || !counts)
        return h->count != NULL;
    h->counted = true;
    return nat_count_begin(&h->count, on_counted, a) == HX_OK;
}

static int begin_after_ms(const struct agent *a)
{
    const struct agent_hard *h = &a->hard;
    if (h->method == HARD_NAT_SPRAY_PORTS)
        return agent_search_spray_after_ms(a);
    if (h->method == HARD_NAT_GUESS && agent_search_knocked(a))
        return RUN_AFTER_MS;
    return h->method == HARD_NAT_OPEN_SOCKETS && !h->again ? SOCKETS_AFTER_MS : 0;
}

static void begin(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    if (h->one_nat && h->method == HARD_NAT_MEET_PORTS && !h->held) {
        h->held = true;
        h->due_ms = now_ms + OTHER_OPENS_MS;
        return;
    }
    if (!h->counted && agent_search_by_next_port(a, h->method))
        agent_search_take_ports(a);
    if (count(a)) {
        h->due_ms = now_ms + 2 * NAT_COUNT_MS; /* on_counted() comes before */
        return;
    }
    h->begun = true;
    h->begun_ms = h->say_ms = now_ms;
    h->own_at_begin = h->own.last_port;
    h->peer_at_begin = h->peer.last_port;
    h->port = agent_search_port(a, &h->seen);
    h->due_ms = now_ms + begin_after_ms(a);
    if (h->method == HARD_NAT_GUESS && agent_search_knocked(a))
        h->round = 1;
    if (h->method == HARD_NAT_NONE) {
        h->round = AGENT_SEARCH_ROUND;
        h->due_ms =
            hard_nat_counts(&h->own) ? now_ms + (agent_search_knocked(a) ? 0 : RUN_AFTER_MS) : INT64_MAX;
    }
}

static int suppose_for_ms(const struct agent_hard *h)
{
    struct nat_mapping own = agent_as_told(&h->own), peer = agent_as_told(&h->peer);
    if (hard_nat_is(&own) || hard_nat_is(&peer))
        return SUPPOSE_LONG_MS;
    return hard_nat_counts(&h->own) != hard_nat_counts(&h->peer) ? SUPPOSE_GUESS_MS : SUPPOSE_MS;
}

static int64_t ends_ms(const struct agent *a)
{
    const struct agent_hard *h = &a->hard;
    if (hard_nat_supposed(&h->own, &h->peer) && !h->again)
        return h->begun_ms + suppose_for_ms(h);
    if (may_suppose(a))
        return h->suppose_ms > h->begun_ms ? h->suppose_ms : h->begun_ms + SUPPOSE_AFTER_MS;
    return h->begun_ms + (hard_turn_has(&h->turn) && hard_turns_wanted() ? SHARED_MS : AGENT_SEARCH_MS);
}

/* More than that one way is not looked for: each further socket moves a NAT that counts, and each probe
 * costs. */
static bool leads(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    if (a->choice.state != PATHS_SEEKING || !agent_heard(a))
        return false;
    if (h->heard_ms == 0)
        h->heard_ms = now_ms;
    if (now_ms - h->heard_ms >= HEARD_MS)
        return false;
    h->due_ms = h->heard_ms + HEARD_MS;
    return true;
}

void agent_hard_turn(struct agent *a, int64_t now_ms)
{
    struct agent_hard *h = &a->hard;
    bool reached = (a->choice.state == PATHS_GOOD || a->choice.state == PATHS_CHECKING) &&
                   !path_choice_relayed(&a->choice);
    agent_spare_turn(a, now_ms);
    h->helped |= h->begun && reached && !a->unheard;
    if (h->due_ms > now_ms)
        return;
    if ((reached && !a->unheard && !h->count) || (h->begun && now_ms >= ends_ms(a))) {
        agent_hard_end(a);
        if (reached)
            h->suppose_ms = 0;
        if (reached || !suppose(a))
            return;
    }
    if (leads(a, now_ms))
        return;
    if (h->method == HARD_NAT_NONE && !h->begun && !hard_nat_counts(&h->own) && !suppose(a)) {
        h->due_ms = INT64_MAX;
        return;
    }
    if (!take_turn(a))
        return;
    if (!h->begun)
        begin(a, now_ms);
    if (h->due_ms > now_ms)
        return;
    if (h->method == HARD_NAT_SPRAY_PORTS) {
        agent_search_spray(a, now_ms);
        return;
    }
    if (now_ms >= h->say_ms && h->round < ROUNDS) {
        agent_search_say(a);
        count_anew(a);
        if (h->method == HARD_NAT_OPEN_SOCKETS && h->round == 0)
            h->round = AGENT_SEARCH_ROUND; /* few are lost before the NAT, and what hosts get is counted */
        h->say_ms = h->begun_ms + (h->round < ROUNDS - 1 ? again_ms[h->round] : AGENT_SEARCH_MS);
        h->round++;
    }
    h->due_ms =
        hard_turn_has(&h->turn) && h->say_ms > now_ms + SHARE_LOOK_MS ? now_ms + SHARE_LOOK_MS : h->say_ms;
    if (may_suppose(a) && ends_ms(a) < h->due_ms)
        h->due_ms = ends_ms(a);
    if (h->due_ms <= now_ms)
        h->due_ms = now_ms + 1;
}
