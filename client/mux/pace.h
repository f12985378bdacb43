/* client/mux/pace.h: how fast a connection's streams may move bytes, each way. May be shared by connections,
 * whichever threads they belong to. The caller has the clock (milliseconds of base/clock.h). */
#ifndef HX_CLIENT_MUX_PACE_H
#define HX_CLIENT_MUX_PACE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_BURST_MS 100 /* what time has earned, and was not used, is kept for so long */
#define PACE_TURN_MS  10  /* how often it is worth asking whether there is room again */
#define PACE_LEAST    512 /* bytes that always fit into a burst: a frame that is worth its head */
#define PACE_MOST     (INT64_C(1) << 40)

enum pace_way { PACE_IN, PACE_OUT, PACE_WAYS };

struct pace {
    int64_t bytes_per_s; /* 1 to PACE_MOST; 0: as fast as it goes */
    pthread_mutex_t mutex;
    struct {
        int64_t then_ms; /* 0: it was not used yet */
        int64_t credit;  /* thousandths of bytes; below 0: what has left is yet to be earned */
        int64_t moved;   /* bytes since the beginning */
    } ways[PACE_WAYS];
};

void pace_init(struct pace *p, int64_t bytes_per_s);
void pace_free(struct pace *p);
/* How many of `most` bytes may move now; 0: none yet. NULL: all. */
size_t pace_room(struct pace *p, enum pace_way way, size_t most, int64_t now_ms);
/* So many have moved. NULL is fine. */
void pace_spend(struct pace *p, enum pace_way way, size_t bytes);
/* All that have. */
int64_t pace_moved(struct pace *p, enum pace_way way);

#endif
