/* A server that is drained takes nothing new (server/drain.h): who asks is told where to go instead. */
#include "server/conn_state.h"
#include "server/drain.h"

bool conn_is_sent_away(const struct conn *c)
{
    return c->world->stopping || (c->world->drain && c->streamed);
}

bool conn_is_turned_over(const struct conn *c)
{
    return c->world->drain && (c->request->target == REQUEST_BIND || c->request->target == REQUEST_JOIN);
}

/* Its name may be held elsewhere by now. */
enum reply_reason conn_reason_when_drained(const struct conn *c, enum reply_reason reason)
{
    return c->world->drain && reason == REPLY_UNKNOWN ? REPLY_DRAINING : reason;
}

void conn_point_elsewhere(const struct conn *c, struct reply *reply)
{
    const struct conn_world *w = c->world;

    if (reply->counter != COUNTER_REFUSED_DRAINING && reply->counter != COUNTER_REFUSED_STOPPING)
        return;
    reply->location = w->config->drain_to[0] ? w->config->drain_to : NULL;
    if (w->drain && !w->stopping)
        reply->retry_after_s = drain_left_s(w->drain, w->now_ms);
}

void conn_drain(struct conn *c)
{
    if (c->state != CONN_ASK)
        return;
    int err = conn_refuse_for(c, REPLY_DRAINING);
    if (err < 0)
        conn_fail(c, err);
    conn_queue(c);
}
