#include "client/race.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/route.h"
#include "client/visit_store.h"
#include <stdlib.h>
#include <string.h>

#define RUNNERS_MAX (2 * RESOLVE_MAX)

enum { IPV6, IPV4, FAMILIES }; /* the order of preference */

struct runner {
    struct engine_sink sink;
    struct race *race;
    struct stream *stream; /* NULL: not in the race any more */
    bool asked;            /* it was told r->first ahead */
};

struct race {
    struct lookup {
        struct race *race;
        struct resolve *resolve; /* NULL: not asked for, or answered */
        bool temporary;          /* no answer, but there may be one the next time */
        struct resolve_list list;
        size_t next; /* address to be tried */
    } lookups[FAMILIES];
    int turn; /* the family that begins next, if it has an address */
    struct runner runners[RUNNERS_MAX];
    int runner_count;
    struct timer pace;  /* the next address begins */
    struct timer limit; /* the end of the race; set once an address has begun */
    struct udt_port *port;
    int connect_ms;
    const struct buf *first; /* NULL: nothing */
    int error;               /* why the last runner has left the race */
    race_done_fn *done;
    void *user;
};

void race_cancel(struct race *r)
{
    if (!r)
        return;
    engine_timer_cancel(&r->pace);
    engine_timer_cancel(&r->limit);
    for (int i = 0; i < FAMILIES; i++)
        resolve_cancel(r->lookups[i].resolve);
    for (int i = 0; i < r->runner_count; i++)
        stream_close(r->runners[i].stream);
    free(r);
}

static void over(struct race *r, const struct race_result *result)
{
    race_done_fn *done = r->done;
    void *user = r->user;
    race_cancel(r);
    done(user, result);
}

static bool running(const struct race *r)
{
    for (int i = 0; i < r->runner_count; i++) {
        if (r->runners[i].stream)
            return true;
    }
    return false;
}

static bool looking_up(const struct race *r)
{
    return r->lookups[IPV6].resolve || r->lookups[IPV4].resolve;
}

static bool has_next(const struct race *r)
{
    return r->lookups[IPV6].next < r->lookups[IPV6].list.count ||
           r->lookups[IPV4].next < r->lookups[IPV4].list.count;
}

/* Nobody runs, nobody will. */
static void lost(struct race *r)
{
    bool temporary = r->lookups[IPV6].temporary || r->lookups[IPV4].temporary;
    over(r, &(struct race_result){.error = r->error, .hopeless = r->error == HX_ERESOLVE && !temporary});
}

static void on_event(struct engine_sink *sink, const struct udt_event *ev);

static int begin_runner(struct race *r, struct runner *runner, const struct sockaddr *to, socklen_t len)
{
    uint8_t ticket[UDT_TICKET_MAX];
    struct udt_early_bytes early = {.ticket = ticket};
    bool asks = r->first && r->first->len <= UDT_EARLY_BYTES_MAX && r->runner_count == 0;
    if (asks) {
        early.bytes = buf_data(r->first);
        early.len = r->first->len;
        early.ticket_len = visit_store_take(to, len, ticket);
    }
    runner->asked = asks;
    return udt_connect_early(&runner->stream, r->port, to, len, r->connect_ms, asks ? &early : NULL,
                             &runner->sink);
}

/* HX_OK: the next address has begun. An error: this one cannot. */
static int begin_one(struct race *r)
{
    struct lookup *l = &r->lookups[r->turn];
    struct endpoint source;
    if (l->next >= l->list.count)
        l = &r->lookups[!r->turn];
    r->turn = l == &r->lookups[IPV6] ? IPV4 : IPV6;
    const struct sockaddr *to = (struct sockaddr *)&l->list.address[l->next].sa;
    socklen_t len = l->list.address[l->next++].len;
    if (!route_source(to, len, &source))
        return HX_ETIMEDOUT; /* as a network would have it that drops everything, only sooner */
    struct runner *runner = &r->runners[r->runner_count];
    runner->sink.on_event = on_event;
    runner->race = r;
    int err = begin_runner(r, runner, to, len);
    if (err < 0) {
        runner->stream = NULL;
        return err;
    }
    r->runner_count++;
    if (!timer_is_set(&r->limit))
        engine_timer_set(&r->limit, clock_now_ms() + r->connect_ms);
    engine_wake();
    return HX_OK;
}

/* Lets the next address begin, and the one after it later. False: the race is over, and gone. */
static bool advance(struct race *r)
{
    engine_timer_cancel(&r->pace);
    while (has_next(r)) {
        int err = begin_one(r);
        if (err == HX_OK)
            break;
        r->error = err;
    }
    if (has_next(r))
        engine_timer_set(&r->pace, clock_now_ms() + RACE_ATTEMPT_MS);
    if (running(r) || looking_up(r))
        return true;
    lost(r);
    return false;
}

static void on_event(struct engine_sink *sink, const struct udt_event *ev)
{
    struct runner *runner = container_of(sink, struct runner, sink);
    struct race *r = runner->race;
    if (ev->type == UDT_EV_CONNECTED) {
        struct race_result won = {.error = HX_OK, .stream = runner->stream, .asked = runner->asked};
        runner->stream->user = NULL;
        runner->stream = NULL;
        over(r, &won);
    } else if (ev->type == UDT_EV_CONNECT_FAILED) {
        stream_close(runner->stream);
        runner->stream = NULL;
        r->error = ev->error;
        (void)advance(r);
    }
}

static void on_pace(struct timer *t)
{
    (void)advance(container_of(t, struct race, pace));
}

static void on_limit(struct timer *t)
{
    struct race *r = container_of(t, struct race, limit);
    over(r, &(struct race_result){.error = r->error == HX_EREFUSED ? HX_EREFUSED : HX_ETIMEDOUT});
}

static void on_resolved(void *user, const struct resolve_result *result)
{
    struct lookup *l = user;
    struct race *r = l->race;
    bool begun = r->runner_count > 0;
    l->resolve = NULL;
    l->temporary = result->error < 0 && result->temporary;
    if (result->error == HX_OK)
        l->list = *result->list;
    if (begun) {
        if (!timer_is_set(&r->pace) && has_next(r)) /* the ones that run have their delay first */
            engine_timer_set(&r->pace, clock_now_ms() + RACE_ATTEMPT_MS);
        if (!running(r))
            (void)advance(r);
    } else if (l == &r->lookups[IPV4] && l->list.count > 0 && r->lookups[IPV6].resolve) {
        engine_timer_set(&r->pace, clock_now_ms() + RACE_RESOLUTION_MS);
    } else if (l->list.count > 0 || !looking_up(r)) {
        (void)advance(r);
    }
}

int race_begin(struct race **out, const struct host_port *name, int families, struct udt_port *port,
               int connect_ms, const struct buf *first, race_done_fn *done, void *user)
{
    static const int family_of[FAMILIES] = {[IPV6] = AF_INET6, [IPV4] = AF_INET};
    static const int bit_of[FAMILIES] = {[IPV6] = FAMILY_IPV6, [IPV4] = FAMILY_IPV4};
    struct race *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    r->turn = IPV6;
    r->port = port;
    r->connect_ms = connect_ms;
    r->first = first;
    r->error = HX_ERESOLVE;
    r->done = done;
    r->user = user;
    r->pace.fire = on_pace;
    r->limit.fire = on_limit;
    for (int i = 0; i < FAMILIES; i++) {
        struct lookup *l = &r->lookups[i];
        l->race = r;
        if ((families & bit_of[i]) && resolve_begin(&l->resolve, name, family_of[i], on_resolved, l) < 0) {
            race_cancel(r);
            return HX_ENOMEM;
        }
    }
    *out = r;
    return HX_OK;
}
