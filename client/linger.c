#include "client/linger.h"

void linger_init(struct linger_state *l, int linger_ms, int unacked, int64_t now_ms)
{
    *l = (struct linger_state){.linger_ms = linger_ms,
                               .begun_ms = now_ms,
                               .progress_ms = now_ms,
                               .confirmed_ms = INT64_MAX,
                               .unacked = unacked};
}

/* Ours has arrived. The peer may still wait to hear that its own has. */
static int judge_confirmed(struct linger_state *l, const struct linger_view *v)
{
    if (l->confirmed_ms == INT64_MAX)
        l->confirmed_ms = v->now_ms;
    bool peer_waits = v->half_close.received_all && !v->half_close.peer_done;
    if (peer_waits && !v->gone && v->now_ms - l->confirmed_ms < LINGER_PARTING_MS)
        return HX_EAGAIN;
    return HX_OK;
}

/* No hx program: that its UDT has everything is all that can be known. */
static bool stock_has_all(const struct linger_state *l, const struct linger_view *v)
{
    if (v->half_close.peer_speaks)
        return false;
    if (v->gone || v->unacked < 0)
        return l->unacked == 0;
    return v->unacked == 0 && v->now_ms - l->begun_ms >= LINGER_STOCK_MS;
}

int linger_judge(struct linger_state *l, const struct linger_view *v)
{
    if (v->canceled)
        return HX_ECANCELED;
    if (v->error < 0)
        return v->error;
    if (v->half_close.sent_confirmed)
        return judge_confirmed(l, v);
    if (stock_has_all(l, v))
        return HX_OK;
    if (v->gone || v->unacked < 0)
        return HX_ECLOSED;
    if (v->unacked != l->unacked)
        l->progress_ms = v->now_ms;
    l->unacked = v->unacked;
    if (v->now_ms - v->heard_ms >= LINGER_SILENCE_MS)
        return HX_ECLOSED;
    if (l->linger_ms >= 0 && v->now_ms - l->progress_ms >= l->linger_ms)
        return HX_ETIMEDOUT;
    return HX_EAGAIN;
}
