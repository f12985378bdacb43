/* The end of a stream as the application asks for it. */
#include "base/clock.h"
#include "client/linger.h"
#include "client/stream_parts.h"

#define LINGER_LOOK_MS 20 /* acknowledgements may come without an event */

/* Fills what linger_judge() wants to know. The news come first: what changes later is seen as news again. */
static unsigned look(struct hx_stream *h, struct linger_view *view)
{
    engine_lock();
    pthread_mutex_lock(&h->mutex);
    unsigned news = h->news;
    view->canceled = h->canceled;
    view->gone = h->gone;
    view->now_ms = clock_now_ms();
    if (h->s) {
        (void)stream_push(h);
        view->error = h->ended ? HX_OK : h->channel->error;
        udt_stream_half_close_state(h->s, &view->half_close);
        view->unacked = stream_unacked(h->s);
        if (view->unacked >= 0 && !h->ended)
            view->unacked++; /* what UDT has not even got */
        view->heard_ms = stream_heard_ms(h->s);
    }
    pthread_mutex_unlock(&h->mutex);
    engine_unlock();
    return news;
}

static int linger(struct hx_stream *h)
{
    struct linger_view view = {.unacked = 0};
    struct linger_state state;
    pthread_mutex_lock(&h->mutex);
    linger_init(&state, h->linger_ms, h->unsure || !h->ended ? -1 : 0, clock_now_ms());
    pthread_mutex_unlock(&h->mutex);
    for (;;) {
        unsigned news = look(h, &view);
        int verdict = linger_judge(&state, &view);
        if (verdict != HX_EAGAIN)
            return verdict;
        int64_t until_ms = view.now_ms + LINGER_LOOK_MS;
        pthread_mutex_lock(&h->mutex);
        while (h->news == news && engine_cond_wait(&h->cond, &h->mutex, until_ms))
            ;
        pthread_mutex_unlock(&h->mutex);
    }
}

void hx_abort(struct hx_stream *h)
{
    engine_lock();
    stream_detach(h, true);
    engine_unlock();
}

int hx_close(struct hx_stream *h)
{
    if (!h)
        return HX_OK;
    pthread_mutex_lock(&h->mutex);
    bool finished = h->finished;
    pthread_mutex_unlock(&h->mutex);
    int err = finished ? linger(h) : HX_OK;
    engine_lock();
    stream_discard(h);
    engine_unlock();
    return err;
}
