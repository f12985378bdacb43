/* server/relay_table_state.h: the inside of the relay's table, for relay_table.c and relay_table_look.c alone. */
#ifndef HX_SERVER_RELAY_TABLE_STATE_H
#define HX_SERVER_RELAY_TABLE_STATE_H

#include "base/rate.h"
#include "base/token_bucket.h"
#include "secure/mac.h"
#include "server/relay_hosts.h"
#include "server/relay_table.h"
#include <pthread.h>

struct party {
    struct net_address proven; /* by UDT's handshake, until the first OPEN */
    struct relay_place place;  /* once opened_ms is not 0 */
    int64_t opened_ms;
    uint64_t number;         /* of its newest OPEN; */
    uint64_t challenged;     /* of the newest that was challenged: a copy of it gets no further answer */
    struct relay_host *host; /* NULL: it has not opened */
    bool has_key;
    uint8_t key[MAC_KEY_BYTES];
};

struct relay_session {
    uint8_t id[RELAY_ID_BYTES];
    uint8_t key[SESSION_BYTES];
    struct relay_host *asker; /* until it is opened, when it is in t->known */
    struct relay_session *known_prev, *known_next;
    int64_t known_ms;
    int64_t begun_ms; /* its first OPEN; 0: none yet */
    struct party parties[RELAY_HALVES];
    uint64_t bytes; /* forwarded */
    struct token_bucket rate;
    int64_t over_rate_ms, over_total_ms; /* when a datagram was dropped last; 0: none was */
    struct relay_session *prev, *next;   /* in the order in which they are looked at */
    UT_hash_handle hh;
};

struct relay_table {
    struct relay_limits limits;
    struct token_limit rate, total;
    pthread_mutex_t lock;
    struct relay_session *sessions; /* by id */
    struct relay_session *order;
    struct relay_session *known; /* those that nobody has opened yet, the oldest first */
    struct relay_host *hosts;
    size_t known_count, open;
    struct token_bucket all, unmatched_codes;
    struct rate codes;             /* of sources */
    uint8_t secret[MAC_KEY_BYTES]; /* of the cookies */
    uint64_t bytes;
    uint64_t counters[RELAY_COUNTERS];
};

#endif
