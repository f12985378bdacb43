/* What a datagram that UDT sends says, and whether it shall leave. */
#include "shim/udt/wire_internal.h"
#include <string.h>

#define ADDRESS_WORD(body, i) ((body) + HANDSHAKE_ADDRESS + 4 * (i))

/* UDT registers a connecting socket with its worker before the request is complete, and the worker sends what
 * is there: only the thread inside UDT::connect() may speak until that has returned. */
static bool leave_request(struct wire *w, const uint8_t *body, size_t body_len)
{
    struct wire_conn *c =
        body_len < HANDSHAKE_SIZE ? NULL : wire_find(w, (int32_t)packet_word(body + HANDSHAKE_ID));

    if (!c || (c->state == WIRE_STARTING && !pthread_equal(c->starter, pthread_self())))
        return false;
    if (c->isn != packet_word(body + HANDSHAKE_ISN)) /* it is said again and again */
        c->isn = c->next = packet_word(body + HANDSHAKE_ISN);
    if (!c->rendezvous && c->state <= WIRE_CONNECTING) {
        c->shutdown_check.sequence = c->isn; /* a listener adopts it for its own direction */
        c->secret = packet_word(body + HANDSHAKE_COOKIE);
    }
    return true;
}

/* A listener's last handshake answer names the socket that UDT has just made for a new connection. */
static void leave_conclusion(struct wire *w, const struct sockaddr *to, const uint8_t *head,
                             const uint8_t *body, int64_t now_ms)
{
    int32_t id = (int32_t)packet_word(body + HANDSHAKE_ID);
    struct wire_peer peer;
    struct wire_conn *c;

    if (wire_find(w, id))
        return; /* said again, because the peer asked again */
    w->accept_made++;
    wire_peer_from(&peer, to);
    c = wire_add(w, id, &peer, WIRE_UNADOPTED, now_ms);
    if (!c)
        return; /* accept() will find no such connection and close it */
    wire_set_peer_id(w, c, packet_id(head));
    c->window = w->door->offered;
    c->secret = w->door->secret;
    c->next = c->shutdown_check.sequence = packet_word(body + HANDSHAKE_ISN);
}

static bool leave_answer(struct wire *w, const struct sockaddr *to, const uint8_t *head, const uint8_t *body,
                         size_t body_len, int64_t now_ms)
{
    int32_t request = body_len < HANDSHAKE_SIZE ? HS_REFUSED : (int32_t)packet_word(body + HANDSHAKE_REQUEST);

    if (request == HS_REGULAR) /* a cookie: those are given out at the door */
        return false;
    if (request == HS_CONCLUSION)
        leave_conclusion(w, to, head, body, now_ms);
    return true;
}

/* A handshake tells the peer its own address. UDT on a dual-stack socket writes ::ffff:A.B.C.D, of which an IPv4
 * peer reads the first word alone, and then says that its address is 0.0.0.0: write what an IPv4 socket would.
 * UDT 4.11 puts the words of an address on the wire as numbers, whatever the machine's byte order makes of them. */
static void tell_ipv4_address(uint8_t *body)
{
    static const uint8_t ffff[4] = {0, 0, 0xFF, 0xFF};
    uint32_t mapped;

    memcpy(&mapped, ffff, sizeof(mapped));
    if (packet_word(ADDRESS_WORD(body, 0)) || packet_word(ADDRESS_WORD(body, 1)) ||
        packet_word(ADDRESS_WORD(body, 2)) != mapped)
        return;
    packet_put_word(ADDRESS_WORD(body, 0), packet_word(ADDRESS_WORD(body, 3)));
    packet_put_word(ADDRESS_WORD(body, 2), 0);
    packet_put_word(ADDRESS_WORD(body, 3), 0);
}

bool wire_leave(struct wire *w, const struct sockaddr *to, uint8_t *head, uint8_t *body, size_t body_len,
                int64_t now_ms)
{
    enum packet_type type = packet_type(head);
    struct wire_conn *c;

    if (type == PACKET_HANDSHAKE && body_len >= HANDSHAKE_SIZE)
        tell_ipv4_address(body);
    if (type == PACKET_HANDSHAKE)
        return w->door ? leave_answer(w, to, head, body, body_len, now_ms) : leave_request(w, body, body_len);
    c = wire_find_peer(w, to, packet_id(head));
    if (!c)
        return true;
    if (type == PACKET_KEEPALIVE && now_ms - c->heard_ms >= WIRE_QUIET_MS) {
        wire_ask(w, c, now_ms);
    } else if (type == PACKET_KEEPALIVE && now_ms - c->sent_ms < WIRE_KEEPALIVE_MS) {
        w->stats.keepalives++;
        return false;
    }
    if (type == PACKET_SHUTDOWN) {
        packet_put_word(head + 4, wire_proof(c));
        return true;
    }
    if (type == PACKET_ACK && body_len >= ACK_SIZE_SHORT) {
        shutdown_check_acked(&c->shutdown_check, head, body, now_ms);
        c->nudge_ms = 0;
        wire_tell(w, c, WIRE_READABLE); /* UDT acknowledges what it has just made readable */
    }
    if (type == PACKET_DATA && packet_distance(packet_word(head), c->next) >= 0)
        c->next = packet_word(head) + 1;
    if (type == PACKET_DATA && c->rendezvous) {
        resend_sent(&c->resend, packet_word(head), now_ms);
        wire_due(w, c);
    }
    c->sent_ms = now_ms;
    if (type != PACKET_KEEPALIVE) {
        c->active_ms = now_ms;
        wire_unpark(w, c);
    }
    return true;
}
