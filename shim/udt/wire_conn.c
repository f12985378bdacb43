/* The table of connections, and the queue of what is to be told about them. */
#include "base/clock.h"
#include "shim/udt/wire_internal.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define CONTROL_BODY_MAX ACK_SIZE_SHORT
_Static_assert(HALF_CLOSE_SIZE <= CONTROL_BODY_MAX, "the longest body that wire_send_control() is given");

void wire_peer_from(struct wire_peer *out, const struct sockaddr *sa)
{
    memset(out, 0, sizeof(*out));
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;

        memcpy(out->address, &sin6->sin6_addr, 16);
        out->port = sin6->sin6_port;
    } else {
        const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;

        out->address[10] = out->address[11] = 0xFF; /* RFC 4291, 2.5.5.2 */
        memcpy(out->address + 12, &sin->sin_addr, 4);
        out->port = sin->sin_port;
    }
}

static void peer_to_sockaddr6(const struct wire_peer *peer, struct sockaddr_in6 *out)
{
    memset(out, 0, sizeof(*out));
    out->sin6_family = AF_INET6;
    out->sin6_port = peer->port;
    memcpy(&out->sin6_addr, peer->address, 16);
}

bool wire_peer_is(const struct wire_peer *a, const struct wire_peer *b)
{
    return a->port == b->port && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

struct wire_conn *wire_find(struct wire *w, int32_t id)
{
    struct wire_conn *c;

    HASH_FIND_INT(w->by_id, &id, c);
    return c;
}

struct wire_conn *wire_find_peer(struct wire *w, const struct sockaddr *sa, int32_t peer_id)
{
    struct wire_peer key;
    struct wire_conn *c;

    wire_peer_from(&key, sa);
    key.id = peer_id;
    HASH_FIND(hh_peer, w->by_peer, &key, sizeof(key), c);
    return c;
}

struct wire_conn *wire_find_rendezvous(struct wire *w, const struct wire_peer *from)
{
    /* Only a client's port asks, for the first packets of a rendezvous; its connections are few. */
    for (struct wire_conn *c = w->by_id; c; c = c->hh.next) {
        if (c->rendezvous && c->state <= WIRE_CONNECTING && wire_peer_is(&c->peer, from))
            return c;
    }
    return NULL;
}

struct wire_conn *wire_add(struct wire *w, int32_t id, const struct wire_peer *peer, enum wire_state state,
                           int64_t now_ms)
{
    struct wire_conn *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->id = id;
    c->peer = *peer;
    c->state = state;
    c->window = w->window_max;
    c->heard_ms = c->sent_ms = c->since_ms = c->active_ms = now_ms;
    half_close_init(&c->half_close, now_ms);
    resend_init(&c->resend);
    shutdown_check_init(&c->shutdown_check);
    HASH_ADD_INT(w->by_id, id, c);
    if (peer->id) {
        HASH_ADD(hh_peer, w->by_peer, peer, sizeof(c->peer), c);
        c->by_peer = true;
    }
    if (state == WIRE_UNADOPTED) {
        DL_APPEND2(w->aging, c, aging_prev, aging_next);
        c->aging = true;
    }
    return c;
}

void wire_set_peer_id(struct wire *w, struct wire_conn *c, int32_t peer_id)
{
    struct wire_conn *other;

    if (c->by_peer && c->peer.id == peer_id)
        return;
    if (c->by_peer)
        HASH_DELETE(hh_peer, w->by_peer, c);
    c->peer.id = peer_id;
    HASH_FIND(hh_peer, w->by_peer, &c->peer, sizeof(c->peer), other);
    if (other) { /* the peer uses an id again: the older connection is none any more */
        HASH_DELETE(hh_peer, w->by_peer, other);
        other->by_peer = false;
    }
    HASH_ADD(hh_peer, w->by_peer, peer, sizeof(c->peer), c);
    c->by_peer = true;
}

static void drop_stash(struct wire_conn *c)
{
    struct wire_packet *p, *next;

    DL_FOREACH_SAFE(c->stash, p, next)
    {
        DL_DELETE(c->stash, p);
        free(p);
    }
}

static void unlist(struct wire *w, struct wire_conn *c)
{
    if (c->queued)
        DL_DELETE2(w->ready, c, ready_prev, ready_next);
    if (c->due)
        DL_DELETE2(w->due, c, due_prev, due_next);
    if (c->aging)
        DL_DELETE2(w->aging, c, aging_prev, aging_next);
    if (c->unparking)
        DL_DELETE2(w->unpark, c, unpark_prev, unpark_next);
    c->queued = c->due = c->aging = c->unparking = false;
}

/* The analyzer does not know what utlist and uthash keep true: a listed element's neighbours are never NULL.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */
void wire_forget(struct wire *w, struct wire_conn *c)
{
    if (c->state == WIRE_GONE)
        w->gone--;
    unlist(w, c);
    drop_stash(c);
    free(c->flight);
    if (c->by_peer)
        HASH_DELETE(hh_peer, w->by_peer, c);
    HASH_DELETE(hh, w->by_id, c);
    free(c);
}

void wire_free_all(struct wire *w)
{
    struct wire_conn *c, *next;
    struct wire_packet *p, *p_next;

    HASH_ITER(hh, w->by_id, c, next)
    {
        wire_forget(w, c);
    }
    DL_FOREACH_SAFE(w->replay, p, p_next)
    {
        DL_DELETE(w->replay, p);
        free(p);
    }
}

/* Whoever is woken wants the lock: signal after it is given back. */
void wire_signal(struct wire *w)
{
    bool signal = (w->ready || w->accept) && !w->signalled;
    uint64_t one = 1;

    if (signal)
        w->signalled = true;
    pthread_mutex_unlock(&w->lock);
    if (signal)
        (void)!write(w->event_fd, &one, sizeof(one));
}

/* The worker signals when it has no more datagrams (wire.c): under load one signal tells of many events. */
void wire_unlock(struct wire *w)
{
    if (wire_on_worker(w))
        pthread_mutex_unlock(&w->lock);
    else
        wire_signal(w);
}

void wire_tell(struct wire *w, struct wire_conn *c, unsigned bits)
{
    if (c->state == WIRE_GONE)
        return;
    c->bits |= bits;
    if (c->queued || !c->bits || c->state == WIRE_UNADOPTED)
        return;
    DL_APPEND2(w->ready, c, ready_prev, ready_next);
    c->queued = true;
}

int wire_event_fd(const struct wire *w)
{
    return w->event_fd;
}

int wire_next(struct wire *w, int32_t *id, unsigned *bits)
{
    int found = 1;

    pthread_mutex_lock(&w->lock);
    if (w->accept) {
        *id = w->accept;
        w->accept = 0;
        *bits = WIRE_ACCEPT;
    } else if (w->ready) {
        struct wire_conn *c = w->ready;

        DL_DELETE2(w->ready, c, ready_prev, ready_next);
        c->queued = false;
        *id = c->id;
        *bits = c->bits;
        c->bits = 0;
    } else {
        uint64_t count;

        /* even if not signalled: the last signal may have come after the queue was emptied */
        (void)!read(w->event_fd, &count, sizeof(count));
        w->signalled = false;
        found = 0;
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

void wire_send(struct wire *w, const struct wire_peer *peer, const uint8_t *packet, size_t len)
{
    struct sockaddr_in6 to;
    struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = peer->port};

    peer_to_sockaddr6(peer, &to);
    memcpy(&to4.sin_addr, peer->address + 12, 4);
    (void)!sendto(w->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL,
                  w->family == AF_INET6 ? (struct sockaddr *)&to : (struct sockaddr *)&to4,
                  w->family == AF_INET6 ? sizeof(to) : sizeof(to4));
}

uint32_t wire_proof(const struct wire_conn *c)
{
    return c->rendezvous ? c->secret ^ c->isn : c->secret;
}

void wire_send_control(struct wire *w, struct wire_conn *c, enum packet_type type, uint32_t info,
                       const uint8_t *body, size_t body_len, int64_t now_ms)
{
    static const uint8_t pad[4];
    uint8_t packet[PACKET_HEAD + CONTROL_BODY_MAX] = {0};

    if (!body) { /* as UDT 4.11 sends empty bodies */
        body = pad;
        body_len = sizeof(pad);
    }
    packet_put_control(packet, type, type == PACKET_CUSTOM ? FILTER_CUSTOM_HX : 0, c->peer.id);
    packet_put_word(packet + 4, info);
    memcpy(packet + PACKET_HEAD, body, body_len);
    c->sent_ms = now_ms;
    wire_send(w, &c->peer, packet, PACKET_HEAD + body_len);
}

void wire_send_half_close(struct wire *w, struct wire_conn *c, bool asked, int64_t now_ms)
{
    uint8_t body[HALF_CLOSE_SIZE];

    if (c->half_close.due_ms <= now_ms)
        half_close_message(&c->half_close, body, now_ms);
    else if (asked)
        half_close_answer(&c->half_close, body);
    else
        return;
    wire_send_control(w, c, PACKET_CUSTOM, wire_proof(c), body, sizeof(body), now_ms);
    if (c->half_close.due_ms != INT64_MAX)
        wire_due(w, c);
}

void wire_ask(struct wire *w, struct wire_conn *c, int64_t now_ms)
{
    uint8_t body[HALF_CLOSE_SIZE];

    half_close_answer(&c->half_close, body);
    body[3] |= HALF_CLOSE_REPLY;
    wire_send_control(w, c, PACKET_CUSTOM, wire_proof(c), body, sizeof(body), now_ms);
}

/* NOLINTEND(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */

int wire_conn_connecting(struct wire *w, int32_t id, const struct sockaddr *peer, bool rendezvous)
{
    struct wire_peer key;
    struct flight *flight = malloc(sizeof *flight);
    struct wire_conn *c;

    if (!flight)
        return HX_ENOMEM;
    flight_init(flight, rendezvous ? FLIGHT_PEER_MS : FLIGHT_LISTENER_MS);
    wire_peer_from(&key, peer);
    pthread_mutex_lock(&w->lock);
    c = wire_add(w, id, &key, WIRE_STARTING, clock_now_ms());
    if (c) {
        c->rendezvous = rendezvous;
        c->flight = flight;
        c->starter = pthread_self();
    } else {
        free(flight);
    }
    wire_unlock(w);
    return c ? HX_OK : HX_ENOMEM;
}

bool wire_conn_accepted(struct wire *w, int32_t id, struct sockaddr_in6 *peer)
{
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    if (c && c->state == WIRE_UNADOPTED) {
        DL_DELETE2(w->aging, c, aging_prev, aging_next);
        c->aging = false;
        c->state = WIRE_OPEN;
        peer_to_sockaddr6(&c->peer, peer);
        if (c->shutdown_check.due_ms != INT64_MAX)
            wire_due(w, c);
        wire_tell(w, c, c->shut ? WIRE_READABLE | WIRE_CLOSED : 0); /* and what was told before */
    }
    wire_unlock(w);
    return c != NULL;
}

void wire_conn_remove(struct wire *w, int32_t id)
{
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    if (c && c->parked) { /* UDT's worker must let go of it, or it is never freed */
        c->state = WIRE_CLOSING;
        c->leaving = true;
        wire_unpark(w, c);
    } else if (c && c->half_closing && c->half_close.peer_speaks && c->half_close.ended &&
               !c->half_close.peer_done) {
        unlist(w, c);
        drop_stash(c);
        c->state = WIRE_GONE;
        c->nudge_ms = 0;
        c->since_ms = clock_now_ms();
        w->gone++;
        DL_APPEND2(w->aging, c, aging_prev, aging_next);
        c->aging = true;
        wire_due(w, c);
    } else if (c) {
        wire_forget(w, c);
    }
    wire_unlock(w);
}

int64_t wire_conn_heard_ms(struct wire *w, int32_t id)
{
    struct wire_conn *c;
    int64_t heard_ms;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    heard_ms = c ? c->heard_ms : 0;
    wire_unlock(w);
    return heard_ms;
}

void wire_conn_end(struct wire *w, int32_t id, uint64_t offset)
{
    int64_t now_ms = clock_now_ms();
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    if (c && c->half_closing) {
        half_close_end(&c->half_close, offset, now_ms);
        wire_send_half_close(w, c, false, now_ms);
    }
    wire_unlock(w);
}

void wire_conn_read(struct wire *w, int32_t id)
{
    int64_t now_ms = clock_now_ms();
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    if (c && c->half_closing) {
        half_close_read(&c->half_close, now_ms);
        wire_send_half_close(w, c, false, now_ms);
    }
    wire_unlock(w);
}

bool wire_conn_half_close(struct wire *w, int32_t id, struct half_close *out)
{
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    if (c)
        *out = c->half_close;
    wire_unlock(w);
    return c != NULL;
}

int wire_lingering(struct wire *w)
{
    int n = 0;
    struct wire_conn *c;

    pthread_mutex_lock(&w->lock);
    DL_FOREACH2(w->aging, c, aging_next)
    {
        n += c->state == WIRE_GONE && !c->half_close.peer_done && c->half_close.due_ms != INT64_MAX;
    }
    wire_unlock(w);
    return n;
}
