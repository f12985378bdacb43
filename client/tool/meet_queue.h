/* client/tool/meet_queue.h: what the library tells of a group, from its threads to the loop's, in order. */
#ifndef HX_CLIENT_TOOL_MEET_QUEUE_H
#define HX_CLIENT_TOOL_MEET_QUEUE_H

#include "client/hx.h"
#include <ev.h>
#include <pthread.h>

#define MEET_QUEUE_MAX 4096 /* of one that nobody takes; what comes then is left out */
#define MEET_TEXT_MAX  256

struct meet_told {
    struct meet_told *next;
    enum hx_event event;
    int error;
    int64_t retry_ms;
    char name[HX_NAME_MAX + 1];
    char address[HX_ADDRESS_MAX];
    char text[MEET_TEXT_MAX];
};

struct meet_queue {
    struct ev_loop *loop;
    ev_async *wake; /* of that loop */
    pthread_mutex_t mutex;
    struct meet_told *first, *last;
    int count;
};

void meet_queue_init(struct meet_queue *q, struct ev_loop *loop, ev_async *wake);
/* In any thread. */
void meet_queue_put(struct meet_queue *q, const struct hx_event_info *info);
/* The next one, to be freed; NULL: there is none. */
struct meet_told *meet_queue_take(struct meet_queue *q);

#endif
