#include "shim/udt/idle_suspension.h"
#include "base/clock.h"
#include "shim/udt/tap_parts.h"
#include <utlist.h>

bool suspension_thread_listens(void)
{
    return tap_served() && tap_served()->listener;
}

/* The worker visits `c`, or will at once: nothing stands in the way of forgetting it. */
static void resumed(struct tap *t, struct udt_conn *c)
{
    if (c->resuming)
        DL_DELETE2(t->conns.resume, c, resume_prev, resume_next);
    c->resuming = false;
    c->suspended = NULL;
    if (c->leaving)
        udt_conn_forget(&t->conns, c);
}

enum suspension suspension_decide(int32_t id, void *udt, bool alive, void (*relist)(void *udt))
{
    enum suspension what = SUSPENSION_STAY;
    struct tap *t = tap_served();

    if (!t || !t->listener)
        return SUSPENSION_STAY;
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    int64_t idle_ms = c ? clock_now_ms() - c->active_ms : 0;
    if (c && c->suspended && (!alive || idle_ms < SUSPEND_AFTER_MS)) {
        resumed(t, c);
        what = SUSPENSION_RESUME;
    } else if (c && !c->suspended && alive && c->state == UDT_CONN_OPEN && idle_ms >= SUSPEND_AFTER_MS &&
               !t->detached) { /* UDT::cleanup() waits until the worker has let go of all */
        c->suspended = udt;
        c->relist = relist;
        what = SUSPENSION_SUSPEND;
    }
    tap_unlock(t);
    return what;
}

void suspension_resume(struct tap *t, struct udt_conn *c)
{
    if (!c->suspended || c->resuming)
        return;
    DL_APPEND2(t->conns.resume, c, resume_prev, resume_next);
    c->resuming = true;
    tap_wake(t);
}

void suspension_resume_all(struct tap *t)
{
    struct udt_conn *c;

    while ((c = t->conns.resume)) {
        c->relist(c->suspended);
        resumed(t, c);
    }
}
