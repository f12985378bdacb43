/* Probes that are forged, altered, replayed or put on strangers, and candidates that are strangers'. */
#include "client/punch.h"
#include "client/strangers.h"
#include "test/unit/agent_fixture.h"
#include <stdio.h>

#define QUIET_MS 60 /* in which what must not come would have come */

struct scene {
    struct hand peer, watcher; /* whom the agent is told of; who has seen packets, at another host */
    struct agent *called;      /* of `right`; the peer calls */
};

static struct scene scene;

static int begin_scene(void **state)
{
    new_session(state);
    scene.peer = hand_at("127.0.0.1");
    scene.watcher = hand_at("127.0.0.3");
    scene.called = agent_to(right, false, &scene.peer.at);
    return 0;
}

static int end_scene(void **state)
{
    (void)state;
    end_agent(scene.called);
    close(scene.peer.fd);
    close(scene.watcher.fd);
    return 0;
}

/* Probes of the session that have come to it until now, past what it has not heard. */
static int count_heard(const struct hand *h, size_t *bytes)
{
    uint8_t all[PROBE_BYTES_MAX];
    int count = 0;
    ssize_t n;
    while ((n = recv(h->fd, all, sizeof all, MSG_DONTWAIT)) >= 0) {
        *bytes += (size_t)n;
        count++;
    }
    return count;
}

static bool silent(const struct hand *h)
{
    size_t bytes = 0;
    return count_heard(h, &bytes) == 0;
}

static void a_request_of_which_any_bit_is_another_is_not_answered(void **state)
{
    uint8_t whole[PROBE_BYTES], flipped[PROBE_BYTES];
    struct probe p;
    (void)state;
    request(whole, 0);
    for (int i = 0; i < PROBE_BYTES; i++) {
        memcpy(flipped, whole, sizeof flipped);
        flipped[i] ^= (uint8_t)(1u << i % 8);
        hand_say(&scene.watcher, right, flipped, sizeof flipped);
        if (i % 8 == 7) /* more than the inbox holds would be lost */
            fence(&scene.peer, right);
    }
    assert_true(silent(&scene.watcher));
    assert_int_equal(way_to(scene.called, &scene.watcher.at), -1);
    hand_say(&scene.watcher, right, whole, sizeof whole);
    assert_true(hand_hear(&scene.watcher, PROBE_ANSWER, whole, &p, WAIT_MS));
    assert_int_equal(p.number, 1);
    assert_true(endpoint_equal(&p.seen, &scene.watcher.at));
}

static void a_request_that_is_cut_is_not_answered(void **state)
{
    uint8_t whole[PROBE_BYTES];
    (void)state;
    request(whole, 0);
    for (size_t len = 4; len < PROBE_BYTES; len++) {
        hand_say(&scene.watcher, right, whole, len);
        if (len % 16 == 0)
            fence(&scene.peer, right);
    }
    fence(&scene.peer, right);
    assert_true(silent(&scene.watcher));
}

static void requests_of_another_session_key_direction_or_kind_are_not_answered(void **state)
{
    static const uint8_t wrong[AGENT_SECRET_BYTES] = "another secret";
    uint8_t bytes[PROBE_BYTES];
    (void)state;
    make(bytes, &(struct probe){.kind = PROBE_REQUEST, .flags = PROBE_CALLER, .number = 100}, wrong);
    hand_say(&scene.watcher, right, bytes, sizeof bytes);
    make(bytes, &(struct probe){.kind = PROBE_REQUEST, .number = 101},
         NULL); /* as one of its own, sent back */
    hand_say(&scene.watcher, right, bytes, sizeof bytes);
    make(bytes, &(struct probe){.kind = PROBE_REQUEST, .flags = PROBE_CALLER, .number = 102}, NULL);
    bytes[4] = 3; /* kind */
    sign(bytes, sizeof bytes, true, NULL);
    hand_say(&scene.watcher, right, bytes, sizeof bytes);
    make(bytes, &(struct probe){.kind = PROBE_REQUEST, .flags = PROBE_CALLER, .number = 103}, NULL);
    bytes[PROBE_TAG_AT] ^= 1;
    sign(bytes, sizeof bytes, true, NULL);
    hand_say(&scene.watcher, right, bytes, sizeof bytes);
    make(bytes, &(struct probe){.kind = PROBE_REQUEST, .flags = PROBE_CALLER | PROBE_PROVEN, .number = 104},
         wrong);
    hand_say(&scene.watcher, right, bytes, sizeof bytes);
    fence(&scene.peer, right);
    assert_true(silent(&scene.watcher));
    assert_int_equal(way_to(scene.called, &scene.watcher.at), -1);
}

/* "A path is never taken over by who only saw packets." */
static void a_request_that_comes_again_from_elsewhere_makes_no_path(void **state)
{
    uint8_t seen[PROBE_BYTES], bytes[PROBE_BYTES];
    struct probe p;
    (void)state;
    request(seen, PROBE_MOVED);
    hand_say(&scene.peer, right, seen, sizeof seen);
    assert_true(hand_hear(&scene.peer, PROBE_ANSWER, bytes, &p, WAIT_MS));
    for (int i = 0; i < 5; i++)
        hand_say(&scene.watcher, right, seen, sizeof seen);
    fence(&scene.peer, right);
    assert_true(silent(&scene.watcher));
    assert_int_equal(way_to(scene.called, &scene.watcher.at), -1);
}

static void numbers_count_once_whatever_their_order(void **state)
{
    static const uint64_t numbers[] = {5000,       4990,       3977, 5000, 4990,
                                       3976,       6100,       5076, 5077, UINT64_MAX - 1024,
                                       UINT64_MAX, UINT64_MAX, 6200};
    static const bool counts[] = {true,  true, true, false, false, false, true,
                                  false, true, true, true,  false, false};
    uint8_t bytes[PROBE_BYTES];
    struct probe p;
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        make(bytes, &(struct probe){.kind = PROBE_REQUEST, .flags = PROBE_CALLER, .number = numbers[i]},
             NULL);
        hand_say(&scene.peer, right, bytes, sizeof bytes);
        bool answered = hand_hear(&scene.peer, PROBE_ANSWER, bytes, &p, counts[i] ? WAIT_MS : QUIET_MS);
        assert_int_equal(answered, counts[i]);
    }
}

/* It knows which request it is, as who sees all packets does, and has none of the keys; or it has, and sends
 * from where it was not asked. */
static void an_answer_counts_once_and_from_where_it_was_asked_for_alone(void **state)
{
    uint8_t bytes[PROBE_BYTES];
    struct probe asked;
    (void)state;
    assert_true(hand_hear(&scene.peer, PROBE_REQUEST, bytes, &asked, WAIT_MS));
    struct probe p = {
        .kind = PROBE_ANSWER, .flags = PROBE_CALLER, .number = asked.number, .seen = scene.peer.at};
    fence(&scene.watcher, right); /* now it is known, and not more */
    make(bytes, &p, NULL);
    hand_say(&scene.watcher, right, bytes, sizeof bytes);
    p.number = asked.number + 1000;
    make(bytes, &p, NULL);
    hand_say(&scene.peer, right, bytes, sizeof bytes);
    fence(&scene.watcher, right);
    int peer = way_to(scene.called, &scene.peer.at), watcher = way_to(scene.called, &scene.watcher.at);
    assert_int_equal(times_of(scene.called, peer).answered_ms, 0);
    assert_int_equal(times_of(scene.called, watcher).answered_ms, 0);
    p.number = asked.number;
    make(bytes, &p, NULL);
    hand_say(&scene.peer, right, bytes, sizeof bytes);
    hand_say(&scene.peer, right, bytes, sizeof bytes);
    fence(&scene.watcher, right);
    assert_int_not_equal(times_of(scene.called, peer).answered_ms, 0);
    assert_int_equal(times_of(scene.called, peer).answers, 1);
}

static void once_both_have_proven_themselves_the_first_key_is_void(void **state)
{
    static const uint8_t secret[AGENT_SECRET_BYTES] = "of the two alone";
    uint8_t bytes[PROBE_BYTES];
    struct probe p;
    (void)state;
    agent_prove(scene.called, secret);
    fence(&scene.peer, right); /* the peer may be late: its first key still counts */
    make(bytes, &(struct probe){.kind = PROBE_REQUEST, .flags = PROBE_CALLER | PROBE_PROVEN, .number = 1},
         secret);
    hand_say(&scene.peer, right, bytes, sizeof bytes);
    do
        assert_true(hand_hear(&scene.peer, PROBE_ANSWER, bytes, &p, WAIT_MS));
    while (p.number != 1);
    assert_true(p.flags & PROBE_PROVEN);
    for (int i = 0; i < 3; i++) { /* as the nameserver could */
        request(bytes, PROBE_MOVED);
        hand_say(&scene.watcher, right, bytes, sizeof bytes);
    }
    make(bytes, &(struct probe){.kind = PROBE_REQUEST, .flags = PROBE_CALLER | PROBE_PROVEN, .number = 2},
         secret);
    hand_say(&scene.peer, right, bytes, sizeof bytes);
    do
        assert_true(hand_hear(&scene.peer, PROBE_ANSWER, bytes, &p, WAIT_MS));
    while (p.number != 2);
    assert_true(silent(&scene.watcher));
    assert_int_equal(way_to(scene.called, &scene.watcher.at), -1);
}

/* ---- who knows the key, and means ill ---- */

static void there_are_so_many_paths_and_the_one_in_use_stays(void **state)
{
    uint8_t bytes[PROBE_BYTES];
    struct probe p;
    (void)state;
    assert_true(hand_hear(&scene.peer, PROBE_REQUEST, bytes, &p, WAIT_MS));
    make(bytes,
         &(struct probe){
             .kind = PROBE_ANSWER, .flags = PROBE_CALLER, .number = p.number, .seen = scene.peer.at},
         NULL);
    hand_say(&scene.peer, right, bytes, sizeof bytes);
    fence(&scene.peer, right);
    int peer = way_to(scene.called, &scene.peer.at);
    engine_lock();
    path_choice_connected(&scene.called->choice, peer, clock_now_ms());
    engine_unlock();
    for (int i = 1; i <= 3 * PATH_CHOICE_MAX; i++) {
        char ip[INET_ADDRSTRLEN];
        snprintf(ip, sizeof ip, "127.4.0.%d", i); /* each has its share (client/strangers.h) */
        struct hand h = hand_at(ip);
        request(bytes, 0);
        hand_say(&h, right, bytes, sizeof bytes);
        fence(&scene.peer, right);
        close(h.fd);
    }
    assert_int_equal(count_ways(scene.called), PATH_CHOICE_MAX);
    peer = way_to(scene.called, &scene.peer.at);
    assert_true(peer >= 0);
    assert_int_not_equal(times_of(scene.called, peer).answered_ms, 0);
}

/* Its requests seem to come from a host that knows nothing of it. */
static void a_stranger_whose_address_is_on_requests_gets_an_answer_and_a_request_for_each(void **state)
{
    uint8_t bytes[PROBE_BYTES];
    size_t len = 0;
    int sent = 20;
    (void)state;
    for (int i = 0; i < sent; i++) {
        request(bytes, PROBE_MOVED);
        hand_say(&scene.watcher, right, bytes, sizeof bytes);
        fence(&scene.peer, right);
    }
    assert_true(way_to(scene.called, &scene.watcher.at) >= 0);
    assert_false(is_linked(scene.called, &scene.watcher.at));
    poll(NULL, 0, QUIET_MS);
    assert_in_range(count_heard(&scene.watcher, &len), sent, 2 * sent);
    assert_in_range(len, 1, 2 * sent * PROBE_BYTES);
}

static int64_t moved_ms(void)
{
    engine_lock();
    int64_t ms = scene.called->moved_ms;
    engine_unlock();
    return ms;
}

static void a_peer_that_says_all_the_time_that_it_has_moved_is_heard_once_a_second(void **state)
{
    uint8_t bytes[PROBE_BYTES];
    (void)state;
    engine_lock();
    path_choice_connected(&scene.called->choice, 0, clock_now_ms());
    scene.called->moved_ms = 0;
    engine_unlock();
    request(bytes, PROBE_MOVED);
    hand_say(&scene.peer, right, bytes, sizeof bytes);
    fence(&scene.peer, right);
    assert_int_not_equal(state_of(scene.called), PATHS_GOOD);
    int64_t first_ms = moved_ms();
    assert_int_not_equal(first_ms, 0);
    for (int i = 0; i < 20; i++) {
        request(bytes, PROBE_MOVED);
        hand_say(&scene.peer, right, bytes, sizeof bytes);
    }
    fence(&scene.peer, right);
    if (clock_now_ms() - first_ms < 1000)
        assert_int_equal(moved_ms(), first_ms);
}

/* ---- candidates ---- */

static void of_each_strange_host_one_candidate_is_taken(void **state)
{
    struct candidates c = {.count = 0};
    (void)state;
    add_candidate(&c, &scene.peer.at, CANDIDATE_SRFLX);
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
    add_candidate(&c, &scene.peer.at, CANDIDATE_SRFLX);
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
        agent_told(scene.called, &c, &nothing.mapping, &nothing, &(struct uplink){.interface_index = 0});
    }
    uint64_t asked = scene.called->number;
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
    add_candidate(&c, &scene.peer.at, CANDIDATE_SRFLX);
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
    add_candidate(&c, &scene.peer.at, CANDIDATE_SRFLX);
    add_candidate(&c, &stranger.at, CANDIDATE_HOST);
    int64_t begun_ms = clock_now_ms();
    for (int i = 0; i < ATTEMPTS; i++) {
        new_session(NULL);
        agents[i] = agent_with(left, false, &c);
    }
    poll(NULL, 0, 200); /* alone, each would have asked six times by now */
    int count = count_heard(&stranger, &len);
    int most = STRANGERS_BURST + (int)(clock_now_ms() - begun_ms) * STRANGERS_RATE / 1000;
    for (int i = 0; i < ATTEMPTS; i++)
        linked += is_linked(agents[i], &stranger.at);
    assert_in_range(linked, 1, most / STRANGERS_CONNECT);
    assert_in_range(count, 1, most - linked * STRANGERS_CONNECT);
    /* those that the last one asks in vain are none of its peer's, which is asked as ever */
    assert_true(is_linked(agents[ATTEMPTS - 1], &scene.peer.at));
    assert_false(is_linked(agents[ATTEMPTS - 1], &stranger.at));
    for (int i = 0; i < ATTEMPTS; i++)
        end_agent(agents[i]);
    /* one that answers is no stranger */
    struct hand friend = hand_at("127.0.0.12");
    c.count = 0;
    add_candidate(&c, &scene.peer.at, CANDIDATE_SRFLX);
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
        TEST(a_request_of_which_any_bit_is_another_is_not_answered),
        TEST(a_request_that_is_cut_is_not_answered),
        TEST(requests_of_another_session_key_direction_or_kind_are_not_answered),
        TEST(a_request_that_comes_again_from_elsewhere_makes_no_path),
        TEST(numbers_count_once_whatever_their_order),
        TEST(an_answer_counts_once_and_from_where_it_was_asked_for_alone),
        TEST(once_both_have_proven_themselves_the_first_key_is_void),
        TEST(there_are_so_many_paths_and_the_one_in_use_stays),
        TEST(a_stranger_whose_address_is_on_requests_gets_an_answer_and_a_request_for_each),
        TEST(a_peer_that_says_all_the_time_that_it_has_moved_is_heard_once_a_second),
        TEST(of_each_strange_host_one_candidate_is_taken),
        TEST(a_link_local_candidate_is_on_the_interface_of_the_nameserver),
        TEST(a_nameserver_that_tells_all_the_time_is_not_followed),
        TEST(a_stranger_among_the_candidates_gets_few_packets),
        TEST(a_stranger_gets_few_packets_of_all_sessions_together),
        cmocka_unit_test(attempts_that_others_ask_for_have_a_rate_and_a_number_whatever_the_hosts),
    };
    return cmocka_run_group_tests_name("hostile probes", tests, start_engine, stop_engine);
}
