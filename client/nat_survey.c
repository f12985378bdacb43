#include "client/nat_survey.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/resolve.h"
#include "client/route.h"
#include "client/stun.h"
#include "client/stun_port.h"
#include "proto/address.h"
#include <stdlib.h>

#define SILENCE_MS    2000 /* who has not answered five questions by then is not there */
#define GRACE_MS      300  /* after the first answer other servers may take so long */
#define RTO_MAX_MS    500
#define QUIET_RTOS    7 /* an answer that has not come after 4 questions will not come */
#define QUIET_MORE_MS 200
#define HAIRPIN_MS    300 /* there and back through a router next to us */
#define QUESTIONS_MAX (NAT_SAMPLES_MAX + 8)

enum purpose { FIRST, MAPPING, ALLOCATION, OPEN_FILTER, OTHER_ADDRESS, OTHER_PORT, HAIRPIN };
enum { FILTER_PORT, PORT_1, PORT_2, PORT_3, PORTS };

struct question {
    struct nat_survey *survey;
    struct stun_transaction *transaction; /* NULL: over */
    enum purpose purpose;
    struct server *server;
    struct nat_sample *sample; /* NULL: of no use for that */
    int which;                 /* of PORTS; PORTS: it does not matter */
};

struct server {
    struct nat_survey *survey;
    struct host_port name;
    struct resolve *resolve; /* NULL: not asked for, or answered */
    struct endpoint at;      /* AF_UNSPEC: not found */
    uint32_t scope;
    bool asked, no_way, refused, answered;
    struct endpoint other;
    uint16_t other_port;
};

enum survey_state { SURVEY_FIRST, SURVEY_SECOND, SURVEY_DONE };

struct nat_survey {
    struct nat_survey_request request;
    enum survey_state state; /* changed by enter() alone */
    struct server servers[NAT_SERVERS_MAX];
    struct question questions[QUESTIONS_MAX];
    size_t question_count;
    struct nat_samples samples;
    struct stun_port *ports[PORTS]; /* NULL: not opened */
    struct endpoint mapped[PORTS];  /* what the nameserver sees of them */
    struct timer timer;             /* the end, or of the first round while another server may answer */
    struct server *main;            /* the one of which the rest is told */
    struct server *filter;          /* that FILTER_PORT has spoken to */
    bool filter_open;               /* and it has answered */
    enum nat_test other_address, other_port, hairpin;
    struct endpoint external, local;
    int64_t rtt_us;
};

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

/* ---- questions ---- */

static bool under_way(const struct nat_survey *s, enum purpose first, enum purpose last)
{
    for (size_t i = 0; i < s->question_count; i++) {
        const struct question *q = &s->questions[i];
        if (q->transaction && q->purpose >= first && q->purpose <= last)
            return true;
    }
    return false;
}

static int rto_ms(const struct nat_survey *s)
{
    int64_t ms = s->rtt_us * 5 / 4000;
    return ms < STUN_RTO_MS ? STUN_RTO_MS : ms > RTO_MAX_MS ? RTO_MAX_MS : (int)ms;
}

static int left_ms(const struct nat_survey *s)
{
    int64_t left = s->request.deadline_ms - clock_now_ms();
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static void on_answer(void *user, const struct stun_answer *a);

/* What cannot be asked has no answer. */
static void ask(struct nat_survey *s, const struct question *like, struct stun_question *q)
{
    if (s->question_count == QUESTIONS_MAX)
        return;
    struct question *it = &s->questions[s->question_count];
    *it = *like;
    it->survey = s;
    q->scope = like->server->scope;
    q->on_done = on_answer;
    q->user = it;
    if (s->state == SURVEY_SECOND)
        q->rto_ms = rto_ms(s);
    if (q->timeout_ms > left_ms(s))
        q->timeout_ms = left_ms(s);
    if (stun_ask(&it->transaction, q) == HX_OK)
        s->question_count++;
    else
        it->transaction = NULL;
}

/* The same, and the answer is a sample of the NAT's mappings. */
static void ask_sample(struct nat_survey *s, struct question *like, struct net_port *port,
                       const struct endpoint *to)
{
    struct net_address local;
    socklen_t len;
    if (s->samples.count == NAT_SAMPLES_MAX)
        return;
    like->sample = &s->samples.list[s->samples.count++];
    net_address_from(&local, net_port_local(port, &len));
    *like->sample = (struct nat_sample){
        .local_port = ntohs(local.port), .fresh = like->purpose == ALLOCATION, .server = *to};
    ask(s, like, &(struct stun_question){.port = port, .server = *to, .timeout_ms = SILENCE_MS});
}

static struct net_port *port_of(struct nat_survey *s, int which)
{
    if (!s->ports[which] && stun_port_open(&s->ports[which], s->request.family) < 0)
        return NULL;
    return stun_port_net(s->ports[which]);
}

/* Filtering is tested with a port that has spoken to nobody else. */
static void open_filter(struct nat_survey *s, struct server *server)
{
    struct net_port *port = port_of(s, FILTER_PORT);
    s->filter = server;
    s->filter_open = false;
    if (port)
        ask(s, &(struct question){.purpose = OPEN_FILTER, .server = server},
            &(struct stun_question){.port = port, .server = server->at, .timeout_ms = SILENCE_MS});
}

/* ---- the second round ---- */

static void enter(struct nat_survey *s, enum survey_state state)
{
    engine_timer_cancel(&s->timer);
    s->state = state;
    if (state != SURVEY_DONE)
        engine_timer_set(&s->timer, s->request.deadline_ms);
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
                              .hairpin = s->hairpin};
    struct nat_survey_request r = s->request;
    nat_rules_mapping(&s->samples, &facts.mapping, &facts.one_address);
    enter(s, SURVEY_DONE);
    nat_survey_cancel(s);
    r.on_done(r.user, &facts);
}

/* Prefers, in this order: a second address, a second port, the first in the list. */
static struct server *best_server(struct nat_survey *s)
{
    struct server *best = NULL;
    int best_value = -1;
    for (int i = 0; i < s->request.server_count; i++) {
        struct server *v = &s->servers[i];
        int value = !v->answered ? -1 : v->other.family == s->request.family ? 2 : v->other_port != 0;
        if (value > best_value) {
            best = v;
            best_value = value;
        }
    }
    return best;
}

static struct endpoint with_port(const struct endpoint *e, uint16_t port)
{
    struct endpoint out = *e;
    out.port = port;
    return out;
}

static void ask_filtering(struct nat_survey *s, struct server *v)
{
    struct net_port *port = stun_port_net(s->ports[FILTER_PORT]);
    bool two = v->other.family == s->request.family;
    uint16_t other_port = two ? v->other.port : v->other_port;
    struct stun_question q = {.port = port,
                              .server = v->at,
                              .timeout_ms = QUIET_RTOS * rto_ms(s) + QUIET_MORE_MS,
                              .change_port = true};
    if (other_port == 0)
        return;
    q.answered_by = with_port(&v->at, other_port);
    ask(s, &(struct question){.purpose = OTHER_PORT, .server = v}, &q);
    if (!two)
        return;
    q.change_ip = true;
    q.answered_by = v->other;
    ask(s, &(struct question){.purpose = OTHER_ADDRESS, .server = v}, &q);
}

/* Of further ports, which have no mappings yet, in quick succession: a NAT that counts gives its ports in this
 * order, and the last one is the last that it has given. */
static void ask_allocation(struct nat_survey *s, uint16_t other_port)
{
    for (int i = PORT_1; i <= PORT_3; i++) {
        struct question allocation = {.purpose = ALLOCATION, .server = s->main, .which = i};
        struct question further = {.purpose = ALLOCATION, .server = s->main, .which = PORTS};
        struct endpoint other = with_port(&s->main->at, other_port);
        struct net_port *port = port_of(s, i);
        if (port)
            ask_sample(s, &allocation, port, &s->main->at);
        if (port && other_port != 0 && i < PORT_3)
            ask_sample(s, &further, port, &other);
    }
}

static void ask_second(struct nat_survey *s)
{
    struct server *v = best_server(s);
    bool two = v->other.family == s->request.family;
    uint16_t other_port = two ? v->other.port : v->other_port;
    struct net_port *port = udt_port_net(s->request.port);
    struct question mapping = {.purpose = MAPPING, .server = v};
    if (other_port != 0) {
        struct endpoint to = with_port(&v->at, other_port);
        ask_sample(s, &mapping, port, &to);
    }
    if (two) {
        struct endpoint to = with_port(&v->other, v->at.port);
        ask_sample(s, &mapping, port, &to);
        ask_sample(s, &mapping, port, &v->other);
    }
    ask_allocation(s, v == s->main ? other_port : 0);
    if (s->request.whole && s->filter != v)
        open_filter(s, v);
    else if (s->filter_open)
        ask_filtering(s, v);
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
    ask_second(s);
}

/* Each sends to the other's mapping, so that no filter is in the way. */
static void ask_hairpin(struct nat_survey *s)
{
    if (!s->request.whole || endpoint_equal(&s->external, &s->local))
        return;
    for (int i = PORT_1; i <= PORT_2; i++) {
        struct stun_question q = {.port = stun_port_net(s->ports[i]),
                                  .server = s->mapped[i == PORT_1 ? PORT_2 : PORT_1],
                                  .timeout_ms = HAIRPIN_MS,
                                  .hairpin = true};
        ask(s, &(struct question){.purpose = HAIRPIN, .server = s->main}, &q);
    }
}

/* ---- answers ---- */

/* Who answers may name any address, to which we would send some ten datagrams: it shall be one that hosts have,
 * and none of a network that the server is not in itself. */
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
    if (a->error != HX_OK) /* an error is an answer, too, but tells nothing */
        return;
    if (s->external.family == AF_UNSPEC && s->request.on_heard)
        s->request.on_heard(s->request.user, &a->local);
    v->answered = true;
    if (a->other.family == AF_UNSPEC || may_name(v, &a->other))
        v->other = a->other;
    v->other_port = a->other_port;
    if (v == &s->servers[0] || s->external.family == AF_UNSPEC) {
        s->external = a->mapped;
        s->local = a->local;
        s->rtt_us = a->rtt_us;
    }
    if (s->state == SURVEY_FIRST)
        engine_timer_set(&s->timer, clock_now_ms() + (left_ms(s) < GRACE_MS ? left_ms(s) : GRACE_MS));
}

/* Its silence counts only if an answer would have had the time to come. */
static enum nat_test result_of(const struct nat_survey *s, const struct stun_answer *a)
{
    if (a->error == HX_OK)
        return NAT_CAME;
    return a->error == HX_ETIMEDOUT && a->sent > 1 && a->rtt_us >= 2 * s->rtt_us + QUIET_MORE_MS * 1000
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
    }
    if (a->error != HX_OK || v != s->filter)
        return;
    s->filter_open = true;
    if (s->state == SURVEY_SECOND)
        ask_filtering(s, v);
}

static void take_allocation(struct nat_survey *s, int which, const struct stun_answer *a)
{
    if (which == PORTS || a->error != HX_OK || !may_name(s->main, &a->mapped))
        return;
    s->mapped[which] = a->mapped;
    if (which != PORT_3 && s->mapped[PORT_1].family != AF_UNSPEC && s->mapped[PORT_2].family != AF_UNSPEC)
        ask_hairpin(s);
}

static bool looking_up(const struct nat_survey *s)
{
    for (int i = 0; i < s->request.server_count; i++) {
        if (s->servers[i].resolve)
            return true;
    }
    return false;
}

/* Is a round over? Then what comes next. Maybe the last thing that is done with `s`. */
static void advance(struct nat_survey *s)
{
    if (s->state == SURVEY_FIRST && !looking_up(s) && !under_way(s, FIRST, FIRST))
        begin_second(s);
    else if (s->state == SURVEY_SECOND && !under_way(s, FIRST, HAIRPIN))
        finish(s);
}

static void on_answer(void *user, const struct stun_answer *a)
{
    struct question *q = user;
    struct nat_survey *s = q->survey;
    q->transaction = NULL;
    if (q->sample && a->error == HX_OK)
        q->sample->mapped = a->mapped;
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
    }
    advance(s);
}

/* ---- the first round ---- */

static void ask_first(struct nat_survey *s, struct server *v)
{
    struct sockaddr_storage to;
    socklen_t len = endpoint_to_sockaddr(&v->at, &to);
    struct endpoint source;
    struct question q = {.purpose = FIRST, .server = v};
    if (v->scope == 0 && !route_source((struct sockaddr *)&to, len, &source)) {
        v->no_way = true;
        return;
    }
    v->asked = true;
    ask_sample(s, &q, udt_port_net(s->request.port), &v->at);
    if (s->request.whole && v == &s->servers[0])
        open_filter(s, v);
}

static void on_resolved(void *user, const struct resolve_result *result)
{
    struct server *v = user;
    v->resolve = NULL;
    if (result->error == HX_OK) {
        const struct sockaddr *sa = (struct sockaddr *)&result->list->address[0].sa;
        (void)endpoint_from_sockaddr(&v->at, sa, result->list->address[0].len);
        if (endpoint_link_local(&v->at))
            v->scope = ((const struct sockaddr_in6 *)sa)->sin6_scope_id;
        ask_first(v->survey, v);
    }
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
