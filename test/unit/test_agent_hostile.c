/* Probes that are forged, altered, replayed or put on strangers. */
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
        snprintf(ip, sizeof ip, "127.4.0.%d", i); /* each has its share (client/unvalidated.h) */
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
    };
    return cmocka_run_group_tests_name("hostile probes", tests, start_engine, stop_engine);
}
