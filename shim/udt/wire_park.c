/* A parked connection is one that UDT's worker does not visit. Its keepalives are answered here (wire_in.c),
 * and its silence is the server's to notice. */
#include "shim/udt/wire_park.h"
#include "base/clock.h"
#include "shim/udt/wire_internal.h"

static _Thread_local struct wire *serving; /* the port whose worker this thread is */

void wire_serve(struct wire *w)
{
    serving = w;
}

bool wire_on_worker(const struct wire *w)
{
    return serving == w;
}

bool wire_thread_listens(void)
{
    return serving && serving->door;
}

static void unqueue(struct wire *w, struct wire_conn *c)
{
    if (c->unparking)
        DL_DELETE2(w->unpark, c, unpark_prev, unpark_next);
    c->unparking = false;
}

enum wire_parking wire_parking(int32_t id, void *udt, bool alive)
{
    enum wire_parking what = WIRE_STAY;
    struct wire *w = serving;
    int64_t idle_ms;
    struct wire_conn *c;

    if (!w || !w->door)
        return WIRE_STAY;
    pthread_mutex_lock(&w->lock);
    c = wire_find(w, id);
    idle_ms = c ? clock_now_ms() - c->active_ms : 0;
    if (c && c->parked && (!alive || idle_ms < WIRE_PARK_MS)) {
        unqueue(w, c);
        c->parked = NULL;
        what = WIRE_UNPARK;
        if (c->leaving)
            wire_forget(w, c);
    } else if (c && !c->parked && alive && c->state == WIRE_OPEN && idle_ms >= WIRE_PARK_MS) {
        c->parked = udt;
        what = WIRE_PARK;
    }
    wire_unlock(w);
    return what;
}

void wire_unpark(struct wire *w, struct wire_conn *c)
{
    if (!c->parked || c->unparking)
        return;
    DL_APPEND2(w->unpark, c, unpark_prev, unpark_next);
    c->unparking = true;
    wire_wake(w);
}

void wire_unpark_all(struct wire *w)
{
    struct wire_conn *c;

    while ((c = w->unpark)) {
        unqueue(w, c);
        wire_relist(c->parked);
        c->parked = NULL;
        if (c->leaving)
            wire_forget(w, c);
    }
}
