#include "client/race.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/visit_store.h"
#include <stdlib.h>

struct runner {
    struct engine_sink sink;
    struct race *race;
    struct stream *stream; /* NULL: not in the race any more */
    bool asked;            /* it was told r->first ahead */
};

struct race {
    struct eyeballs *eyeballs;
    struct runner runners[EYEBALLS_MAX];
    int runner_count;
    struct timer limit; /* the end of the race; set once an address has begun */
    struct udt_port *port;
    int connect_ms;
    const struct buf *first; /* NULL: nothing */
    race_done_fn *done;
    void *user;
};

void race_cancel(struct race *r)
{
    if (!r)
        return;
    engine_timer_cancel(&r->limit);
    eyeballs_end(r->eyeballs);
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

static void on_lost(void *user, int error, bool hopeless)
{
    over(user, &(struct race_result){.error = error, .hopeless = hopeless});
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
        eyeballs_failed(r->eyeballs, ev->error);
    }
}

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

static int on_attempt(void *user, const struct sockaddr *to, socklen_t len)
{
    struct race *r = user;
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

static void on_limit(struct timer *t)
{
    struct race *r = container_of(t, struct race, limit);
    bool refused = eyeballs_error(r->eyeballs) == HX_EREFUSED;
    over(r, &(struct race_result){.error = refused ? HX_EREFUSED : HX_ETIMEDOUT});
}

int race_begin(struct race **out, const struct host_port *name, int families, struct udt_port *port,
               int connect_ms, const struct buf *first, race_done_fn *done, void *user)
{
    struct race *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    r->port = port;
    r->connect_ms = connect_ms;
    r->first = first;
    r->done = done;
    r->user = user;
    r->limit.fire = on_limit;
    const struct eyeballs_callbacks callbacks = {.attempt = on_attempt, .lost = on_lost, .user = r};
    if (eyeballs_begin(&r->eyeballs, name, families, &callbacks) < 0) {
        free(r);
        return HX_ENOMEM;
    }
    *out = r;
    return HX_OK;
}
