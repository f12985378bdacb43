#include "shim/udt/inbound.h"
#include "shim/net/paths.h"
#include "shim/udt/control.h"
#include "shim/udt/early_packet.h"
#include "shim/udt/filter.h"
#include "shim/udt/first_handshake.h"
#include "shim/udt/give_back.h"
#include "shim/udt/udt.h"
#include <sys/random.h>
#include <utlist.h>

#define ECHO_MS     6000 /* a keepalive is answered if we sent nothing for this long: both stay in step */
#define UNHEARD_MS  2000 /* a stock peer that has heard ours says its next keepalive sooner */
#define ASKED_MS    500  /* who is asked answers with a keepalive, at most this often */
#define ACK_POLL_MS 12   /* UDT's ACK timer, 10 ms from its last ACK, and our clock's coarseness */
#define STASH_MAX   32   /* datagrams kept for one connecting rendezvous */
#define REPEAT_MS   50   /* what a listener's answer needs before the handshake is said again (flight.h) */

struct datagram {
    struct net_route route; /* back to where it came from */
    enum packet_type type;
    int32_t id;
    uint8_t *head, *body;
    size_t body_len;
    struct early_packet early; /* around the handshake that it is now */
};

static bool dropped(struct tap *t, enum drop why)
{
    t->drops.count[why]++;
    return false;
}

/* False: there is no memory. */
static bool stash(struct udt_conn *c, const struct datagram *d)
{
    if (c->stash_len >= STASH_MAX)
        return true; /* the peer's UDT sends it again */
    struct kept *k = kept_make(&c->peer.at, d->head, d->body, d->body_len);
    if (!k)
        return false;
    DL_APPEND(c->stash, k);
    c->stash_len++;
    return true;
}

static void take_half_close(struct tap *t, struct udt_conn *c, const struct datagram *d, int64_t now_ms)
{
    bool was_confirmed = c->half_close.confirmed;

    if (packet_word(d->head + 4) != udt_conn_proof(c)) {
        /* forged in the peer's name; or the peer is ahead of its handshake, and says it again */
        (void)dropped(t, DROP_UNPROVEN);
        return;
    }
    if (d->body_len == HALF_CLOSE_SIZE && (d->body[3] & HALF_CLOSE_REPLY) && c->peer.id &&
        now_ms - c->sent_ms > ASKED_MS) /* unlike an answer, a keepalive resets the peer's UDT as well */
        control_send(t, c, PACKET_KEEPALIVE, 0, NULL, 0, now_ms);
    if (!c->half_closing)
        return;
    bool asked = half_close_receive(&c->half_close, d->body, d->body_len, now_ms);
    if (c->flow && c->half_close.peer_tells)
        flow_peer_tells(c->flow);
    control_send_half_close(t, c, asked, now_ms);
    if (c->half_close.peer_ended && !c->half_close.read)
        readiness_tell(&t->ready, c, TAP_READABLE);
    if (c->half_close.confirmed && !was_confirmed)
        readiness_tell(&t->ready, c, TAP_HALF_CLOSED);
}

/* UDT shall have it as well: it may send something now. */
static bool take_receipt(struct tap *t, struct udt_conn *c, const struct datagram *d)
{
    struct receipt r;

    if (packet_word(d->head + 4) != udt_conn_proof(c))
        return dropped(t, DROP_UNPROVEN);
    if (c->state != UDT_CONN_OPEN || !c->flow)
        return dropped(t, DROP_STATE);
    if (!receipt_packet_read(&r, d->body, d->body_len))
        return dropped(t, DROP_BAD_RECEIPT);
    r.left = packet_word(d->head + PACKET_STAMP);
    if (!flow_receipt(c->flow, &r))
        return dropped(t, DROP_BAD_RECEIPT);
    return true;
}

static bool refuse(struct tap *t, struct udt_conn *c, int64_t now_ms)
{
    readiness_tell(&t->ready, c, TAP_REFUSED);
    /* UDT would take a refusal for a connection (UDT4.md, B) */
    udt_conn_enter(&t->conns, c, UDT_CONN_CLOSING, now_ms);
    return false;
}

static void keep_least(uint8_t *word, uint32_t *least)
{
    if (packet_word(word) < *least)
        *least = packet_word(word);
    packet_put_word(word, *least);
}

/* The peer says its numbers more than once, and UDT takes over those of any. The id must stay the same. The
 * others need not: UDT 4.11 announces its own MSS and the smaller of UDT_RCVBUF and UDT_FC first, but in the
 * answer of a rendezvous the MSS that it took from us, whatever its own buffers hold, and UDT_FC. The
 * smallest counts. UDT must not see a larger window later: it sizes its lists from it (S7). */
static bool take_conclusion(struct tap *t, struct udt_conn *c, const struct datagram *d)
{
    uint8_t *body = d->body;
    int32_t peer_id = (int32_t)packet_word(body + HANDSHAKE_ID);

    if (c->peer.id && c->peer.id != peer_id)
        return dropped(t, DROP_BAD_REQUEST);
    if (!c->peer.id) {
        if (!udt_conn_set_peer_id(&t->conns, c, peer_id))
            return false; /* no memory: the peer says it again */
        c->mss = packet_word(body + HANDSHAKE_MSS);
        c->window = packet_word(body + HANDSHAKE_WINDOW);
        if (c->rendezvous)
            c->secret = c->shutdown_check.sequence = packet_word(body + HANDSHAKE_ISN);
        else
            c->heard_at = d->route.local;
        if (c->early && c->early->ticket.len > 0) { /* it may have been taken, whatever came meanwhile */
            c->by_ticket = true;
            c->secret = packet_word(body + HANDSHAKE_COOKIE);
        }
    }
    keep_least(body + HANDSHAKE_MSS, &c->mss);
    keep_least(body + HANDSHAKE_WINDOW, &c->window);
    return true;
}

/* UDT's listener refuses by the request itself, with another type: whoever has not seen ours cannot. */
static bool repeats_request(const struct udt_conn *c, const uint8_t *body)
{
    return packet_word(body + HANDSHAKE_ISN) == c->isn && packet_word(body + HANDSHAKE_COOKIE) == c->secret;
}

static bool take_answer(struct tap *t, struct udt_conn *c, const struct datagram *d, unsigned *news,
                        int64_t now_ms)
{
    int32_t request = (int32_t)packet_word(d->body + HANDSHAKE_REQUEST);

    if (request == HS_REFUSED) /* no party of a rendezvous says this */
        return !c->rendezvous && repeats_request(c, d->body) ? refuse(t, c, now_ms)
                                                             : dropped(t, DROP_BAD_REQUEST);
    if (request == HS_REGULAR) { /* the listener's cookie; no party of a rendezvous says this either */
        bool first = !c->cookie_seen && !c->peer.id; /* a ticket may have been taken before */

        /* a second one would make UDT conclude twice: two connections, if the first is short */
        c->cookie_seen = true;
        return (first && !c->rendezvous) || dropped(t, DROP_STATE);
    }
    if (!c->rendezvous && (request != HS_CONCLUSION || packet_word(d->body + HANDSHAKE_ISN) != c->isn))
        return dropped(t, DROP_BAD_REQUEST); /* whoever sends this has not seen our request */
    if (c->rendezvous && !udt_party_meets(c->party, packet_party(d->body)))
        return dropped(t, DROP_BAD_REQUEST); /* it is of the peer's other wish */
    if (c->flight && !packet_labels_meet(c->flight->label, d->body + HANDSHAKE_ADDRESS))
        return dropped(t, DROP_BAD_REQUEST); /* of another session with it */
    *news = TAP_HANDSHAKE;
    return take_conclusion(t, c, d);
}

/* A peer that knows our id was connected, and may have sent before it closed: the shutdown waits until UDT is
 * connected as well, which the keepalive brings about that it gets instead. */
static bool take_early_shutdown(struct tap *t, struct udt_conn *c, const struct datagram *d, unsigned *news,
                                int64_t now_ms)
{
    if (!c->peer.id || !stash(c, d)) /* nobody says it again */
        return refuse(t, c, now_ms);
    packet_put_control(d->head, PACKET_KEEPALIVE, 0, d->id);
    *news = TAP_HANDSHAKE;
    return true;
}

static bool take_connecting(struct tap *t, struct udt_conn *c, const struct datagram *d, unsigned *news,
                            int64_t now_ms)
{
    switch (d->type) {
    case PACKET_HANDSHAKE:
        if (c->flight)
            flight_heard(c->flight, d->id != 0, now_ms);
        if (c->early)
            early_conn_heard(c->early);
        return take_answer(t, c, d, news, now_ms);
    case PACKET_DATA: /* it completes the rendezvous, but UDT forgets its payload: keep that for later */
        (void)stash(c, d);
        *news = TAP_HANDSHAKE;
        return true;
    case PACKET_KEEPALIVE:
        *news = TAP_HANDSHAKE;
        return true;
    case PACKET_SHUTDOWN:
        return take_early_shutdown(t, c, d, news, now_ms);
    default:
        return dropped(t, DROP_STATE);
    }
}

/* UDT declares a connection broken whose peer speaks of packets that were never sent (S9): so could
 * whoever forges its address. What is far in the past is far in the future as well, and of no use to UDT. */
static bool speaks_of_sent(const struct tap *t, const struct udt_conn *c, const struct datagram *d)
{
    size_t words = d->type == PACKET_ACK ? 1 : d->body_len / 4;
    int32_t last = d->type == PACKET_ACK ? 0 : -1; /* an ACK names the one after the last that has come */

    for (size_t i = 0; i < words; i++) {
        int32_t where = packet_distance(packet_word(d->body + 4 * i), c->next);

        if (where > last || where < -2 * (int32_t)t->window_max)
            return false;
    }
    return true;
}

static bool take_shutdown(struct tap *t, struct udt_conn *c, const struct datagram *d, unsigned *news,
                          int64_t now_ms)
{
    uint32_t number = 0;

    if (now_ms - c->made_ms >= SHUTDOWN_CHECK_AGE_MS && !c->shutdown_check.believed &&
        (!udt_conn_proof(c) || packet_word(d->head + 4) != udt_conn_proof(c))) {
        t->shutdowns_checked++;
        (void)!getrandom(&number, sizeof number, 0);
        shutdown_check_begin(&c->shutdown_check, number, now_ms);
        udt_conn_due(&t->conns, c);
        return dropped(t, DROP_UNPROVEN);
    }
    c->active_ms = now_ms;
    c->shut = true;
    *news = TAP_CLOSED;
    return true;
}

/* UDT 4.11 sends a keepalive at each of its expirations, which grow by 300 ms as long as it hears nothing,
 * and gives up after 17 of them, 46 s; ECHO_MS alone lets it hear five answers in that time. After an answer
 * of ours that has come it begins anew with 300 ms: if the first thing that we hear comes much later, the
 * answer was lost. */
static bool has_not_heard(const struct udt_conn *c, int64_t heard_before_ms, int64_t now_ms)
{
    return heard_before_ms <= c->sent_ms && now_ms - c->sent_ms >= UNHEARD_MS;
}

static bool take_open(struct tap *t, struct udt_conn *c, const struct datagram *d, unsigned *news,
                      int64_t heard_before_ms, int64_t now_ms)
{
    if (d->type == PACKET_SHUTDOWN)
        return take_shutdown(t, c, d, news, now_ms);
    if (d->type != PACKET_KEEPALIVE)
        c->active_ms = now_ms;
    switch (d->type) {
    case PACKET_DATA:
        t->ring_filled = true;
        if (t->give_back_ms == INT64_MAX)
            t->give_back_ms = now_ms + GIVE_BACK_AFTER_MS;
        if (!c->ack_poll_ms)
            c->ack_poll_ms = now_ms + ACK_POLL_MS;
        resend_heard_data(&c->resend, now_ms);
        udt_conn_due(&t->conns, c);
        t->current_owes = c->flow != NULL;
        return true;
    case PACKET_HANDSHAKE: /* late or forged; only a party of a rendezvous may still want an answer */
        return c->rendezvous || dropped(t, DROP_STATE);
    case PACKET_NAK:
        if (!speaks_of_sent(t, c, d))
            return dropped(t, DROP_UNSENT);
        if (c->flow)
            flow_nak(c->flow, d->body, d->body_len);
        return true;
    case PACKET_ACK2:
        resend_ack_answered(&c->resend, packet_word(d->head + 4), now_ms);
        if (c->asked && packet_word(d->head + 4) == c->asked)
            return false; /* it was heard, which is all that was asked for */
        return !shutdown_check_answered(&c->shutdown_check, d->head, now_ms);
    case PACKET_ACK:
        if (!speaks_of_sent(t, c, d))
            return dropped(t, DROP_UNSENT);
        resend_acked(&c->resend, d->body, d->body_len, now_ms);
        if (c->flow)
            flow_acked(c->flow, packet_word(d->body + ACK_SEQUENCE));
        *news = TAP_WRITABLE;
        return true;
    case PACKET_KEEPALIVE:
        if (now_ms - c->sent_ms > ECHO_MS || has_not_heard(c, heard_before_ms, now_ms))
            control_send(t, c, PACKET_KEEPALIVE, 0, NULL, 0, now_ms);
        return !c->suspended; /* UDT's timers of a suspended connection stand still */
    default:
        return true;
    }
}

/* By a listener that has accepted us. */
static bool take_ticket(struct tap *t, struct udt_conn *c, const struct datagram *d)
{
    if (c->state == UDT_CONN_STARTING) {
        (void)stash(c, d); /* behind the answer that it follows */
        return false;
    }
    if (!c->early || packet_word(d->head + 8) != udt_conn_proof(c) ||
        !ticket_packet_read(&c->early->next, d->head, d->body, d->body_len))
        return dropped(t, DROP_EARLY);
    if (c->state == UDT_CONN_OPEN) /* else it is told when it is connected */
        readiness_tell(&t->ready, c, TAP_TICKET);
    return false;
}

/* Nobody has our cookie but who got our answer. */
static void look_for_proof(struct tap *t, struct udt_conn *c, const struct datagram *d, int64_t now_ms)
{
    c->credit += UDT_CONN_AMPLIFICATION * (PACKET_HEAD + d->body_len);
    if ((d->type == PACKET_KEEPALIVE || d->type == PACKET_SHUTDOWN || d->type == PACKET_CUSTOM) &&
        packet_word(d->head + 4) == udt_conn_proof(c))
        control_proven(t, c, now_ms);
}

static bool take_of_conn(struct tap *t, struct udt_conn *c, const struct datagram *d, int64_t now_ms)
{
    int64_t heard_before_ms = c->heard_ms;
    unsigned news = 0;

    c->heard_ms = now_ms;
    if (c->unproven)
        look_for_proof(t, c, d, now_ms);
    if (d->type == PACKET_CUSTOM && d->body_len >= RECEIPT_HEAD) {
        t->current = c->id;
        t->current_news = 0;
        return take_receipt(t, c, d);
    }
    if (d->type == PACKET_CUSTOM) {
        take_half_close(t, c, d, now_ms);
        return false;
    }
    if (c->state == UDT_CONN_CLOSING || c->state == UDT_CONN_LINGERING)
        return dropped(t, DROP_STATE);
    if (c->state == UDT_CONN_STARTING) {
        (void)stash(c, d);
        return false;
    }
    bool pass = c->state == UDT_CONN_CONNECTING ? take_connecting(t, c, d, &news, now_ms)
                                                : take_open(t, c, d, &news, heard_before_ms, now_ms);
    t->current = c->id;
    t->current_news = pass ? news : 0;
    return pass;
}

enum again {
    AGAIN_NOT,   /* it asks for a connection */
    AGAIN_DROP,  /* it has one, and its answer is on its way */
    AGAIN_ANSWER /* it has one, and waits: the answer may be lost */
};

/* Is this of who has got a connection by an early packet? The handshake itself follows that, and all is
 * repeated. */
static enum again asks_again(struct tap *t, struct udt_conn *c, const struct datagram *d, int64_t now_ms)
{
    int32_t request = (int32_t)packet_word(d->body + HANDSHAKE_REQUEST);

    if (!c || !c->from_early || packet_word(d->body + HANDSHAKE_ISN) != c->isn)
        return AGAIN_NOT;
    if (d->early.bytes)
        return AGAIN_DROP;
    if (c->unproven && request == HS_CONCLUSION && packet_word(d->body + HANDSHAKE_COOKIE) == c->secret)
        control_proven(t, c, now_ms); /* a first handshake was answered beside the ticket */
    if (c->unproven && request == HS_REGULAR)
        c->credit += UDT_CONN_AMPLIFICATION * (PACKET_HEAD + HANDSHAKE_SIZE);
    if (now_ms - c->made_ms < REPEAT_MS)
        return AGAIN_DROP;
    bool waits = c->unproven && request == HS_REGULAR && now_ms - c->made_ms <= UDT_CONNECT_MS &&
                 (c->state == UDT_CONN_PENDING_ACCEPT || c->state == UDT_CONN_OPEN);
    return waits && udt_conn_spend(c, PACKET_HEAD + HANDSHAKE_SIZE) ? AGAIN_ANSWER : AGAIN_NOT;
}

/* Of somebody who asks for a connection. */
static bool take_request(struct tap *t, const struct datagram *d, int64_t now_ms)
{
    uint8_t answer[LISTENER_ANSWER_SIZE];
    struct udt_conn *c =
        udt_conn_find_peer(&t->conns, &d->route.to, (int32_t)packet_word(d->body + HANDSHAKE_ID));

    t->current_news = 0;
    enum again again = asks_again(t, c, d, now_ms);
    if (again == AGAIN_DROP)
        return dropped(t, DROP_STATE);
    if (again == AGAIN_ANSWER) {
        listener_handshake_again(t->listener, c->secret, &d->route.local, d->body);
        return true;
    }
    switch (listener_handshake_take(t->listener, &d->route.to, &d->route.local, &d->early, d->body, answer,
                                    now_ms)) {
    case LISTENER_ANSWER:
        control_send_raw(t, &d->route, answer, sizeof answer);
        return false;
    case LISTENER_OVER_RATE:
        return dropped(t, DROP_OVER_RATE);
    case LISTENER_BAD_COOKIE:
        return dropped(t, DROP_BAD_COOKIE);
    case LISTENER_BAD_TICKET:
        return dropped(t, DROP_BAD_TICKET);
    case LISTENER_PASS:
        break;
    }
    return true;
}

/* By the filter. The source of a handshake, or of a connected peer's packet, is noted for the log; what else
 * comes to id 0 is not. */
static bool refused(struct tap *t, const struct udt_conn *c, const struct datagram *d,
                    enum filter_verdict verdict, int64_t now_ms)
{
    if (verdict == FILTER_ACK && d->type == PACKET_ACK && d->body_len == 4)
        return dropped(t, DROP_LIGHT_ACK); /* as every UDT sends: nobody loses anything by it */
    if (c || d->type == PACKET_HANDSHAKE)
        drops_note(&t->drops, &d->route.to, (enum drop)verdict, now_ms);
    return dropped(t, (enum drop)verdict);
}

static bool is_whole_handshake(const struct datagram *d)
{
    return d->type == PACKET_HANDSHAKE && d->body_len >= HANDSHAKE_SIZE;
}

/* UDT tells the rendezvous with one address apart by their own ids alone: it is given the one that the
 * datagram is for. */
static bool take_for(struct tap *t, struct udt_conn *c, const struct datagram *d, int64_t now_ms)
{
    int32_t id = c->id;
    bool pass = take_of_conn(t, c, d, now_ms);

    if (pass && d->id == 0)
        packet_put_word(d->head + 12, (uint32_t)id);
    if (pass && is_whole_handshake(d) && net_paths_is_canonical(&d->route.to))
        memset(d->body + HANDSHAKE_ADDRESS, 0, 16); /* what is said there is no address */
    return pass;
}

/* An early packet becomes the handshake that is in it. */
static bool unwrap(struct datagram *d)
{
    if (!early_packet_is(d->head) || packet_id(d->head) != 0)
        return true;
    if (!early_packet_read(&d->early, d->head, d->body, d->body_len))
        return false;
    packet_put_control(d->head, PACKET_HANDSHAKE, 0, 0);
    d->body_len = HANDSHAKE_SIZE;
    return true;
}

bool inbound_take(struct tap *t, struct net_route *route, uint8_t *head, uint8_t *body, size_t *body_len,
                  int64_t now_ms)
{
    struct datagram d = {.route = *route, .head = head, .body = body, .body_len = *body_len};
    struct filter_rules rules = {.listening = t->listener != NULL,
                                 .mss_max = FILTER_MSS_OURS,
                                 .window_max = t->window_max,
                                 .ack_window = t->window_max,
                                 .nak_range = t->window_max};
    struct udt_conn *c = NULL;

    if (!unwrap(&d) || (d.early.bytes && !t->listener))
        return dropped(t, DROP_EARLY);
    *body_len = d.body_len;
    d.type = packet_type(head);
    d.id = packet_id(head);
    if (d.id != 0)
        c = udt_conn_find(&t->conns, d.id);
    else if (!t->listener)
        c = first_handshake_find(t, &d.route, is_whole_handshake(&d) ? body : NULL);
    if (c ? !first_handshake_is_from(t, c, &d.route) : d.id != 0 || !t->listener) {
        if (d.id == 0 && !t->listener && d.type == PACKET_HANDSHAKE && d.body_len == HANDSHAKE_SIZE)
            first_handshake_keep(t, &d.route, head, body, now_ms);
        return dropped(t, DROP_UNMATCHED);
    }
    if (c && early_packet_is(head))
        return take_ticket(t, c, &d);
    if (c)
        rules.ack_window = c->window;
    if (c && c->mss_max)
        rules.mss_max = c->mss_max;
    enum filter_verdict verdict = filter_judge(&rules, head, body, d.body_len);
    if (c && c->flight)
        flight_came(c->flight, verdict == FILTER_PASS ? NULL : filter_verdict_name(verdict));
    if (verdict != FILTER_PASS)
        return refused(t, c, &d, verdict, now_ms);
    if (c && net_paths_is_canonical(&c->peer.at)) {
        net_paths_heard(t->port, &c->peer.at, &d.route, now_ms);
        d.route.to = route->to = c->peer.at;
    }
    bool pass = c ? take_for(t, c, &d, now_ms) : take_request(t, &d, now_ms);
    t->drops.count[FILTER_PASS] += pass;
    return pass;
}
