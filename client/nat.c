#include "client/nat.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "client/hard_nat.h"
#include "client/nat_survey.h"
#include "client/own_hops.h"
#include "client/race.h"
#include "client/stun.h"
#include "client/stun_port.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { IPV4, IPV6, FAMILIES };

struct nat_user {
    struct engine_member member;
    const struct settings *settings;
    void (*on_news)(void *user);
    void *user;
    struct nat_user *prev, *next;
};

static struct nat_user *users;
static struct nat_watch *watches;
static struct nat_count *counted_anew; /* of nat_count_anew(); NULL: none is under way */

/* One for the process: a host's NAT does not depend on who asks. */
static struct known {
    struct nat_mapping mapping;
    struct endpoint
        server;      /* that has told it; this and the next are true of whatever port. AF_UNSPEC: not known */
    bool translates; /* our port is seen from there at another address, or as another one */
    const struct udt_port *port; /* of which it is known; NULL: nothing is known */
    struct nat_survey *survey;   /* NULL: none is under way */
    struct timer timer;          /* the next one */
    int64_t again_ms;            /* after the next one that fails; 0: NAT_AGAIN_MS */
} known[FAMILIES];

static int index_of(sa_family_t family)
{
    return family == AF_INET6 ? IPV6 : IPV4;
}

static void tell_watches(void)
{
    struct nat_watch *w;
    DL_FOREACH(watches, w)
    {
        w->on_news(w);
    }
}

static void tell(void)
{
    struct nat_user *u, *next;
    DL_FOREACH_SAFE(users, u, next)
    {
        if (u->on_news)
            u->on_news(u->user);
    }
    tell_watches();
}

/* A nameserver without STUN, or a family that it does not have, stays so for long. */
static int64_t again_ms(struct known *n)
{
    int64_t ms = n->again_ms > 0 ? n->again_ms : NAT_AGAIN_MS;
    n->again_ms = ms * 2 < NAT_FRESH_MS ? ms * 2 : NAT_FRESH_MS;
    return ms;
}

/* Of a NAT that counts, what it has given long ago and what it gives now are far apart: that does not make it
 * random. */
static struct nat_mapping merged(const struct nat_mapping *before, const struct nat_mapping *now)
{
    struct nat_mapping m = *now;
    if (hard_nat_counts(before) && now->kind == before->kind && now->ports == NAT_PORTS_RANDOM) {
        m.ports = NAT_PORTS_SEQUENTIAL;
        m.step = before->step;
        m.block = false;
    }
    return m;
}

/* A NAT that gives one port to all is in nobody's way, however it gives them: what waits to know that need
 * not wait for the rest. Who tells others of it does, and of one of the hard kinds the rest matters. */
static void on_kind(void *user, enum nat_mapping_kind kind)
{
    struct known *n = user;
    if (nat_mapping_known(&n->mapping) || kind != NAT_MAPPING_ENDPOINT_INDEPENDENT)
        return;
    n->mapping.kind = kind;
    tell_watches();
}

static void on_facts(void *user, const struct nat_facts *facts)
{
    struct known *n = user;
    bool told = facts->error == HX_OK;
    n->survey = NULL;
    if (told)
        n->again_ms = 0;
    engine_timer_set(&n->timer, clock_now_ms() + (told ? NAT_FRESH_MS : again_ms(n)));
    n->mapping =
        told ? merged(&n->mapping, &facts->mapping) : (struct nat_mapping){.kind = NAT_MAPPING_UNKNOWN};
    if (told) {
        n->server = facts->server;
        n->translates = !endpoint_equal(&facts->external, &facts->local);
    } else {
        n->port = NULL;
    }
    tell();
}

static void ask(int family, const struct settings *settings)
{
    static const int bit_of[FAMILIES] = {[IPV4] = FAMILY_IPV4, [IPV6] = FAMILY_IPV6};
    struct known *n = &known[family];
    struct host_port servers[NAT_SERVERS_MAX];
    int count = settings->nameserver_count;
    if (!(settings->families & bit_of[family]))
        return;
    memcpy(servers, settings->nameservers, (size_t)count * sizeof *servers);
    memcpy(servers + count, settings->stuns, (size_t)settings->stun_count * sizeof *servers);
    nat_survey_cancel(n->survey);
    n->survey = NULL;
    n->port = engine_port();
    struct nat_survey_request request = {.servers = servers,
                                         .server_count = count + settings->stun_count,
                                         .family = family == IPV4 ? AF_INET : AF_INET6,
                                         .port = engine_port(),
                                         .deadline_ms = clock_now_ms() + NAT_ASK_MS,
                                         .on_kind = on_kind,
                                         .on_done = on_facts,
                                         .user = n};
    if (nat_survey_begin(&n->survey, &request) < 0) { /* memory */
        n->port = NULL;
        engine_timer_set(&n->timer, clock_now_ms() + again_ms(n));
    }
}

static void on_timer(struct timer *t)
{
    struct known *n = container_of(t, struct known, timer);
    if (users)
        ask((int)(n - known), users->settings);
}

static void forget(struct known *n)
{
    nat_survey_cancel(n->survey);
    n->survey = NULL;
    n->port = NULL;
    n->server.family = AF_UNSPEC;
    n->translates = false;
    n->again_ms = 0;
    n->mapping = (struct nat_mapping){.kind = NAT_MAPPING_UNKNOWN};
    engine_timer_cancel(&n->timer);
    if (n == &known[IPV4])
        own_hops_forget();
}

/* Each user is told: the first one acts. */
static void on_network_changed(struct engine_member *m)
{
    struct nat_user *u = container_of(m, struct nat_user, member);
    if (u != users)
        return;
    for (int i = 0; i < FAMILIES; i++) {
        forget(&known[i]);
        ask(i, u->settings);
    }
}

static void leave(struct nat_user *u)
{
    engine_leave(&u->member);
    DL_DELETE(users, u);
    if (!users) {
        nat_count_cancel(counted_anew);
        counted_anew = NULL;
    }
    for (int i = 0; i < FAMILIES && !users; i++)
        forget(&known[i]);
}

static void on_cancel(struct engine_member *m)
{
    struct nat_user *u = container_of(m, struct nat_user, member);
    leave(u);
    u->settings = NULL;
}

int nat_use(struct nat_user **out, const struct settings *settings, void (*on_news)(void *user), void *user)
{
    struct nat_user *u = calloc(1, sizeof *u);
    if (!u)
        return HX_ENOMEM;
    u->settings = settings;
    u->on_news = on_news;
    u->user = user;
    u->member.cancel = on_cancel;
    u->member.network_changed = on_network_changed;
    engine_join(&u->member);
    DL_APPEND(users, u);
    for (int i = 0; i < FAMILIES; i++) {
        known[i].timer.fire = on_timer;
        if (!known[i].survey && known[i].port != engine_port())
            ask(i, settings);
    }
    *out = u;
    return HX_OK;
}

void nat_use_end(struct nat_user *u)
{
    if (!u)
        return;
    if (u->settings)
        leave(u);
    free(u);
}

void nat_ask_anew(sa_family_t family)
{
    const struct known *n = &known[index_of(family)];
    if (n->port && n->port != engine_port() && users)
        ask(index_of(family), users->settings);
}

bool nat_known(sa_family_t family, struct nat_mapping *out)
{
    const struct known *n = &known[index_of(family)];
    *out = (struct nat_mapping){.kind = NAT_MAPPING_UNKNOWN};
    if (n->port != engine_port()) {
        nat_ask_anew(family);
        return false;
    }
    *out = n->mapping;
    return nat_mapping_known(out);
}

bool nat_asking(sa_family_t family)
{
    return known[index_of(family)].survey != NULL;
}

bool nat_translates(sa_family_t family)
{
    return known[index_of(family)].translates;
}

bool nat_server(struct endpoint *out)
{
    *out = known[IPV4].server;
    return out->family != AF_UNSPEC;
}

void nat_watch_begin(struct nat_watch *w)
{
    w->listed = true;
    DL_APPEND(watches, w);
}

void nat_watch_end(struct nat_watch *w)
{
    if (w->listed)
        DL_DELETE(watches, w);
    w->listed = false;
}

static struct endpoint spare; /* AF_UNSPEC: there is none */

static void on_spare_news(struct timer *unused)
{
    (void)unused;
    tell();
}

void nat_set_spare(const struct endpoint *mapped)
{
    bool changed = mapped->family != spare.family || !endpoint_equal(mapped, &spare);
    spare = *mapped;
    static struct timer news = {.fire = on_spare_news};
    if (changed)
        engine_timer_set(&news, clock_now_ms());
}

bool nat_spare(struct endpoint *out)
{
    *out = spare;
    return spare.family != AF_UNSPEC;
}

/* ---- counting ---- */

struct nat_count {
    struct stun_port *port;
    struct stun_transaction *transaction;
    void (*on_done)(void *user, uint16_t port);
    void *user;
};

static void on_counted(void *user, const struct stun_answer *a)
{
    struct nat_count *c = user;
    struct nat_count was = *c;
    struct nat_mapping *m = &known[IPV4].mapping;
    bool counted = a->error == HX_OK && hard_nat_sequential(m);
    if (counted)
        m->last_port = a->mapped.port;
    c->transaction = NULL;
    nat_count_cancel(c);
    was.on_done(was.user, counted ? a->mapped.port : 0);
    if (counted)
        tell();
}

int nat_count_begin(struct nat_count **out, void (*on_done)(void *user, uint16_t port), void *user)
{
    const struct known *n = &known[IPV4];
    if (n->port != engine_port() || !hard_nat_sequential(&n->mapping))
        return HX_ENOTFOUND;
    struct nat_count *c = calloc(1, sizeof *c);
    if (!c)
        return HX_ENOMEM;
    *c = (struct nat_count){.on_done = on_done, .user = user};
    int err = stun_port_open(&c->port, AF_INET);
    if (err == HX_OK)
        err = stun_ask(&c->transaction, &(struct stun_question){.port = stun_port_net(c->port),
                                                                .server = n->server,
                                                                .timeout_ms = NAT_COUNT_MS,
                                                                .on_done = on_counted,
                                                                .user = c});
    if (err < 0)
        nat_count_cancel(c);
    else
        *out = c;
    return err;
}

void nat_count_cancel(struct nat_count *c)
{
    if (!c)
        return;
    stun_cancel(c->transaction);
    stun_port_close(c->port);
    free(c);
}

static void on_counted_anew(void *user, uint16_t port)
{
    (void)user;
    (void)port;
    counted_anew = NULL;
}

void nat_count_anew(void)
{
    if (users && !counted_anew) /* if it fails, the next peer's guesses go less far */
        (void)nat_count_begin(&counted_anew, on_counted_anew, NULL);
}
