#include "base/clock.h"
#include "base/container_of.h"
#include "client/nat_survey_parts.h"
#include "proto/address.h"
#include <stdlib.h>

#define GRACE_MS   300 /* after the first answer other servers may take so long */
#define OVERDUE_MS 100 /* every question ends at the deadline by itself, and what its silence says counts */

void nat_survey_cancel(struct nat_survey *s)
{
    if (!s)
        return;
    engine_timer_cancel(&s->timer);
    for (int i = 0; i < s->request.server_count; i++)
        resolve_cancel(s->servers[i].resolve);
    for (size_t i = 0; i < s->question_count; i++)
        stun_cancel(s->questions[i].transaction);
    for (int i = 0; i < PORTS; i++)
        stun_port_close(s->ports[i]);
    free(s);
}

static bool under_way(const struct nat_survey *s, enum purpose first, enum purpose last)
{
    for (size_t i = 0; i < s->question_count; i++) {
        const struct question *q = &s->questions[i];
        if (q->transaction && q->purpose >= first && q->purpose <= last)
            return true;
    }
    return false;
}

/* ---- rounds ---- */

static void enter(struct nat_survey *s, enum survey_state state)
{
    engine_timer_cancel(&s->timer);
    s->state = state;
    if (state != SURVEY_DONE)
        engine_timer_set(&s->timer, s->request.deadline_ms + OVERDUE_MS);
}

static int error_of(const struct nat_survey *s)
{
    int error = HX_ERESOLVE;
    for (int i = 0; i < s->request.server_count; i++) {
        const struct server *v = &s->servers[i];
        if (v->answered)
            return HX_OK;
        if (v->asked && error != HX_EREFUSED)
            error = v->refused ? HX_EREFUSED : HX_ETIMEDOUT;
        else if (v->no_way && error == HX_ERESOLVE)
            error = HX_EFAMILY;
    }
    return error;
}

static void finish(struct nat_survey *s)
{
    struct nat_facts facts = {.error = error_of(s),
                              .nameserver_answered = s->servers[0].answered,
                              .server = s->main ? s->main->at : s->servers[0].at,
                              .external = s->external,
                              .local = s->local,
                              .rtt_us = s->rtt_us,
                              .filtering = nat_rules_filtering(s->other_address, s->other_port),
                              .hairpin = s->hairpin,
                              .mtu = s->mtu};
    struct nat_survey_request r = s->request;
    nat_rules_mapping(&s->samples, &facts.mapping, &facts.one_address);
    if (facts.error == HX_OK && endpoint_equal(&s->external, &s->local)) { /* no NAT: one answer is enough */
        facts.mapping.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT;
        facts.mapping.one_address = false;
    }
    enter(s, SURVEY_DONE);
    nat_survey_cancel(s);
    r.on_done(r.user, &facts);
}

static void begin_second(struct nat_survey *s)
{
    for (int i = s->request.server_count - 1; i >= 0; i--) {
        if (s->servers[i].answered)
            s->main = &s->servers[i];
    }
    if (!s->main) {
        finish(s);
        return;
    }
    enter(s, SURVEY_SECOND);
    nat_ask_second(s);
    nat_ask_mtu(s);
}

/* ---- answers ---- */

/* Asks the next of the server's addresses to which there is a way. */
static void try_next(struct server *v)
{
    bool asked = v->survey->state != SURVEY_FIRST || v->answered;
    while (!asked && v->next < v->list.count && v->next < NAT_TRIES_MAX) {
        const struct sockaddr *sa = (struct sockaddr *)&v->list.address[v->next].sa;
        (void)endpoint_from_sockaddr(&v->at, sa, v->list.address[v->next++].len);
        v->scope = endpoint_link_local(&v->at) ? ((const struct sockaddr_in6 *)sa)->sin6_scope_id : 0;
        nat_ask_first(v->survey, v);
        asked = !v->no_way;
    }
}

/* Who answers may name any address, to which we would send some ten datagrams: it shall be one that hosts
 * have, and none of a network that the server is not in itself. */
static bool may_name(const struct server *v, const struct endpoint *named)
{
    enum address_class class = address_class(named);
    if (class == ADDRESS_GLOBAL)
        return true;
    return class == address_class(&v->at) &&
           (class != ADDRESS_UNUSABLE || named->address[0] == v->at.address[0]);
}

static void take_first(struct nat_survey *s, struct server *v, const struct stun_answer *a)
{
    if (a->error != HX_OK) { /* an error is an answer, too, but tells nothing */
        try_next(v);
        return;
    }
    if (s->external.family == AF_UNSPEC && s->request.on_heard)
        s->request.on_heard(s->request.user, &a->local);
    v->answered = true;
    if (a->other.family == AF_UNSPEC || may_name(v, &a->other))
        v->other = a->other;
    v->other_port = a->other_port;
    if (s->main ? v == s->main : v == &s->servers[0] || s->external.family == AF_UNSPEC) {
        s->external = a->mapped;
        s->local = a->local;
        s->rtt_us = a->rtt_us;
    }
    if (s->state == SURVEY_FIRST)
        engine_timer_set(&s->timer, clock_now_ms() + (nat_survey_left_ms(s) < GRACE_MS ? nat_survey_left_ms(s)
                                                                                       : GRACE_MS));
}

/* Its silence counts only if an answer would have had the time to come. */
static enum nat_test result_of(const struct nat_survey *s, const struct stun_answer *a)
{
    if (a->error == HX_OK)
        return NAT_CAME;
    return a->error == HX_ETIMEDOUT && a->sent > 1 && a->rtt_us >= 2 * s->rtt_us + NAT_QUIET_MORE_MS * 1000
               ? NAT_STAYED_AWAY
               : NAT_UNTESTED;
}

static void cancel_first(struct nat_survey *s, const struct server *v)
{
    for (size_t i = 0; i < s->question_count; i++) {
        struct question *q = &s->questions[i];
        if (q->purpose != FIRST || q->server != v)
            continue;
        stun_cancel(q->transaction);
        q->transaction = NULL;
    }
}

static void take_open_filter(struct nat_survey *s, struct server *v, const struct stun_answer *a)
{
    if (a->error == HX_EREFUSED) {
        v->refused = true;
        cancel_first(s, v);
        try_next(v);
    }
    if (a->error != HX_OK || v != s->filter)
        return;
    s->filter_open = true;
    if (s->state == SURVEY_SECOND)
        nat_ask_filtering(s, v);
}

static void take_allocation(struct nat_survey *s, int which, const struct stun_answer *a)
{
    if (which == PORTS || a->error != HX_OK || !may_name(s->main, &a->mapped))
        return;
    s->mapped[which] = a->mapped;
    if (which != PORT_3 && s->mapped[PORT_1].family != AF_UNSPEC && s->mapped[PORT_2].family != AF_UNSPEC)
        nat_ask_hairpin(s);
}

static bool looking_up(const struct nat_survey *s)
{
    for (int i = 0; i < s->request.server_count; i++) {
        if (s->servers[i].resolve)
            return true;
    }
    return false;
}

static void tell_kind(struct nat_survey *s)
{
    struct nat_mapping mapping;
    bool one_address;
    if (s->kind_told || !s->request.on_kind)
        return;
    nat_rules_mapping(&s->samples, &mapping, &one_address);
    s->kind_told = nat_mapping_known(&mapping);
    if (s->kind_told)
        s->request.on_kind(s->request.user, mapping.kind);
}

/* Is a round over? Then what comes next. Maybe the last thing that is done with `s`. */
static void advance(struct nat_survey *s)
{
    if (s->state == SURVEY_FIRST && !looking_up(s) && !under_way(s, FIRST, FIRST))
        begin_second(s);
    else if (s->state == SURVEY_SECOND && !under_way(s, FIRST, LONG_PACKET))
        finish(s);
}

void nat_survey_answered(void *user, const struct stun_answer *a)
{
    struct question *q = user;
    struct nat_survey *s = q->survey;
    q->transaction = NULL;
    if (q->sample && a->error == HX_OK) {
        q->sample->mapped = a->mapped;
        tell_kind(s);
    }
    if (a->error == HX_OK && a->sent == 1 && q->server == s->main && q->purpose <= OPEN_FILTER &&
        a->rtt_us < s->rtt_us)
        s->rtt_us = a->rtt_us;
    switch (q->purpose) {
    case FIRST:
        take_first(s, q->server, a);
        break;
    case MAPPING:
        break;
    case ALLOCATION:
        take_allocation(s, q->which, a);
        break;
    case OPEN_FILTER:
        take_open_filter(s, q->server, a);
        break;
    case OTHER_ADDRESS:
        s->other_address = result_of(s, a);
        break;
    case OTHER_PORT:
        s->other_port = result_of(s, a);
        break;
    case HAIRPIN:
        if (s->hairpin != NAT_CAME)
            s->hairpin = a->error == HX_OK ? NAT_CAME : NAT_STAYED_AWAY;
        break;
    case LONG_PACKET:
        if ((a->error == HX_OK || a->error == HX_EREJECTED) && q->which > s->mtu)
            s->mtu = q->which;
        break;
    }
    advance(s);
}

/* ---- the first round ---- */

static void on_resolved(void *user, const struct resolve_result *result)
{
    struct server *v = user;
    v->resolve = NULL;
    if (result->error == HX_OK)
        v->list = *result->list;
    try_next(v);
    advance(v->survey);
}

static void on_timer(struct timer *t)
{
    struct nat_survey *s = container_of(t, struct nat_survey, timer);
    if (s->state == SURVEY_FIRST && clock_now_ms() < s->request.deadline_ms)
        begin_second(s);
    else
        finish(s);
}

int nat_survey_begin(struct nat_survey **out, const struct nat_survey_request *request)
{
    struct nat_survey *s = calloc(1, sizeof *s);
    if (!s)
        return HX_ENOMEM;
    s->request = *request;
    s->timer.fire = on_timer;
    enter(s, SURVEY_FIRST);
    for (int i = 0; i < request->server_count; i++) {
        struct server *v = &s->servers[i];
        v->survey = s;
        v->name = request->servers[i];
        if (resolve_begin(&v->resolve, &v->name, request->family, on_resolved, v) < 0) {
            nat_survey_cancel(s);
            return HX_ENOMEM;
        }
    }
    *out = s;
    return HX_OK;
}
