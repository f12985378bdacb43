/* How long the connection's datagrams are: as long as the path in use carries. */
#include "base/clock.h"
#include "client/agent_state.h"
#include <errno.h>

#define CHECK_MS 10000 /* while long datagrams leave beside UDT */
#define AFTER_MS 10    /* what the two have to say to each other first does not wait for probes */
#define STUCK    3     /* repetitions that nobody acknowledged: seven times what one may take */

void agent_fit_way(struct agent *a, int at)
{
    int heads = net_address_is_ipv4(agent_relay_server(a, at)) ? IPV4_HEADS : IPV6_HEADS;

    path_mtu_init(&a->ways[at].mtu, heads + (agent_way_relayed(a, at) ? RELAY_HEAD_BYTES : 0));
}

/* Tells both who cuts and who sends. Pieces first: what was cut before is sent again meanwhile. */
void agent_fit(struct agent *a)
{
    int bytes = a->applied >= 0 ? a->ways[a->applied].mtu.size : PATH_MTU_BASE;
    struct sockaddr_in6 peer;

    if (bytes == a->fitted)
        return;
    a->fitted = bytes;
    agent_address(a, &peer);
    net_peer_fit(a->peer, a->member.tag, bytes);
    udt_port_set_datagram_max(a->port, &peer, bytes);
}

static int rtt_ms(const struct agent *a, int at)
{
    return (int)(a->choice.paths[at].rtt_us / 1000);
}

/* Data that is lost at its full length, again and again, while the peer still answers: the path carries
 * less. */
static void look_for_black_hole(struct agent *a, struct path_mtu *m, int64_t now_ms)
{
    struct sockaddr_in6 peer;

    agent_address(a, &peer);
    if (m->size > PATH_MTU_FLOOR && udt_port_stuck(a->port, &peer) >= STUCK)
        path_mtu_black_hole(m, now_ms);
}

/* What UDT has not sent, it does not miss. */
static void check_beside(struct agent *a, struct path_mtu *m, int64_t now_ms)
{
    if (now_ms - a->mtu_checked_ms < CHECK_MS || !atomic_load(&a->beside))
        return;
    a->mtu_checked_ms = now_ms;
    atomic_store(&a->beside, false);
    path_mtu_recheck(m, now_ms);
}

int64_t agent_mtu_turn(struct agent *a, int64_t now_ms)
{
    int at = a->applied, len;

    if (!a->connected || at < 0 || a->choice.paths[at].answered_ms == 0) {
        agent_fit(a);
        return INT64_MAX;
    }
    if (now_ms - a->connected_ms < AFTER_MS) {
        agent_fit(a);
        return a->connected_ms + AFTER_MS;
    }
    struct path_mtu *m = &a->ways[at].mtu;
    path_mtu_begin(m, now_ms);
    look_for_black_hole(a, m, now_ms);
    check_beside(a, m, now_ms);
    while (path_mtu_due_ms(m) <= now_ms && (len = path_mtu_next(m, rtt_ms(a, at), now_ms)) > 0) {
        if (agent_send_padded(a, at, len) == 0)
            path_mtu_sent(m, len, a->number);
        else if (errno == EMSGSIZE)
            path_mtu_too_long(m, len, now_ms);
        else
            path_mtu_sent(m, len, 0); /* lost */
    }
    agent_fit(a);
    return path_mtu_due_ms(m);
}
