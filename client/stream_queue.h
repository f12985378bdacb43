/* client/stream_queue.h: connections that wait until the application takes them, of a listener or of a group.
 * The engine's lock guards it. */
#ifndef HX_CLIENT_STREAM_QUEUE_H
#define HX_CLIENT_STREAM_QUEUE_H

#include "base/fair_share.h"
#include "client/readiness_fd.h"
#include "client/report.h"
#include "client/stream.h"

struct stream_queue {
    struct fair_share share;
    struct readiness_fd fd; /* readable while something waits, and once the queue has ended */
    bool ended;
    const struct reporter *reporter; /* of who had to give way; stays the caller's */
};

void stream_queue_init(struct stream_queue *q, int max, const struct reporter *reporter);
/* In a full queue the host with the most gives way: HX_EVENT_PEER_DROPPED. */
void stream_queue_put(struct stream_queue *q, struct hx_stream *s);
bool stream_queue_has_one(const struct stream_queue *q);
struct hx_stream *stream_queue_take(struct stream_queue *q); /* that has waited longest; NULL: none waits */
/* If it is still there, it is closed. */
void stream_queue_drop(struct stream_queue *q, struct hx_stream *s);
/* Closes all that wait. Again is fine. */
void stream_queue_end(struct stream_queue *q);
/* Frees the descriptor, too. */
void stream_queue_free(struct stream_queue *q);

#endif
