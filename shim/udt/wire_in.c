/* What a datagram that came in says, and whether UDT shall get it. */
#include "shim/udt/wire_internal.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

struct datagram {
    struct wire_peer from;
    enum packet_type type;
    int32_t id;
    uint8_t *head, *body;
    size_t body_len;
};

struct wire_packet *wire_packet_make(const struct wire_peer *from, const uint8_t *head, const uint8_t *body,
                                     size_t body_len)
{
    struct wire_packet *p = malloc(sizeof(*p) + body_len);

    if (!p)
        return NULL;
    memset(&p->from, 0, sizeof(p->from));
    p->from.sin6_family = AF_INET6;
    p->from.sin6_port = from->port;
    memcpy(&p->from.sin6_addr, from->address, 16);
    memcpy(p->head, head, PACKET_HEAD);
    memcpy(p->body, body, body_len);
    p->body_len = body_len;
    p->judged = false;
    return p;
}

static void stash(struct wire_conn *c, const struct datagram *d)
{
    struct wire_packet *p;

    if (c->stash_len >= WIRE_STASH_MAX)
        return; /* the peer's UDT sends it again */
    p = wire_packet_make(&c->peer, d->head, d->body, d->body_len);
    if (!p)
        return;
    DL_APPEND(c->stash, p);
    c->stash_len++;
}

static void take_half_close(struct wire *w, struct wire_conn *c, const struct datagram *d, int64_t now_ms)
{
    bool was_confirmed = c->half_close.confirmed;
    bool asked;

    if (packet_word(d->head + 4) != wire_proof(c))
        return; /* a stranger's, in the peer's name; or the peer is ahead of its handshake, and says it again
                 */
    if (d->body_len == HALF_CLOSE_SIZE && (d->body[3] & HALF_CLOSE_REPLY) && c->peer.id &&
        now_ms - c->sent_ms > WIRE_ASKED_MS) /* unlike an answer, a keepalive resets the peer's UDT as well */
        wire_send_control(w, c, PACKET_KEEPALIVE, 0, NULL, 0, now_ms);
    if (!c->half_closing)
        return;
    asked = half_close_receive(&c->half_close, d->body, d->body_len, now_ms);
    wire_send_half_close(w, c, asked, now_ms);
    if (c->half_close.peer_ended && !c->half_close.read)
        wire_tell(w, c, WIRE_READABLE);
    if (c->half_close.confirmed && !was_confirmed)
        wire_tell(w, c, WIRE_HALF_CLOSED);
}

static bool refuse(struct wire *w, struct wire_conn *c)
{
    wire_tell(w, c, WIRE_REFUSED);
    c->state = WIRE_CLOSING; /* UDT would take a refusal for a connection (UDT4.md, B) */
    return false;
}

static void keep_least(uint8_t *word, uint32_t *least)
{
    if (packet_word(word) < *least)
        *least = packet_word(word);
    packet_put_word(word, *least);
}

/* The peer says its numbers more than once, and UDT takes over those of any. The id must stay the same. The others
 * need not: UDT 4.11 announces its own MSS and the smaller of UDT_RCVBUF and UDT_FC first, but in the answer of a
 * rendezvous the MSS that it took from us, whatever its own buffers hold, and UDT_FC. The smallest counts. UDT must
 * not see a larger window later: it sizes its lists from it (S7). */
static bool take_conclusion(struct wire *w, struct wire_conn *c, uint8_t *body)
{
    int32_t peer_id = (int32_t)packet_word(body + HANDSHAKE_ID);

    if (c->peer.id && c->peer.id != peer_id)
        return false;
    if (!c->peer.id) {
        wire_set_peer_id(w, c, peer_id);
        c->mss = packet_word(body + HANDSHAKE_MSS);
        c->window = packet_word(body + HANDSHAKE_WINDOW);
        if (c->rendezvous)
            c->secret = c->shutdown_check.sequence = packet_word(body + HANDSHAKE_ISN);
    }
    keep_least(body + HANDSHAKE_MSS, &c->mss);
    keep_least(body + HANDSHAKE_WINDOW, &c->window);
    return true;
}

static bool take_answer(struct wire *w, struct wire_conn *c, const struct datagram *d, unsigned *bits)
{
    int32_t request = (int32_t)packet_word(d->body + HANDSHAKE_REQUEST);

    if (request == HS_REFUSED) /* no party of a rendezvous says this */
        return c->rendezvous ? false : refuse(w, c);
    if (request == HS_REGULAR) { /* the listener's cookie; no party of a rendezvous says this either */
        bool first = !c->cookie_seen;

        c->cookie_seen =
            true; /* a second one would make UDT conclude twice: two connections, if the first is short */
        return first && !c->rendezvous;
    }
    if (!c->rendezvous && (request != HS_CONCLUSION || packet_word(d->body + HANDSHAKE_ISN) != c->isn))
        return false; /* whoever sends this has not seen our request */
    *bits = WIRE_HANDSHAKE;
    return take_conclusion(w, c, d->body);
}

/* A peer that knows our id was connected, and may have sent before it closed: the shutdown waits until UDT is
 * connected as well, which the keepalive brings about that it gets instead. */
static bool take_early_shutdown(struct wire *w, struct wire_conn *c, const struct datagram *d, unsigned *bits)
{
    if (!c->peer.id)
        return refuse(w, c);
    stash(c, d);
    packet_put_control(d->head, PACKET_KEEPALIVE, 0, d->id);
    *bits = WIRE_HANDSHAKE;
    return true;
}

static bool take_connecting(struct wire *w, struct wire_conn *c, const struct datagram *d, unsigned *bits)
{
    switch (d->type) {
    case PACKET_HANDSHAKE:
        return take_answer(w, c, d, bits);
    case PACKET_DATA: /* it completes the rendezvous, but UDT forgets its payload: keep that for later */
        stash(c, d);
        *bits = WIRE_HANDSHAKE;
        return true;
    case PACKET_KEEPALIVE:
        *bits = WIRE_HANDSHAKE;
        return true;
    case PACKET_SHUTDOWN:
        return take_early_shutdown(w, c, d, bits);
    default:
        return false;
    }
}

/* UDT declares a connection broken whose peer speaks of packets that were never sent (S9): so could a
 * stranger in its name. What is far in the past is far in the future as well, and of no use to UDT. */
static bool speaks_of_sent(const struct wire *w, const struct wire_conn *c, const struct datagram *d)
{
    size_t words = d->type == PACKET_ACK ? 1 : d->body_len / 4;
    int32_t last = d->type == PACKET_ACK ? 0 : -1; /* an ACK names the one after the last that has come */

    for (size_t i = 0; i < words; i++) {
        int32_t where = packet_distance(packet_word(d->body + 4 * i), c->next);

        if (where > last || where < -2 * (int32_t)w->window_max)
            return false;
    }
    return true;
}

static bool take_shutdown(struct wire *w, struct wire_conn *c, const struct datagram *d, unsigned *bits,
                          int64_t now_ms)
{
    uint32_t number = 0;

    if (now_ms - c->since_ms >= SHUTDOWN_CHECK_AGE_MS && !c->shutdown_check.believed &&
        (!wire_proof(c) || packet_word(d->head + 4) != wire_proof(c))) {
        w->stats.shutdown_checks++;
        (void)!getrandom(&number, sizeof(number), 0);
        shutdown_check_begin(&c->shutdown_check, number, now_ms);
        wire_due(w, c);
        return false;
    }
    c->active_ms = now_ms;
    c->shut = true;
    *bits = WIRE_CLOSED;
    return true;
}

/* UDT 4.11 sends a keepalive at each of its expirations, which grow by 300 ms as long as it hears nothing, and
 * gives up after 17 of them, 46 s; WIRE_ECHO_MS alone lets it hear five answers in that time. After an answer of
 * ours that has come it begins anew with 300 ms: if the first thing that we hear comes much later, the answer was
 * lost. */
static bool has_not_heard(const struct wire_conn *c, int64_t heard_before_ms, int64_t now_ms)
{
    return heard_before_ms <= c->sent_ms && now_ms - c->sent_ms >= WIRE_UNHEARD_MS;
}

static bool take_open(struct wire *w, struct wire_conn *c, const struct datagram *d, unsigned *bits,
                      int64_t heard_before_ms, int64_t now_ms)
{
    if (d->type == PACKET_SHUTDOWN)
        return take_shutdown(w, c, d, bits, now_ms);
    if (d->type != PACKET_KEEPALIVE)
        c->active_ms = now_ms;
    switch (d->type) {
    case PACKET_DATA:
        if (!c->nudge_ms)
            c->nudge_ms = now_ms + WIRE_NUDGE_MS;
        wire_due(w, c);
        return true;
    case PACKET_HANDSHAKE: /* late or forged; only a party of a rendezvous may still want an answer */
        return c->rendezvous;
    case PACKET_NAK:
        return speaks_of_sent(w, c, d);
    case PACKET_ACK2:
        return !shutdown_check_answered(&c->shutdown_check, d->head, now_ms);
    case PACKET_ACK:
        if (!speaks_of_sent(w, c, d))
            return false;
        resend_acked(&c->resend, d->body, d->body_len, now_ms);
        *bits = WIRE_WRITABLE;
        return true;
    case PACKET_KEEPALIVE:
        if (now_ms - c->sent_ms > WIRE_ECHO_MS || has_not_heard(c, heard_before_ms, now_ms))
            wire_send_control(w, c, PACKET_KEEPALIVE, 0, NULL, 0, now_ms);
        return !c->parked; /* UDT's timers of a parked connection stand still */
    default:
        return true;
    }
}

static bool take_of_conn(struct wire *w, struct wire_conn *c, const struct datagram *d, int64_t now_ms)
{
    int64_t heard_before_ms = c->heard_ms;
    unsigned bits = 0;
    bool pass;

    c->heard_ms = now_ms;
    if (d->type == PACKET_CUSTOM) {
        take_half_close(w, c, d, now_ms);
        return false;
    }
    if (c->state == WIRE_CLOSING || c->state == WIRE_GONE)
        return false;
    if (c->state == WIRE_STARTING) {
        stash(c, d);
        return false;
    }
    pass = c->state == WIRE_CONNECTING ? take_connecting(w, c, d, &bits)
                                       : take_open(w, c, d, &bits, heard_before_ms, now_ms);
    w->current = c->id;
    w->current_bits = pass ? bits : 0;
    return pass;
}

bool wire_take(struct wire *w, const struct sockaddr *from, uint8_t *head, uint8_t *body, size_t body_len,
               int64_t now_ms)
{
    struct datagram d = {
        .type = packet_type(head), .id = packet_id(head), .head = head, .body = body, .body_len = body_len};
    struct filter_rules rules = {.listening = w->door != NULL,
                                 .mss_max = FILTER_MSS_OURS,
                                 .window_max = w->window_max,
                                 .ack_window = w->window_max,
                                 .nak_range = w->window_max};
    struct wire_conn *c = NULL;
    bool pass;

    wire_peer_from(&d.from, from);
    if (d.id != 0)
        c = wire_find(w, d.id);
    else if (!w->door)
        c = wire_find_rendezvous(w, &d.from);
    if (c ? !wire_peer_is(&c->peer, &d.from) : d.id != 0 || !w->door) {
        w->stats.strange++; /* nobody's, or not from whom it should be (S15) */
        return false;
    }
    if (c)
        rules.ack_window = c->window;
    if (filter_judge(&rules, head, body, body_len) != FILTER_PASS) {
        w->stats.refused++;
        return false;
    }
    pass = c ? take_of_conn(w, c, &d, now_ms) : wire_door_take(w, &d.from, body, now_ms);
    w->stats.taken += pass;
    return pass;
}
