#include "client/stream_queue.h"

static void remove_one(struct stream_queue *q, struct fair_share_member *m)
{
    fair_share_remove(&q->share, m);
    readiness_fd_set(&q->fd, q->share.count > 0 || q->ended);
}

/* Nobody takes them, and others may come for ever. */
static void make_room(struct stream_queue *q, struct hx_stream *newcomer)
{
    struct fair_share_member *m;
    while ((m = fair_share_victim(&q->share, &stream_waiting(newcomer)->source))) {
        struct hx_stream *victim = stream_of_waiting(m);
        remove_one(q, m);
        report(q->reporter,
               &(struct hx_event_info){
                   .event = HX_EVENT_PEER_DROPPED, .error = HX_ELIMIT, .name = stream_name(victim)},
               stream_endpoint(victim));
        stream_discard(victim);
    }
}

void stream_queue_init(struct stream_queue *q, int max, const struct reporter *reporter)
{
    *q = (struct stream_queue){.reporter = reporter};
    fair_share_init(&q->share, max, max);
    readiness_fd_init(&q->fd, false);
}

void stream_queue_put(struct stream_queue *q, struct hx_stream *s)
{
    make_room(q, s);
    fair_share_add(&q->share, stream_waiting(s));
    readiness_fd_set(&q->fd, true);
}

bool stream_queue_has_one(const struct stream_queue *q)
{
    return q->share.oldest != NULL;
}

struct hx_stream *stream_queue_take(struct stream_queue *q)
{
    struct fair_share_member *m = q->share.oldest;
    if (!m)
        return NULL;
    remove_one(q, m);
    return stream_of_waiting(m);
}

void stream_queue_drop(struct stream_queue *q, struct hx_stream *s)
{
    struct fair_share_member *m = stream_waiting(s);
    if (!m->listed)
        return;
    remove_one(q, m);
    stream_discard(s);
}

void stream_queue_end(struct stream_queue *q)
{
    struct hx_stream *s;
    q->ended = true;
    while ((s = stream_queue_take(q)))
        stream_discard(s);
    readiness_fd_set(&q->fd, true);
}

void stream_queue_free(struct stream_queue *q)
{
    stream_queue_end(q);
    readiness_fd_close(&q->fd);
}
