#include "client/rejoin.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/nameserver.h"
#include "client/own_fields.h"
#include "client/parts.h"
#include "proto/request.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_MS  500  /* between two questions, twice as long each time, ... */
#define MAX_MS    8000 /* ... up to this */
#define ANSWER_MS 3000 /* a path must work so soon after the answer, or it is asked for anew */

enum rejoin_state { REJOIN_IDLE, REJOIN_ASKING, REJOIN_WAITING };

struct rejoin {
    enum rejoin_state state; /* changed by enter() alone */
    bool needed;
    struct settings settings;
    int where; /* the nameserver that is asked */
    struct agent *agent;
    struct nameserver *nameserver; /* ASKING */
    struct timer timer;
    struct backoff backoff;
    struct parts parts;
    struct nat_mapping told; /* of ours, with the question */
};

/* What belongs to the state that is left ends with it. */
static void enter(struct rejoin *r, enum rejoin_state state)
{
    nameserver_close(r->nameserver);
    r->nameserver = NULL;
    engine_timer_cancel(&r->timer);
    r->state = state;
}

static void wait_and_ask(struct rejoin *r)
{
    enter(r, REJOIN_WAITING);
    r->where = (r->where + 1) % r->settings.nameserver_count;
    engine_timer_set(&r->timer, clock_now_ms() + backoff_next_ms(&r->backoff, engine_random()));
}

static void on_part(void *user, const struct multipart_part *part)
{
    struct rejoin *r = user;
    if (parts_take(&r->parts, part) != PART_TARGET || !part->session.given ||
        memcmp(part->session.id, agent_session(r->agent)->id, SESSION_BYTES) != 0)
        return;
    engine_timer_set(&r->timer, clock_now_ms() + ANSWER_MS);
    agent_told(r->agent, &part->peer, &part->mapping, &r->told, nameserver_uplink(r->nameserver));
}

static void on_agreed(void *user, const struct endpoint *external)
{
    (void)user, (void)external;
}

static void on_end(void *user, const struct nameserver_end *end)
{
    (void)end;
    wait_and_ask(user);
}

static void ask(struct rejoin *r)
{
    struct nameserver_callbacks callbacks = {on_agreed, on_part, on_end, r};
    struct peer_fields fields;
    struct buf bytes;
    own_fields(&fields, agent_port(r->agent), &r->settings);
    r->told = fields.mapping;
    fields.session = *agent_session(r->agent);
    parts_init(&r->parts, r->settings.name, r->settings.own_name);
    buf_init(&bytes, 0);
    struct nameserver_request request = {.name = &r->settings.nameservers[r->where],
                                         .families = r->settings.families,
                                         .port = agent_port(r->agent),
                                         .bytes = &bytes};
    enter(r, REJOIN_ASKING);
    int err = request_write_connect(&bytes, r->settings.name, r->settings.own_name, NULL, &fields);
    if (err == HX_OK)
        err = nameserver_open(&r->nameserver, &request, &callbacks);
    buf_free(&bytes);
    if (err < 0)
        wait_and_ask(r);
}

static void on_timer(struct timer *t)
{
    struct rejoin *r = container_of(t, struct rejoin, timer);
    if (!r->needed)
        enter(r, REJOIN_IDLE);
    else if (r->state == REJOIN_ASKING)
        wait_and_ask(r);
    else
        ask(r);
}

int rejoin_create(struct rejoin **out, const struct settings *settings, int where, struct agent *agent)
{
    struct rejoin *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    r->settings = *settings;
    r->settings.keys = (struct keyring){.count = 0};
    r->where = where;
    r->agent = agent;
    r->timer.fire = on_timer;
    r->backoff.first_ms = FIRST_MS;
    r->backoff.max_ms = MAX_MS;
    *out = r;
    return HX_OK;
}

void rejoin_need(struct rejoin *r, bool needed)
{
    r->needed = needed;
    if (!needed) { /* not here: it may be the nameserver's answer that has helped */
        engine_timer_set(&r->timer, clock_now_ms());
    } else if (r->state == REJOIN_IDLE) {
        backoff_reset(&r->backoff);
        ask(r);
    }
}

void rejoin_destroy(struct rejoin *r)
{
    if (!r)
        return;
    enter(r, REJOIN_IDLE);
    free(r);
}
