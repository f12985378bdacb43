/* Candidates that are strangers': what one who asks for a name, or a nameserver, can make a peer send to
 * others. */
#include "client/punch.h"
#include "client/unvalidated.h"
#include "test/unit/agent_fixture.h"
#include <stdio.h>

static struct hand peer;     /* whom the agent is told of; it calls */
static struct agent *called; /* of `right` */

static int begin_scene(void **state)
{
    new_session(state);
    peer = hand_at("127.0.0.1");
    called = agent_to(right, false, &peer.at);
    return 0;
}

static int end_scene(void **state)
{
    (void)state;
    end_agent(called);
    close(peer.fd);
    return 0;
}

/* ---- candidates ---- */

static void of_each_strange_host_one_candidate_is_taken(void **state)
{
    struct candidates c = {.count = 0};
    (void)state;
    add_candidate(&c, &peer.at, CANDIDATE_SRFLX);
    for (uint16_t i = 0; i < 3; i++) {
        struct endpoint strange = endpoint_at("127.0.0.9", (uint16_t)(9000 + i));
        struct endpoint same = endpoint_at("127.0.0.1", (uint16_t)(9000 + i));
        add_candidate(&c, &strange, CANDIDATE_HOST);
        add_candidate(&c, &same, CANDIDATE_MAPPED);
    }
    struct endpoint multicast = endpoint_at("239.1.2.3", 5), any = endpoint_at("0.0.0.0", 5);
    add_candidate(&c, &multicast, CANDIDATE_HOST);
    add_candidate(&c, &any, CANDIDATE_HOST);
    struct agent *a = agent_with(left, true, &c);
    assert_int_equal(count_ways(a), 5);
    end_agent(a);
}

static void a_link_local_candidate_is_on_the_interface_of_the_nameserver(void **state)
{
    struct candidates c = {.count = 0};
    struct endpoint e = endpoint_at("fe80::1234", 4000);
    struct agent *a = NULL;
    (void)state;
    add_candidate(&c, &peer.at, CANDIDATE_SRFLX);
    add_candidate(&c, &e, CANDIDATE_HOST);
    engine_lock();
    assert_int_equal(agent_begin(&a, &(struct agent_config){.port = left,
                                                            .session = &the_session,
                                                            .families = FAMILY_ANY,
                                                            .scope_id = 1,
                                                            .candidates = c}),
                     HX_OK);
    assert_int_equal(a->ways[1].at.remote.scope, 1);
    assert_int_equal(a->ways[0].at.remote.scope, 0);
    agent_end(a);
    engine_unlock();
}

static void a_nameserver_that_tells_all_the_time_is_not_followed(void **state)
{
    static const struct peer_fields nothing;
    (void)state;
    engine_lock();
    for (uint16_t i = 0; i < 1000; i++) {
        struct candidates c = {.count = 0};
        struct endpoint e = endpoint_at("127.0.0.9", (uint16_t)(9000 + i));
        add_candidate(&c, &e, CANDIDATE_SRFLX);
        agent_told(called, &(struct agent_news){.peer = &c,
                                                .peer_mapping = &nothing.mapping,
                                                .own = &nothing,
                                                .uplink = &(struct uplink){.interface_index = 0}});
    }
    uint64_t asked = called->number;
    engine_unlock();
    assert_in_range(asked, 2, 40);
}

/* What one who asks for a name can make its holder send to a third host, which never answers: it is one of
 * the caller's candidates. HX_PUNCH_MS: the punch lasts so long (28000 is the most). */
static void a_stranger_among_the_candidates_gets_few_packets(void **state)
{
    const char *text = getenv("HX_PUNCH_MS");
    int punch_ms = text ? atoi(text) : 1500;
    struct hand stranger = hand_at("127.0.0.9");
    struct candidates c = {.count = 0};
    struct sockaddr_in6 to;
    struct stream *s;
    size_t bytes = 0;
    int count = 0, least = punch_ms / 300;
    (void)state;
    add_candidate(&c, &peer.at, CANDIDATE_SRFLX);
    add_candidate(&c, &stranger.at, CANDIDATE_HOST);
    struct agent *a = agent_with(left, false, &c);
    engine_lock();
    agent_address(a, &to);
    engine_unlock();
    assert_int_equal(
        udt_rendezvous(&s, left, (struct sockaddr *)&to, sizeof to, NULL, punch_ms, UDT_PARTY_CALLED, NULL),
        HX_OK);
    struct udt_event ev = {0};
    for (int64_t end_ms = clock_now_ms() + punch_ms + 500;
         clock_now_ms() < end_ms && ev.type != UDT_EV_CONNECT_FAILED;) {
        struct pollfd fds[2] = {{udt_port_fd(left), POLLIN, 0}, {stranger.fd, POLLIN, 0}};
        poll(fds, 2, 50);
        count += count_heard(&stranger, &bytes);
        (void)udt_port_next(left, &ev);
    }
    if (text)
        print_message("%d datagrams, %zu bytes in %d ms\n", count, bytes, punch_ms);
    assert_in_range(count, least < 10 ? least : 10, 100);
    assert_in_range(bytes, 1, 10000);
    /* when it is asked no more, UDT does not ask there either */
    int place = way_to(a, &stranger.at);
    engine_lock();
    a->choice.paths[place].spent = PATH_BURST_MOST;
    a->choice.paths[place].due_ms = INT64_MAX;
    agent_turn(a);
    assert_false(a->ways[place].linked);
    assert_true(a->ways[0].linked);
    agent_end(a);
    engine_unlock();
    stream_close(s);
    close(stranger.fd);
}

#define ATTEMPTS 60

/* Who asks for a name again and again, and names the same host each time. */
static void a_stranger_gets_few_packets_of_all_sessions_together(void **state)
{
    struct hand stranger = hand_at("127.0.0.11");
    struct agent *agents[ATTEMPTS];
    struct candidates c = {.count = 0};
    struct probe p;
    uint8_t bytes[PROBE_BYTES];
    size_t len = 0;
    int linked = 0;
    (void)state;
    add_candidate(&c, &peer.at, CANDIDATE_SRFLX);
    add_candidate(&c, &stranger.at, CANDIDATE_HOST);
    int64_t begun_ms = clock_now_ms();
    for (int i = 0; i < ATTEMPTS; i++) {
        new_session(NULL);
        agents[i] = agent_with(left, false, &c);
    }
    poll(NULL, 0, 200); /* alone, each would have asked six times by now */
    int count = count_heard(&stranger, &len);
    int most = UNVALIDATED_BURST + (int)(clock_now_ms() - begun_ms) * UNVALIDATED_RATE / 1000;
    for (int i = 0; i < ATTEMPTS; i++)
        linked += is_linked(agents[i], &stranger.at);
    assert_in_range(linked, 1, most / UNVALIDATED_CONNECT);
    assert_in_range(count, 1, most - linked * UNVALIDATED_CONNECT);
    /* those that the last one asks in vain are none of its peer's, which is asked as ever */
    assert_true(is_linked(agents[ATTEMPTS - 1], &peer.at));
    assert_false(is_linked(agents[ATTEMPTS - 1], &stranger.at));
    for (int i = 0; i < ATTEMPTS; i++)
        end_agent(agents[i]);
    /* one that answers is no stranger */
    struct hand friend = hand_at("127.0.0.12");
    c.count = 0;
    add_candidate(&c, &peer.at, CANDIDATE_SRFLX);
    add_candidate(&c, &friend.at, CANDIDATE_HOST);
    for (int i = 0; i < ATTEMPTS; i++) {
        new_session(NULL);
        agents[0] = agent_with(left, false, &c);
        int there = way_to(agents[0], &friend.at);
        assert_true(is_linked(agents[0], &friend.at));
        assert_true(hand_hear(&friend, PROBE_REQUEST, bytes, &p, WAIT_MS));
        make(bytes,
             &(struct probe){
                 .kind = PROBE_ANSWER, .flags = PROBE_CALLER, .number = p.number, .seen = friend.at},
             NULL);
        hand_say(&friend, left, bytes, sizeof bytes);
        for (int64_t end_ms = clock_now_ms() + WAIT_MS;
             times_of(agents[0], there).answered_ms == 0 && clock_now_ms() < end_ms;)
            poll(NULL, 0, 1);
        assert_int_not_equal(times_of(agents[0], there).answered_ms, 0);
        end_agent(agents[0]);
        (void)count_heard(&friend, &len);
    }
    close(stranger.fd);
    close(friend.fd);
}

static void ended(void *user, const struct punch_result *r)
{
    (*(int *)user)++;
    assert_null(r->stream);
}

/* A nameserver that names another host each time. */
static void attempts_that_others_ask_for_have_a_rate_and_a_number_whatever_the_hosts(void **state)
{
    int begun = 0, done = 0;
    (void)state;
    engine_lock();
    int64_t begun_ms = clock_now_ms();
    for (int i = 0; i < PUNCH_RATE * 5 / 4; i++) {
        char ip[INET_ADDRSTRLEN];
        struct punch_request wanted = {
            .port = right, .families = FAMILY_ANY, .name = "x", .on_done = ended, .user = &done};
        snprintf(ip, sizeof ip, "127.1.%d.%d", i / 250, 1 + i % 250);
        struct endpoint e = endpoint_at(ip, 9);
        add_candidate(&wanted.peer, &e, CANDIDATE_SRFLX);
        begun += punch_begin(&wanted) == HX_OK;
    }
    int64_t passed_ms = clock_now_ms() - begun_ms;
    assert_in_range(begun, PUNCH_RATE, PUNCH_RATE + passed_ms * PUNCH_RATE / 1000 + 1);
    assert_int_equal(begun - done, PUNCH_MAX);
    punch_cancel(&done);
    assert_int_equal(begun - done, PUNCH_MAX);
    engine_unlock();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_scene, end_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_each_strange_host_one_candidate_is_taken),
        TEST(a_link_local_candidate_is_on_the_interface_of_the_nameserver),
        TEST(a_nameserver_that_tells_all_the_time_is_not_followed),
        TEST(a_stranger_among_the_candidates_gets_few_packets),
        TEST(a_stranger_gets_few_packets_of_all_sessions_together),
        cmocka_unit_test(attempts_that_others_ask_for_have_a_rate_and_a_number_whatever_the_hosts),
    };
    return cmocka_run_group_tests_name("strangers", tests, start_engine, stop_engine);
}
