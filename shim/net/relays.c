#include "shim/net/relays.h"
#include "base/keyed_table.h"
#include "shim/net/net_port_state.h"
#include "shim/net/parts.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#define FRAME_BYTES 1500 /* an Ethernet's packet has no room for longer ones */

static_assert(RELAY_HEAD_BYTES <= DEMUX_BYTES, "the head lies in the first part");

struct half { /* by which what comes is told */
    uint8_t id[RELAY_ID_BYTES];
    uint32_t calling;
};
static_assert(sizeof(struct half) == 12, "no padding: tables hash all of it");

struct relay_entry {
    struct net_address peer;
    struct half half;
    struct net_relay relay;
    uint8_t head[RELAY_HEAD_BYTES];
    UT_hash_handle by_peer, by_half;
};

struct relays {
    pthread_mutex_t lock;
    atomic_int count;
    uint32_t next; /* address, from a random one: none comes again within 16 million */
    struct relay_entry *by_peer, *by_half;
};

struct relays *relays_create(void)
{
    struct relays *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    (void)!getrandom(&r->next, sizeof r->next, 0);
    return r;
}

/* The lock is held, or nobody else is left. */
static void forget(struct relays *r, struct relay_entry *e)
{
    HASH_DELETE(by_half, r->by_half, e);
    HASH_DELETE(by_peer, r->by_peer, e);
    atomic_fetch_sub(&r->count, 1);
    free(e);
}

void relays_destroy(struct relays *r)
{
    struct relay_entry *e, *next;

    if (!r)
        return;
    HASH_ITER(by_peer, r->by_peer, e, next)
    {
        forget(r, e);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct relay_entry *find_peer(const struct relays *r, const struct net_address *peer)
{
    struct relay_entry *e;

    HASH_FIND(by_peer, r->by_peer, peer, sizeof *peer, e);
    return e;
}

static struct relay_entry *find_half(const struct relays *r, const struct half *half)
{
    struct relay_entry *e;

    HASH_FIND(by_half, r->by_half, half, sizeof *half, e);
    return e;
}

static void draw_address(struct relays *r, struct net_address *out)
{
    uint32_t host = htonl(0xF1000000u | (r->next++ & 0x00FFFFFFu)); /* 241.a.b.c */

    memset(out, 0, sizeof *out);
    out->ip[10] = out->ip[11] = 0xff;
    memcpy(out->ip + 12, &host, sizeof host);
    out->port = htons(1);
}

/* The lock is held. */
static int add(struct relays *r, struct relay_entry *e)
{
    if (atomic_load(&r->count) >= NET_RELAYS_MAX)
        return HX_ELIMIT;
    if (find_half(r, &e->half))
        return HX_EINVAL;
    draw_address(r, &e->peer);
    HASH_ADD(by_peer, r->by_peer, peer, sizeof e->peer, e);
    if (!e->by_peer.tbl) /* base/keyed_table.h */
        return HX_ENOMEM;
    HASH_ADD(by_half, r->by_half, half, sizeof e->half, e);
    if (!e->by_half.tbl) {
        HASH_DELETE(by_peer, r->by_peer, e);
        return HX_ENOMEM;
    }
    atomic_fetch_add(&r->count, 1);
    return HX_OK;
}

int net_relay_add(struct net_port *p, const struct net_relay *relay, struct net_address *out)
{
    struct relays *r = p->relays;
    struct relay_entry *e = calloc(1, sizeof *e);
    struct relay_frame f = {.kind = RELAY_DATA, .half = relay->calling ? RELAY_CALLER : RELAY_CALLED};

    if (!e)
        return HX_ENOMEM;
    memcpy(f.session, relay->id, sizeof f.session);
    relay_frame_write_head(&f, e->head);
    e->relay = *relay;
    memcpy(e->half.id, relay->id, sizeof e->half.id);
    e->half.calling = relay->calling;
    pthread_mutex_lock(&r->lock);
    int err = add(r, e);
    if (err == HX_OK)
        *out = e->peer;
    pthread_mutex_unlock(&r->lock);
    if (err < 0)
        free(e);
    return err;
}

void net_relay_move(struct net_port *p, const struct net_address *peer, const struct net_address *server,
                    const struct net_address *local)
{
    pthread_mutex_lock(&p->relays->lock);
    struct relay_entry *e = find_peer(p->relays, peer);
    if (e) {
        e->relay.server = *server;
        e->relay.local = *local;
    }
    pthread_mutex_unlock(&p->relays->lock);
}

void net_relay_remove(struct net_port *p, const struct net_address *peer)
{
    pthread_mutex_lock(&p->relays->lock);
    struct relay_entry *e = find_peer(p->relays, peer);
    if (e)
        forget(p->relays, e);
    pthread_mutex_unlock(&p->relays->lock);
}

bool relays_way(struct relays *r, struct net_route *way, uint8_t head[RELAY_HEAD_BYTES])
{
    pthread_mutex_lock(&r->lock);
    const struct relay_entry *e = find_peer(r, &way->to);
    if (e) {
        way->to = e->relay.server;
        way->local = e->relay.local;
        way->socket = e->relay.socket;
        memcpy(head, e->head, sizeof e->head);
    }
    pthread_mutex_unlock(&r->lock);
    return e != NULL;
}

/* The bytes behind the head move to its place. */
static void strip(struct net_datagram *d)
{
    uint8_t bytes[FRAME_BYTES];
    size_t len = parts_gather(d->parts, d->part_count, bytes, d->len);

    d->len = len - RELAY_HEAD_BYTES;
    (void)parts_scatter(d->parts, d->part_count, bytes + RELAY_HEAD_BYTES, d->len);
}

bool relays_any(const struct relays *r)
{
    return atomic_load_explicit(&r->count, memory_order_relaxed) > 0;
}

enum relays_verdict relays_take(struct relays *r, struct net_datagram *d)
{
    uint8_t bytes[RELAY_CONTROL_BYTES];
    struct relay_frame f;

    if (!relays_any(r) || d->cut || d->len > FRAME_BYTES || !relay_frame_is(d->parts[0].iov_base, d->len))
        return RELAYS_OTHER;
    (void)demux_gather(d, bytes, sizeof bytes);
    if (relay_frame_read(&f, bytes, d->len) < 0 || f.kind != RELAY_DATA)
        return RELAYS_OTHER;
    struct half half = {.calling = f.half != RELAY_CALLER};
    memcpy(half.id, f.session, sizeof half.id);
    pthread_mutex_lock(&r->lock);
    const struct relay_entry *e = find_half(r, &half);
    bool ours = e && net_address_equal(&e->relay.server, &d->from) && e->relay.socket == d->socket;
    struct net_address peer = ours ? e->peer : d->from;
    pthread_mutex_unlock(&r->lock);
    if (!ours)
        return RELAYS_OTHER;
    strip(d);
    if (d->len >= DEMUX_BYTES && relay_frame_is(d->parts[0].iov_base, d->len))
        return RELAYS_DROP; /* the relay's own word does not come through the relay */
    d->from = peer;
    memset(&d->local, 0, sizeof d->local);
    d->interface = 0;
    return RELAYS_TAKEN;
}
