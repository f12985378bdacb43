#include "server/drain.h"
#include "base/container_of.h"
#include "server/conn_state.h"

/* All that are due in one walk. */
static void end_holders(struct drain *d, size_t due)
{
    for (struct conn *c = d->world->all; c && d->ended < due; c = conn_next(c))
        if (conn_holds(c)) {
            conn_finish_stream(c);
            d->ended++;
        }
}

static void set_timer(struct drain *d)
{
    int64_t next_ms = d->begun_ms + d->ms * (int64_t)(d->ended + 1) / (int64_t)d->holders;
    int64_t least_ms = d->world->now_ms + DRAIN_TURN_MS;

    timers_set(d->world->timers, &d->timer, next_ms > least_ms ? next_ms : least_ms);
}

/* Those that have left by themselves count as ended: the others have the rest of the time. */
static void holders_due(struct timer *t)
{
    struct drain *d = container_of(t, struct drain, timer);
    int64_t passed_ms = d->world->now_ms - d->begun_ms;
    size_t here = d->world->holders, due = d->holders;

    d->ended = d->holders > here ? d->holders - here : 0;
    if (passed_ms < d->ms)
        due = (size_t)((int64_t)d->holders * passed_ms / d->ms);
    end_holders(d, due);
    d->gone_ms = d->world->now_ms;
    if (d->ended < d->holders)
        set_timer(d);
}

void drain_begin(struct drain *d, struct conn_world *w, int64_t ms)
{
    *d =
        (struct drain){.world = w, .begun = true, .begun_ms = w->now_ms, .ms = ms, .timer.fire = holders_due};
    w->drain = d;
    for (struct conn *c = w->all; c; c = conn_next(c))
        conn_drain(c);
    d->holders = w->holders;
    if (d->holders > 0)
        set_timer(d);
}

int drain_left_s(const struct drain *d, int64_t now_ms)
{
    int64_t left_s = (d->begun_ms + d->ms - now_ms + 999) / 1000;

    return left_s < 1 ? 1 : (int)left_s;
}

bool drain_over(const struct drain *d, int64_t now_ms)
{
    return d->begun && !timer_is_set(&d->timer) && (d->holders == 0 || now_ms - d->gone_ms >= DRAIN_GRACE_MS);
}

int64_t drain_end_ms(const struct drain *d)
{
    return d->begun_ms + d->ms + DRAIN_GRACE_MS;
}

size_t drain_holders(const struct drain *d)
{
    return d->begun ? d->world->holders : 0;
}

void drain_stop(struct drain *d)
{
    if (d->begun)
        timers_cancel(d->world->timers, &d->timer);
}
