/* What a datagram that UDT sends says, and whether it shall leave. */
#include "shim/wire_internal.h"

/* UDT registers a connecting socket with its worker before the request is complete, and the worker sends what
 * is there: only the thread inside UDT::connect() may speak until that has returned. */
static bool leave_request(struct wire *w, const uint8_t *body, size_t body_len)
{
    struct wire_conn *c =
        body_len < HANDSHAKE_SIZE ? NULL : wire_find(w, (int32_t)packet_word(body + HANDSHAKE_ID));

    return c && (c->state != WIRE_STARTING || pthread_equal(c->starter, pthread_self()));
}

/* A listener's last handshake answer names the socket that UDT has just made for a new connection. */
static void leave_answer(struct wire *w, const struct sockaddr *to, const uint8_t *head, const uint8_t *body,
                         size_t body_len, int64_t now_ms)
{
    struct wire_peer peer;
    struct wire_conn *c;
    int32_t id;

    if (body_len < HANDSHAKE_SIZE || (int32_t)packet_word(body + HANDSHAKE_REQUEST) != HS_CONCLUSION)
        return;
    id = (int32_t)packet_word(body + HANDSHAKE_ID);
    w->accept_made = true;
    if (wire_find(w, id))
        return; /* said again, because the peer asked again */
    wire_peer_from(&peer, to);
    c = wire_add(w, id, &peer, WIRE_UNADOPTED, now_ms);
    if (!c)
        return; /* accept() will find no such connection and close it */
    wire_set_peer_id(w, c, packet_id(head));
    c->window = w->offered;
}

bool wire_leave(struct wire *w, const struct sockaddr *to, const uint8_t *head, const uint8_t *body,
                size_t body_len, int64_t now_ms)
{
    enum packet_type type = packet_type(head);
    struct wire_conn *c;

    if (type == PACKET_HANDSHAKE && !w->listening)
        return leave_request(w, body, body_len);
    if (type == PACKET_HANDSHAKE) {
        leave_answer(w, to, head, body, body_len, now_ms);
        return true;
    }
    c = wire_find_peer(w, to, packet_id(head));
    if (!c)
        return true;
    if (type == PACKET_KEEPALIVE && now_ms - c->sent_ms < WIRE_KEEPALIVE_MS &&
        now_ms - c->heard_ms < WIRE_QUIET_MS)
        return false;
    if (type == PACKET_ACK && body_len >= ACK_SIZE_SHORT) {
        c->nudge_ms = 0;
        wire_tell(w, c, WIRE_READABLE); /* UDT acknowledges what it has just made readable */
    }
    c->sent_ms = now_ms;
    return true;
}
