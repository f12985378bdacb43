#include "client/binding.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/binding_question.h"
#include "client/own_fields.h"
#include <string.h>
#include <sys/random.h>

#define STEADY_MS             5000  /* a bind that held for so long begins the backoff anew */
#define RENEW_MS              10000 /* between two times that what peers are told of us changes */
#define RENEW_AWAITED_MS      100   /* if a peer waits to hear it, ... */
#define ROUTE_LOOK_MS         5000  /* where the kernel does not tell of changes */
#define HURRY_AFTER_MS        2000
#define HURRY_SPREAD_MS       1000 /* a whole network may have returned in one moment */
#define DETOUR_SPREAD_MS      50   /* all who waited are sent elsewhere in one moment */
#define UNANSWERED_MAX        2 /* a NAT may keep a dead mapping as long as packets use it: then another port */
#define SECOND_FIRST_MS       1000 /* the second leg's backoff: the name is reachable meanwhile */
#define SECOND_HURRY_AFTER_MS 60000
#define SECOND_MAX_MS         300000
#define SECOND_HOPELESS_MS    600000 /* a nameserver of one family, or without sessions, stays so for long */

/* ... which whoever asks for our name can bring about: so many at once, and then so often. */
static const struct token_limit awaited_limit = {.per_second = 1, .most = 8};

static void enter(struct leg *leg, enum leg_state state)
{
    engine_timer_cancel(&leg->timer);
    udp_return_end(leg->udp_return);
    leg->udp_return = NULL;
    leg->state = state;
    if (state != LEG_QUEUED && state != LEG_ASKING)
        turn_end(&leg->turn); /* last: another leg may begin in it */
}

static struct leg *other_leg(const struct leg *leg)
{
    return &leg->b->legs[leg == &leg->b->legs[0]];
}

static void close_former(struct leg *leg)
{
    nameserver_leave(leg->former);
    leg->former = NULL;
}

static void leg_off(struct leg *leg)
{
    close_former(leg);
    nameserver_leave(leg->nameserver);
    leg->nameserver = NULL;
    enter(leg, LEG_OFF);
}

static void wait_for(struct leg *leg, int64_t delay_ms)
{
    enter(leg, LEG_WAITING);
    engine_timer_set(&leg->timer, clock_now_ms() + delay_ms);
}

/* The errors that another try cannot mend. A proxy may not be there yet either; a certificate may be renewed,
 * and this host's clock be set; who runs the nameserver may come to allow it. */
static bool is_final(int error)
{
    return error != HX_ETIMEDOUT && error != HX_EREFUSED && error != HX_ERESOLVE && error != HX_ECLOSED &&
           error != HX_EEOF && error != HX_ELIMIT && error != HX_EPROXY && error != HX_ECERT &&
           error != HX_EDENIED;
}

static void report_end(const struct leg *leg, enum hx_event event, const struct nameserver_end *end,
                       int64_t retry_ms)
{
    const struct settings *s = leg->b->settings;
    report(&s->reporter,
           &(struct hx_event_info){
               .event = event, .error = end->error, .name = s->name, .text = end->text, .retry_ms = retry_ms},
           NULL);
}

static int64_t backoff_after(struct leg *leg, int retry_after_s)
{
    int64_t delay_ms = backoff_next_ms(&leg->backoff, engine_random());
    if (retry_after_s > 0)
        delay_ms += retry_after_s * 1000LL < RETRY_AFTER_MAX_MS ? retry_after_s * 1000LL : RETRY_AFTER_MAX_MS;
    return delay_ms;
}

/* The name is bound over the other leg. */
static void second_failed(struct leg *leg, const struct nameserver_end *end)
{
    leg->backoff.first_ms = SECOND_FIRST_MS;
    leg->backoff.max_ms = SECOND_MAX_MS;
    int64_t delay_ms = backoff_after(leg, end->retry_after_s);
    wait_for(leg, end->error == HX_ECONFLICT || end->hopeless ? SECOND_HOPELESS_MS : delay_ms);
}

/* The name is not bound at all. */
static void main_failed(struct leg *leg, const struct nameserver_end *end, bool was_bound)
{
    struct binding *b = leg->b;
    bool elsewhere = b->detour.taken;
    b->main = leg;
    detour_end(&b->detour);
    leg_off(other_leg(leg));
    leg->families = b->settings->families;
    leg->backoff.first_ms = leg->backoff.max_ms = 0;
    b->last_error = end->error;
    if (!b->ever_bound && is_final(end->error) && !elsewhere) {
        enter(leg, LEG_OFF);
        b->error = end->error;
        if (end->text[0] != '\0')
            report_end(leg, HX_EVENT_REJECTED, end, 0);
        b->callbacks.changed(b->callbacks.user);
        return;
    }
    if (!elsewhere)
        binding_heed(b, end);
    if (!was_bound)
        b->where = (b->where + 1) % b->settings->nameserver_count;
    int64_t delay_ms = backoff_after(leg, -1) + binding_heeded_ms(b);
    wait_for(leg, delay_ms);
    report_end(leg, b->ever_bound ? HX_EVENT_NAMESERVER_LOST : HX_EVENT_NAMESERVER_AWAITED, end, delay_ms);
}

/* Nothing came back: is it the nameserver, or the way there? A second leg may find out once, after it was
 * bound: an address family that never works shall not wear out ports. */
static void count_unanswered(struct leg *leg, const struct nameserver_end *end, bool was_bound)
{
    bool silent = end->error == HX_ETIMEDOUT && (was_bound || !end->answered);
    leg->unanswered = silent ? leg->unanswered + 1 : 0;
    if (leg->unanswered < UNANSWERED_MAX || (leg != leg->b->main && leg->bound_ms == 0))
        return;
    engine_port_leave(nameserver_port(leg->nameserver));
    leg->unanswered = 0;
    leg->bound_ms = 0;
}

static void leg_ended(struct leg *leg, const struct nameserver_end *end)
{
    struct binding *b = leg->b;
    bool was_bound = leg->state == LEG_BOUND;
    if (end->answered || end->error == HX_ETIMEDOUT)
        turn_answered(&leg->turn, end->answered);
    if (was_bound && clock_now_ms() - leg->bound_ms >= STEADY_MS)
        backoff_reset(&leg->backoff);
    count_unanswered(leg, end, was_bound);
    if (other_leg(leg)->state == LEG_BOUND) {
        b->main = other_leg(leg);
        second_failed(leg, end);
    } else if (leg == b->main && leg->state == LEG_ASKING && binding_is_sent_elsewhere(b, end)) {
        wait_for(leg, engine_random() % DETOUR_SPREAD_MS);
    } else if (leg == b->main) {
        main_failed(leg, end, was_bound);
    } else { /* the main one is being asked: it will tell */
        enter(leg, LEG_OFF);
    }
}

static void renew(struct leg *leg);

/* UDP answers again: the name is bound anew by it, and held through the tunnel until then. */
static void on_udp(void *user, const struct net_address *server)
{
    struct leg *leg = user;
    (void)server;
    leg->returning = true;
    renew(leg);
}

/* The name is held by leg->nameserver. Without memory a tunnel stays. */
static void enter_bound(struct leg *leg)
{
    const struct settings *s = leg->b->settings;
    enter(leg, LEG_BOUND);
    leg->bound_ms = clock_now_ms();
    engine_timer_set(&leg->timer, leg->bound_ms + ROUTE_LOOK_MS);
    if (nameserver_tunnel(leg->nameserver) && (s->transports & TRANSPORT_UDP))
        (void)udp_return_begin(&leg->udp_return, nameserver_port(leg->nameserver),
                               detour_name(&leg->b->detour, s, leg->b->where), s->families, on_udp, leg);
}

static void on_agreed(void *user, const struct endpoint *external);
static void on_part(void *user, const struct multipart_part *part);
static void on_end(void *user, const struct nameserver_end *end);

/* The nameserver has not agreed to what is new: what holds the name goes on to hold it, and a later look asks
 * again. */
static void keep_former(struct leg *leg, const struct nameserver_end *end)
{
    struct nameserver_callbacks callbacks = {on_agreed, on_part, on_end, leg};
    if (end->answered || end->error == HX_ETIMEDOUT)
        turn_answered(&leg->turn, end->answered);
    nameserver_callbacks(leg->former, &callbacks);
    leg->nameserver = leg->former;
    leg->former = NULL;
    leg->told = leg->former_told;
    leg->b->news = true;
    enter_bound(leg);
    if (!end->answered) /* is it still there? */
        nameserver_check(leg->nameserver);
}

static void on_end(void *user, const struct nameserver_end *end)
{
    struct leg *leg = user;
    struct nameserver *n = leg->nameserver;
    leg->renewing = leg->returning = false;
    if (leg->former) {
        keep_former(leg, end);
        nameserver_close(n);
        return;
    }
    leg_ended(leg, end);
    leg->nameserver = NULL;
    nameserver_close(n);
}

static void ask(struct leg *leg);

static void on_candidates_changed(void *user)
{
    binding_fields_changed(user);
}

/* Has the router map the port that peers are told of, once it is known that there is one. */
static void keep_candidates(struct binding *b, const struct leg *leg)
{
    const struct udt_port *port = nameserver_port(leg->nameserver);
    struct endpoint local;
    socklen_t len;
    const struct sockaddr *sa = udt_port_local(port, &len);
    if (b->candidates && b->candidates_port != port && leg != b->main)
        return;
    if (b->candidates_port != port || !b->candidates) {
        local_candidates_end(b->candidates);
        b->candidates = NULL;
        b->candidates_port = port;
        if (endpoint_from_sockaddr(&local, sa, len) == HX_OK) /* without memory it goes on without them */
            (void)local_candidates_begin(&b->candidates, local.port, b->settings->families,
                                         b->settings->port_mapping, on_candidates_changed, b);
    }
    if (b->candidates)
        local_candidates_seen(b->candidates, &leg->external);
}

static void on_agreed(void *user, const struct endpoint *external)
{
    struct leg *leg = user;
    struct binding *b = leg->b;
    struct leg *second = other_leg(leg);
    bool first = !b->ever_bound;
    bool same = leg->renewing && endpoint_equal(external, &leg->external);
    if (!leg->renewing)
        binding_gather_begin(leg);
    leg->renewing = leg->returning = false;
    close_former(leg);
    turn_answered(&leg->turn, true);
    enter_bound(leg);
    leg->families = nameserver_family(leg->nameserver);
    leg->unanswered = 0;
    leg->external = *external;
    keep_candidates(b, leg);
    b->ever_bound = true;
    if (!same)
        report(
            &b->settings->reporter,
            &(struct hx_event_info){.event = binding_question_agreed(b->settings), .name = b->settings->name},
            external);
    if (first)
        b->callbacks.changed(b->callbacks.user);
    binding_fields_changed(b); /* since this was asked for */
    if (second->state == LEG_OFF && b->settings->expect == 0 && (b->settings->families & ~leg->families)) {
        second->families = b->settings->families & ~leg->families;
        ask(second);
    }
}

static void on_part(void *user, const struct multipart_part *part)
{
    struct leg *leg = user;
    leg->b->callbacks.part(leg->b->callbacks.user, leg->nameserver, part);
}

/* Its turn has come. */
static void ask_now(struct leg *leg)
{
    struct binding *b = leg->b;
    struct nameserver_callbacks callbacks = {on_agreed, on_part, on_end, leg};
    leg->asked_ms = clock_now_ms();
    struct peer_fields fields;
    struct buf bytes;
    own_fields(&fields, engine_port(), b->settings);
    leg->told = fields;
    buf_init(&bytes, 0);
    bool by_udp = leg != b->main || leg->returning; /* a second leg is of a family, and a tunnel of none */
    struct nameserver_request request = {.families = leg->families,
                                         .bytes = &bytes,
                                         .credentials = b->settings->credentials,
                                         .tracer = &b->settings->tracer};
    detour_request(&b->detour, b->settings, b->where, &request);
    if (by_udp)
        request.transports = TRANSPORT_UDP;
    int err = binding_question_write(&bytes, b->settings, b->session, &fields);
    if (err == HX_OK)
        err = nameserver_open(&leg->nameserver, &request, &callbacks);
    buf_free(&bytes);
    if (err == HX_OK)
        enter(leg, LEG_ASKING);
    else /* memory: not for good, even before it was bound */
        wait_for(leg, backoff_after(leg, -1));
}

static void on_turn(struct turn *t)
{
    ask_now(container_of(t, struct leg, turn));
}

static void ask(struct leg *leg)
{
    struct binding *b = leg->b;
    enter(leg, LEG_QUEUED);
    if (turn_take(&leg->turn, detour_name(&b->detour, b->settings, b->where), leg->families))
        ask_now(leg);
}

/* Another source address is another NAT, or another mapping: what the nameserver tells of us is not
 * true any more. */
static void look_at_route(struct leg *leg)
{
    if (nameserver_route_holds(leg->nameserver)) {
        engine_timer_set(&leg->timer, clock_now_ms() + ROUTE_LOOK_MS);
        if (leg->b->news)
            binding_fields_changed(leg->b);
        return;
    }
    if (other_leg(leg)->state != LEG_BOUND)
        report_end(leg, HX_EVENT_NAMESERVER_LOST,
                   &(struct nameserver_end){.error = HX_ECLOSED, .text = "this host's address has changed"},
                   0);
    nameserver_close(leg->nameserver);
    leg->nameserver = NULL;
    ask(leg);
}

static void on_timer(struct timer *t)
{
    struct leg *leg = container_of(t, struct leg, timer);
    if (leg->state == LEG_BOUND)
        look_at_route(leg);
    else
        ask(leg);
}

/* May the try that is waited for come sooner? Hosts whose network changes all the time must not
 * wear out S. */
static bool may_hurry(const struct leg *leg)
{
    int64_t least_ms = leg == leg->b->main ? HURRY_AFTER_MS : SECOND_HURRY_AFTER_MS;
    return leg->state == LEG_WAITING && clock_now_ms() - leg->asked_ms >= least_ms;
}

void binding_network_changed(struct binding *b)
{
    if (!b->settings) /* a group looks at its NAT before it begins */
        return;
    if (b->candidates)
        local_candidates_network_changed(b->candidates);
    for (int i = 0; i < 2; i++) {
        struct leg *leg = &b->legs[i];
        int64_t soon_ms = clock_now_ms() + engine_random() % HURRY_SPREAD_MS;
        if (leg->state == LEG_BOUND)
            look_at_route(leg);
        else if (may_hurry(leg) && soon_ms < leg->timer.at_ms)
            engine_timer_set(&leg->timer, soon_ms);
    }
}

static void on_former_part(void *user, const struct multipart_part *part)
{
    struct leg *leg = user;
    leg->b->callbacks.part(leg->b->callbacks.user, leg->former, part);
}

/* It has been replaced, or lost: the new one will tell. */
static void on_former_end(void *user, const struct nameserver_end *end)
{
    (void)end;
    close_former(user);
}

/* A peer is waiting to hear where our NAT is by now, or by which further port we are reached; or none would
 * reach us. */
static bool is_awaited(const struct leg *leg, const struct peer_fields *now)
{
    return nameserver_port(leg->nameserver) != engine_port() || own_fields_far(&leg->told, now) ||
           (now->candidates.count > 0 && now->candidates.list[0].kind == CANDIDATE_SRFLX);
}

static void renew(struct leg *leg)
{
    struct nameserver_callbacks callbacks = {.on_part = on_former_part, .on_end = on_former_end, .user = leg};
    nameserver_callbacks(leg->nameserver, &callbacks);
    leg->former = leg->nameserver;
    leg->former_told = leg->told;
    leg->nameserver = NULL;
    leg->renewing = leg->renewed = true;
    ask(leg);
}

static bool held_for(const struct leg *leg, int64_t ms)
{
    return !leg->renewed || clock_now_ms() - leg->bound_ms >= ms;
}

static bool may_renew_soon(struct leg *leg)
{
    return held_for(leg, RENEW_AWAITED_MS) &&
           token_bucket_take(&leg->b->awaited, &awaited_limit, 1, clock_now_ms());
}

/* A router may change its mind all the time. */
static bool may_tell_news(struct leg *leg, bool awaited)
{
    bool none_reaches_us = nameserver_port(leg->nameserver) != engine_port();
    if (leg->b->settings->expect == 0)
        return awaited ? may_renew_soon(leg) : held_for(leg, RENEW_MS);
    if (!(binding_gather_due(leg) || none_reaches_us) || !may_renew_soon(leg))
        return false;
    binding_gather_told(leg);
    return true;
}

void binding_fields_changed(struct binding *b)
{
    struct peer_fields now;
    own_fields(&now, engine_port(), b->settings);
    b->news = false;
    for (int i = 0; i < 2; i++) {
        struct leg *leg = &b->legs[i];
        if (leg->state != LEG_BOUND ||
            (own_fields_same(&leg->told, &now) && nameserver_port(leg->nameserver) == engine_port()))
            continue;
        bool awaited = is_awaited(leg, &now);
        if (may_tell_news(leg, awaited)) {
            renew(leg);
        } else { /* at the next look */
            b->news = true;
            if (awaited || b->settings->expect > 0)
                engine_timer_set(&leg->timer, clock_now_ms() + RENEW_AWAITED_MS);
        }
    }
}

/* Where it is our NAT that has forgotten, what the nameserver says does not come: so the name is bound anew
 * beside the question whether it does. */
void binding_check(struct binding *b, bool lost)
{
    for (int i = 0; i < 2; i++) {
        struct leg *leg = &b->legs[i];
        if (leg->state != LEG_BOUND)
            continue;
        nameserver_check(leg->nameserver);
        if (lost && may_renew_soon(leg))
            renew(leg);
    }
}

int binding_begin(struct binding *b, const struct settings *settings,
                  const struct binding_callbacks *callbacks)
{
    *b = (struct binding){.settings = settings, .callbacks = *callbacks};
    for (int i = 0; i < 2; i++) {
        b->legs[i].b = b;
        b->legs[i].timer.fire = on_timer;
        b->legs[i].turn.granted = on_turn;
    }
    b->main = &b->legs[0];
    b->main->families = settings->families;
    uint8_t session[SESSION_BYTES];
    if (getrandom(session, sizeof session, 0) != sizeof session)
        return HX_ESYS;
    session_id_format(session, b->session);
    ask(b->main);
    return HX_OK;
}

void binding_end(struct binding *b)
{
    if (!b->settings)
        return;
    leg_off(&b->legs[0]);
    leg_off(&b->legs[1]);
    local_candidates_end(b->candidates);
    b->candidates = NULL;
}
