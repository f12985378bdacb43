/* The registry of one process: names, who holds them, who is told what. */
#include "test/unit/registry_fixture.h"

static void pass(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    timers_run(&w->timers, w->now_ms);
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
        REGISTRY_TEST(a_silent_holder_is_reminded_and_replaced_after_its_time),
        REGISTRY_TEST(who_was_heard_keeps_the_name_though_no_event_said_so),
        REGISTRY_TEST(what_a_head_asks_changes_nothing),
        REGISTRY_TEST(ten_thousand_names_are_found_again),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
