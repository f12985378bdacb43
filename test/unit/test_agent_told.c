/* What an agent does with more than it has room or time for: of what it is told, and of what comes. */
#include "test/unit/agent_fixture.h"
#include <stdio.h>

static const struct peer_fields nothing;

static void tell(struct agent *a, const struct candidates *c)
{
    engine_lock();
    a->told = (struct token_bucket){.spent = 0}; /* how often it listens is another test's */
    agent_told(a, &(struct agent_news){.peer = c,
                                       .peer_mapping = &nothing.mapping,
                                       .own = &nothing,
                                       .uplink = &(struct uplink){.interface_index = 0}});
    engine_unlock();
}

/* The peer's address, and fourteen hosts of this network. */
static struct candidates many(const struct endpoint *peer, int network)
{
    struct candidates c = {.count = 0};
    char ip[INET_ADDRSTRLEN];
    add_candidate(&c, peer, CANDIDATE_SRFLX);
    for (int i = 1; i < 15; i++) {
        snprintf(ip, sizeof ip, "127.2.%d.%d", network, i);
        struct endpoint e = endpoint_at(ip, 9);
        add_candidate(&c, &e, CANDIDATE_HOST);
    }
    return c;
}

static void candidates_that_give_way_to_others_leave_no_path_behind(void **state)
{
    struct hand peer = hand_at("127.0.0.1");
    struct agent *a = agent_to(left, true, &peer.at);
    struct candidates c;
    (void)state;
    for (int network = 0; network < 4; network++) {
        c = many(&peer.at, network);
        tell(a, &c);
    }
    assert_int_equal(count_ways(a), PATH_CHOICE_MAX);
    for (size_t i = 0; i < c.count; i++) {
        assert_true(is_linked(a, &c.list[i].at));
    }
    end_agent(a);
    close(peer.fd);
}

/* It is there, says the nameserver: so it is asked as if it were new. */
static void a_peer_that_is_told_of_again_is_asked_again(void **state)
{
    struct hand peer = hand_at("127.0.0.1");
    struct agent *a = agent_to(left, true, &peer.at);
    struct candidates c = many(&peer.at, 9);
    uint8_t bytes[PROBE_BYTES];
    struct probe p;
    (void)state;
    tell(a, &c);
    int there = way_to(a, &peer.at), stranger = way_to(a, &c.list[1].at);
    engine_lock();
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        a->choice.paths[i].spent = PATH_BURST_MOST;
        a->choice.paths[i].due_ms = INT64_MAX;
    }
    uint64_t before = a->number;
    engine_unlock();
    tell(a, &c);
    do
        assert_true(hand_hear(&peer, PROBE_REQUEST, bytes, &p, WAIT_MS));
    while (p.number <= before);
    assert_in_range(times_of(a, there).spent, 1, PATH_BURST_MOST - 1);
    assert_int_equal(times_of(a, stranger).spent, PATH_BURST_MOST); /* that is nobody's who knows */
    end_agent(a);
    close(peer.fd);
}

#define GUESSERS 20

/* The nameserver says each time that the peer's NAT counts its ports: 500 of them are asked, of one host. */
static void a_host_is_asked_at_so_many_ports_of_all_sessions_together(void **state)
{
    const struct nat_mapping easy = {.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT};
    const struct nat_mapping counts = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                       .ports = NAT_PORTS_SEQUENTIAL,
                                       .step = 1,
                                       .last_port = 20000};
    struct candidates c = {.count = 0};
    struct endpoint host = endpoint_at("127.0.0.15", 9);
    struct agent *a;
    int64_t asked = 0, begun_ms = clock_now_ms();
    (void)state;
    add_candidate(&c, &host, CANDIDATE_SRFLX);
    engine_lock();
    for (int i = 0; i < GUESSERS; i++) {
        new_session(NULL);
        assert_int_equal(agent_begin(&a, &(struct agent_config){.port = left,
                                                                .session = &the_session,
                                                                .families = FAMILY_ANY,
                                                                .calling = true,
                                                                .candidates = c,
                                                                .own = easy,
                                                                .peer = counts}),
                         HX_OK);
        assert_int_equal(a->hard.method, HARD_NAT_GUESS);
        for (int round = 0; round < 8; round++) { /* as if their time had come */
            a->hard.due_ms = a->hard.say_ms = 0;
            agent_turn(a);
        }
        assert_in_range(a->hard.asked, 0, HARD_NAT_MOST);
        asked += a->hard.asked;
        agent_end(a); /* the next one's turn */
    }
    engine_unlock();
    int64_t passed_ms = clock_now_ms() - begun_ms;
    assert_in_range(asked, 2 * HARD_NAT_MOST, 2 * HARD_NAT_MOST + 1 + passed_ms * HARD_NAT_SPRAY_RATE / 1000);
}

/* The peer was told a little earlier. Others' probes, which nobody will ever want, take each other's
 * places. */
static void what_comes_just_before_a_session_begins_is_answered(void **state)
{
    struct hand peer = hand_at("127.0.0.1");
    struct agent *other = agent_to(right, false, &peer.at); /* the port is listened to */
    uint8_t bytes[PROBE_BYTES];
    struct probe p;
    (void)state;
    fence(&peer, right);
    struct session known = the_session;
    new_session(NULL);
    request(bytes, 0);
    for (int i = 0; i < 40; i++) {
        bytes[PROBE_TAG_AT] ^= (uint8_t)(1 + i);
        hand_say(&peer, right, bytes, sizeof bytes);
        bytes[PROBE_TAG_AT] ^= (uint8_t)(1 + i);
    }
    hand_say(&peer, right, bytes, sizeof bytes);
    struct session fresh = the_session;
    the_session = known;
    last_number = 1000;
    fence(&peer, right); /* now all of it has come */
    the_session = fresh;
    (void)agent_to(right, false, &peer.at);
    do
        assert_true(hand_hear(&peer, PROBE_ANSWER, bytes, &p, WAIT_MS));
    while (p.number != 1);
    engine_lock();
    agent_end(agent_find(the_session.id, false));
    agent_end(other);
    engine_unlock();
    close(peer.fd);
}

#define FLOOD 10000

/* Some are of nobody's session, some have a wrong code, some are one that has come already; then all of them
 * are authentic, and new. */
static void a_flood_of_probes_of_one_session_delays_no_other_and_makes_nothing_grow(void **state)
{
    static struct session sessions[2];
    struct hand peer = hand_at("127.0.0.1"), flooder = hand_at("127.0.0.6");
    uint8_t bytes[PROBE_BYTES], old[PROBE_BYTES];
    struct agent *agents[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        new_session(NULL);
        sessions[i] = the_session;
        agents[i] = agent_to(right, false, &peer.at);
    }
    the_session = sessions[0];
    request(old, 0);
    hand_say(&flooder, right, old, sizeof old);
    for (int i = 0; i < FLOOD; i++) {
        the_session = sessions[0];
        if (i < FLOOD / 2)
            memcpy(bytes, old, sizeof bytes);
        else
            request(bytes, 0);
        if (i < FLOOD / 2 && i % 3 != 0)
            bytes[i % 3 == 1 ? PROBE_TAG_AT : PROBE_BYTES - 1] ^= (uint8_t)(1 + i % 255);
        hand_say(&flooder, right, bytes, sizeof bytes);
        if (i % 1000 == 0) {
            uint64_t mine = last_number;
            the_session = sessions[1];
            last_number = (uint64_t)i + 1000000;
            fence(&peer, right); /* the other session is served meanwhile */
            last_number = mine;
        }
    }
    assert_in_range(count_ways(agents[0]), 1, 2);
    assert_int_equal(count_ways(agents[1]), 1);
    /* one request for each that has come from there, and the first burst */
    engine_lock();
    assert_in_range(agents[0]->number, 1, FLOOD / 2 + 2 * PATH_BURST_MOST);
    engine_unlock();
    end_agent(agents[0]);
    end_agent(agents[1]);
    close(peer.fd);
    close(flooder.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(candidates_that_give_way_to_others_leave_no_path_behind, new_session),
        cmocka_unit_test_setup(a_peer_that_is_told_of_again_is_asked_again, new_session),
        cmocka_unit_test_setup(what_comes_just_before_a_session_begins_is_answered, new_session),
        cmocka_unit_test(a_host_is_asked_at_so_many_ports_of_all_sessions_together),
        cmocka_unit_test(a_flood_of_probes_of_one_session_delays_no_other_and_makes_nothing_grow),
    };

    return cmocka_run_group_tests_name("agents that are told much", tests, start_engine, stop_engine);
}
