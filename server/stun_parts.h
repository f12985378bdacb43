/* server/stun_parts.h: what stun.c (questions and answers) and stun_open.c (the ports of its own) share. */
#ifndef HX_SERVER_STUN_PARTS_H
#define HX_SERVER_STUN_PARTS_H

#include "base/rate.h"
#include "base/token_bucket.h"
#include "server/stun.h"
#include "server/stun_places.h"
#include <pthread.h>

enum stun_counter {
#define STUN_COUNTER_ENUM(name, text) STUN_##name,
    STUN_COUNTER_MAP(STUN_COUNTER_ENUM)
#undef STUN_COUNTER_ENUM
        STUN_COUNTERS
};

struct stun {
    struct server_config config;
    int fds[STUN_PLACES_MAX];
    size_t fd_count;
    struct stun_places places; /* does not change while it serves */
    pthread_mutex_t lock;      /* of what follows, and of sending */
    bool serving;
    struct rate rate;
    struct token_bucket total;
    uint64_t counters[STUN_COUNTERS];
};

/* From now on what comes to this port of its own is answered, once somebody reads it. */
void stun_read_own(struct stun_place *p);

#endif
