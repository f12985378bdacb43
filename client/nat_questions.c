#include "base/clock.h"
#include "client/nat_survey_parts.h"
#include "client/own_hops.h"
#include "client/route.h"

#define SILENCE_MS 2000 /* who has not answered five questions by then is not there */
#define RTO_MAX_MS 500
#define QUIET_RTOS 7   /* an answer that has not come after 4 questions will not come */
#define HAIRPIN_MS 300 /* there and back through a router next to us */

static int rto_ms(const struct nat_survey *s)
{
    int64_t ms = s->rtt_us * 5 / 4000;
    return ms < STUN_RTO_MS ? STUN_RTO_MS : ms > RTO_MAX_MS ? RTO_MAX_MS : (int)ms;
}

int nat_survey_left_ms(const struct nat_survey *s)
{
    int64_t left = s->request.deadline_ms - clock_now_ms();
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* What cannot be asked has no answer. */
static void ask(struct nat_survey *s, const struct question *like, struct stun_question *q)
{
    if (s->question_count == NAT_QUESTIONS_MAX)
        return;
    struct question *it = &s->questions[s->question_count];
    *it = *like;
    it->survey = s;
    q->scope = like->server->scope;
    q->on_done = nat_survey_answered;
    q->user = it;
    if (s->state == SURVEY_SECOND)
        q->rto_ms = rto_ms(s);
    if (q->timeout_ms > nat_survey_left_ms(s))
        q->timeout_ms = nat_survey_left_ms(s);
    if (stun_ask(&it->transaction, q) == HX_OK)
        s->question_count++;
    else
        it->transaction = NULL;
}

/* The same, and the answer is a sample of the NAT's mappings. */
static void ask_sample(struct nat_survey *s, struct question *like, struct net_port *port,
                       const struct endpoint *to, int timeout_ms)
{
    struct net_address local;
    socklen_t len;
    if (s->samples.count == NAT_SAMPLES_MAX)
        return;
    like->sample = &s->samples.list[s->samples.count++];
    net_address_from(&local, net_port_local(port, &len));
    *like->sample = (struct nat_sample){
        .local_port = ntohs(local.port), .fresh = like->purpose == ALLOCATION, .server = *to};
    ask(s, like, &(struct stun_question){.port = port, .server = *to, .timeout_ms = timeout_ms});
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

static struct endpoint with_port(const struct endpoint *e, uint16_t port)
{
    struct endpoint out = *e;
    out.port = port;
    return out;
}

void nat_ask_filtering(struct nat_survey *s, struct server *v)
{
    struct net_port *port = stun_port_net(s->ports[FILTER_PORT]);
    bool two = v->other.family == s->request.family;
    uint16_t other_port = two ? v->other.port : v->other_port;
    struct stun_question q = {.port = port,
                              .server = v->at,
                              .timeout_ms = QUIET_RTOS * rto_ms(s) + NAT_QUIET_MORE_MS,
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

/* Of further ports, which have no mappings yet, in quick succession: a NAT that counts gives its ports in
 * this order, and the last one is the last that it has given. */
static void ask_allocation(struct nat_survey *s, uint16_t other_port)
{
    for (int i = PORT_1; i <= PORT_3; i++) {
        struct question allocation = {.purpose = ALLOCATION, .server = s->main, .which = i};
        struct question further = {.purpose = ALLOCATION, .server = s->main, .which = PORTS};
        struct endpoint other = with_port(&s->main->at, other_port);
        struct net_port *port = port_of(s, i);
        if (port)
            ask_sample(s, &allocation, port, &s->main->at, SILENCE_MS);
        if (port && other_port != 0 && i < PORT_3)
            ask_sample(s, &further, port, &other, SILENCE_MS);
    }
}

static void end_guess(struct nat_survey *s)
{
    if (!s->guess)
        return;
    stun_cancel(s->guess->transaction);
    s->guess->transaction = NULL;
    s->guess = NULL;
}

/* An hx-nameserver's other port is the next one unless its owner has chosen another: with the first answer
 * it is known then how we are mapped, a round trip sooner. */
static void ask_next_port(struct nat_survey *s, struct server *v, int timeout_ms)
{
    struct question mapping = {.purpose = MAPPING, .server = v};
    struct endpoint to = with_port(&v->at, (uint16_t)(v->at.port + 1));
    size_t before = s->question_count;
    end_guess(s);
    if (!s->request.on_kind || to.port == 0)
        return;
    ask_sample(s, &mapping, udt_port_net(s->request.port), &to, timeout_ms);
    if (s->question_count > before)
        s->guess = &s->questions[before];
}

void nat_ask_second(struct nat_survey *s)
{
    struct server *v = best_server(s);
    bool two = v->other.family == s->request.family;
    uint16_t other_port = two ? v->other.port : v->other_port;
    struct net_port *port = udt_port_net(s->request.port);
    struct question mapping = {.purpose = MAPPING, .server = v};
    bool guessed = s->guess && s->guess->server == v && other_port == (uint16_t)(v->at.port + 1);
    if (!guessed)
        end_guess(s);
    if (other_port != 0 && !guessed) {
        struct endpoint to = with_port(&v->at, other_port);
        ask_sample(s, &mapping, port, &to, SILENCE_MS);
    }
    if (two) {
        struct endpoint to = with_port(&v->other, v->at.port);
        ask_sample(s, &mapping, port, &to, SILENCE_MS);
        ask_sample(s, &mapping, port, &v->other, SILENCE_MS);
    }
    ask_allocation(s, v == s->main ? other_port : 0);
    if (s->request.whole && s->filter != v)
        open_filter(s, v);
    else if (s->filter_open)
        nat_ask_filtering(s, v);
}

/* Each sends to the other's mapping, so that no filter is in the way. */
void nat_ask_hairpin(struct nat_survey *s)
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

/* Of what networks are known for, all at once: a tunnel in IPv6's least, PPPoE, WireGuard and other tunnels,
 * an Ethernet. An answer shows what the way there carries; the way back may carry less. At its own port an
 * hx-nameserver reads no more than UDT's packets have; the other port is STUN's alone. */
void nat_ask_mtu(struct nat_survey *s)
{
    static const int bytes[NAT_MTUS] = {1280, 1340, 1380, 1400, 1420, 1460, 1480, 1492, 1500};
    const struct server *v = s->main;
    uint16_t other_port = v->other.family == s->request.family ? v->other.port : v->other_port;
    struct endpoint other = with_port(&v->at, other_port);
    if (!s->request.whole)
        return;
    for (int i = 0; i < NAT_MTUS; i++)
        ask(s, &(struct question){.purpose = LONG_PACKET, .server = s->main, .which = bytes[i]},
            &(struct stun_question){.port = udt_port_net(s->request.port),
                                    .server = other_port != 0 && bytes[i] > UDT_MSS_BYTES ? other : v->at,
                                    .packet_bytes = bytes[i],
                                    .timeout_ms = QUIET_RTOS * rto_ms(s) + NAT_QUIET_MORE_MS});
}

void nat_ask_first(struct nat_survey *s, struct server *v)
{
    struct sockaddr_storage to;
    socklen_t len = endpoint_to_sockaddr(&v->at, &to);
    struct endpoint source;
    struct question q = {.purpose = FIRST, .server = v};
    int tries = v->list.count < NAT_TRIES_MAX ? (int)v->list.count : NAT_TRIES_MAX;
    if (v->scope == 0 && !route_source((struct sockaddr *)&to, len, &source)) {
        v->no_way = true;
        return;
    }
    v->no_way = v->refused = false;
    v->asked = true;
    ask_sample(s, &q, udt_port_net(s->request.port), &v->at, SILENCE_MS / tries);
    if (v == &s->servers[0] && !s->request.whole)
        own_hops_ask(&v->at);
    if (v == &s->servers[0])
        ask_next_port(s, v, SILENCE_MS / tries);
    if (s->request.whole && v == &s->servers[0])
        open_filter(s, v);
}
