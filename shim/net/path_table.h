/* shim/net/path_table.h: the peers of a port and their paths, as paths.h has them, without the sockets. Its
 * own lock guards the table; no function waits with it, or calls out. */
#ifndef HX_SHIM_NET_PATH_TABLE_H
#define HX_SHIM_NET_PATH_TABLE_H

#include "shim/net/fragments.h"
#include "shim/net/paths.h"
#include <sys/uio.h>

struct path_table;

/* NULL: there is no memory. */
struct path_table *path_table_create(void);
void path_table_destroy(struct path_table *t); /* and all peers that are left */

/* As net_peer_create(). net_peer_address(), _remove(), _seek() and _view() need no more than the table. */
int path_table_add_peer(struct path_table *t, struct net_port *p, struct net_peer **out);
void path_table_remove_peer(struct net_peer *peer);
struct net_port *path_table_port(const struct net_peer *peer);
/* As net_peer_add(). *kept_len: bytes of the datagram that shall leave by the new path now, or 0. */
int path_table_add(struct net_peer *peer, const struct net_path *path, uint8_t kept[NET_SMALL_BYTES],
                   size_t *kept_len);
int path_table_use(struct net_peer *peer, const struct net_path *path,
                   int64_t rtt_us); /* as net_peer_use() */

/* By which ways a datagram to the canonical address route->to leaves, and notes that it does. How many; 0:
 * there is no such peer, or it has no path. */
int path_table_ways(struct path_table *t, const struct net_route *route, const struct iovec *parts,
                    int part_count, struct net_route ways[NET_PATHS_MAX]);
/* Whether a datagram of `len` bytes to the canonical address must leave in pieces: of *most bytes at most,
 * and with what *piece says. */
bool path_table_cuts(struct path_table *t, const struct net_address *canonical, size_t len,
                     struct fragment *piece, size_t *most);
/* As net_paths_tag(). */
bool path_table_tag(struct path_table *t, const struct net_address *canonical,
                    uint8_t tag[FRAGMENT_TAG_BYTES]);
/* As net_paths_changes(). */
uint32_t path_table_changes(struct path_table *t, const struct net_address *canonical, int64_t *rtt_us);
/* Whether a peer with this path sends pieces with this tag. */
bool path_table_takes_pieces(struct path_table *t, const struct net_route *from,
                             const uint8_t tag[FRAGMENT_TAG_BYTES]);
int path_table_of(struct path_table *t, const struct net_route *from, struct net_address *out, int max);

/* What the table has said, for a thread that asks the same again and again: it need not take the lock as long
 * as the table stays the same. Zeroed: nothing. It keeps the memory of a peer, until it is asked about
 * another one. */
struct path_memo {
    struct net_peer *peer; /* NULL: none */
    uint64_t generation;   /* of the table */
    struct net_route route;
    struct net_path path; /* that `route` belongs to; of what comes alone */
};

/* The one way of a large datagram; NULL: as path_table_ways(). It is not noted. */
const struct net_route *path_memo_way(struct path_table *t, struct path_memo *m,
                                      const struct net_address *canonical);
/* Whether a datagram of so many bytes leaves there in one piece. */
bool path_memo_fits(const struct path_memo *m, size_t len);
/* A datagram leaves by what path_memo_way() has said. */
void path_memo_sent(const struct path_memo *m, bool wants_answer);
/* Nobody asks any more. Before the table ends. */
void path_memo_end(struct path_memo *m);
/* As net_paths_has(). */
bool path_memo_has(struct path_table *t, struct path_memo *m, const struct net_address *canonical,
                   const struct net_route *from);
/* What path_memo_has() has agreed to is the peer's. */
void path_memo_heard(struct path_table *t, const struct path_memo *m, int64_t now_ms);

#endif
