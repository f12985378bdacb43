/* How often a name may be asked for, by one source and by all, and what those get who ask more often. */
#include "server/policy.h"
#include "test/unit/server_fixture.h"

#define BIND    "/bind?host_id=home"
#define CONNECT "/connect?host_id=home"

static struct endpoint from(unsigned host)
{
    struct endpoint e = {
        .family = AF_INET, .address = {198, 51, (uint8_t)(host >> 8), (uint8_t)host}, .port = 7};

    return e;
}

static struct endpoint from_ipv6(uint8_t net, uint8_t host)
{
    struct endpoint e = {.family = AF_INET6, .port = 7, .address = {0x20, 0x01, 0x0d, 0xb8}};

    e.address[7] = net;
    e.address[15] = host;
    return e;
}

/* How many of `tries` may reach the name. */
static int reached(struct policy *p, struct token_bucket *b, const struct endpoint *peer, int tries,
                   int64_t now_ms)
{
    int count = 0;

    while (tries-- > 0)
        count += policy_may_reach(p, "home", b, peer, now_ms) == REPLY_NOTHING;
    return count;
}

static struct policy *policy(struct server_config *config)
{
    server_config_defaults(config);
    struct policy *p;
    assert_int_equal(policy_create(&p, config), HX_OK);
    return p;
}

static void one_source_reaches_a_name_in_bursts_of_forty_and_ten_times_a_second(void **state)
{
    struct server_config config;
    struct policy *p = policy(&config);
    struct token_bucket name = {0}, other = {0};
    struct endpoint peer = from(1);

    (void)state;
    assert_int_equal(reached(p, &name, &peer, 1000, 5), 40);
    assert_int_equal(reached(p, &name, &peer, 1000, 1005), 10);
    assert_int_equal(policy_may_reach(p, "home", &name, &peer, 1005), REPLY_OFTEN_SOURCE);
    assert_int_equal(policy_may_reach(p, "other", &other, &peer, 1005), REPLY_NOTHING);
    policy_destroy(p);
}

static void the_addresses_of_an_ipv6_64_are_one_source(void **state)
{
    struct server_config config;
    struct policy *p = policy(&config);
    struct token_bucket name = {0};
    struct endpoint a = from_ipv6(1, 1), b = from_ipv6(1, 2), c = from_ipv6(2, 1);

    (void)state;
    assert_int_equal(reached(p, &name, &a, 1000, 5), 40);
    assert_int_equal(reached(p, &name, &b, 1000, 5), 0);
    assert_int_equal(reached(p, &name, &c, 1000, 5), 40);
    policy_destroy(p);
}

/* Ten sources take all they can, and a name has still room for one who asks for the first time. */
static void sources_that_ask_often_leave_half_of_a_names_rate_to_the_others(void **state)
{
    struct server_config config;
    struct policy *p = policy(&config);
    struct token_bucket name = {0};
    struct endpoint quiet = from(60000);
    int flood = 0;

    (void)state;
    for (unsigned host = 0; host < 10; host++) {
        struct endpoint peer = from(host);

        flood += reached(p, &name, &peer, 100, 5);
    }
    assert_in_range(flood, 200, 399);
    assert_int_equal(policy_may_reach(p, "home", &name, &quiet, 5), REPLY_NOTHING);
    policy_destroy(p);
}

static void zero_is_unlimited(void **state)
{
    struct server_config config;
    struct policy *p = policy(&config);
    struct token_bucket name = {0};
    struct endpoint peer = from(1);

    (void)state;
    config.introductions_per_source = config.introductions_per_name = 0;
    assert_int_equal(reached(p, &name, &peer, 5000, 5), 5000);
    policy_destroy(p);
}

static void who_asks_too_often_gets_429_with_retry_after_and_may_go_on(void **state)
{
    struct fake_stream *h1 = fixture_ask(*state, "203.0.113.10:1", BIND), *h2 = h1;

    for (int i = 0; i < 40; i++)
        assert_int_equal(fixture_status(fixture_ask(*state, "198.51.100.20:1", CONNECT)), 200);
    h2 = fixture_ask(*state, "198.51.100.20:1", CONNECT);
    assert_int_equal(fixture_status(h2), 429);
    assert_non_null(strstr(h2->output, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(h2->output, "that host_id is asked for too often from your address"));
    assert_false(h2->closed);
    assert_int_equal(fixture_count(fixture_body(h1), "--hx_hole_punching"), 40);
    assert_int_equal(fixture_status(fixture_ask(*state, "198.51.100.21:1", CONNECT)),
                     200); /* from elsewhere */
    fixture_pass(*state, 1000);
    fake_stream_forget(h2);
    fixture_say(*state, h2, "GET " CONNECT " HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_status(h2), 200);
}

static void a_thousand_connects_of_one_host_do_not_delay_another(void **state)
{
    struct fixture *f = *state;

    struct fake_stream *h1 = fixture_ask(f, "203.0.113.10:1", BIND);
    f->config.rate_per_address = 0;
    struct fake_stream *flood = fixture_peer(f, "198.51.100.20:1");
    for (int i = 0; i < 1000; i++) {
        fixture_say(f, flood, "GET " CONNECT " HTTP/1.1\r\n\r\n");
        if (flood->closed || strstr(flood->output, "200 OK"))
            flood = fixture_peer(f, "198.51.100.20:1");
    }
    struct fake_stream *other = fixture_ask(f, "192.0.2.7:7", CONNECT);
    assert_int_equal(fixture_status(other), 200);
    assert_in_range(fixture_count(fixture_body(h1), "198.51.100.20"), 1, 40);
    assert_int_equal(fixture_count(fixture_body(h1), "192.0.2.7:7"), 1);
}

static void binds_of_a_held_name_have_the_same_rate(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *h1 = fixture_ask(f, "203.0.113.10:1", BIND), *p = NULL;
    int challenges = 0;

    for (int i = 0; i < 60; i++) {
        p = fixture_ask(f, "198.51.100.20:1", BIND);
        challenges += p->output_len == 0;
    }
    assert_int_equal(challenges, 40);
    assert_int_equal(fixture_status(p), 429);
    fixture_pass(f, 1000);
    assert_false(h1->closed);
}

/* When H1 binds anew, those who watch are told as the rate allows it, each of them once. */
static void introductions_that_s_makes_by_itself_are_late_but_not_lost(void **state)
{
    enum { MANY = 100 };
    struct fixture *f = *state;
    struct fake_stream *h1, *h2[MANY];

    f->now_ms += 1;
    h1 = fixture_ask(f, "203.0.113.10:1", BIND);
    for (int i = 0; i < MANY; i++) {
        h2[i] = fixture_ask(f, "198.51.100.20:1", CONNECT);
        assert_int_equal(fixture_status(h2[i]), 200);
        fixture_pass(f, 100);
    }
    fixture_close(f, h1);
    h1 = fixture_ask(f, "203.0.113.10:2", BIND);
    assert_in_range(fixture_count(fixture_body(h1), "198.51.100.20:1"), 39, 41);
    for (int i = 0; i < 70; i++)
        fixture_pass(f, 100);
    assert_int_equal(fixture_count(fixture_body(h1), "198.51.100.20:1"), MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(fixture_count(fixture_body(h2[i]), "203.0.113.10:2"), 1);
}

static void many_who_must_wait_for_their_rate_do_not_make_the_loop_spin(void **state)
{
    struct fixture *f = *state;

    f->config.max_per_address = 0;
    for (int i = 0; i < 700; i++)
        fixture_say(f, fixture_peer(f, "198.51.100.20:1"),
                    "GET " CONNECT " HTTP/1.1\r\nPrefer: wait=60\r\n\r\n");
    struct fake_stream *h1 =
        fixture_ask(f, "203.0.113.10:1", BIND); /* fixture_turns() finds a loop that spins */
    assert_int_equal(fixture_count(fixture_body(h1), "198.51.100.20:1"), 40);
    for (int i = 0; i < 10; i++)
        fixture_pass(f, 100);
    assert_in_range(fixture_count(fixture_body(h1), "198.51.100.20:1"), 49, 50);
}

static void the_refused_of_one_address_return_one_after_the_other(void **state)
{
    struct server_config config;
    struct policy *p = policy(&config);
    struct endpoint peer = from(1), other = from(2);
    int in_second[POLICY_RETURN_MAX_S + 1] = {0};
    const int at_once = 100,
              each_second = 25; /* a quarter of 100 a second, in bursts of four seconds' worth */

    (void)state;
    for (int i = 0; i < 5000; i++)
        in_second[policy_returns_later_s(p, &peer, 5)]++;
    assert_in_range(in_second[0], at_once, at_once + each_second);
    for (int s = 1; s < POLICY_RETURN_MAX_S; s++)
        assert_int_equal(in_second[s], each_second);
    assert_int_equal(policy_returns_later_s(p, &peer, 5), POLICY_RETURN_MAX_S);
    assert_in_range(policy_returns_later_s(p, &peer, 60005), POLICY_RETURN_MAX_S - 60 - 1,
                    POLICY_RETURN_MAX_S - 60);
    assert_int_equal(policy_returns_later_s(p, &other, 5), 0);
    assert_int_equal(policy_returns_later_s(p, &peer, 1000 * INT64_C(1000)), 0);
    policy_destroy(p);
}

static void without_a_rate_nobody_returns_later(void **state)
{
    struct server_config config;
    struct policy *p = policy(&config);
    struct endpoint peer = from(1);

    (void)state;
    policy_destroy(p);
    config.rate_per_address = 0;
    assert_int_equal(policy_create(&p, &config), HX_OK);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(policy_returns_later_s(p, &peer, 5), 0);
    policy_destroy(p);
}

static void who_is_above_a_limit_of_its_address_is_told_to_return_later_than_the_one_before(void **state)
{
    struct fixture *f = *state;

    f->config.max_per_address = 1;
    f->config.rate_per_address = 4;
    fixture_peer(f, "192.0.2.1:1");
    for (int i = 0; i < 4; i++)
        assert_non_null(strstr(fixture_ask(f, "192.0.2.1:2", BIND)->output, "\r\nRetry-After: 10\r\n"));
    for (int i = 0; i < 3; i++)
        (void)fixture_ask(f, "192.0.2.1:2", BIND);
    assert_non_null(strstr(fixture_ask(f, "192.0.2.1:2", BIND)->output, "\r\nRetry-After: 13\r\n"));
    assert_non_null(strstr(fixture_ask(f, "192.0.2.2:1", BIND)->output, " 200 OK\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_source_reaches_a_name_in_bursts_of_forty_and_ten_times_a_second),
        TEST(the_addresses_of_an_ipv6_64_are_one_source),
        TEST(sources_that_ask_often_leave_half_of_a_names_rate_to_the_others),
        TEST(zero_is_unlimited),
        TEST(who_asks_too_often_gets_429_with_retry_after_and_may_go_on),
        TEST(a_thousand_connects_of_one_host_do_not_delay_another),
        TEST(binds_of_a_held_name_have_the_same_rate),
        TEST(introductions_that_s_makes_by_itself_are_late_but_not_lost),
        TEST(many_who_must_wait_for_their_rate_do_not_make_the_loop_spin),
        TEST(the_refused_of_one_address_return_one_after_the_other),
        TEST(without_a_rate_nobody_returns_later),
        TEST(who_is_above_a_limit_of_its_address_is_told_to_return_later_than_the_one_before),
    };

    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
