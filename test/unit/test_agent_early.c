/* Early bytes: what the peers' streams will say first, in the probes of their agents. One agent, and a
 * peer that is played by hand. */
#include "test/unit/agent_fixture.h"
#include <stdio.h>

#define OURS     200 /* bytes */
#define THEIRS   300
#define REQUESTS 12 /* more than have early bytes */

static uint8_t ours[PROBE_EARLY_MAX + 1], theirs[PROBE_EARLY_MAX];

struct told { /* to whose agent it is */
    struct agent *agent;
    uint8_t bytes[PROBE_EARLY_MAX];
    size_t len;
    int times;
    size_t says; /* so many bytes, once it was told */
};

static struct told told;
static struct hand peer, stranger;
static int strangers = 100;

static void on_early(void *user, const uint8_t *bytes, size_t len)
{
    struct told *t = user;
    memcpy(t->bytes, bytes, len);
    t->len = len;
    t->times++;
    if (t->says > 0)
        agent_say_early(t->agent, ours, t->says);
}

static struct agent *begin(bool calling, size_t early_len)
{
    struct candidates c = {.count = 0};
    add_candidate(&c, &peer.at, CANDIDATE_SRFLX);
    add_candidate(&c, &stranger.at, CANDIDATE_HOST);
    engine_lock();
    int err =
        agent_begin(&told.agent, &(struct agent_config){.port = right,
                                                        .session = &the_session,
                                                        .families = FAMILY_ANY,
                                                        .calling = calling,
                                                        .candidates = c,
                                                        .early = ours,
                                                        .early_len = early_len,
                                                        .callbacks = {.early = on_early, .user = &told}});
    engine_unlock();
    assert_int_equal(err, HX_OK);
    return told.agent;
}

static int begin_scene(void **state)
{
    new_session(state);
    for (size_t i = 0; i < sizeof ours; i++)
        ours[i] = (uint8_t)(i * 7 + 1);
    for (size_t i = 0; i < sizeof theirs; i++)
        theirs[i] = (uint8_t)(i * 11 + 5);
    told = (struct told){.agent = NULL};
    peer = hand_at("127.0.0.1");
    char ip[sizeof "127.0.0.100"];
    snprintf(ip, sizeof ip, "127.0.0.%d", ++strangers); /* each has its share (client/unvalidated.h) */
    stranger = hand_at(ip);
    return 0;
}

static int end_scene(void **state)
{
    (void)state;
    end_agent(told.agent);
    close(peer.fd);
    close(stranger.fd);
    return 0;
}

static int times(void)
{
    engine_lock();
    int n = told.times;
    engine_unlock();
    return n;
}

/* What was told last is the whole of what the peer says. */
static void check_told(void)
{
    engine_lock();
    assert_int_equal(told.len, THEIRS);
    assert_memory_equal(told.bytes, theirs, THEIRS);
    engine_unlock();
}

/* A probe of the hand-made peer with early bytes: its length. */
static size_t make_early(uint8_t bytes[PROBE_BYTES_MAX], struct probe p, size_t early_len)
{
    p.early = theirs;
    p.early_len = early_len;
    return make(bytes, &p, NULL);
}

static void request_early(size_t early_len)
{
    uint8_t bytes[PROBE_BYTES_MAX];
    struct probe p = {.kind = PROBE_REQUEST, .flags = PROBE_CALLER, .number = ++last_number};
    hand_say(&peer, right, bytes, make_early(bytes, p, early_len));
}

/* How many early bytes the answer to the last request has. */
static size_t answered(void)
{
    uint8_t bytes[PROBE_BYTES_MAX];
    struct probe p;
    size_t n;
    do
        n = hand_hear_early(&peer, PROBE_ANSWER, bytes, &p, WAIT_MS);
    while (n > 0 && p.number != last_number);
    assert_int_equal(n, PROBE_BYTES + p.early_len);
    assert_memory_equal(p.early, ours, p.early_len);
    return p.early_len;
}

/* ---- who calls ---- */

/* Of REQUESTS to there, how many have it. */
static int count_early(const struct hand *h)
{
    uint8_t bytes[PROBE_BYTES_MAX];
    struct probe p;
    int place = way_to(told.agent, &h->at), count = 0;
    engine_lock();
    for (int i = 0; i < REQUESTS; i++)
        agent_send_request(told.agent, place);
    engine_unlock();
    for (int i = 0; i < REQUESTS; i++) {
        assert_int_not_equal(hand_hear_early(h, PROBE_REQUEST, bytes, &p, WAIT_MS), 0);
        count += p.early_len > 0;
        assert_true(p.early_len == 0 || p.early_len == OURS);
        assert_memory_equal(p.early, ours, p.early_len);
    }
    return count;
}

static void its_first_requests_have_them_and_a_stranger_s_are_fewer(void **state)
{
    (void)state;
    begin(true, OURS);
    assert_in_range(count_early(&peer), 5, 8);
    assert_in_range(count_early(&stranger), 1, 2);
}

static void more_than_a_probe_carries_are_not_said(void **state)
{
    (void)state;
    begin(true, PROBE_EARLY_MAX + 1);
    assert_int_equal(count_early(&peer), 0);
}

static void once_both_are_proven_they_are_of_no_use_any_more(void **state)
{
    static const uint8_t secret[AGENT_SECRET_BYTES] = "of the two alone";
    (void)state;
    begin(true, OURS);
    engine_lock();
    memcpy(told.agent->secret, secret, sizeof secret);
    agent_take_secret(told.agent);
    told.agent->ways[0].early = 0;
    uint64_t before = told.agent->number;
    engine_unlock();
    for (uint64_t i = 0; i < before; i++) { /* what was said before */
        uint8_t bytes[PROBE_BYTES_MAX];
        struct probe p;
        if (hand_hear_early(&peer, PROBE_REQUEST, bytes, &p, 10) == 0)
            break;
    }
    assert_int_equal(count_early(&peer), 0);
}

static void it_hears_the_peer_s_in_answers_alone(void **state)
{
    uint8_t bytes[PROBE_BYTES_MAX];
    struct probe p, asked;
    (void)state;
    begin(true, OURS);
    assert_int_not_equal(hand_hear_early(&peer, PROBE_REQUEST, bytes, &asked, WAIT_MS), 0);
    p = (struct probe){.kind = PROBE_REQUEST, .number = 1};
    hand_say(&peer, right, bytes, make_early(bytes, p, THEIRS));
    p = (struct probe){.kind = PROBE_ANSWER, .number = asked.number, .seen = peer.at};
    hand_say(&peer, right, bytes, make_early(bytes, p, THEIRS));
    for (int64_t end_ms = clock_now_ms() + WAIT_MS; times() == 0 && clock_now_ms() < end_ms;)
        poll(NULL, 0, 1);
    assert_int_equal(times(), 1); /* the request was taken before */
    check_told();
}

/* ---- who is called ---- */

static void the_answer_has_ours_if_the_request_had_as_many(void **state)
{
    (void)state;
    told.says = OURS;
    begin(false, 0);
    request_early(THEIRS);
    assert_int_equal(answered(), OURS);
    check_told();
    request_early(OURS - 1); /* nothing is amplified */
    assert_int_equal(answered(), 0);
    request_early(OURS);
    assert_int_equal(answered(), OURS);
    request_early(0);
    assert_int_equal(answered(), 0);
    assert_int_equal(times(), 3);
}

static void its_requests_have_none(void **state)
{
    (void)state;
    begin(false, OURS);
    assert_int_equal(count_early(&peer), 0);
}

static void what_is_forged_altered_or_repeated_is_not_told(void **state)
{
    uint8_t whole[PROBE_BYTES_MAX], other[PROBE_BYTES_MAX];
    struct probe p = {.kind = PROBE_REQUEST, .flags = PROBE_CALLER, .number = ++last_number};
    (void)state;
    begin(false, 0);
    size_t len = make_early(whole, p, THEIRS);
    for (size_t at = 40; at < len; at += 3) {
        memcpy(other, whole, len);
        other[at] ^= 0x20;
        hand_say(&peer, right, other, len);
        if (at % 32 == 0) /* more than the inbox holds would be lost */
            fence(&peer, right);
    }
    for (size_t cut = PROBE_BYTES; cut < len; cut += 50)
        hand_say(&peer, right, whole, cut);
    fence(&peer, right);
    assert_int_equal(times(), 0);
    for (int i = 0; i < 5; i++) /* also by who has only seen it, from elsewhere */
        hand_say(i == 0 ? &peer : &stranger, right, whole, len);
    fence(&peer, right);
    assert_int_equal(times(), 1);
    assert_int_equal(way_to(told.agent, &stranger.at), 1); /* the candidate */
    assert_false(times_of(told.agent, 1).heard);
}

static void those_that_come_before_the_session_begins_are_not_lost(void **state)
{
    (void)state;
    struct agent *other = begin(false, 0); /* the port is listened to */
    fence(&peer, right);
    struct session known = the_session;
    new_session(state);
    request_early(THEIRS);
    struct session fresh = the_session;
    the_session = known;
    last_number = 1000;
    fence(&peer, right); /* now it has come */
    assert_int_equal(times(), 0);
    the_session = fresh;
    begin(false, 0);
    fence(&peer, right);
    assert_int_equal(times(), 1);
    check_told();
    end_agent(other);
}

/* What a nameserver that lies can make a caller send to a host that never answers. */
static void a_stranger_among_the_caller_s_candidates_gets_few_packets(void **state)
{
    uint8_t bytes[PROBE_BYTES_MAX];
    struct probe p;
    size_t total = 0, n;
    int count = 0;
    (void)state;
    begin(true, PROBE_EARLY_MAX);
    int place = way_to(told.agent, &stranger.at);
    engine_lock();
    for (int i = 0; i < PATH_BURST_MOST; i++) /* as many as it ever gets: path_choice.h */
        agent_send_request(told.agent, place);
    engine_unlock();
    while ((n = hand_hear_early(&stranger, PROBE_REQUEST, bytes, &p, 50)) > 0) {
        total += n;
        count++;
    }
    assert_in_range(count, PATH_BURST_MOST, PATH_BURST_MOST + 3);
    /* the handshakes are no more than 85 of 64 bytes (flight.h): together at most 100, and 10 KB */
    assert_in_range(total + (size_t)(100 - count) * 64, 1, 10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_scene, end_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_first_requests_have_them_and_a_stranger_s_are_fewer),
        TEST(more_than_a_probe_carries_are_not_said),
        TEST(once_both_are_proven_they_are_of_no_use_any_more),
        TEST(it_hears_the_peer_s_in_answers_alone),
        TEST(the_answer_has_ours_if_the_request_had_as_many),
        TEST(its_requests_have_none),
        TEST(what_is_forged_altered_or_repeated_is_not_told),
        TEST(those_that_come_before_the_session_begins_are_not_lost),
        TEST(a_stranger_among_the_caller_s_candidates_gets_few_packets),
    };

    return cmocka_run_group_tests_name("early bytes", tests, start_engine, stop_engine);
}
