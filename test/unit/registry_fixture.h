/* test/unit/registry_fixture.h: the registry of one process, asked by members that only take notes. */
#ifndef HX_TEST_REGISTRY_FIXTURE_H
#define HX_TEST_REGISTRY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/timers.h"
#include "server/challenge.h"
#include "server/config.h"
#include "server/counters.h"
#include "server/policy.h"
#include "server/registry_local.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct server_config config;
    struct timers timers;
    struct counters counters;
    struct policy *policy;
    struct registry *registry;
    int64_t now_ms;
};

struct person {
    struct registry_member member;
    struct request request;
    char host_id[HOST_ID_MAX + 1];
    struct world *world;
    int answers, introduced, challenged, reminded, replaced;
    bool lives, full, owns;
    bool fails; /* leaves while it is told of somebody */
};

static struct person *of(struct registry_member *m)
{
    return container_of(m, struct person, member);
}

static void answered(struct registry_member *m, const struct registry_told *told)
{
    (void)told;
    of(m)->answers++;
}

static int introduce(struct registry_member *m, const char *name, const struct endpoint *peer,
                     const struct registry_told *told, int64_t later_ms)
{
    (void)told;
    (void)name;
    (void)peer;
    (void)later_ms;
    if (of(m)->fails) {
        registry_leave(of(m)->world->registry, m);
        return HX_ECLOSED;
    }
    if (of(m)->full)
        return HX_EAGAIN;
    of(m)->introduced++;
    return HX_OK;
}

static int64_t challenge(struct registry_member *m)
{
    of(m)->challenged++;
    return 1000;
}

static void remind(struct registry_member *m)
{
    of(m)->reminded++;
}

static bool lives(const struct registry_member *m)
{
    return container_of(m, const struct person, member)->lives;
}

static void replaced(struct registry_member *m, enum registry_how how)
{
    (void)how;
    of(m)->replaced++;
}

static bool displaces(const struct registry_member *m, const struct registry_member *holder)
{
    return container_of(m, const struct person, member)->owns &&
           !container_of(holder, const struct person, member)->owns;
}

static const struct registry_events events = {.answered = answered,
                                              .introduce = introduce,
                                              .challenge = challenge,
                                              .remind = remind,
                                              .lives = lives,
                                              .displaces = displaces,
                                              .replaced = replaced};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    server_config_defaults(&w->config);
    w->now_ms = 1000000;
    assert_int_equal(policy_create(&w->policy, &w->config), HX_OK);
    const struct registry_config config = {
        .timers = &w->timers, .policy = w->policy, .counters = &w->counters, .now_ms = &w->now_ms};
    assert_int_equal(registry_local_create(&w->registry, &config), HX_OK);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    assert_int_equal(w->timers.len, 0);
    registry_destroy(w->registry); /* asserts that no name is left */
    policy_destroy(w->policy);
    free(w);
    return 0;
}

static struct person person(struct world *w, const char *name, uint8_t host)
{
    struct person p = {.world = w, .member.events = &events};

    p.member.peer = (struct endpoint){.family = AF_INET, .address = {192, 0, 2, host}, .port = 1};
    snprintf(p.host_id, sizeof p.host_id, "%s", name);
    return p;
}

static const struct request *request_of(struct person *p, enum request_target target)
{
    p->request.target = target;
    p->request.host_id = p->host_id;
    p->request.name = "";
    return &p->request;
}

static void bind_it(struct person *p)
{
    registry_bind(p->world->registry, &p->member, request_of(p, REQUEST_BIND));
}

static void connect_it(struct person *p, int wait_s)
{
    p->request.wait_s = wait_s;
    registry_connect(p->world->registry, &p->member, request_of(p, REQUEST_CONNECT));
}

static void leave(struct person *p)
{
    registry_leave(p->world->registry, &p->member);
}

static struct registry_totals totals(const struct world *w)
{
    struct registry_totals t;

    registry_totals(w->registry, &t);
    return t;
}

#define REGISTRY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
