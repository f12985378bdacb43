#include "shim/udt/due.h"
#include "shim/net/paths.h"
#include "shim/udt/control.h"
#include <utlist.h>

static const uint8_t empty[4]; /* as UDT 4.11 sends empty bodies */

/* The analyzer does not know what utlist and uthash keep true: a listed element's neighbours are never NULL.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */

/* Gives UDT a control packet as if by the peer, before anything from the socket. NULL: there is no memory. */
static struct kept *pretend(struct tap *t, struct udt_conn *c, enum packet_type type, const uint8_t *body,
                            size_t body_len)
{
    uint8_t head[PACKET_HEAD];

    packet_put_control(head, type, 0, c->id);
    struct kept *k = kept_make(&c->peer.at, head, body, body_len);
    if (k)
        DL_APPEND(t->replay, k);
    return k;
}

/* UDT acknowledges a full-sized packet, and so lets the application have it, only when its ACK timer is
 * looked at: at the next packet of the connection, or 100 ms later. A keepalive makes it look. */
static void poll_ack_timer(struct tap *t, struct udt_conn *c)
{
    if (pretend(t, c, PACKET_KEEPALIVE, empty, sizeof empty)) /* else at the next tick */
        c->ack_poll_ms = 0;
}

static void resend(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    uint8_t body[RESEND_BODY_MAX];

    bool leads = c->flow && flow_leads(c->flow);
    uint32_t seq;

    if (leads && resend_told(&c->resend, flow_told_ms(c->flow), now_ms))
        return;
    size_t n = resend_due(&c->resend, c->heard_ms, body, now_ms);
    if (n && leads) {
        flow_timeout(c->flow);
        n = flow_probe(c->flow, &seq) ? sizeof seq : 0;
        packet_put_word(body, seq);
    }
    struct kept *k = n ? pretend(t, c, PACKET_NAK, body, n) : NULL;

    if (k)
        k->judged = true;
}

/* Asks a peer in whose name a shutdown has come, or gives UDT that shutdown. */
static void check_shutdown(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    uint8_t body[ACK_SIZE_FULL];

    if (shutdown_check_ask(&c->shutdown_check, body, now_ms))
        control_send(t, c, PACKET_ACK, c->shutdown_check.number, body, sizeof body, now_ms);
    else if (!pretend(t, c, PACKET_SHUTDOWN, empty, sizeof empty))
        shutdown_check_retry(&c->shutdown_check, now_ms); /* the peer says it no more */
}

static void say_handshake(struct tap *t, struct udt_conn *c)
{
    struct net_route route = {.to = c->peer.at, .local = c->local, .wants_answer = true};

    control_send_early(t, c, c->flight->packet + PACKET_HEAD);
    control_send_raw(t, &route, c->flight->packet, FLIGHT_SIZE);
}

/* What was learnt of one path is not true of another, of which its probes have told the round trip. */
static void look_for_change(struct tap *t, struct udt_conn *c)
{
    int64_t rtt_us;
    uint32_t changes = net_paths_changes(t->port, &c->peer.at, &rtt_us);

    if (changes == c->path_changes)
        return;
    c->path_changes = changes;
    flow_restart(c->flow, rtt_us);
}

static void do_due(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    bool open = c->state == UDT_CONN_OPEN;

    if (c->flight && c->state == UDT_CONN_CONNECTING && flight_due(c->flight, now_ms))
        say_handshake(t, c);
    if (c->half_closing && c->half_close.due_ms <= now_ms)
        control_send_half_close(t, c, false, now_ms);
    if (c->ack_poll_ms && c->ack_poll_ms <= now_ms && open)
        poll_ack_timer(t, c);
    if (open && c->flow && net_paths_is_canonical(&c->peer.at))
        look_for_change(t, c);
    if (open && c->prove_ms <= now_ms)
        control_prove(t, c, now_ms);
    if (open && c->resend.due_ms <= now_ms)
        resend(t, c, now_ms);
    if (open && c->shutdown_check.due_ms <= now_ms)
        check_shutdown(t, c, now_ms);
    if (c->flight || c->ack_poll_ms || (open && c->prove_ms != INT64_MAX) ||
        (open && (c->resend.due_ms != INT64_MAX || c->shutdown_check.due_ms != INT64_MAX)) ||
        (c->half_closing && c->half_close.due_ms != INT64_MAX))
        return;
    udt_conn_not_due(&t->conns, c);
}

void due_tick(struct tap *t, int64_t now_ms)
{
    struct udt_conn *c, *next;

    DL_FOREACH_SAFE2(t->conns.due, c, next, due_next)
    {
        do_due(t, c, now_ms);
    }
    udt_conn_age(&t->conns, now_ms);
}
/* NOLINTEND(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */
