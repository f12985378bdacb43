/* How long the datagrams may be that a peer gets. */
#include "shim/net/path_table_parts.h"
#include <sys/random.h>
#include <utlist.h>

void net_peer_fit(struct net_peer *peer, const uint8_t tag[FRAGMENT_TAG_BYTES], int bytes)
{
    pthread_mutex_lock(&peer->table->lock);
    if (peer->datagram_max == 0)
        (void)!getrandom(&peer->piece_number, sizeof peer->piece_number, 0);
    memcpy(peer->tag, tag, sizeof peer->tag);
    atomic_store(&peer->datagram_max, bytes);
    pthread_mutex_unlock(&peer->table->lock);
}

int net_peer_fits(const struct net_peer *peer)
{
    return atomic_load_explicit(&peer->datagram_max, memory_order_relaxed);
}

bool path_table_tag(struct path_table *t, const struct net_address *canonical,
                    uint8_t tag[FRAGMENT_TAG_BYTES])
{
    pthread_mutex_lock(&t->lock);
    struct net_peer *peer = path_table_find_peer(t, canonical);
    bool has = peer && peer->datagram_max > 0;
    if (has)
        memcpy(tag, peer->tag, sizeof peer->tag);
    pthread_mutex_unlock(&t->lock);
    return has;
}

uint32_t path_table_changes(struct path_table *t, const struct net_address *canonical, int64_t *rtt_us)
{
    pthread_mutex_lock(&t->lock);
    const struct net_peer *peer = path_table_find_peer(t, canonical);
    uint32_t changes = peer ? peer->changes : 0;
    *rtt_us = peer ? peer->rtt_us : 0;
    pthread_mutex_unlock(&t->lock);
    return changes;
}

static bool too_long(const struct net_peer *peer, size_t len)
{
    int most = atomic_load_explicit(&peer->datagram_max, memory_order_relaxed);

    return most > 0 && len > (size_t)most;
}

bool path_table_cuts(struct path_table *t, const struct net_address *canonical, size_t len,
                     struct fragment *piece, size_t *most)
{
    bool cuts;

    pthread_mutex_lock(&t->lock);
    struct net_peer *peer = path_table_find_peer(t, canonical);
    cuts = peer && too_long(peer, len);
    if (cuts) {
        memcpy(piece->tag, peer->tag, sizeof piece->tag);
        piece->number = peer->piece_number++ % FRAGMENT_NUMBERS;
        *most = (size_t)peer->datagram_max;
    }
    pthread_mutex_unlock(&t->lock);
    return cuts;
}

/* The analyzer does not know what utlist keeps true: a listed element's neighbours are never NULL.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference) */
bool path_table_takes_pieces(struct path_table *t, const struct net_route *from,
                             const uint8_t tag[FRAGMENT_TAG_BYTES])
{
    struct path *p;
    bool takes = false;

    pthread_mutex_lock(&t->lock);
    struct paths_of_source *s = path_table_find_source(t, &from->to, from->socket);
    DL_FOREACH2(s ? s->first : NULL, p, of_source_next)
    {
        takes = takes || (p->peer->datagram_max > 0 && memcmp(p->peer->tag, tag, sizeof p->peer->tag) == 0);
    }
    pthread_mutex_unlock(&t->lock);
    return takes;
}
/* NOLINTEND(clang-analyzer-core.NullDereference) */

bool path_memo_fits(const struct path_memo *m, size_t len)
{
    return m->peer && !too_long(m->peer, len);
}
