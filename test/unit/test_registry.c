/* The registry of one process, asked by members that only take notes: names, who holds them, who
 * is told what. */
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

static void pass(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    timers_run(&w->timers, w->now_ms);
}

static struct registry_totals totals(const struct world *w)
{
    struct registry_totals t;

    registry_totals(w->registry, &t);
    return t;
}

static void a_free_name_is_bound_and_found(void **state)
{
    struct person h1 = person(*state, "n", 1), h2 = person(*state, "n", 2), other = person(*state, "N", 3);

    bind_it(&h1);
    assert_int_equal(h1.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(h1.member.answer.how, REGISTRY_FREE);
    connect_it(&h2, 0);
    assert_int_equal(h2.member.answer.result, REGISTRY_MET);
    assert_true(endpoint_equal(&h2.member.answer.holder, &h1.member.peer));
    assert_int_equal(h1.introduced, 1);
    connect_it(&other, 0);
    assert_int_equal(other.member.answer.result, REGISTRY_REFUSED);
    assert_int_equal(other.member.answer.reason, REPLY_UNKNOWN);
    leave(&other); /* fine: it is in none */
    leave(&h2);
    leave(&h1);
}

static void waiters_are_told_in_their_order_when_the_name_comes_and_counted(void **state)
{
    struct person h1 = person(*state, "n", 1), w[2] = {person(*state, "n", 2), person(*state, "n", 3)};

    connect_it(&w[0], 5);
    connect_it(&w[1], 5);
    assert_int_equal(w[0].member.answer.result, REGISTRY_WAITS);
    assert_int_equal(totals(*state).waiters, 2);
    assert_int_equal(totals(*state).names, 0);
    bind_it(&h1);
    assert_int_equal(totals(*state).waiters, 0);
    assert_int_equal(totals(*state).names, 1);
    assert_int_equal(w[1].member.answer.result, REGISTRY_ADMITTED);
    assert_false(registry_proceed(h1.world->registry, &h1.member));
    assert_int_equal(w[0].member.answer.result, REGISTRY_MET);
    assert_int_equal(w[1].member.answer.result, REGISTRY_MET);
    assert_int_equal(h1.introduced, 2);
    leave(&h1);
    leave(&w[0]);
    leave(&w[1]);
}

static void a_full_holder_tells_those_who_wait_when_it_proceeds(void **state)
{
    struct person h1 = person(*state, "n", 1), h2 = person(*state, "n", 2);

    bind_it(&h1);
    h1.full = true;
    connect_it(&h2, 0);
    assert_int_equal(h2.member.answer.result, REGISTRY_ADMITTED);
    assert_false(registry_proceed(h1.world->registry, &h1.member));
    h1.full = false;
    registry_proceed(h1.world->registry, &h1.member);
    assert_int_equal(h2.member.answer.result, REGISTRY_MET);
    leave(&h2);
    leave(&h1);
}

static void a_holder_that_ends_while_it_is_told_leaves_no_trace(void **state)
{
    struct person h1 = person(*state, "n", 1), h2 = person(*state, "n", 2),
                  challenger = person(*state, "n", 3);

    bind_it(&h1);
    bind_it(&challenger);
    h1.fails = true;
    connect_it(&h2, 0); /* the challenger holds the name by the time this asks again */
    assert_int_equal(challenger.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(h2.member.answer.result, REGISTRY_MET);
    leave(&challenger);
    leave(&h2);
    bind_it(&h1);
    connect_it(&h2, 0);
    assert_int_equal(h2.member.answer.reason, REPLY_UNKNOWN);
}

static void who_waits_is_refused_once_a_holder_over_tcp_has_room_to_hear_of_it(void **state)
{
    struct person h1 = person(*state, "n", 1), w[2] = {person(*state, "n", 2), person(*state, "n", 3)};

    h1.member.reach = REACH_TCP;
    h1.full = true;
    connect_it(&w[0], 5);
    connect_it(&w[1], 5);
    bind_it(&h1);
    assert_int_equal(totals(*state).waiters, 2);
    registry_proceed(h1.world->registry, &h1.member);
    assert_int_equal(totals(*state).waiters, 2);
    h1.full = false;
    registry_proceed(h1.world->registry, &h1.member);
    assert_int_equal(h1.introduced, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(w[i].member.answer.result, REGISTRY_REFUSED);
        assert_int_equal(w[i].member.answer.reason, REPLY_ONLY_TCP);
    }
    assert_int_equal(totals(*state).waiters, 0);
    leave(&h1);
}

static void a_holder_over_tcp_that_ends_while_it_is_told_leaves_those_who_wait(void **state)
{
    struct person h1 = person(*state, "n", 1), asks = person(*state, "n", 4),
                  w[2] = {person(*state, "n", 2), person(*state, "n", 3)};

    h1.member.reach = REACH_TCP;
    h1.full = true;
    connect_it(&w[0], 5);
    connect_it(&w[1], 5);
    bind_it(&h1);
    h1.full = false;
    h1.fails = true;
    registry_proceed(h1.world->registry, &h1.member);
    pass(*state, 10);
    assert_int_equal(totals(*state).names, 0);
    assert_int_equal(totals(*state).waiters, 2);
    assert_int_equal(w[0].member.answer.result, REGISTRY_WAITS);
    leave(&w[0]);
    leave(&w[1]);
    bind_it(&h1);
    connect_it(&asks, 0);
    assert_int_equal(asks.member.answer.reason, REPLY_ONLY_TCP);
    assert_int_equal(totals(*state).names, 0);
}

static struct person party(struct world *w, uint8_t host, enum reach reach)
{
    static char no_lines[] = "";
    struct person p = person(w, "n", host);

    p.member.reach = reach;
    p.member.lines = no_lines;
    p.request.has_session = true;
    return p;
}

static void who_binds_through_a_tunnel_is_not_asked_by_udp_any_more(void **state)
{
    struct person ipv4 = party(*state, 1, REACH_IPV4), ipv6 = party(*state, 2, REACH_IPV6),
                  tunnel = party(*state, 3, REACH_TUNNEL), again = party(*state, 4, REACH_IPV4),
                  h2 = party(*state, 5, REACH_IPV4);

    bind_it(&ipv4);
    bind_it(&ipv6);
    assert_int_equal(ipv6.member.answer.how, REGISTRY_JOINED);
    bind_it(&tunnel);
    assert_int_equal(tunnel.member.answer.how, REGISTRY_SAME_SESSION);
    assert_int_equal(ipv4.replaced + ipv6.replaced, 2);
    assert_int_equal(totals(*state).names, 1);
    connect_it(&h2, 0);
    assert_int_equal(tunnel.introduced, 1);
    leave(&h2);

    bind_it(&again); /* UDP gets there again: both hold it, and the better one is asked */
    assert_int_equal(again.member.answer.how, REGISTRY_JOINED);
    assert_int_equal(tunnel.replaced, 0);
    connect_it(&h2, 0);
    assert_int_equal(again.introduced, 1);
    leave(&h2);
    leave(&again);
    leave(&tunnel);
}

static void a_silent_holder_is_reminded_and_replaced_after_its_time(void **state)
{
    struct person h1 = person(*state, "n", 1), c = person(*state, "n", 2);

    bind_it(&h1);
    bind_it(&c);
    assert_int_equal(c.member.answer.result, REGISTRY_ASKS);
    assert_int_equal(h1.challenged, 1);
    for (int ms = 0; ms < 999; ms++)
        pass(*state, 1);
    assert_in_range(h1.reminded, 5, CHALLENGE_LOOKS * 4);
    assert_int_equal(h1.replaced, 0);
    pass(*state, 1);
    assert_int_equal(h1.replaced, 1);
    assert_int_equal(c.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(c.member.answer.how, REGISTRY_SILENT);
    assert_int_equal(totals(*state).names, 1);
    leave(&c);
}

static void who_was_heard_keeps_the_name_though_no_event_said_so(void **state)
{
    struct person h1 = person(*state, "n", 1), c = person(*state, "n", 2);

    bind_it(&h1);
    bind_it(&c);
    h1.lives = true;
    pass(*state, 1000);
    assert_int_equal(c.member.answer.result, REGISTRY_REFUSED);
    assert_int_equal(c.member.answer.reason, REPLY_HELD);
    assert_int_equal(h1.replaced, 0);
    leave(&h1);
}

static void what_a_head_asks_changes_nothing(void **state)
{
    struct person h1 = person(*state, "n", 1), h = person(*state, "n", 2);

    h.request.head = true;
    bind_it(&h);
    assert_int_equal(h.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(totals(*state).names, 0);
    bind_it(&h1);
    bind_it(&h);
    assert_int_equal(h.member.answer.reason, REPLY_HELD);
    connect_it(&h, 0);
    assert_int_equal(h.member.answer.result, REGISTRY_MET);
    assert_int_equal(h1.introduced + h1.challenged, 0);
    leave(&h1);
}

static void an_owner_takes_its_name_at_once_from_who_is_none(void **state)
{
    struct person h1 = person(*state, "n", 1), c = person(*state, "n", 2), owner = person(*state, "n", 3),
                  again = person(*state, "n", 4), head = person(*state, "n", 5);

    owner.owns = again.owns = head.owns = true;
    bind_it(&h1);
    h1.lives = true;
    head.request.head = true;
    bind_it(&head);
    assert_int_equal(head.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(h1.replaced, 0);
    bind_it(&c);
    assert_int_equal(c.member.answer.result, REGISTRY_ASKS);
    bind_it(&owner);
    assert_int_equal(owner.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(owner.member.answer.how, REGISTRY_OWNER);
    assert_int_equal(h1.replaced, 1);
    assert_int_equal(totals(*state).names, 1);
    bind_it(&again); /* from elsewhere, as ever */
    assert_int_equal(again.member.answer.result, REGISTRY_ASKS);
    leave(&again);
    leave(&c);
    leave(&owner);
    assert_int_equal(totals(*state).names, 0);
}

static void a_kicked_holder_has_its_name_no_more(void **state)
{
    struct world *w = *state;
    struct person h1 = person(w, "a", 1), rival = person(w, "a", 2), waiter = person(w, "a", 3);

    assert_false(registry_kick(w->registry, "a"));
    connect_it(&waiter, 10);
    assert_false(registry_kick(w->registry, "a")); /* somebody waits for it, and nobody holds it */
    bind_it(&h1);
    assert_true(registry_kick(w->registry, "a"));
    assert_int_equal(h1.replaced, 1);
    assert_int_equal(totals(w).names, 0);
    leave(&h1);
    bind_it(&h1);
    bind_it(&rival);
    assert_int_equal(rival.member.answer.result, REGISTRY_ASKS);
    assert_true(registry_kick(w->registry, "a"));
    assert_int_equal(h1.replaced, 2);
    assert_int_equal(rival.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(totals(w).names, 1);
    leave(&waiter);
    leave(&rival);
}

struct seen {
    int names;
    char last[HOST_ID_MAX + 1];
    uint64_t introductions;
};

static void see(void *user, const char *name, const struct registry_member *holder, uint64_t introductions)
{
    struct seen *s = user;

    assert_non_null(holder);
    s->names++;
    s->introductions = introductions;
    snprintf(s->last, sizeof s->last, "%s", name);
}

static void names_that_are_held_are_looked_at_in_pages(void **state)
{
    struct world *w = *state;
    struct person holders[5], waiter = person(w, "nobody", 9), asker = person(w, "n3", 8);
    struct seen seen = {.names = 0};
    uint64_t at = 0;

    for (int i = 0; i < 5; i++) {
        char name[] = "n0";

        name[1] = (char)('0' + i);
        holders[i] = person(w, name, (uint8_t)(i + 1));
        bind_it(&holders[i]);
    }
    connect_it(&waiter, 10);
    connect_it(&asker, 0);
    while (registry_look(w->registry, &at, 2, see, &seen))
        assert_true(seen.names <= 5);
    assert_int_equal(seen.names, 5);
    assert_false(registry_find_held(w->registry, "nobody", see, &seen));
    assert_true(registry_find_held(w->registry, "n3", see, &seen));
    assert_string_equal(seen.last, "n3");
    assert_int_equal(seen.introductions, 1);
    leave(&waiter);
    leave(&asker);
    for (int i = 0; i < 5; i++)
        leave(&holders[i]);
}

static void ten_thousand_names_are_found_again(void **state)
{
    enum { MANY = 10000 };
    struct person *p = calloc(MANY, sizeof *p);
    struct person h2 = person(*state, "", 2);

    assert_non_null(p);
    for (int i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof name, "host%d", i);
        p[i] = person(*state, name, 1);
        bind_it(&p[i]);
        assert_int_equal(p[i].member.answer.result, REGISTRY_BOUND);
    }
    assert_int_equal(totals(*state).names, MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(h2.host_id, sizeof h2.host_id, "host%d", i);
        connect_it(&h2, 0);
        assert_int_equal(p[i].introduced, 1);
        leave(&h2);
        leave(&p[i]);
    }
    assert_int_equal(totals(*state).names, 0);
    free(p);
}

#define REGISTRY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REGISTRY_TEST(a_free_name_is_bound_and_found),
        REGISTRY_TEST(waiters_are_told_in_their_order_when_the_name_comes_and_counted),
        REGISTRY_TEST(a_full_holder_tells_those_who_wait_when_it_proceeds),
        REGISTRY_TEST(a_holder_that_ends_while_it_is_told_leaves_no_trace),
        REGISTRY_TEST(who_waits_is_refused_once_a_holder_over_tcp_has_room_to_hear_of_it),
        REGISTRY_TEST(a_holder_over_tcp_that_ends_while_it_is_told_leaves_those_who_wait),
        REGISTRY_TEST(who_binds_through_a_tunnel_is_not_asked_by_udp_any_more),
        REGISTRY_TEST(a_kicked_holder_has_its_name_no_more),
        REGISTRY_TEST(names_that_are_held_are_looked_at_in_pages),
        REGISTRY_TEST(a_silent_holder_is_reminded_and_replaced_after_its_time),
        REGISTRY_TEST(who_was_heard_keeps_the_name_though_no_event_said_so),
        REGISTRY_TEST(what_a_head_asks_changes_nothing),
        REGISTRY_TEST(an_owner_takes_its_name_at_once_from_who_is_none),
        REGISTRY_TEST(ten_thousand_names_are_found_again),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
