/* What is due without a datagram. */
#include "shim/udt/wire_internal.h"
#include <utlist.h>

static const uint8_t empty[4]; /* as UDT 4.11 sends empty bodies */

void wire_due(struct wire *w, struct wire_conn *c)
{
    if (c->due)
        return;
    DL_APPEND2(w->due, c, due_prev, due_next);
    c->due = true;
}

/* The analyzer does not know what utlist and uthash keep true: a listed element's neighbours are never NULL.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */

/* Gives UDT a control packet as if by the peer, before anything from the socket. NULL: there is no memory. */
static struct wire_packet *pretend(struct wire *w, struct wire_conn *c, enum packet_type type,
                                   const uint8_t *body, size_t body_len)
{
    uint8_t head[PACKET_HEAD];
    struct wire_packet *p;

    packet_put_control(head, type, 0, c->id);
    p = wire_packet_make(&c->peer, head, body, body_len);
    if (p)
        DL_APPEND(w->replay, p);
    return p;
}

/* UDT acknowledges a full-sized packet, and so lets the application have it, only when its ACK timer is
 * looked at: at the next packet of the connection, or 100 ms later. A keepalive makes it look. */
static void nudge(struct wire *w, struct wire_conn *c)
{
    (void)pretend(w, c, PACKET_KEEPALIVE, empty, sizeof(empty));
    c->nudge_ms = 0;
}

static void resend(struct wire *w, struct wire_conn *c, int64_t now_ms)
{
    uint8_t body[RESEND_BODY_MAX];
    size_t n = resend_due(&c->resend, c->heard_ms, body, now_ms);
    struct wire_packet *p = n ? pretend(w, c, PACKET_NAK, body, n) : NULL;

    if (p)
        p->judged = true;
}

/* Asks a peer in whose name a shutdown has come, or gives UDT that shutdown. */
static void doubt(struct wire *w, struct wire_conn *c, int64_t now_ms)
{
    uint8_t body[ACK_SIZE_SHORT];

    if (shutdown_check_ask(&c->shutdown_check, body, now_ms))
        wire_send_control(w, c, PACKET_ACK, c->shutdown_check.number, body, sizeof(body), now_ms);
    else
        (void)pretend(w, c, PACKET_SHUTDOWN, empty, sizeof(empty));
}

static void do_due(struct wire *w, struct wire_conn *c, int64_t now_ms)
{
    bool open = c->state == WIRE_OPEN;

    if (c->flight && c->state == WIRE_CONNECTING && flight_due(c->flight, now_ms))
        wire_send(w, &c->peer, c->flight->packet, FLIGHT_SIZE);
    if (c->half_closing && c->half_close.due_ms <= now_ms)
        wire_send_half_close(w, c, false, now_ms);
    if (c->nudge_ms && c->nudge_ms <= now_ms && open)
        nudge(w, c);
    if (open && c->resend.due_ms <= now_ms)
        resend(w, c, now_ms);
    if (open && c->shutdown_check.due_ms <= now_ms)
        doubt(w, c, now_ms);
    if (c->flight || c->nudge_ms ||
        (open && (c->resend.due_ms != INT64_MAX || c->shutdown_check.due_ms != INT64_MAX)) ||
        (c->half_closing && c->half_close.due_ms != INT64_MAX))
        return;
    DL_DELETE2(w->due, c, due_prev, due_next);
    c->due = false;
}

void wire_tick(struct wire *w, int64_t now_ms)
{
    struct wire_conn *c, *next;

    DL_FOREACH_SAFE2(w->due, c, next, due_next)
    {
        do_due(w, c, now_ms);
    }
    while ((c = w->aging) &&
           now_ms - c->since_ms > (c->state == WIRE_GONE ? WIRE_LINGER_MS : WIRE_UNADOPTED_MS))
        wire_forget(w, c);
}
/* NOLINTEND(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */
