#include "client/delayed_close.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/engine.h"
#include <stdlib.h>

struct delayed_close {
    struct engine_timer timer; /* first: the timer is the orphan */
    struct engine_member member;
    struct stream *stream;
};

static int delayed_count;

static void drop(struct delayed_close *o)
{
    stream_close(o->stream);
    engine_timer_cancel(&o->timer);
    engine_leave(&o->member);
    delayed_count--;
    free(o);
}

static void on_cancel(struct engine_member *m)
{
    drop(container_of(m, struct delayed_close, member));
}

static void on_due(struct engine_timer *t)
{
    drop((struct delayed_close *)t);
}

bool delayed_close(struct stream *s, int64_t due_ms)
{
    struct delayed_close *o = NULL;
    if (due_ms > clock_now_ms() && delayed_count < DELAYED_CLOSE_MAX)
        o = calloc(1, sizeof *o);
    if (!o)
        return false;
    o->timer.fire = on_due;
    o->member.cancel = on_cancel;
    o->stream = s;
    engine_join(&o->member);
    engine_timer_set(&o->timer, due_ms);
    delayed_count++;
    return true;
}
