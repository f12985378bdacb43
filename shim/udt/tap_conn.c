/* What happens to a connection where UDT's sockets are called: connect, accept, close, the ends of its
 * directions. */
#include "base/clock.h"
#include "shim/net/paths.h"
#include "shim/udt/control.h"
#include "shim/udt/first_handshake.h"
#include "shim/udt/idle_suspension.h"
#include <stdlib.h>
#include <sys/random.h>
#include <utlist.h>

static_assert(HANDSHAKE_LABEL_BYTES == FRAGMENT_TAG_BYTES, "a label is the tag");

int tap_conn_connecting(struct tap *t, int32_t id, const struct sockaddr *peer,
                        const struct net_address *local, struct flow *flow, enum udt_party party,
                        const struct early_conn *early)
{
    struct udt_conn_peer key = {.id = 0};
    bool rendezvous = flow != NULL;
    struct flight *flight = malloc(sizeof *flight);
    struct early_conn *ahead = early ? malloc(sizeof *ahead) : NULL;

    if (!flight || (early && !ahead)) {
        free(flight);
        free(ahead);
        return HX_ENOMEM;
    }
    if (early)
        *ahead = *early;
    flight_init(flight, rendezvous ? FLIGHT_PEER_MS : FLIGHT_LISTENER_MS);
    net_address_from(&key.at, peer);
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_add(&t->conns, id, &key, UDT_CONN_STARTING, t->window_max, clock_now_ms());
    if (c) {
        c->rendezvous = rendezvous;
        c->flow = flow ? flow_hold(flow) : NULL;
        c->local = *local;
        c->party = party;
        c->mss_max = net_paths_is_canonical(&key.at) ? FILTER_MSS_PROBED : FILTER_MSS_OURS;
        if (net_paths_is_canonical(&key.at))
            (void)net_paths_tag(t->port, &key.at, flight->label);
        c->flight = flight;
        c->early = ahead;
        c->starter = pthread_self();
    } else {
        free(flight);
        free(ahead);
    }
    tap_unlock(t);
    return c ? HX_OK : HX_ENOMEM;
}

/* UDT can take what came while it could not. */
static void replay_stash(struct tap *t, struct udt_conn *c)
{
    DL_CONCAT(t->replay, c->stash);
    c->stash = NULL;
    c->stash_len = 0;
    tap_wake(t);
}

void tap_conn_started(struct tap *t, int32_t id)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->state == UDT_CONN_STARTING) {
        udt_conn_enter(&t->conns, c, UDT_CONN_CONNECTING, clock_now_ms());
        if (c->stash)
            replay_stash(t, c);
    }
    tap_unlock(t);
}

void tap_peer_began(struct tap *t, int64_t since_ms)
{
    pthread_mutex_lock(&t->lock);
    if (first_handshake_retry(t, since_ms, clock_now_ms()))
        tap_wake(t);
    tap_unlock(t);
}

bool tap_conn_flight(struct tap *t, int32_t id, struct flight *out)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    bool found = c && c->flight;
    if (found)
        *out = *c->flight;
    tap_unlock(t);
    return found;
}

void tap_conn_connected(struct tap *t, int32_t id, bool half_close)
{
    int64_t now_ms = clock_now_ms();

    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->state == UDT_CONN_CONNECTING) {
        udt_conn_enter(&t->conns, c, UDT_CONN_OPEN, now_ms);
        gathering_forget(&t->gathering);
        if (c->flight)
            resend_begin(&c->resend, c->flight->rtt_ms);
        free(c->flight);
        c->flight = NULL;
        replay_stash(t, c);
        if (c->early && c->early->next.len > 0)
            readiness_tell(&t->ready, c, TAP_TICKET);
        if (c->by_ticket) /* the listener does not know yet that its answers arrive */
            control_prove(t, c, now_ms);
        if (c->rendezvous) /* the other side may wait for a packet to become connected as well */
            control_send(t, c, PACKET_KEEPALIVE, 0, NULL, 0, now_ms);
        c->half_closing = half_close;
        half_close_init(&c->half_close, now_ms);
        if (half_close)
            udt_conn_due(&t->conns, c);
    }
    tap_unlock(t);
}

bool tap_conn_ticket(struct tap *t, int32_t id, struct early_ticket *out)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    bool found = c && c->early && c->early->next.len > 0;
    if (found)
        *out = c->early->next;
    tap_unlock(t);
    return found;
}

bool tap_conn_accepted(struct tap *t, int32_t id, struct sockaddr_in6 *peer, struct early_bytes **told)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->state == UDT_CONN_PENDING_ACCEPT) {
        udt_conn_enter(&t->conns, c, UDT_CONN_OPEN, clock_now_ms());
        gathering_forget(&t->gathering);
        net_address_to_sockaddr6(&c->peer.at, peer);
        *told = c->told;
        c->told = NULL;
        if (c->from_early)
            control_send_ticket(t, c, clock_now_ms());
        if (c->shutdown_check.due_ms != INT64_MAX)
            udt_conn_due(&t->conns, c);
        /* and what was told before */
        readiness_tell(&t->ready, c, c->shut ? TAP_READABLE | TAP_CLOSED : 0);
    }
    tap_unlock(t);
    return c != NULL;
}

void tap_conn_remove(struct tap *t, int32_t id)
{
    int64_t now_ms = clock_now_ms();

    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->suspended) { /* UDT's worker must let go of it, or it is never freed */
        udt_conn_enter(&t->conns, c, UDT_CONN_CLOSING, now_ms);
        c->leaving = true;
        suspension_resume(t, c);
    } else if (c && c->half_closing && c->half_close.peer_speaks && c->half_close.ended &&
               !c->half_close.peer_done) {
        udt_conn_enter(&t->conns, c, UDT_CONN_LINGERING, now_ms);
    } else if (c) {
        udt_conn_forget(&t->conns, c);
    }
    tap_unlock(t);
}

bool tap_conn_heard_at(struct tap *t, int32_t id, struct net_address *out)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    bool told = c && !pktinfo_any(&c->heard_at);
    if (told)
        *out = c->heard_at;
    tap_unlock(t);
    return told;
}

void tap_conn_leave_by(struct tap *t, int32_t id, const struct net_address *local)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c)
        c->local = *local;
    tap_unlock(t);
}

int64_t tap_conn_heard_ms(struct tap *t, int32_t id)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    int64_t heard_ms = c ? c->heard_ms : 0;
    tap_unlock(t);
    return heard_ms;
}

void tap_conn_written(struct tap *t, int32_t id, const struct unsent_write *w)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c)
        unsent_written(&c->unsent, w, clock_now_ms());
    tap_unlock(t);
}

uint32_t tap_conn_room(struct tap *t, int32_t id)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    uint32_t room = c ? unsent_room(&c->unsent, c->next) : UNSENT_LEAST; /* UDT says what has become of it */
    tap_unlock(t);
    return room;
}

int tap_conn_stuck(struct tap *t, int32_t id)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    int stuck = c ? c->resend.stuck : 0;
    tap_unlock(t);
    return stuck;
}

void tap_conn_resend_anew(struct tap *t, int32_t id)
{
    int64_t now_ms = clock_now_ms();

    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->state == UDT_CONN_OPEN) {
        resend_anew(&c->resend, now_ms);
        udt_conn_due(&t->conns, c);
        t->tick_ms = now_ms;
        tap_wake(t);
    }
    tap_unlock(t);
}

void tap_conn_ask(struct tap *t, int32_t id)
{
    uint8_t body[ACK_SIZE_FULL];
    uint32_t random = 0;

    (void)!getrandom(&random, sizeof random, 0);
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->state == UDT_CONN_OPEN && c->peer.id) {
        c->asked = shutdown_check_number(random);
        shutdown_check_write(&c->shutdown_check, body);
        control_send(t, c, PACKET_ACK, c->asked, body, sizeof body, clock_now_ms());
    }
    tap_unlock(t);
}

void tap_conn_end(struct tap *t, int32_t id, uint64_t offset)
{
    int64_t now_ms = clock_now_ms();

    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->half_closing) {
        half_close_end(&c->half_close, offset, now_ms);
        control_send_half_close(t, c, false, now_ms);
    }
    tap_unlock(t);
}

void tap_conn_read(struct tap *t, int32_t id)
{
    int64_t now_ms = clock_now_ms();

    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c && c->half_closing) {
        half_close_read(&c->half_close, now_ms);
        control_send_half_close(t, c, false, now_ms);
    }
    tap_unlock(t);
}

bool tap_conn_half_close(struct tap *t, int32_t id, struct half_close *out)
{
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c)
        *out = c->half_close;
    tap_unlock(t);
    return c != NULL;
}
