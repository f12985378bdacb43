/* What is due without a datagram. */
#include "shim/wire_internal.h"
#include <utlist.h>

void wire_due(struct wire *w, struct wire_conn *c)
{
    if (c->due)
        return;
    DL_APPEND2(w->due, c, due_prev, due_next);
    c->due = true;
}

/* The analyzer does not know what utlist and uthash keep true: a listed element's neighbours are never NULL.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */

/* UDT acknowledges a full-sized packet, and so lets the application have it, only when its ACK timer is
 * looked at: at the next packet of the connection, or 100 ms later. A keepalive "from the peer" makes it
 * look. */
static void nudge(struct wire *w, struct wire_conn *c)
{
    uint8_t head[PACKET_HEAD];
    uint8_t body[4] = {0};
    struct wire_packet *p;

    packet_put_control(head, PACKET_KEEPALIVE, 0, c->id);
    p = wire_packet_make(&c->peer, head, body, sizeof(body));
    if (p)
        DL_APPEND(w->replay, p);
    c->nudge_ms = 0;
}

static void resend(struct wire *w, struct wire_conn *c, int64_t now_ms)
{
    uint8_t head[PACKET_HEAD];
    uint8_t body[RESEND_BODY_MAX];
    size_t n = resend_due(&c->resend, c->heard_ms, body, now_ms);
    struct wire_packet *p;

    packet_put_control(head, PACKET_NAK, 0, c->id);
    p = n ? wire_packet_make(&c->peer, head, body, n) : NULL;
    if (p) {
        p->judged = true;
        DL_APPEND(w->replay, p);
    }
}

/* Asks a peer in whose name a shutdown has come, or gives UDT that shutdown. */
static void doubt(struct wire *w, struct wire_conn *c, int64_t now_ms)
{
    uint8_t head[PACKET_HEAD];
    uint8_t body[ACK_SIZE_SHORT] = {0};
    struct wire_packet *p;

    if (doubt_ask(&c->doubt, body, now_ms)) {
        wire_send_control(w, c, PACKET_ACK, c->doubt.number, body, sizeof(body), now_ms);
        return;
    }
    packet_put_control(head, PACKET_SHUTDOWN, 0, c->id);
    p = wire_packet_make(&c->peer, head, body, 4);
    if (p)
        DL_APPEND(w->replay, p);
}

static void do_due(struct wire *w, struct wire_conn *c, int64_t now_ms)
{
    bool open = c->state == WIRE_OPEN;

    if (c->finishing && c->finish.due_ms <= now_ms)
        wire_send_finish(w, c, false, now_ms);
    if (c->nudge_ms && c->nudge_ms <= now_ms && open)
        nudge(w, c);
    if (open && c->resend.due_ms <= now_ms)
        resend(w, c, now_ms);
    if (open && c->doubt.due_ms <= now_ms)
        doubt(w, c, now_ms);
    if (c->nudge_ms || (open && (c->resend.due_ms != INT64_MAX || c->doubt.due_ms != INT64_MAX)) ||
        (c->finishing && c->finish.due_ms != INT64_MAX))
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
