/* server/store_state.h: the inside of server/store.h, for store.c and store_take.c alone. */
#ifndef HX_SERVER_STORE_STATE_H
#define HX_SERVER_STORE_STATE_H

#include "server/loop.h"
#include "server/store.h"
#include <sys/types.h>

struct packet { /* it waits for room in the socket */
    struct packet *prev, *next;
    size_t len;
    uint8_t bytes[];
};

/* The store answers in the order in which it is asked. */
struct pending {
    struct pending *prev, *next;
    uint32_t id;
    int64_t until_ms;
    bool claims;
    bool over; /* its answer comes late */
    uint8_t key[STORE_KEY_BYTES];
    char name[STORE_NAME_MAX + 1];
};

struct store {
    int fd;       /* -1: it is gone */
    bool watched; /* by the loop */
    struct loop *loop;
    struct loop_edge room; /* for what waits */
    pid_t pid;
    struct packet *queue;
    size_t queued; /* bytes */
    struct pending *pending;
    size_t pending_count;
    uint32_t last_id;
    bool loaded, reading, unusable;
    const char *reason; /* of its death */
    int64_t reap_ms;    /* when it is next asked how it has ended; -1: it has not, or is known */
    int reap_tries;
    bool death_logged;
    int read_again; /* enum store_text */
    const struct store_text_events *texts;
    const struct store_owner_events *owners;
};

/* store_take.c */
/* Takes one message of the store's. False: there is none now, or there will be none. */
bool store_take(struct store *s);
/* How it has ended is asked for when it is time for that. */
void store_reap(struct store *s, int64_t now_ms);
void store_tell_claimed(const struct store *s, struct pending *p, int result);
void store_drop_queue(struct store *s);
/* Nothing of it is answered any more. */
void store_fail_pending(struct store *s);

#endif
