#include "client/tool/meet_queue.h"
#include <stdio.h>
#include <stdlib.h>

void meet_queue_init(struct meet_queue *q, struct ev_loop *loop, ev_async *wake)
{
    *q = (struct meet_queue){.loop = loop, .wake = wake};
    pthread_mutex_init(&q->mutex, NULL);
}

void meet_queue_put(struct meet_queue *q, const struct hx_event_info *info)
{
    struct meet_told *t = calloc(1, sizeof *t);
    if (!t)
        return;
    *t = (struct meet_told){.event = info->event, .error = info->error, .retry_ms = info->retry_ms};
    snprintf(t->name, sizeof t->name, "%s", info->name);
    snprintf(t->address, sizeof t->address, "%s", info->address);
    snprintf(t->text, sizeof t->text, "%s", info->text);
    pthread_mutex_lock(&q->mutex);
    if (q->count < MEET_QUEUE_MAX) {
        if (q->last)
            q->last->next = t;
        else
            q->first = t;
        q->last = t;
        q->count++;
        t = NULL;
    }
    pthread_mutex_unlock(&q->mutex);
    free(t);
    ev_async_send(q->loop, q->wake);
}

struct meet_told *meet_queue_take(struct meet_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    struct meet_told *t = q->first;
    if (t) {
        q->first = t->next;
        q->last = q->first ? q->last : NULL;
        q->count--;
    }
    pthread_mutex_unlock(&q->mutex);
    return t;
}
