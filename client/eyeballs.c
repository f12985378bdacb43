#include "client/eyeballs.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/route.h"
#include <stdlib.h>

enum { IPV6, IPV4, FAMILIES }; /* the order of preference */

struct eyeballs {
    struct lookup {
        struct eyeballs *eyeballs;
        struct resolve *resolve; /* NULL: not asked for, or answered */
        bool temporary;          /* no answer, but there may be one the next time */
        struct resolve_list list;
        size_t next; /* address to be tried */
    } lookups[FAMILIES];
    int turn; /* the family that begins next, if it has an address */
    bool begun;
    int running;       /* attempts that have not failed */
    struct timer pace; /* the next address begins */
    int error;         /* why the last attempt has failed */
    struct eyeballs_callbacks callbacks;
};

void eyeballs_end(struct eyeballs *e)
{
    if (!e)
        return;
    engine_timer_cancel(&e->pace);
    for (int i = 0; i < FAMILIES; i++)
        resolve_cancel(e->lookups[i].resolve);
    free(e);
}

int eyeballs_error(const struct eyeballs *e)
{
    return e->error;
}

static bool looking_up(const struct eyeballs *e)
{
    return e->lookups[IPV6].resolve || e->lookups[IPV4].resolve;
}

static bool has_next(const struct eyeballs *e)
{
    return e->lookups[IPV6].next < e->lookups[IPV6].list.count ||
           e->lookups[IPV4].next < e->lookups[IPV4].list.count;
}

/* HX_OK: the next address has begun. An error: this one cannot. */
static int begin_one(struct eyeballs *e)
{
    struct lookup *l = &e->lookups[e->turn];
    struct endpoint source;
    if (l->next >= l->list.count)
        l = &e->lookups[!e->turn];
    e->turn = l == &e->lookups[IPV6] ? IPV4 : IPV6;
    const struct sockaddr *to = (struct sockaddr *)&l->list.address[l->next].sa;
    socklen_t len = l->list.address[l->next++].len;
    if (!route_source(to, len, &source))
        return HX_ETIMEDOUT; /* as a network would have it that drops everything, only sooner */
    int err = e->callbacks.attempt(e->callbacks.user, to, len);
    if (err == HX_OK) {
        e->begun = true;
        e->running++;
    }
    return err;
}

/* Lets the next address begin, and the one after it later. The last thing that is done with `e`. */
static void advance(struct eyeballs *e)
{
    engine_timer_cancel(&e->pace);
    while (has_next(e)) {
        int err = begin_one(e);
        if (err == HX_OK)
            break;
        e->error = err;
    }
    if (has_next(e))
        engine_timer_set(&e->pace, clock_now_ms() + EYEBALLS_ATTEMPT_MS);
    if (e->running > 0 || looking_up(e))
        return;
    bool temporary = e->lookups[IPV6].temporary || e->lookups[IPV4].temporary;
    e->callbacks.lost(e->callbacks.user, e->error, e->error == HX_ERESOLVE && !temporary);
}

void eyeballs_failed(struct eyeballs *e, int error)
{
    e->error = error;
    e->running--;
    advance(e);
}

static void on_pace(struct timer *t)
{
    advance(container_of(t, struct eyeballs, pace));
}

static void on_resolved(void *user, const struct resolve_result *result)
{
    struct lookup *l = user;
    struct eyeballs *e = l->eyeballs;
    l->resolve = NULL;
    l->temporary = result->error < 0 && result->temporary;
    if (result->error == HX_OK)
        l->list = *result->list;
    if (e->begun) {
        if (!timer_is_set(&e->pace) && has_next(e)) /* the ones that run have their delay first */
            engine_timer_set(&e->pace, clock_now_ms() + EYEBALLS_ATTEMPT_MS);
        if (e->running == 0)
            advance(e);
    } else if (l == &e->lookups[IPV4] && l->list.count > 0 && e->lookups[IPV6].resolve) {
        engine_timer_set(&e->pace, clock_now_ms() + EYEBALLS_RESOLUTION_MS);
    } else if (l->list.count > 0 || !looking_up(e)) {
        advance(e);
    }
}

int eyeballs_begin(struct eyeballs **out, const struct host_port *name, int families,
                   const struct eyeballs_callbacks *callbacks)
{
    static const int family_of[FAMILIES] = {[IPV6] = AF_INET6, [IPV4] = AF_INET};
    static const int bit_of[FAMILIES] = {[IPV6] = FAMILY_IPV6, [IPV4] = FAMILY_IPV4};
    struct eyeballs *e = calloc(1, sizeof *e);
    if (!e)
        return HX_ENOMEM;
    e->turn = IPV6;
    e->error = HX_ERESOLVE;
    e->callbacks = *callbacks;
    e->pace.fire = on_pace;
    for (int i = 0; i < FAMILIES; i++) {
        struct lookup *l = &e->lookups[i];
        l->eyeballs = e;
        if ((families & bit_of[i]) && resolve_begin(&l->resolve, name, family_of[i], on_resolved, l) < 0) {
            eyeballs_end(e);
            return HX_ENOMEM;
        }
    }
    *out = e;
    return HX_OK;
}
