#include "base/clock.h"
#include "shim/net/parts.h"
#include "shim/net/path_table_parts.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/random.h>
#include <utlist.h>

/* The analyzer does not know what utlist and uthash keep true: a listed element's neighbours are never NULL.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */

/* Addresses are counted from a random one, so that none comes again within 16 million. One count for the
 * whole process: a datagram that is late for one port is none of another's either. */
static void draw_canonical(struct net_address *out)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint32_t next;
    static bool begun;
    uint32_t host;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&lock);
    if (!begun)
        (void)!getrandom(&next, sizeof next, 0);
    begun = true;
    host = htonl(0xF0000000u | (next++ & 0x00FFFFFFu)); /* 240.a.b.c */
    pthread_mutex_unlock(&lock);
    (void)!getrandom(&out->port, sizeof out->port, 0);
    if (out->port == 0)
        out->port = htons(1);
    out->ip[10] = out->ip[11] = 0xff;
    memcpy(out->ip + 12, &host, sizeof host);
}

struct path_table *path_table_create(void)
{
    struct path_table *t = calloc(1, sizeof *t);

    if (t)
        pthread_mutex_init(&t->lock, NULL);
    return t;
}

struct net_peer *path_table_find_peer(const struct path_table *t, const struct net_address *canonical)
{
    struct net_peer *peer;

    HASH_FIND(hh, t->peers, canonical, sizeof *canonical, peer);
    return peer;
}

struct paths_of_source *path_table_find_source(const struct path_table *t, const struct net_address *remote,
                                               int32_t socket)
{
    struct source key = {.remote = *remote, .socket = socket};
    struct paths_of_source *s;

    HASH_FIND(hh, t->sources, &key, sizeof key, s);
    return s;
}

static struct path *find_path(const struct net_peer *peer, const struct net_path *at)
{
    struct path *p;

    DL_FOREACH(peer->paths, p)
    {
        if (memcmp(&p->at, at, sizeof *at) == 0)
            break;
    }
    return p;
}

/* What memos hold is true no more. */
static void changed(struct path_table *t)
{
    atomic_fetch_add_explicit(&t->generation, 1, memory_order_release);
}

static void let_go(struct net_peer *peer)
{
    if (peer && --peer->holders == 0)
        free(peer);
}

/* False: there is no memory. */
static bool link_source(struct path_table *t, struct path *p)
{
    struct paths_of_source *s = path_table_find_source(t, &p->at.remote, p->at.socket);

    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return false;
        s->source = (struct source){.remote = p->at.remote, .socket = p->at.socket};
        HASH_ADD(hh, t->sources, source, sizeof s->source, s);
        if (!s->hh.tbl) { /* base/keyed_table.h */
            free(s);
            return false;
        }
    }
    DL_PREPEND2(s->first, p, of_source_prev, of_source_next);
    return true;
}

static void forget_path(struct path *p)
{
    struct path_table *t = p->peer->table;
    struct paths_of_source *s = path_table_find_source(t, &p->at.remote, p->at.socket);

    DL_DELETE2(s->first, p, of_source_prev, of_source_next);
    if (!s->first) {
        HASH_DEL(t->sources, s);
        free(s);
    }
    DL_DELETE(p->peer->paths, p);
    p->peer->count--;
    free(p);
}

/* The lock is held, or nobody else is left. */
static void forget_peer(struct net_peer *peer)
{
    struct path *p, *next;

    DL_FOREACH_SAFE(peer->paths, p, next)
    {
        forget_path(p);
    }
    HASH_DEL(peer->table->peers, peer);
    let_go(peer);
}

void path_table_destroy(struct path_table *t)
{
    struct net_peer *peer, *next;

    if (!t)
        return;
    HASH_ITER(hh, t->peers, peer, next)
    {
        forget_peer(peer);
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

int path_table_add_peer(struct path_table *t, struct net_port *p, struct net_peer **out)
{
    struct net_peer *peer = calloc(1, sizeof *peer);
    int err = HX_OK;

    if (!peer)
        return HX_ENOMEM;
    peer->table = t;
    peer->port = p;
    peer->seeking = true;
    peer->holders = 1;
    draw_canonical(&peer->canonical);
    pthread_mutex_lock(&t->lock);
    if (HASH_COUNT(t->peers) >= NET_PEERS_MAX) {
        err = HX_ELIMIT;
    } else {
        HASH_ADD(hh, t->peers, canonical, sizeof peer->canonical, peer);
        if (!peer->hh.tbl)
            err = HX_ENOMEM;
    }
    pthread_mutex_unlock(&t->lock);
    if (err < 0) {
        free(peer);
        return err;
    }
    *out = peer;
    return HX_OK;
}

void path_table_remove_peer(struct net_peer *peer)
{
    struct path_table *t = peer->table;

    pthread_mutex_lock(&t->lock);
    forget_peer(peer);
    changed(t);
    pthread_mutex_unlock(&t->lock);
}

struct net_port *path_table_port(const struct net_peer *peer)
{
    return peer->port;
}

const struct net_address *net_peer_address(const struct net_peer *peer)
{
    return &peer->canonical;
}

/* The lock is held. NULL: *err says why. */
static struct path *add(struct net_peer *peer, const struct net_path *at, int *err)
{
    struct path *p = find_path(peer, at);

    *err = HX_OK;
    if (p)
        return p;
    *err = HX_ELIMIT;
    if (peer->count >= NET_PATHS_MAX)
        return NULL;
    *err = HX_ENOMEM;
    p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->at = *at;
    p->peer = peer;
    if (!link_source(peer->table, p)) {
        free(p);
        return NULL;
    }
    DL_APPEND(peer->paths, p);
    peer->count++;
    changed(peer->table);
    *err = HX_OK;
    return p;
}

int path_table_add(struct net_peer *peer, const struct net_path *path, uint8_t kept[NET_SMALL_BYTES],
                   size_t *kept_len)
{
    int err;

    pthread_mutex_lock(&peer->table->lock);
    int before = peer->count;
    (void)add(peer, path, &err);
    *kept_len = peer->seeking && peer->count > before ? peer->kept_len : 0;
    memcpy(kept, peer->kept, *kept_len);
    pthread_mutex_unlock(&peer->table->lock);
    return err;
}

/* The only writer of `used` and `seeking`. */
static void enter(struct net_peer *peer, struct path *used, bool seeking)
{
    if (used && memcmp(&peer->last, &used->at, sizeof used->at) != 0) {
        peer->changes += peer->last.remote.port != 0;
        peer->last = used->at;
    }
    peer->used = used;
    peer->seeking = seeking;
    if (!seeking)
        peer->kept_len = 0;
    changed(peer->table);
}

void net_peer_remove(struct net_peer *peer, const struct net_path *path)
{
    pthread_mutex_lock(&peer->table->lock);
    struct path *p = find_path(peer, path);
    if (p) {
        if (p == peer->used)
            enter(peer, NULL, true);
        forget_path(p);
        changed(peer->table);
    }
    pthread_mutex_unlock(&peer->table->lock);
}

int path_table_use(struct net_peer *peer, const struct net_path *path, int64_t rtt_us)
{
    int err;

    pthread_mutex_lock(&peer->table->lock);
    struct path *p = add(peer, path, &err);
    if (p) {
        enter(peer, p, false);
        peer->rtt_us = rtt_us;
    }
    pthread_mutex_unlock(&peer->table->lock);
    return err;
}

void net_peer_seek(struct net_peer *peer)
{
    pthread_mutex_lock(&peer->table->lock);
    enter(peer, peer->used, true);
    pthread_mutex_unlock(&peer->table->lock);
}

void net_peer_view(struct net_peer *peer, struct net_peer_view *out)
{
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&peer->table->lock);
    if (peer->used)
        out->used = peer->used->at;
    out->seeking = peer->seeking;
    out->heard = peer->heard;
    pthread_mutex_unlock(&peer->table->lock);
    out->heard_ms = atomic_load(&peer->heard_ms);
    out->sent_ms = atomic_load(&peer->sent_ms);
    out->unanswered_ms = atomic_load(&peer->unanswered_ms);
    out->sent = atomic_load(&peer->sent);
    out->came = atomic_load(&peer->came);
}

static void way(const struct path *p, struct net_route *out)
{
    *out =
        (struct net_route){.to = p->at.remote, .local = p->at.local, .socket = p->at.socket, .whole = true};
}

/* NULL: it has none. */
static struct path *large_path(const struct net_peer *peer)
{
    if (peer->used)
        return peer->used;
    struct path *heard = find_path(peer, &peer->heard);
    return heard ? heard : peer->paths;
}

static void note_sent(struct net_peer *peer, bool wants_answer)
{
    int64_t now_ms = clock_now_ms();
    int_fast64_t never = 0;

    atomic_fetch_add_explicit(&peer->sent, 1, memory_order_relaxed);
    atomic_store_explicit(&peer->sent_ms, now_ms, memory_order_relaxed);
    if (wants_answer && atomic_load_explicit(&peer->unanswered_ms, memory_order_relaxed) == 0)
        (void)atomic_compare_exchange_strong(&peer->unanswered_ms, &never, now_ms);
}

static void keep(struct net_peer *peer, const struct iovec *parts, int part_count)
{
    peer->kept_len = parts_gather(parts, part_count, peer->kept, sizeof peer->kept);
}

int path_table_ways(struct path_table *t, const struct net_route *route, const struct iovec *parts,
                    int part_count, struct net_route ways[NET_PATHS_MAX])
{
    struct path *p;
    int n = 0;

    pthread_mutex_lock(&t->lock);
    struct net_peer *peer = path_table_find_peer(t, &route->to);
    if (peer && peer->seeking && parts_length(parts, part_count) <= NET_SMALL_BYTES) {
        keep(peer, parts, part_count);
        DL_FOREACH(peer->paths, p)
        {
            way(p, &ways[n++]);
        }
    } else if (peer && (p = large_path(peer))) {
        way(p, &ways[n++]);
    }
    if (n > 0)
        note_sent(peer, route->wants_answer);
    pthread_mutex_unlock(&t->lock);
    return n;
}

int path_table_of(struct path_table *t, const struct net_route *from, struct net_address *out, int max)
{
    struct path *p;
    int n = 0;

    pthread_mutex_lock(&t->lock);
    struct paths_of_source *s = path_table_find_source(t, &from->to, from->socket);
    DL_FOREACH2(s ? s->first : NULL, p, of_source_next)
    {
        if (n == max)
            break;
        out[n++] = p->peer->canonical;
    }
    pthread_mutex_unlock(&t->lock);
    return n;
}

static bool knows(struct path_table *t, const struct path_memo *m, const struct net_address *canonical)
{
    return m->peer && m->generation == atomic_load_explicit(&t->generation, memory_order_acquire) &&
           net_address_equal(&m->peer->canonical, canonical);
}

/* The lock is held. */
static struct net_peer *learn(struct path_table *t, struct path_memo *m, const struct net_address *canonical)
{
    struct net_peer *peer = path_table_find_peer(t, canonical);

    if (peer)
        peer->holders++;
    let_go(m->peer);
    m->peer = peer;
    m->generation = atomic_load_explicit(&t->generation, memory_order_relaxed);
    return peer;
}

const struct net_route *path_memo_way(struct path_table *t, struct path_memo *m,
                                      const struct net_address *canonical)
{
    if (!knows(t, m, canonical)) {
        pthread_mutex_lock(&t->lock);
        struct net_peer *peer = learn(t, m, canonical);
        struct path *p = peer ? large_path(peer) : NULL;
        m->route = (struct net_route){.socket = 0};
        if (p)
            way(p, &m->route);
        pthread_mutex_unlock(&t->lock);
    }
    return m->peer && m->route.to.port ? &m->route : NULL;
}

void path_memo_sent(const struct path_memo *m, bool wants_answer)
{
    note_sent(m->peer, wants_answer);
}

static bool agrees(const struct net_address *local, const struct net_address *came_to)
{
    static const uint8_t any[16];

    return (memcmp(local->ip, any, sizeof any) == 0 || memcmp(local->ip, came_to->ip, sizeof any) == 0) &&
           (local->scope == 0 || local->scope == came_to->scope);
}

/* One path may differ from another by our address alone: that by which the datagram came, if it is there. The
 * peer's answer to it may come to another one. */
static struct path *came_by(const struct net_peer *peer, const struct net_route *from)
{
    struct path *p, *other = NULL;

    DL_FOREACH(peer->paths, p)
    {
        if (p->at.socket != from->socket || !net_address_equal(&p->at.remote, &from->to))
            continue;
        if (agrees(&p->at.local, &from->local))
            return p;
        other = p;
    }
    return other;
}

bool path_memo_has(struct path_table *t, struct path_memo *m, const struct net_address *canonical,
                   const struct net_route *from)
{
    if (!knows(t, m, canonical) || memcmp(&m->route, from, sizeof *from) != 0) {
        pthread_mutex_lock(&t->lock);
        struct net_peer *peer = learn(t, m, canonical);
        struct path *p = peer ? came_by(peer, from) : NULL;
        m->route = *from;
        m->path = p ? p->at : (struct net_path){.socket = 0};
        pthread_mutex_unlock(&t->lock);
    }
    return m->peer && m->path.remote.port;
}

void path_memo_heard(struct path_table *t, const struct path_memo *m, int64_t now_ms)
{
    struct net_peer *peer = m->peer;

    if (memcmp(&peer->heard, &m->path, sizeof m->path) != 0) {
        pthread_mutex_lock(&t->lock);
        peer->heard = m->path;
        if (!peer->used) /* what is large leaves by it now */
            changed(t);
        pthread_mutex_unlock(&t->lock);
    }
    atomic_fetch_add_explicit(&peer->came, 1, memory_order_relaxed);
    atomic_store_explicit(&peer->heard_ms, now_ms, memory_order_relaxed);
    atomic_store_explicit(&peer->unanswered_ms, 0, memory_order_relaxed);
}

void path_memo_end(struct path_memo *m)
{
    let_go(m->peer);
    m->peer = NULL;
}
/* NOLINTEND(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc) */
