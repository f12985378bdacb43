#include "shim/udt/control.h"
#include "shim/udt/early_packet.h"
#include "shim/udt/filter.h"
#include <string.h>

#define BODY_MAX ACK_SIZE_FULL
/* Nothing tells whether a proof has come, and until one has the listener says little: it is said again so
 * often, each time after twice as long, 13 s in all. */
#define PROOFS_AGAIN   8
#define PROVE_AGAIN_MS INT64_C(50)
static_assert(HALF_CLOSE_SIZE <= BODY_MAX, "the longest body that control_send() is given");

void control_send_raw(struct tap *t, const struct net_route *route, const uint8_t *packet, size_t len)
{
    struct iovec part = {.iov_base = (void *)packet, .iov_len = len};

    (void)net_port_send(t->port, route, &part, 1, MSG_DONTWAIT);
}

void control_send(struct tap *t, struct udt_conn *c, enum packet_type type, uint32_t info,
                  const uint8_t *body, size_t body_len, int64_t now_ms)
{
    static const uint8_t pad[4];
    struct net_route route = {.to = c->peer.at, .local = c->local};
    uint8_t packet[PACKET_HEAD + BODY_MAX] = {0};

    if (!body) { /* as UDT 4.11 sends empty bodies */
        body = pad;
        body_len = sizeof pad;
    }
    route.wants_answer = type == PACKET_ACK || (type == PACKET_CUSTOM && (body[3] & HALF_CLOSE_REPLY));
    packet_put_control(packet, type, type == PACKET_CUSTOM ? FILTER_CUSTOM_HX : 0, c->peer.id);
    packet_put_word(packet + 4, type == PACKET_KEEPALIVE && c->by_ticket ? udt_conn_proof(c) : info);
    memcpy(packet + PACKET_HEAD, body, body_len);
    if (!udt_conn_spend(c, PACKET_HEAD + body_len))
        return;
    c->sent_ms = now_ms;
    control_send_raw(t, &route, packet, PACKET_HEAD + body_len);
}

int64_t control_send_report(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    struct net_route route = {.to = c->peer.at, .local = c->local};
    uint8_t packet[PACKET_HEAD + RECEIPT_SIZE_MAX];
    bool tells = flow_leads(c->flow);

    if (flow_report_due_us(c->flow) > flow_now_us())
        return flow_report_due_us(c->flow);
    size_t len = tells ? flow_receipt_write(c->flow, packet + PACKET_HEAD)
                       : flow_nak_write(c->flow, packet + PACKET_HEAD);
    packet_put_control(packet, tells ? PACKET_CUSTOM : PACKET_NAK, tells ? FILTER_CUSTOM_HX : 0, c->peer.id);
    if (tells) {
        packet_put_word(packet + 4, udt_conn_proof(c));
        packet_put_word(packet + PACKET_STAMP, (uint32_t)flow_now_us());
    }
    if (len > 0) {
        c->sent_ms = now_ms;
        control_send_raw(t, &route, packet, PACKET_HEAD + len);
    }
    return flow_report_due_us(c->flow);
}

void control_proven(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    c->unproven = false;
    if (!c->withheld)
        return;
    c->withheld = false;
    resend_release(&c->resend, now_ms);
    udt_conn_due(&t->conns, c);
    t->tick_ms = now_ms;
}

void control_prove(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    control_send(t, c, PACKET_KEEPALIVE, udt_conn_proof(c), NULL, 0, now_ms);
    c->prove_ms = c->proofs < PROOFS_AGAIN ? now_ms + (PROVE_AGAIN_MS << c->proofs) : INT64_MAX;
    c->proofs++;
    if (c->prove_ms != INT64_MAX)
        udt_conn_due(&t->conns, c);
}

void control_send_ticket(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    struct net_route route = {.to = c->peer.at, .local = c->local};
    struct early_ticket ticket = {.len = TICKET_SIZE};
    uint8_t packet[TICKET_PACKET_MAX];

    if (!udt_conn_spend(c, PACKET_HEAD + TICKET_SIZE))
        return;
    tickets_make(&t->listener->tickets, c->peer.at.ip, ticket.bytes, now_ms);
    t->tickets_given++;
    control_send_raw(t, &route, packet, ticket_packet_write(&ticket, udt_conn_proof(c), c->peer.id, packet));
}

/* A listener takes it with a proof of the address alone: a ticket, or its cookie. */
static bool may_tell(const struct udt_conn *c, const uint8_t *handshake)
{
    return c->early->ticket.len > 0 || (int32_t)packet_word(handshake + HANDSHAKE_REQUEST) == HS_CONCLUSION;
}

void control_send_early(struct tap *t, struct udt_conn *c, const uint8_t *handshake)
{
    struct net_route route = {.to = c->peer.at, .local = c->local};
    uint8_t packet[EARLY_PACKET_MAX];

    if (!c->early || !may_tell(c, handshake) || !early_conn_take(c->early))
        return;
    struct early_packet early = {.handshake = handshake,
                                 .ticket = c->early->ticket.bytes,
                                 .ticket_len = c->early->ticket.len,
                                 .bytes = c->early->own.bytes,
                                 .bytes_len = c->early->own.len};
    control_send_raw(t, &route, packet, early_packet_write(&early, packet));
}

void control_send_half_close(struct tap *t, struct udt_conn *c, bool asked, int64_t now_ms)
{
    uint8_t body[HALF_CLOSE_SIZE];

    if (c->half_close.due_ms <= now_ms)
        half_close_message(&c->half_close, body, now_ms);
    else if (asked)
        half_close_answer(&c->half_close, body);
    else
        return;
    control_send(t, c, PACKET_CUSTOM, udt_conn_proof(c), body, sizeof body, now_ms);
    if (c->half_close.due_ms != INT64_MAX)
        udt_conn_due(&t->conns, c);
}

void control_ask(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    uint8_t body[HALF_CLOSE_SIZE];

    half_close_answer(&c->half_close, body);
    body[3] |= HALF_CLOSE_REPLY;
    control_send(t, c, PACKET_CUSTOM, udt_conn_proof(c), body, sizeof body, now_ms);
}
