/* shim/net/path_table_parts.h: the inside of the table of peers and paths, for path_table.c and
 * path_limits.c. */
#ifndef HX_SHIM_NET_PATH_TABLE_PARTS_H
#define HX_SHIM_NET_PATH_TABLE_PARTS_H

#include "base/keyed_table.h"
#include "shim/net/path_table.h"
#include <pthread.h>
#include <stdatomic.h>

/* By what a datagram that comes shows its path. */
struct source {
    struct net_address remote;
    int32_t socket;
};
static_assert(sizeof(struct source) == 28, "no padding: tables hash all of it");

struct path {
    struct net_path at;
    struct net_peer *peer;
    struct path *prev, *next;                     /* of the peer */
    struct path *of_source_prev, *of_source_next; /* of whatever peers, the newest first */
};

struct paths_of_source {
    struct source source;
    struct path *first;
    UT_hash_handle hh;
};

struct net_peer {
    struct path_table *table;
    struct net_port *port;
    struct net_address canonical;
    struct path *paths;
    int count;
    struct path *used;    /* NULL: none yet, or it was removed */
    struct net_path last; /* the one that was used last; remote.port 0: none yet */
    uint32_t changes;     /* from one to another */
    int64_t rtt_us;       /* of the last one, when it was chosen; 0: not measured */
    bool seeking;
    int holders;                   /* who needs its memory: the table, and memos */
    uint8_t kept[NET_SMALL_BYTES]; /* seeking: the last small datagram */
    size_t kept_len;
    struct net_path heard; /* written by the thread that reads the port, with the lock */
    /* Without the lock: */
    atomic_int_fast64_t heard_ms, sent_ms, unanswered_ms;
    atomic_uint_fast64_t sent, came;
    atomic_int datagram_max;         /* path_limits.c; 0: whatever is sent leaves as it is */
    uint8_t tag[FRAGMENT_TAG_BYTES]; /* of its pieces */
    uint32_t piece_number;
    UT_hash_handle hh;
};

struct path_table {
    pthread_mutex_t lock;
    atomic_uint_fast64_t generation; /* what memos hold is true as long as this stays */
    struct net_peer *peers;          /* by canonical address */
    struct paths_of_source *sources;
};

/* The lock is held. NULL: there is none. */
struct net_peer *path_table_find_peer(const struct path_table *t, const struct net_address *canonical);
struct paths_of_source *path_table_find_source(const struct path_table *t, const struct net_address *remote,
                                               int32_t socket);

#endif
