#include "shim/udt/sent_use.h"
#include "base/clock.h"
#include "shim/udt/give_back.h"
#include "shim/udt/tap_parts.h"

#define MUCH_AGAIN_MS 100 /* it is noted again after so long */

void sent_use_much(int32_t id)
{
    static _Thread_local int64_t noted_ms;
    static _Thread_local int32_t noted;
    struct tap *t = tap_served();
    int64_t now_ms = clock_now_ms();

    if (!t || (noted == id && now_ms - noted_ms < MUCH_AGAIN_MS))
        return;
    noted = id;
    noted_ms = now_ms;
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c)
        c->sent_much_ms = now_ms;
    tap_unlock(t);
}

bool sent_use_is_little(int32_t id)
{
    struct tap *t = tap_served();

    if (!t)
        return false;
    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    int64_t before_ms = clock_now_ms() - GIVE_BACK_AFTER_MS;
    bool little = c && c->state == UDT_CONN_OPEN && c->gave_back_ms < c->active_ms &&
                  c->gave_back_ms <= before_ms && c->sent_much_ms <= before_ms;
    tap_unlock(t);
    return little;
}

void sent_use_given_back(int32_t id)
{
    struct tap *t = tap_served();

    pthread_mutex_lock(&t->lock);
    struct udt_conn *c = udt_conn_find(&t->conns, id);
    if (c)
        c->gave_back_ms = clock_now_ms();
    tap_unlock(t);
}
