/* hx_nat: a survey for each family, told in hx.h's words. The engine's lock guards it. */
#include "base/clock.h"
#include "base/container_of.h"
#include "client/approach.h"
#include "client/nat_survey.h"
#include "client/portmap.h"
#include "client/race.h"
#include "client/settings.h"
#include <signal.h>
#include <string.h>

#define TIMEOUT_MIN_MS 300
#define UDT_AFTER_MS   500 /* no answer: does the nameserver speak UDT at least? */
#define MARGIN_MS      50  /* what is asked ends this long before the call must */

_Static_assert(NAMESERVERS_MAX + STUNS_MAX <= NAT_SERVERS_MAX, "all of them are asked");

enum { IPV4, IPV6, FAMILIES };

/* Asks the router, in a thread of its own, without the engine's lock: once a server has answered, and not if
 * that one is on this host, which says nothing of the network. */
struct router {
    pthread_t thread;
    bool asked;
    int timeout_ms;
    struct portmap_offers offers;
};

struct nat_job {
    struct engine_member member;
    struct settings settings;
    struct host_port servers[NAT_SERVERS_MAX];
    int server_count;
    int64_t deadline_ms;
    pthread_cond_t cond;
    bool canceled;
    struct nat_half {
        struct nat_job *job;
        struct nat_survey *survey; /* NULL: not wanted, or over */
        bool heard;                /* a server has answered */
        struct nat_facts facts;
    } halves[FAMILIES];
    struct timer udt_timer;
    struct race *race; /* whether the nameserver speaks UDT */
    bool speaks_udt;
    struct tunnel_user tunnel; /* whether TCP reaches it */
    enum hx_nat_fact tcp;
    struct router router;
};

/* ---- the router ---- */

static void *ask_router(void *user)
{
    struct router *r = user;
    portmap_probe(&r->offers, r->timeout_ms);
    return NULL;
}

static void router_begin(struct router *r, int64_t left_ms)
{
    sigset_t all, before;
    r->timeout_ms = left_ms < PORTMAP_SEEK_MS ? (int)left_ms : PORTMAP_SEEK_MS;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the program's */
    r->asked = pthread_create(&r->thread, NULL, ask_router, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void router_end(struct router *r, struct hx_nat_report *out)
{
    static const unsigned bit_of[WAY_KINDS] = {
        [WAY_PCP] = HX_NAT_PCP, [WAY_NATPMP] = HX_NAT_NAT_PMP, [WAY_UPNP] = HX_NAT_UPNP_IGD};
    if (!r->asked)
        return;
    pthread_join(r->thread, NULL);
    if (r->offers.gateway.family == AF_UNSPEC)
        return;
    for (int i = 0; i < WAY_KINDS; i++)
        out->portmap_protocols |= r->offers.of[i].offered ? bit_of[i] : 0;
    out->portmap = out->portmap_protocols ? HX_NAT_YES : HX_NAT_NO;
}

/* ---- the surveys ---- */

static void on_heard(void *user, const struct endpoint *local)
{
    struct nat_half *half = user;
    struct nat_job *j = half->job;
    half->heard = true;
    if (half == &j->halves[IPV4] && local->address[0] != IN_LOOPBACKNET)
        router_begin(&j->router, j->deadline_ms - clock_now_ms());
}

static void on_facts(void *user, const struct nat_facts *facts)
{
    struct nat_half *half = user;
    half->survey = NULL;
    half->facts = *facts;
    pthread_cond_broadcast(&half->job->cond);
}

static bool over(const struct nat_job *j)
{
    return !j->halves[IPV4].survey && !j->halves[IPV6].survey;
}

static void on_cancel(struct engine_member *m)
{
    struct nat_job *j = container_of(m, struct nat_job, member);
    for (int i = 0; i < FAMILIES; i++) {
        nat_survey_cancel(j->halves[i].survey);
        j->halves[i].survey = NULL;
    }
    j->canceled = true;
    pthread_cond_broadcast(&j->cond);
}

/* ---- a nameserver without STUN, or without UDP ---- */

static void on_tunnel_open(struct tunnel_user *u)
{
    struct nat_job *j = u->owner;
    j->tcp = HX_NAT_YES;
}

static void on_tunnel_end(struct tunnel_user *u, int error, const char *text)
{
    (void)u, (void)error, (void)text;
}

static void try_tunnel(struct nat_job *j)
{
    j->tunnel = (struct tunnel_user){.on_open = on_tunnel_open, .on_end = on_tunnel_end, .owner = j};
    if ((j->settings.transports & TRANSPORT_TCP) &&
        tunnel_use(&j->tunnel, engine_port(), &j->settings.places[0], j->settings.families) == HX_OK)
        j->tcp = HX_NAT_NO; /* until it is open */
}

static void on_raced(void *user, const struct race_result *result)
{
    struct nat_job *j = user;
    j->race = NULL;
    j->speaks_udt = result->error == HX_OK;
    stream_close(result->stream);
}

static void on_udt_timer(struct timer *t)
{
    struct nat_job *j = container_of(t, struct nat_job, udt_timer);
    int64_t left_ms = j->deadline_ms - clock_now_ms();
    for (int i = 0; i < FAMILIES; i++) {
        if (j->halves[i].heard)
            return;
    }
    if (race_begin(&j->race, &j->settings.nameservers[0], j->settings.families, engine_port(), (int)left_ms,
                   NULL, on_raced, j) < 0)
        j->race = NULL;
    try_tunnel(j);
}

/* ---- the report ---- */

static enum hx_nat_fact fact_of(bool known, bool fact)
{
    return !known ? HX_NAT_NOT_KNOWN : fact ? HX_NAT_YES : HX_NAT_NO;
}

static enum hx_nat_verdict verdict_of(const struct nat_facts *f, int error)
{
    static const enum hx_nat_verdict of[] = {[NAT_UNCLEAR] = HX_NAT_UNCLEAR,
                                             [NAT_HARD] = HX_NAT_HARD,
                                             [NAT_PREDICTABLE] = HX_NAT_PREDICTABLE,
                                             [NAT_EASY] = HX_NAT_EASY};
    if (error == HX_ETIMEDOUT)
        return HX_NAT_BLOCKED;
    return error < 0 ? HX_NAT_UNCLEAR : of[nat_rules_verdict(&f->mapping)];
}

_Static_assert((int)NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT == HX_NAT_ADDRESS_AND_PORT_DEPENDENT &&
                   (int)NAT_MAPPING_ADDRESS_DEPENDENT == HX_NAT_ADDRESS_DEPENDENT &&
                   (int)NAT_MAPPING_ENDPOINT_INDEPENDENT == HX_NAT_ENDPOINT_INDEPENDENT &&
                   (int)NAT_PORTS_PRESERVING == HX_NAT_PORTS_PRESERVING &&
                   (int)NAT_PORTS_SEQUENTIAL == HX_NAT_PORTS_SEQUENTIAL &&
                   (int)NAT_PORTS_RANDOM == HX_NAT_PORTS_RANDOM,
               "hx.h and proto/nat_mapping.h agree");

static void report_on(struct hx_nat_report *r, const struct nat_job *j, const struct nat_facts *f)
{
    bool known = f->error == HX_OK;
    bool none = endpoint_equal(&f->external, &f->local);
    int error = f->error == HX_ETIMEDOUT && j->speaks_udt ? HX_EPROTO : f->error;
    r->error = error;
    r->verdict = verdict_of(f, error);
    r->nameserver = f->nameserver_answered ? HX_OK : known ? HX_ETIMEDOUT : error;
    endpoint_format(&f->external, r->external);
    endpoint_format(&f->local, r->local);
    r->translated = fact_of(known, !none);
    endpoint_format(&f->server, r->server);
    r->rtt_us = f->rtt_us;
    r->mapping = (enum hx_nat_kind)f->mapping.kind;
    r->filtering = (enum hx_nat_kind)f->filtering;
    r->second_address = fact_of(known, !f->one_address);
    r->ports = (enum hx_nat_ports)f->mapping.ports;
    r->port_step = f->mapping.step;
    r->mtu = f->mtu;
    if (error == HX_ETIMEDOUT)
        r->tcp = j->tcp;
    r->hairpin = fact_of(f->hairpin != NAT_UNTESTED, f->hairpin == NAT_CAME);
}

/* To a program that was built with another hx.h. */
static void give(struct hx_nat_report *out, size_t size, const struct hx_nat_report *r)
{
    if (!out)
        return;
    memset(out, 0, size);
    memcpy(out, r, size < sizeof *r ? size : sizeof *r);
}

/* ---- the call ---- */

static int begin(struct nat_job *j)
{
    static const int family_of[FAMILIES] = {[IPV4] = AF_INET, [IPV6] = AF_INET6};
    static const int bit_of[FAMILIES] = {[IPV4] = FAMILY_IPV4, [IPV6] = FAMILY_IPV6};
    for (int i = 0; i < FAMILIES; i++) {
        struct nat_half *half = &j->halves[i];
        struct nat_survey_request request = {.servers = j->servers,
                                             .server_count = j->server_count,
                                             .family = family_of[i],
                                             .port = engine_port(),
                                             .whole = true,
                                             .deadline_ms = j->deadline_ms,
                                             .on_heard = on_heard,
                                             .on_done = on_facts,
                                             .user = half};
        half->job = j;
        half->facts.error = HX_EFAMILY;
        if ((j->settings.families & bit_of[i]) && nat_survey_begin(&half->survey, &request) < 0) {
            on_cancel(&j->member);
            return HX_ENOMEM;
        }
    }
    engine_timer_set(&j->udt_timer, clock_now_ms() + UDT_AFTER_MS);
    return HX_OK;
}

static void finish(struct nat_job *j)
{
    on_cancel(&j->member);
    engine_timer_cancel(&j->udt_timer);
    race_cancel(j->race);
    j->race = NULL;
    tunnel_leave(&j->tunnel);
}

static int survey(struct nat_job *j)
{
    int err = begin(j);
    if (err < 0)
        return err;
    while (!over(j) && engine_wait(&j->cond, INT64_MAX)) /* the surveys keep the time */
        ;
    bool canceled = j->canceled;
    finish(j);
    return canceled ? HX_ECANCELED : HX_OK;
}

int hx_nat_sized(struct hx_nat_report *ipv4, struct hx_nat_report *ipv6, size_t report_size,
                 const struct hx_config *config, size_t size, int timeout_ms)
{
    struct nat_job j = {.canceled = false};
    struct hx_nat_report *outs[FAMILIES] = {[IPV4] = ipv4, [IPV6] = ipv6};
    int err = timeout_ms < TIMEOUT_MIN_MS ? HX_EINVAL : settings_init_unnamed(&j.settings, config, size);
    if (err == HX_OK)
        err = engine_cond_init(&j.cond);
    if (err < 0) {
        settings_free(&j.settings);
        return err;
    }
    memcpy(j.servers, j.settings.nameservers, (size_t)j.settings.nameserver_count * sizeof *j.servers);
    memcpy(j.servers + j.settings.nameserver_count, j.settings.stuns,
           (size_t)j.settings.stun_count * sizeof *j.servers);
    j.server_count = j.settings.nameserver_count + j.settings.stun_count;
    err = engine_enter(j.settings.local_port);
    if (err == HX_OK) {
        j.member.cancel = on_cancel;
        j.udt_timer.fire = on_udt_timer;
        j.deadline_ms = clock_now_ms() + timeout_ms - MARGIN_MS;
        engine_join(&j.member);
        err = survey(&j);
        engine_leave(&j.member);
        engine_unlock();
    }
    struct hx_nat_report told[FAMILIES] = {{.error = HX_OK}};
    router_end(&j.router, &told[IPV4]);
    for (int i = 0; i < FAMILIES && err == HX_OK; i++) {
        report_on(&told[i], &j, &j.halves[i].facts);
        give(outs[i], report_size, &told[i]);
    }
    pthread_cond_destroy(&j.cond);
    settings_free(&j.settings);
    return err;
}
