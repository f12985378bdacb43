/*            mapped             cannot be renewed, or the gateway is another one
 *     SEEKING ----> HELD ------------------------------------------------------> SEEKING
 *        | nothing   |
 *        v           | nobody holds it any more
 *      IDLE          '------> ENDING --> DONE, or SEEKING if somebody has come
 *
 * A mapping's states, changed by its thread in enter() alone. The engine's lock guards what holders see. */
#include "client/portmap.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "client/engine.h"
#include "client/portmap_router.h"
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>
#include <utlist.h>

#define THREAD_STACK_BYTES (256 * 1024)
#define NATPMP_AFTER_MS    150 /* PCP, which is better, has had so long to answer */
#define UPNP_AFTER_MS      400 /* likewise PCP and NAT-PMP; an addition takes two exchanges within the LAN */
#define IDLE_FIRST_MS      10000 /* a router may have been starting, or slow; doubled */
#define IDLE_MAX_MS        300000
#define RENEW_AGAIN_MS     4000 /* RFC 6887, 11.2.1: the least between two; doubled */
#define MAPPINGS_MAX       8    /* threads at once: the engine has four ports */

enum mapping_state { MAPPING_SEEKING, MAPPING_HELD, MAPPING_IDLE, MAPPING_ENDING, MAPPING_DONE };

struct portmap {
    struct mapping *mapping;
    portmap_changed_fn *changed;
    void *user;
    struct portmap *prev, *next;
};

struct mapping {
    struct mapping *prev, *next;
    struct portmap *holders;
    struct endpoint external;     /* as the holders were told */
    bool network_changed, forgot; /* to be looked at; wake_fd tells that they may be set */
    int wake_fd;

    uint16_t local_port; /* the rest is the thread's */
    enum mapping_state state;
    struct gateway gateway;
    struct way *way; /* that gives the mapping */
    int announce_fd; /* HELD; -1: none */
    struct way_request request;
    int64_t asked_ms, renew_ms, again_ms, expires_ms;
    int64_t idle_ms; /* how long, the next time */
};

static struct mapping *mappings;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

static void enter(struct mapping *m, enum mapping_state state)
{
    m->state = state;
}

/* --- what others want --------------------------------------------------------------------------------- */

/* Nobody holds it any more? Takes the wake-up. */
static bool is_left(struct mapping *m)
{
    uint64_t wakes;
    (void)!read(m->wake_fd, &wakes, sizeof wakes);
    engine_lock();
    bool left = m->holders == NULL;
    engine_unlock();
    return left;
}

static void tell(struct mapping *m, const struct endpoint *external)
{
    struct portmap *p;
    engine_lock();
    bool changed = !endpoint_equal(&m->external, external);
    m->external = *external;
    DL_FOREACH(m->holders, p)
    {
        if (changed)
            p->changed(p->user);
    }
    engine_unlock();
}

/* Until `until_ms`, or what others want makes it shorter: at once if nobody holds it any more, and once
 * PORTMAP_CHECK_MS has gone by since the router was asked if it should be asked again. True: it should. */
static bool doze(struct mapping *m, int64_t until_ms)
{
    for (bool ask = false;;) {
        engine_lock();
        ask |= m->network_changed || m->forgot;
        m->network_changed = m->forgot = false;
        bool left = m->holders == NULL;
        engine_unlock();
        int64_t now_ms = clock_now_ms();
        int64_t next_ms =
            ask && m->asked_ms + PORTMAP_CHECK_MS < until_ms ? m->asked_ms + PORTMAP_CHECK_MS : until_ms;
        if (left || now_ms >= next_ms)
            return ask;
        struct pollfd fds[] = {{.fd = m->wake_fd, .events = POLLIN},
                               {.fd = ask ? -1 : m->announce_fd, .events = POLLIN}};
        uint64_t wakes;
        if (poll(fds, 2, next_ms - now_ms > INT32_MAX ? INT32_MAX : (int)(next_ms - now_ms)) <= 0)
            continue;
        if (fds[0].revents)
            (void)!read(m->wake_fd, &wakes, sizeof wakes);
        if (fds[1].revents)
            ask = portmap_router_has_announced(m->announce_fd, &m->gateway);
    }
}

/* --- the states --------------------------------------------------------------------------------------- */

static void drop_way(struct mapping *m)
{
    way_close(m->way);
    m->way = NULL;
    if (m->announce_fd >= 0)
        close(m->announce_fd);
    m->announce_fd = -1;
}

static void hold(struct mapping *m)
{
    int64_t now_ms = clock_now_ms();
    m->request.external = m->way->external;
    if (m->announce_fd < 0)
        m->announce_fd = portmap_router_listen(&m->gateway);
    int64_t lifetime_ms = m->way->lifetime_s * 1000LL;
    m->renew_ms = now_ms + (lifetime_ms / 2 > RENEW_AGAIN_MS ? lifetime_ms / 2 : RENEW_AGAIN_MS);
    m->expires_ms = now_ms + lifetime_ms;
    m->again_ms = RENEW_AGAIN_MS;
    m->idle_ms = IDLE_FIRST_MS;
    enter(m, MAPPING_HELD);
    tell(m, &m->way->external);
}

/* Which one shall make the mapping now; PCP was asked to at once. NULL: none yet, or one is at it. */
static struct way *choose(struct way *const of[WAY_KINDS], int64_t elapsed_ms)
{
    bool no_pcp = !of[WAY_PCP] || of[WAY_PCP]->state == WAY_REFUSED;
    bool no_natpmp = !of[WAY_NATPMP] || of[WAY_NATPMP]->state == WAY_REFUSED;
    if (of[WAY_NATPMP] && of[WAY_NATPMP]->state == WAY_OFFERED && (no_pcp || elapsed_ms >= NATPMP_AFTER_MS))
        return of[WAY_NATPMP];
    if (of[WAY_UPNP] && of[WAY_UPNP]->state == WAY_OFFERED &&
        ((no_pcp && no_natpmp) || elapsed_ms >= UPNP_AFTER_MS))
        return of[WAY_UPNP];
    return NULL;
}

static int64_t next_choice_ms(int64_t elapsed_ms)
{
    return elapsed_ms < NATPMP_AFTER_MS ? NATPMP_AFTER_MS
           : elapsed_ms < UPNP_AFTER_MS ? UPNP_AFTER_MS
                                        : PORTMAP_SEEK_MS;
}

/* Asks by all ways. The one that has made the mapping, or that may have when nobody wants it any more. */
static struct way *seek_by(struct mapping *m, struct way *ways[WAY_KINDS], int count,
                           struct way *of[WAY_KINDS])
{
    struct way *asked = of[WAY_PCP];
    for (int64_t elapsed_ms = 0; count > 0 && elapsed_ms < PORTMAP_SEEK_MS;
         elapsed_ms = clock_now_ms() - m->asked_ms) {
        portmap_router_turn(ways, count, m->wake_fd, m->asked_ms + next_choice_ms(elapsed_ms));
        for (int i = 0; i < count; i++) {
            if (ways[i]->state == WAY_MAPPED)
                return ways[i];
        }
        if (is_left(m))
            return asked;
        struct way *chosen = choose(of, clock_now_ms() - m->asked_ms);
        if (chosen) {
            if (chosen != of[WAY_UPNP]) /* that one is told of a port that may be somebody else's */
                asked = chosen;
            way_map(chosen, &m->request, clock_now_ms());
        }
    }
    return NULL;
}

static void seek(struct mapping *m)
{
    struct way *ways[WAY_KINDS], *of[WAY_KINDS] = {NULL};
    enum way_kind kind_of[WAY_KINDS];
    int count = portmap_router_find(&m->gateway) ? portmap_router_ways(ways, kind_of, &m->gateway) : 0;
    m->asked_ms = count > 0 ? clock_now_ms() : 0;
    for (int i = 0; i < count; i++) {
        of[kind_of[i]] = ways[i];
        if (kind_of[i] == WAY_PCP)
            way_map(ways[i], &m->request, m->asked_ms);
        else
            way_probe(ways[i], m->asked_ms);
    }
    m->way = seek_by(m, ways, count, of);
    for (int i = 0; i < count; i++) {
        if (ways[i] != m->way)
            way_close(ways[i]);
    }
    if (m->way && m->way->state == WAY_MAPPED)
        hold(m);
    else
        enter(m, m->way || is_left(m) ? MAPPING_ENDING : MAPPING_IDLE);
}

static void lose(struct mapping *m)
{
    static const struct endpoint none;
    drop_way(m);
    enter(m, MAPPING_SEEKING);
    tell(m, &none);
}

static void renew(struct mapping *m)
{
    m->asked_ms = clock_now_ms();
    way_map(m->way, &m->request, m->asked_ms);
    while (m->way->state == WAY_ASKING && clock_now_ms() < m->asked_ms + PORTMAP_SEEK_MS && !is_left(m))
        portmap_router_turn(&m->way, 1, m->wake_fd, m->asked_ms + PORTMAP_SEEK_MS);
    int64_t now_ms = clock_now_ms();
    if (m->way->state == WAY_MAPPED) {
        hold(m);
    } else if (m->way->state == WAY_REFUSED || now_ms >= m->expires_ms) {
        lose(m);
    } else { /* a router that starts says nothing for a while */
        m->renew_ms = now_ms + m->again_ms < m->expires_ms ? now_ms + m->again_ms : m->expires_ms;
        m->again_ms *= 2;
    }
}

static void keep(struct mapping *m)
{
    struct gateway gateway;
    bool asked = doze(m, m->renew_ms);
    if (is_left(m))
        enter(m, MAPPING_ENDING);
    else if (asked && (!portmap_router_find(&gateway) || !portmap_router_same(&gateway, &m->gateway)))
        lose(m);
    else
        renew(m);
}

static void idle(struct mapping *m)
{
    (void)doze(m, clock_now_ms() + m->idle_ms);
    m->idle_ms = 2 * m->idle_ms < IDLE_MAX_MS ? 2 * m->idle_ms : IDLE_MAX_MS;
    enter(m, is_left(m) ? MAPPING_ENDING : MAPPING_SEEKING);
}

static void give_back(struct mapping *m)
{
    static const struct endpoint none;
    int64_t until_ms =
        clock_now_ms() + (m->expires_ms > 0 ? PORTMAP_GIVE_BACK_MS : 0); /* has it ever answered? */
    struct way_request over = m->request;
    over.lifetime_s = 0;
    if (m->way)
        way_map(m->way, &over, clock_now_ms());
    while (m->way && m->way->state == WAY_ASKING && clock_now_ms() < until_ms)
        portmap_router_turn(&m->way, 1, -1, until_ms);
    drop_way(m);
    engine_lock();
    m->external = none;
    enter(m, m->holders ? MAPPING_SEEKING : MAPPING_DONE);
    if (m->state == MAPPING_DONE) {
        DL_DELETE(mappings, m);
        pthread_cond_broadcast(&ended);
    }
    engine_unlock();
}

static void *run(void *user)
{
    static void (*const steps[])(struct mapping * m) = {
        [MAPPING_SEEKING] = seek, [MAPPING_HELD] = keep, [MAPPING_IDLE] = idle, [MAPPING_ENDING] = give_back};
    struct mapping *m = user;
    while (m->state != MAPPING_DONE)
        steps[m->state](m);
    close(m->wake_fd);
    free(m);
    return NULL;
}

/* --- who holds it ------------------------------------------------------------------------------------- */

static struct mapping *mapping_of(uint16_t local_port)
{
    struct mapping *m;
    DL_FOREACH(mappings, m)
    {
        if (m->local_port == local_port)
            break;
    }
    return m;
}

static int mapping_create(struct mapping **out, uint16_t local_port)
{
    struct mapping *m;
    int count;
    DL_COUNT(mappings, m, count);
    m = count < MAPPINGS_MAX ? calloc(1, sizeof *m) : NULL;
    if (!m)
        return HX_ENOMEM;
    m->local_port = local_port;
    m->announce_fd = -1;
    m->idle_ms = IDLE_FIRST_MS;
    m->request = (struct way_request){.local_port = local_port, .lifetime_s = PORTMAP_LIFETIME_S};
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->wake_fd >= 0 &&
        getrandom(m->request.nonce, sizeof m->request.nonce, 0) == sizeof m->request.nonce &&
        thread_detached(THREAD_STACK_BYTES, run, m) == HX_OK) {
        DL_APPEND(mappings, m);
        *out = m;
        return HX_OK;
    }
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    free(m);
    return HX_ESYS;
}

static void wake(struct mapping *m)
{
    uint64_t one = 1;
    (void)!write(m->wake_fd, &one, sizeof one);
}

int portmap_begin(struct portmap **out, uint16_t local_port, portmap_changed_fn *changed, void *user)
{
    struct mapping *m;
    struct portmap *p = calloc(1, sizeof *p);
    if (!p)
        return HX_ENOMEM;
    m = mapping_of(local_port);
    int err = m ? HX_OK : mapping_create(&m, local_port);
    if (err < 0) {
        free(p);
        return err;
    }
    *p = (struct portmap){.mapping = m, .changed = changed, .user = user};
    DL_APPEND(m->holders, p);
    *out = p;
    return HX_OK;
}

const struct endpoint *portmap_external(uint16_t local_port)
{
    static const struct endpoint none;
    const struct mapping *m = mapping_of(local_port);
    return m ? &m->external : &none;
}

void portmap_network_changed(struct portmap *p)
{
    p->mapping->network_changed = true;
    wake(p->mapping);
}

void portmap_check(struct portmap *p)
{
    p->mapping->forgot = true;
    wake(p->mapping);
}

void portmap_end(struct portmap *p)
{
    if (!p)
        return;
    struct mapping *m = p->mapping;
    DL_DELETE(m->holders, p);
    free(p);
    if (!m->holders)
        wake(m);
}

void portmap_await_end(int timeout_ms)
{
    int64_t deadline_ms = clock_now_ms() + timeout_ms;
    engine_lock();
    while (mappings && engine_wait(&ended, deadline_ms))
        ;
    engine_unlock();
}
