/* An agent that nothing reaches opens a further port; what it waits for is what is known of the NAT, which
 * a server plays that is asked about it. */
#include "test/unit/stun_fixture.h"

#include "base/clock.h"
#include "client/agent_state.h"
#include "client/nat.h"
#include "client/nat_levels.h"
#include "client/race.h"

#define PATIENCE_MS 20000

static const struct nat_mapping easy = {.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_RANDOM};
static struct session the_session = {.id = "an id of 16 byte", .key = "a key of 16 byte", .given = true};

static struct {
    pthread_cond_t cond;
    int count;
} news;

static void on_news(void *user)
{
    (void)user;
    news.count++;
    pthread_cond_broadcast(&news.cond);
}

static struct settings settings;
static struct nat_user *user;

/* Returns with the engine's lock held. */
static int start_user(void **state)
{
    struct hx_config config = {.nameserver = server.text, .family = 4};
    begin(state);
    server.nat = (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_RANDOM};
    stun_server_start(&server);
    if (settings_init_unnamed(&settings, &config, sizeof config) < 0 || engine_enter(0) < 0)
        return -1;
    news.count = 0;
    return nat_use(&user, &settings, on_news, NULL);
}

static int end_user(void **state)
{
    nat_use_end(user);
    engine_unlock();
    settings_free(&settings);
    return end(state);
}

static void await_news(int count)
{
    int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
    while (news.count < count)
        assert_true(engine_wait(&news.cond, deadline_ms));
}

/* The called one's, whose peer is at a socket that never answers. */
static struct agent *begin_agent(int *peer, const struct nat_mapping *peer_mapping)
{
    struct agent *a = NULL;
    struct candidates c = {.count = 0};
    struct sockaddr_in sin;
    struct endpoint seen;
    socklen_t len = sizeof sin;
    *peer = stun_server_bind("127.0.0.1", 0);
    assert_int_equal(getsockname(*peer, (struct sockaddr *)&sin, &len), 0);
    assert_int_equal(endpoint_from_sockaddr(&seen, (struct sockaddr *)&sin, len), HX_OK);
    assert_int_equal(candidates_add(&c, &seen, CANDIDATE_SRFLX), HX_OK);
    the_session.id[0]++;
    assert_int_equal(agent_begin(&a, &(struct agent_config){.port = engine_port(),
                                                            .session = &the_session,
                                                            .families = FAMILY_IPV4,
                                                            .candidates = c,
                                                            .own = easy,
                                                            .peer = *peer_mapping}),
                     HX_OK);
    return a;
}

static void turn_spare(struct agent *a)
{
    a->hard.spare_due_ms = 0;
    agent_turn(a);
}

/* Its further port is open, and the server has seen it. That may answer too late on a busy machine: it is
 * asked again then. */
static void await_spare(struct agent *a)
{
    struct endpoint spare;
    int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
    while (!nat_spare(&spare)) {
        assert_true(clock_now_ms() < deadline_ms);
        if (!engine_wait(&news.cond, clock_now_ms() + 10) && a->hard.spare == 0 && !a->hard.spare_asked)
            turn_spare(a);
    }
}

static int spare_way(const struct agent *a)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        if (a->choice.paths[i].present && a->ways[i].at.socket != 0)
            return i;
    }
    fail_msg("there is no path by a further port");
    return -1;
}

/* However the peer's NAT chooses its ports: it is why the further port is there. */
static void the_called_one_opens_its_nat_at_a_further_port_before_it_asks_by_that(void **state)
{
    int peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &easy);
    assert_int_equal(agent_hops(a, 0, 0), 0);
    turn_spare(a);
    await_spare(a);
    a->hard.spare_said = true;
    turn_spare(a);
    int at = spare_way(a);
    assert_int_equal(agent_hops(a, at, 0), NAT_LEVELS_LEAST + 1); /* it may have two */
    assert_int_equal(agent_hops(a, at, HARD_NAT_OPENINGS + 1), 0);
    assert_true(a->ways[at].opens);
    assert_false(a->ways[at].linked);
    agent_end(a);
    close(peer);
}

/* Who changes it may be in the middle of what the users would end. */
static void users_hear_of_a_further_port_later(void **state)
{
    struct endpoint spare = {.family = AF_INET, .port = 7, .address = {127, 0, 0, 3}};
    (void)state;
    await_news(1);
    int heard = news.count; /* there may have been others */
    nat_set_spare(&spare);
    assert_int_equal(news.count, heard);
    await_news(heard + 1);
    nat_set_spare(&spare); /* the same */
    nat_set_spare(&(struct endpoint){.family = AF_UNSPEC});
    await_news(heard + 2);
    assert_false(nat_spare(&spare));
}

/* What waits for it is a listener's as well as a caller's. */
static void an_agent_that_waits_for_what_is_known_of_the_nat_goes_on_when_that_is_known(void **state)
{
    static const struct nat_mapping takes_it = {.kind = NAT_MAPPING_ADDRESS_DEPENDENT};
    int peer, ended_peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &takes_it), *ended = begin_agent(&ended_peer, &takes_it);
    ended->connected = true;
    agent_end(ended);
    int64_t until_ms = ended->timer.at_ms;
    for (int i = 0; i < 2; i++) { /* as if they had asked once by a path that opens the NAT first */
        struct agent *it = i == 0 ? a : ended;
        it->ways[0].opens = true;
        it->choice.paths[0].spent = 1;
        it->choice.paths[0].due_ms = INT64_MAX;
    }
    engine_timer_cancel(&a->timer);
    nat_set_spare(&(struct endpoint){.family = AF_INET, .port = 7, .address = {127, 0, 0, 3}});
    await_news(2);
    assert_true(timer_is_set(&a->timer));
    assert_true(a->choice.paths[0].due_ms != INT64_MAX);
    assert_int_equal(ended->timer.at_ms, until_ms);
    nat_set_spare(&(struct endpoint){.family = AF_UNSPEC});
    agent_end(a);
    close(peer);
    close(ended_peer);
}

/* At first both see one port of ours; then our NAT is switched off and on. */
static void a_nat_that_has_forgotten_costs_no_port(void **state)
{
    struct udt_port *first = engine_port();
    struct endpoint external = {.family = AF_INET, .port = 7, .address = {127, 0, 0, 3}};
    int peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &easy);
    a->external = external;
    agent_seen_as(a, &external);
    external.port = 8;
    agent_seen_as(a, &external);
    assert_ptr_equal(engine_port(), first);
    agent_end(a);
    close(peer);
}

/* It has had a path. */
static void a_further_port_is_opened_as_soon_as_no_path_works(void **state)
{
    int peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &easy);
    a->choice.paths[0].answered_ms = clock_now_ms();
    agent_connected(a);
    a->hard.spare_due_ms = INT64_MAX;
    agent_turn(a);
    assert_true(a->choice.state == PATHS_GOOD && a->hard.spare_due_ms == INT64_MAX);
    a->choice.state = PATHS_LOST;
    agent_turn(a);
    await_spare(a);
    agent_end(a);
    close(peer);
}

/* As the nameserver tells it: of the peer, whose further port has that number, 0: it has none; and the
 * peer of us. */
static void tell(struct agent *a, uint16_t peer_spare, bool ours)
{
    struct peer_fields own = {.mapping = easy};
    struct candidates peer = {.count = 0};
    struct endpoint spare = a->hard.seen;
    a->told = (struct token_bucket){.spent = 0};
    assert_int_equal(candidates_add(&peer, &a->hard.seen, CANDIDATE_SRFLX), HX_OK);
    spare.port = peer_spare;
    if (peer_spare != 0)
        assert_int_equal(candidates_add(&peer, &spare, CANDIDATE_SRFLX), HX_OK);
    if (ours)
        assert_int_equal(candidates_add(&own.candidates, &a->hard.spare_at, CANDIDATE_SRFLX), HX_OK);
    agent_told(a, &(struct agent_news){.peer = &peer,
                                       .peer_mapping = &easy,
                                       .own = &own,
                                       .uplink = &(struct uplink){.interface_index = 0}});
}

/* Its packets would take a pair of addresses at the peer's NAT, if that is not open for them. */
static void a_further_port_asks_nobody_who_has_not_been_told_of_it(void **state)
{
    int peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &easy);
    turn_spare(a);
    await_spare(a);
    tell(a, 9, false);
    assert_int_equal(a->hard.spare_due_ms, INT64_MAX);
    tell(a, 9, true);
    struct agent_way *way = &a->ways[spare_way(a)];
    assert_int_equal(ntohs(way->at.remote.port), 9);
    tell(a, 0, true); /* it has been closed */
    assert_int_equal(a->hard.peer_spare.family, AF_UNSPEC);
    agent_end(a);
    close(peer);
}

/* Its requests do not arrive, though it answers ours: so it does not say by itself that it has lost its
 * paths. */
static void a_peer_that_asks_the_nameserver_again_and_is_not_heard_is_told_of_a_further_port(void **state)
{
    int peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &easy);
    a->choice.paths[0].answered_ms = clock_now_ms();
    agent_connected(a);
    turn_spare(a);
    assert_null(a->hard.spare_asked);
    tell(a, 0, false);
    turn_spare(a);
    assert_true(a->choice.state == PATHS_GOOD);
    await_spare(a);
    agent_end(a);
    close(peer);
}

/* The default route has moved, and another uplink still works for the peer. */
static void who_has_lost_its_paths_asks_by_the_address_at_which_it_is_asked(void **state)
{
    struct net_address local = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 5}, .scope = 1};
    int peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &easy);
    a->choice.paths[0].answered_ms = clock_now_ms();
    agent_connected(a);
    a->choice.paths[0].tries = 3;
    a->choice.paths[0].due_ms = INT64_MAX;
    agent_answers_by(a, 0, &local);
    assert_memory_not_equal(&a->ways[0].at.local, &local, sizeof local);
    a->choice.state = PATHS_LOST;
    agent_answers_by(a, 0, &local);
    assert_memory_equal(&a->ways[0].at.local, &local, sizeof local);
    assert_true(a->choice.paths[0].due_ms <= clock_now_ms());
    agent_end(a);
    close(peer);
}

static void a_nat_that_maps_by_destination_is_met_anew_after_the_paths_to_it_have_ended(void **state)
{
    static const struct nat_mapping hard = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                            .ports = NAT_PORTS_RANDOM};
    int peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &hard);
    struct endpoint seen = a->hard.seen;
    a->hard.begun = true;
    a->hard.due_ms = INT64_MAX;
    agent_hard_told(a, &easy, &hard, &seen); /* it has been in vain: the same is not tried again */
    assert_int_equal(a->hard.due_ms, INT64_MAX);
    a->connected = true;
    agent_hard_told(a, &easy, &hard, &seen);
    assert_int_equal(a->hard.due_ms, 0);
    assert_false(a->hard.begun);
    agent_end(a);
    close(peer);
}

/* As if UDT had connected by the further port. */
static void connect_by_spare(struct agent *a)
{
    await_spare(a);
    a->hard.spare_said = true;
    turn_spare(a);
    int at = spare_way(a);
    agent_link(a, at);
    struct net_route from = {.to = a->ways[at].at.remote, .socket = a->ways[at].at.socket};
    net_paths_heard(udt_port_net(a->port), net_peer_address(a->peer), &from, clock_now_ms());
    agent_connected(a);
}

static void who_was_reached_by_a_further_port_leaves_its_own_but_not_again_and_again(void **state)
{
    struct udt_port *first = engine_port();
    int peer;
    (void)state;
    await_news(1);
    struct agent *a = begin_agent(&peer, &easy);
    connect_by_spare(a);
    struct udt_port *second = engine_port();
    assert_ptr_not_equal(first, second);
    assert_true(nat_asking(AF_INET)); /* about the new one */
    agent_end(a);
    close(peer);
    while (nat_asking(AF_INET))
        await_news(news.count + 1);
    a = begin_agent(&peer, &easy);
    connect_by_spare(a);
    assert_ptr_equal(second, engine_port());
    agent_end(a);
    close(peer);
}

static int prepare(void **state)
{
    (void)state;
    return engine_cond_init(&news.cond);
}

static int stop_engine(void **state)
{
    (void)state;
    engine_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_called_one_opens_its_nat_at_a_further_port_before_it_asks_by_that,
                                        start_user, end_user),
        cmocka_unit_test_setup_teardown(users_hear_of_a_further_port_later, start_user, end_user),
        cmocka_unit_test_setup_teardown(
            an_agent_that_waits_for_what_is_known_of_the_nat_goes_on_when_that_is_known, start_user,
            end_user),
        cmocka_unit_test_setup_teardown(a_nat_that_has_forgotten_costs_no_port, start_user, end_user),
        cmocka_unit_test_setup_teardown(
            a_peer_that_asks_the_nameserver_again_and_is_not_heard_is_told_of_a_further_port, start_user,
            end_user),
        cmocka_unit_test_setup_teardown(who_has_lost_its_paths_asks_by_the_address_at_which_it_is_asked,
                                        start_user, end_user),
        cmocka_unit_test_setup_teardown(
            a_nat_that_maps_by_destination_is_met_anew_after_the_paths_to_it_have_ended, start_user,
            end_user),
        cmocka_unit_test_setup_teardown(a_further_port_asks_nobody_who_has_not_been_told_of_it, start_user,
                                        end_user),
        cmocka_unit_test_setup_teardown(a_further_port_is_opened_as_soon_as_no_path_works, start_user,
                                        end_user),
        cmocka_unit_test_setup_teardown(
            who_was_reached_by_a_further_port_leaves_its_own_but_not_again_and_again, start_user, end_user),
    };

    return cmocka_run_group_tests_name("agents and further ports", tests, prepare, stop_engine);
}
