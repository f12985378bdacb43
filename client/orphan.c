#include "client/orphan.h"
#include "client/engine.h"
#include <stdlib.h>

struct orphan {
    struct engine_timer timer; /* first: the timer is the orphan */
    struct engine_member member;
    struct stream *stream;
};

static int orphan_count;

static void drop(struct orphan *o)
{
    stream_close(o->stream);
    engine_timer_cancel(&o->timer);
    engine_leave(&o->member);
    orphan_count--;
    free(o);
}

static void on_cancel(struct engine_member *m)
{
    drop((struct orphan *)((char *)m - offsetof(struct orphan, member)));
}

static void on_due(struct engine_timer *t)
{
    drop((struct orphan *)t);
}

bool orphan_keep(struct stream *s, int64_t due_ms)
{
    struct orphan *o = NULL;
    if (due_ms > udt_now_ms() && orphan_count < ORPHAN_MAX)
        o = calloc(1, sizeof *o);
    if (!o)
        return false;
    o->timer.fire = on_due;
    o->member.cancel = on_cancel;
    o->stream = s;
    engine_join(&o->member);
    engine_timer_set(&o->timer, due_ms);
    orphan_count++;
    return true;
}
