#include "client/delayed_close.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/engine.h"
#include <stdlib.h>

struct delayed_close {
    struct timer timer; /* first: a pointer to it is one to the whole */
    struct engine_member member;
    struct stream *stream;
};

static int delayed_count;

static void drop(struct delayed_close *d)
{
    stream_close(d->stream);
    engine_timer_cancel(&d->timer);
    engine_leave(&d->member);
    delayed_count--;
    free(d);
}

static void on_cancel(struct engine_member *m)
{
    drop(container_of(m, struct delayed_close, member));
}

static bool has_unsent(struct engine_member *m)
{
    return udt_stream_unsent(container_of(m, struct delayed_close, member)->stream) > 0;
}

static void on_due(struct timer *t)
{
    drop((struct delayed_close *)t);
}

bool delayed_close(struct stream *s, int64_t due_ms)
{
    struct delayed_close *d = NULL;
    if (due_ms > clock_now_ms() && delayed_count < DELAYED_CLOSE_MAX)
        d = calloc(1, sizeof *d);
    if (!d)
        return false;
    d->timer.fire = on_due;
    d->member.cancel = on_cancel;
    d->member.unsent = has_unsent;
    d->stream = s;
    engine_join(&d->member);
    engine_timer_set(&d->timer, due_ms);
    delayed_count++;
    return true;
}
