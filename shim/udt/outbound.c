#include "shim/udt/outbound.h"
#include "shim/net/paths.h"
#include "shim/udt/control.h"
#include "shim/udt/idle_suspension.h"
#include "shim/udt/udt.h"
#include <stdlib.h>
#include <string.h>

#define KEEPALIVE_MS 6500        /* one datagram in this time keeps a stock peer: UDT gives up after 46 s */
#define MAPPED_WORD  0xFFFF0000u /* ::ffff as UDT puts it: each word in the other byte order */
/* UDT means to answer one ACK in 10 ms (core.cpp, processCtrl(), "number of ACK2 can be much less than number
 * of ACK"), but compares two clocks of different units, and answers each: a wake-up of the peer for each
 * packet of a dialogue. In bulk there is one ACK in 10 ms. A young connection's are all answered: its round
 * trip is measured by them. */
#define ACK2_MS    5
#define ACK2_YOUNG 16
#define QUIET_MS   10000 /* a peer silent for longer is asked, as often as UDT sends keepalives then */

static void begin_at(struct udt_conn *c, uint32_t isn)
{
    c->isn = c->next = isn;
    unsent_begin(&c->unsent, isn);
}

/* UDT registers a connecting socket with its worker before the request is complete, and the worker sends what
 * is there: only the thread inside UDT::connect() may speak until that has returned. */
static bool leave_request(struct tap *t, struct net_route *route, const uint8_t *head, uint8_t *body,
                          size_t body_len, int64_t now_ms)
{
    struct udt_conn *c = body_len < HANDSHAKE_SIZE
                             ? NULL
                             : udt_conn_find(&t->conns, (int32_t)packet_word(body + HANDSHAKE_ID));

    if (!c || (c->state == UDT_CONN_STARTING && !pthread_equal(c->starter, pthread_self())))
        return false;
    route->local = c->local;
    route->wants_answer = true;
    if (c->isn != packet_word(body + HANDSHAKE_ISN)) /* it is said again and again */
        begin_at(c, packet_word(body + HANDSHAKE_ISN));
    if (!c->rendezvous && c->state <= UDT_CONN_CONNECTING) {
        c->shutdown_check.sequence = c->isn; /* a listener adopts it for its own direction */
        c->secret = packet_word(body + HANDSHAKE_COOKIE);
    }
    if (packet_word(body + HANDSHAKE_MSS) > c->mss_max)
        packet_put_word(body + HANDSHAKE_MSS, c->mss_max);
    if (c->rendezvous)
        packet_put_party(body, c->party);
    if (c->flight && packet_label_said(c->flight->label))
        memcpy(body + HANDSHAKE_ADDRESS, c->flight->label, sizeof c->flight->label);
    if (!c->flight || c->state > UDT_CONN_CONNECTING)
        return true; /* the answer to a peer of a rendezvous that is not connected yet */
    udt_conn_due(&t->conns, c);
    if (!flight_leaves(c->flight, head, body, now_ms))
        return false;
    control_send_early(t, c, body);
    return true;
}

static void keep_early(struct tap *t, struct udt_conn *c, size_t answer_len)
{
    const struct early_bytes *told = &t->listener->early;

    if (t->listener->ticket_paid > 0) {
        c->unproven = true;
        c->credit = UDT_CONN_AMPLIFICATION * t->listener->ticket_paid - answer_len;
    }
    if (told->len == 0)
        return;
    t->early_taken++;
    t->tickets_taken += c->unproven;
    c->from_early = true;
    c->told = malloc(sizeof *c->told); /* no memory: the stream has the same bytes */
    if (c->told)
        *c->told = *told;
}

/* A listener's last handshake answer names the socket that UDT has just made for a new connection. */
static void leave_conclusion(struct tap *t, const struct net_address *to, const uint8_t *head,
                             const uint8_t *body, int64_t now_ms)
{
    int32_t id = (int32_t)packet_word(body + HANDSHAKE_ID);
    struct udt_conn_peer peer = {.at = *to};

    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c) { /* said again, because the peer asked again */
        if (c->unproven && t->listener->ticket_paid == 0)
            control_proven(t, c, now_ms);
        return;
    }
    t->accepts++;
    c = udt_conn_add(&t->conns, id, &peer, UDT_CONN_PENDING_ACCEPT, t->window_max, now_ms);
    if (!c)
        return; /* accept() will find no such connection and close it */
    if (!udt_conn_set_peer_id(&t->conns, c, packet_id(head))) {
        udt_conn_forget(&t->conns, c);
        return;
    }
    c->local = t->listener->local;
    c->window = t->listener->offered;
    c->secret = t->listener->secret;
    begin_at(c, packet_word(body + HANDSHAKE_ISN));
    c->shutdown_check.sequence = c->isn;
    keep_early(t, c, PACKET_HEAD + HANDSHAKE_SIZE);
}

/* UDT tells whoever receives a handshake its address, and takes that for what getsockname() says. From our
 * dual-stack socket it would tell IPv4 as mapped; an IPv4 host expects it in the first word. A canonical
 * address is of no use to anybody else. */
static void put_address(uint8_t *body, const struct net_address *to)
{
    uint8_t *word = body + HANDSHAKE_ADDRESS;

    if (net_paths_is_canonical(to)) {
        memset(word, 0, 16);
        return;
    }
    if (packet_word(word) || packet_word(word + 4) || packet_word(word + 8) != MAPPED_WORD)
        return;
    memcpy(word, word + 12, 4);
    memset(word + 4, 0, 12);
}

static bool leave_answer(struct tap *t, struct net_route *route, const uint8_t *head, uint8_t *body,
                         size_t body_len, int64_t now_ms)
{
    int32_t request = body_len < HANDSHAKE_SIZE ? HS_REFUSED : (int32_t)packet_word(body + HANDSHAKE_REQUEST);

    route->local = t->listener->local; /* of the datagram that it answers, which UDT works on */
    if (request == HS_REGULAR)         /* a cookie: those are given out by listener_handshake.c */
        return false;
    if (request == HS_CONCLUSION)
        leave_conclusion(t, &route->to, head, body, now_ms);
    if (body_len >= HANDSHAKE_SIZE) /* the peer's own again, in place of the one that UDT wanted to see */
        packet_put_word(body + HANDSHAKE_COOKIE, t->listener->secret);
    return true;
}

/* A listener that has taken our ticket sends little until it has a proof of ours, which may be lost: UDT's
 * keepalives repeat it, 300 ms and more apart. */
static bool may_prove(const struct udt_conn *c, int64_t now_ms)
{
    return c->by_ticket && now_ms - c->made_ms < UDT_CONNECT_MS;
}

static bool leave_ack2(struct udt_conn *c, int64_t now_ms)
{
    if (c->ack2s >= ACK2_YOUNG && now_ms - c->ack2_ms < ACK2_MS)
        return false;
    c->ack2_ms = now_ms;
    if (c->ack2s < ACK2_YOUNG)
        c->ack2s++;
    return true;
}

bool outbound_leave(struct tap *t, struct net_route *route, uint8_t *head, uint8_t *body, size_t body_len,
                    int64_t now_ms)
{
    enum packet_type type = packet_type(head);

    if (type == PACKET_HANDSHAKE && body_len >= HANDSHAKE_SIZE)
        put_address(body, &route->to);
    if (type == PACKET_HANDSHAKE)
        return t->listener ? leave_answer(t, route, head, body, body_len, now_ms)
                           : leave_request(t, route, head, body, body_len, now_ms);
    struct udt_conn *c = udt_conn_find_peer(&t->conns, &route->to, packet_id(head));
    if (!c)
        return true;
    route->local = c->local;
    route->wants_answer = type == PACKET_DATA || type == PACKET_ACK;
    if (type == PACKET_KEEPALIVE && now_ms - c->heard_ms >= QUIET_MS) {
        control_ask(t, c, now_ms);
    } else if (type == PACKET_KEEPALIVE && now_ms - c->sent_ms < KEEPALIVE_MS && !may_prove(c, now_ms)) {
        t->keepalives_held++;
        return false;
    }
    if (type == PACKET_KEEPALIVE && c->by_ticket)
        packet_put_word(head + 4, udt_conn_proof(c));
    if (type == PACKET_ACK2 && !leave_ack2(c, now_ms))
        return false;
    if (type == PACKET_NAK && c->flow &&
        (flow_leads(c->flow) /* receipts tell that, and more */ || flow_hold_nak(c->flow, body, body_len)))
        return false;
    bool may = udt_conn_spend(c, PACKET_HEAD + body_len);
    if (type == PACKET_SHUTDOWN) {
        packet_put_word(head + 4, udt_conn_proof(c));
        return may;
    }
    if (type == PACKET_ACK && body_len >= ACK_SIZE_SHORT) {
        if (may) {
            shutdown_check_acked(&c->shutdown_check, head, body, now_ms);
            resend_ack_left(&c->resend, packet_word(head + 4), now_ms);
        }
        c->ack_poll_ms = 0;
        readiness_tell(&t->ready, c, TAP_READABLE); /* UDT acknowledges what it has just made readable */
    }
    if (type == PACKET_DATA && packet_distance(packet_word(head), c->next) >= 0)
        c->next = packet_word(head) + 1;
    if (type == PACKET_DATA) {
        if (unsent_left(&c->unsent, c->next))
            readiness_tell(&t->ready, c, TAP_WRITABLE);
        resend_sent(&c->resend, packet_word(head), now_ms);
        udt_conn_due(&t->conns, c);
        c->withheld |= !may; /* UDT takes it for sent */
    }
    if (type != PACKET_KEEPALIVE) {
        c->active_ms = now_ms;
        suspension_resume(t, c);
    }
    if (may)
        c->sent_ms = now_ms;
    return may;
}
