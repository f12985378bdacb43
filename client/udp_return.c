#include "client/udp_return.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/race.h"
#include "client/stun.h"
#include <stdlib.h>

#define TIMEOUT_MS    2500 /* five questions */
#define CHANGED_MS    500  /* after the network has changed; it often does so again */
#define QUESTIONS_MAX 4    /* addresses that are asked */

struct udp_return {
    struct engine_member member;
    struct udt_port *port;
    struct host_port name;
    int families;
    struct timer timer; /* the next time */
    struct lookup {
        struct udp_return *r;
        struct resolve *resolve; /* NULL: not asked for, or answered */
    } lookups[2];
    struct asked {
        struct udp_return *r;
        struct stun_transaction *transaction; /* NULL: over */
        struct net_address server;
    } questions[QUESTIONS_MAX];
    void (*on_answer)(void *user, const struct net_address *server);
    void *user;
};

static void stop_asking(struct udp_return *r)
{
    for (int i = 0; i < 2; i++) {
        resolve_cancel(r->lookups[i].resolve);
        r->lookups[i].resolve = NULL;
    }
    for (int i = 0; i < QUESTIONS_MAX; i++) {
        stun_cancel(r->questions[i].transaction);
        r->questions[i].transaction = NULL;
    }
}

/* An error response is an answer, too. */
static void on_done(void *user, const struct stun_answer *a)
{
    struct asked *q = user;
    struct udp_return *r = q->r;
    struct net_address server = q->server;
    q->transaction = NULL;
    if (a->error != HX_OK && a->error != HX_EREJECTED)
        return;
    stop_asking(r);
    r->on_answer(r->user, &server);
}

static void ask_one(struct udp_return *r, const struct sockaddr *to, socklen_t len)
{
    struct stun_question q = {.port = udt_port_net(r->port), .timeout_ms = TIMEOUT_MS, .on_done = on_done};
    int i = 0;
    while (i < QUESTIONS_MAX && r->questions[i].transaction)
        i++;
    if (i == QUESTIONS_MAX || endpoint_from_sockaddr(&q.server, to, len) < 0)
        return;
    if (endpoint_link_local(&q.server))
        q.scope = ((const struct sockaddr_in6 *)to)->sin6_scope_id;
    q.user = &r->questions[i];
    net_address_from(&r->questions[i].server, to);
    if (stun_ask(&r->questions[i].transaction, &q) < 0)
        r->questions[i].transaction = NULL;
}

static void on_resolved(void *user, const struct resolve_result *result)
{
    struct lookup *l = user;
    l->resolve = NULL;
    if (result->error < 0)
        return;
    for (size_t i = 0; i < result->list->count && i < QUESTIONS_MAX / 2; i++)
        ask_one(l->r, (const struct sockaddr *)&result->list->address[i].sa, result->list->address[i].len);
}

static void on_timer(struct timer *t)
{
    static const int family_of[2] = {AF_INET6, AF_INET}, bit_of[2] = {FAMILY_IPV6, FAMILY_IPV4};
    struct udp_return *r = container_of(t, struct udp_return, timer);
    stop_asking(r);
    engine_timer_set(&r->timer, clock_now_ms() + UDP_RETURN_MS);
    for (int i = 0; i < 2; i++) { /* without memory: the next time */
        struct lookup *l = &r->lookups[i];
        if ((r->families & bit_of[i]) &&
            resolve_begin(&l->resolve, &r->name, family_of[i], on_resolved, l) < 0)
            l->resolve = NULL;
    }
}

static void on_network(struct engine_member *m)
{
    struct udp_return *r = container_of(m, struct udp_return, member);
    engine_timer_set(&r->timer, clock_now_ms() + CHANGED_MS);
}

static void on_cancel(struct engine_member *m)
{
    stop_asking(container_of(m, struct udp_return, member));
}

int udp_return_begin(struct udp_return **out, struct udt_port *port, const struct host_port *name,
                     int families, void (*on_answer)(void *user, const struct net_address *server),
                     void *user)
{
    struct udp_return *r = calloc(1, sizeof *r);
    if (!r)
        return HX_ENOMEM;
    *r = (struct udp_return){
        .port = port, .name = *name, .families = families, .on_answer = on_answer, .user = user};
    r->member = (struct engine_member){.cancel = on_cancel, .network_changed = on_network};
    r->timer.fire = on_timer;
    for (int i = 0; i < 2; i++)
        r->lookups[i].r = r;
    for (int i = 0; i < QUESTIONS_MAX; i++)
        r->questions[i].r = r;
    engine_join(&r->member);
    engine_timer_set(&r->timer, clock_now_ms() + UDP_RETURN_MS);
    *out = r;
    return HX_OK;
}

void udp_return_end(struct udp_return *r)
{
    if (!r)
        return;
    engine_leave(&r->member);
    engine_timer_cancel(&r->timer);
    stop_asking(r);
    free(r);
}
