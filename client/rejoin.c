#include "client/rejoin.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/detour.h"
#include "client/families_asked.h"
#include "client/hard_nat.h"
#include "client/introduction.h"
#include "client/nameserver.h"
#include "client/nat.h"
#include "client/own_fields.h"
#include "client/parts.h"
#include "proto/request.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_MS      500   /* between two questions, twice as long each time, ... */
#define MAX_MS        8000  /* ... up to this */
#define CALM_FIRST_MS 10000 /* likewise, while the relay carries it */
#define CALM_MAX_MS   60000
/* A path must work so soon after the answer, or it is asked for anew: a NAT may have forgotten meanwhile. */
#define ANSWER_MS 1500
#define NEWS_MS   250 /* our news are told so much later: the peer's, of the same moment, come first */
#define SPARE_MS  600 /* ... and once more, since the peer may open a further port as we have */
#define NEWS_MOST 4   /* so often, until a path works: then they are told with the next retry */

enum rejoin_state { REJOIN_IDLE, REJOIN_ASKING, REJOIN_WAITING };

struct rejoin {
    enum rejoin_state state; /* changed by enter() alone */
    enum agent_reach reach;  /* AGENT_DIRECT: nobody needs to be asked */
    struct settings settings;
    int where;            /* the nameserver that is asked ... */
    struct detour detour; /* ... or that one names instead */
    struct families_asked over;
    struct agent *agent;
    struct nameserver *nameserver; /* ASKING */
    struct timer timer;
    struct backoff backoff, calm; /* while no path works; while a relayed one does */
    struct parts parts;
    struct peer_fields told; /* of us, with the question */
    struct nat_user *nat;    /* while it is needed: our NAT may be another one by now */
    struct endpoint spare;   /* the further port that was told last (client/nat.h), ... */
    bool spare_new;          /* ... and by no question that was answered */
    bool soon;               /* the retry waits for nothing */
    int news;                /* so often */
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
    detour_end(&r->detour);
    struct backoff *b = r->reach == AGENT_RELAYED ? &r->calm : &r->backoff;
    engine_timer_set(&r->timer, clock_now_ms() + backoff_next_ms(b, engine_random()));
}

static void on_part(void *user, const struct multipart_part *part)
{
    struct rejoin *r = user;
    if (parts_take(&r->parts, part) != PART_TARGET || !part->session.given ||
        memcmp(part->session.id, agent_session(r->agent)->id, SESSION_BYTES) != 0)
        return;
    r->soon |= r->spare_new;
    r->spare_new = false;
    engine_timer_set(&r->timer, clock_now_ms() + (r->soon ? SPARE_MS : ANSWER_MS));
    introduction_tell(r->agent, part, &r->told, r->nameserver);
}

static void on_agreed(void *user, const struct endpoint *external)
{
    (void)user, (void)external;
}

static void ask(struct rejoin *r);

static void on_end(void *user, const struct nameserver_end *end)
{
    struct rejoin *r = user;
    if (detour_take(&r->detour, end, &r->settings, r->where)) {
        ask(r);
        return;
    }
    bool other = r->over.narrowed && !end->answered; /* has no way to it */
    if ((end->error == HX_ECONFLICT || other) &&
        families_asked_next(&r->over, nameserver_family(r->nameserver)))
        ask(r);
    else
        wait_and_ask(r);
}

static void ask(struct rejoin *r)
{
    struct nameserver_callbacks callbacks = {on_agreed, on_part, on_end, r};
    struct buf bytes;
    own_fields(&r->told, agent_port(r->agent), &r->settings);
    r->told.session = *agent_session(r->agent);
    r->soon = false;
    parts_init(&r->parts, r->settings.name, r->settings.own_name);
    buf_init(&bytes, 0);
    struct nameserver_request request = {.families = r->over.now,
                                         .port = agent_port(r->agent),
                                         .bytes = &bytes,
                                         .credentials = r->settings.credentials,
                                         .tracer = &r->settings.tracer};
    detour_request(&r->detour, &r->settings, r->where, &request);
    enter(r, REJOIN_ASKING);
    int err = request_write_connect(&bytes, r->settings.name, r->settings.own_name,
                                    r->over.relayed ? FAMILIES_RELAYED : NULL, &r->told);
    if (err == HX_OK)
        err = nameserver_open(&r->nameserver, &request, &callbacks);
    buf_free(&bytes);
    if (err < 0)
        wait_and_ask(r);
}

static void rest(struct rejoin *r)
{
    enter(r, REJOIN_IDLE);
    nat_use_end(r->nat);
    r->nat = NULL;
}

static void on_timer(struct timer *t)
{
    struct rejoin *r = container_of(t, struct rejoin, timer);
    if (r->reach == AGENT_DIRECT)
        rest(r);
    else if (r->state == REJOIN_ASKING && !r->soon)
        wait_and_ask(r);
    else
        ask(r);
}

/* The peer must hear of a further port, and of a NAT that maps by destination. */
static void on_nat_news(void *user)
{
    struct rejoin *r = user;
    struct nat_mapping mapping;
    struct endpoint spare;
    bool hard = nat_known(AF_INET, &mapping) && hard_nat_is(&mapping) && !nat_mapping_known(&r->told.mapping);
    bool spared = nat_spare(&spare) && !endpoint_equal(&spare, &r->spare);
    if (r->state != REJOIN_ASKING || (!hard && !spared) || r->news >= NEWS_MOST)
        return;
    r->news++;
    if (spared)
        r->spare = spare;
    r->spare_new |= spared;
    enter(r, REJOIN_WAITING);
    engine_timer_set(&r->timer, clock_now_ms() + NEWS_MS);
}

int rejoin_create(struct rejoin **out, const struct settings *settings, int where, struct agent *agent)
{
    struct rejoin *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    r->settings = *settings;
    r->settings.keys = (struct keyring){.count = 0};
    credentials_keep(r->settings.credentials);
    r->where = where;
    families_asked_init(&r->over, settings->families, settings->relay_after_ms >= 0);
    r->agent = agent;
    r->timer.fire = on_timer;
    r->backoff.first_ms = FIRST_MS;
    r->backoff.max_ms = MAX_MS;
    r->calm.first_ms = CALM_FIRST_MS;
    r->calm.max_ms = CALM_MAX_MS;
    *out = r;
    return HX_OK;
}

void rejoin_need(struct rejoin *r, enum agent_reach reach)
{
    enum agent_reach before = r->reach;
    r->reach = reach;
    if (reach == AGENT_DIRECT) { /* not here: it may be the nameserver's answer that has helped */
        engine_timer_set(&r->timer, clock_now_ms());
        return;
    }
    if (!r->nat) /* without memory the peer hears less */
        (void)nat_use(&r->nat, &r->settings, on_nat_news, r);
    r->news = 0;
    if (reach == AGENT_LOST && r->state != REJOIN_ASKING) {
        backoff_reset(&r->backoff);
        ask(r);
    } else if (reach == AGENT_RELAYED && before == AGENT_RELAYED) { /* another network */
        backoff_reset(&r->calm);
        engine_timer_set(&r->timer, clock_now_ms() + NEWS_MS);
    } else if (reach == AGENT_RELAYED && r->state != REJOIN_ASKING) {
        backoff_reset(&r->calm);
        wait_and_ask(r);
    }
}

void rejoin_destroy(struct rejoin *r)
{
    if (!r)
        return;
    rest(r);
    credentials_release(r->settings.credentials);
    free(r);
}
