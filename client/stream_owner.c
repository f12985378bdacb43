/* What the owner of several streams asks of one. */
#include "client/stream_parts.h"

void stream_disown(struct hx_stream *h)
{
    h->owner = (struct stream_owner){.user = NULL};
}

void stream_end_paths(struct hx_stream *h)
{
    pthread_mutex_lock(&h->mutex);
    struct agent *agent = h->agent;
    h->agent = NULL;
    pthread_mutex_unlock(&h->mutex);
    rejoin_destroy(h->rejoin);
    h->rejoin = NULL;
    agent_end(agent);
}

bool stream_gone(struct hx_stream *h)
{
    pthread_mutex_lock(&h->mutex);
    bool gone = h->gone || h->canceled;
    pthread_mutex_unlock(&h->mutex);
    return gone;
}

int64_t stream_ask_for_life(struct hx_stream *h)
{
    if (!h->s)
        return -1;
    stream_ask(h->s);
    return stream_heard_ms(h->s);
}
