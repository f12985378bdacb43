/* The agents of two who meet, over UDT's ports on loopback: probes, paths, and what becomes of them. */
#include "test/unit/agent_fixture.h"

struct side {
    struct udt_port *port;
    struct agent *agent;
    struct stream *stream;
    int path_changes, losses, returns;
};

static struct side one, other;

static void on_path_changed(void *user)
{
    ((struct side *)user)->path_changes++;
}

static void on_reach_changed(void *user, enum agent_reach reach)
{
    struct side *s = user;
    s->losses += reach == AGENT_LOST;
    s->returns += reach == AGENT_DIRECT;
}

static void meet(struct side *s, struct udt_port *port, bool calling, const struct candidates *peer)
{
    struct sockaddr_in6 to;
    *s = (struct side){.port = port, .agent = agent_with(port, calling, peer)};
    engine_lock();
    agent_watch(s->agent, &(struct agent_callbacks){on_path_changed, on_reach_changed, NULL, s, NULL});
    agent_address(s->agent, &to);
    engine_unlock();
    assert_int_equal(udt_rendezvous(&s->stream, port, (struct sockaddr *)&to, sizeof to, NULL, WAIT_MS,
                                    calling ? UDT_PARTY_CALLER : UDT_PARTY_CALLED, NULL),
                     HX_OK);
}

static void await_connected(struct side *s)
{
    assert_ptr_equal(await(s->port, UDT_EV_CONNECTED).stream, s->stream);
    engine_lock();
    agent_connected(s->agent);
    engine_unlock();
}

static void meet_over(const char *ip)
{
    struct candidates to_left = {.count = 0}, to_right = {.count = 0};
    struct endpoint l = endpoint_of(ip, left), r = endpoint_of(ip, right);
    the_session.id[0]++; /* what two who met before may still say is not of this session */
    the_session.key[0]++;
    add_candidate(&to_left, &l, CANDIDATE_SRFLX);
    add_candidate(&to_right, &r, CANDIDATE_SRFLX);
    meet(&one, left, true, &to_right);
    meet(&other, right, false, &to_left);
    await_connected(&one);
    await_connected(&other);
}

static void part_again(void)
{
    end_agent(one.agent);
    end_agent(other.agent);
    stream_close(one.stream);
    stream_close(other.stream);
}

static void check_bytes(void)
{
    char buf[4];
    assert_int_equal(stream_write(one.stream, "ping", 4), 4);
    assert_int_equal(read_all(right, other.stream, buf, 4), 4);
    assert_memory_equal(buf, "ping", 4);
    assert_int_equal(stream_write(other.stream, "pong", 4), 4);
    assert_int_equal(read_all(left, one.stream, buf, 4), 4);
    assert_memory_equal(buf, "pong", 4);
}

/* Until this is true; false: it has not come. */
static bool becomes(bool (*is)(void))
{
    struct udt_event ev;
    bool true_now = false;
    for (int64_t end_ms = clock_now_ms() + 2 * WAIT_MS; !true_now && clock_now_ms() < end_ms;) {
        struct pollfd fds[2] = {{udt_port_fd(left), POLLIN, 0}, {udt_port_fd(right), POLLIN, 0}};
        while (udt_port_next(left, &ev) > 0 || udt_port_next(right, &ev) > 0)
            ;
        engine_lock();
        true_now = is();
        engine_unlock();
        if (!true_now)
            poll(fds, 2, 5);
    }
    return true_now;
}

static bool proven(const struct agent *a)
{
    return a->choice.state == PATHS_GOOD && a->applied >= 0 && a->applied == a->choice.used &&
           a->choice.paths[a->choice.used].answered_ms != 0;
}

static bool both_use_an_answered_path(void)
{
    return proven(one.agent) && proven(other.agent);
}

static void two_who_are_told_of_each_other_connect_and_use_a_path_that_was_answered(void **state)
{
    static const char *const ways[] = {"127.0.0.1", "127.0.0.2", "::1"};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct endpoint right_at = endpoint_of(ways[i], right);
        struct agent_path path;
        meet_over(ways[i]);
        assert_true(becomes(both_use_an_answered_path));
        engine_lock();
        assert_true(agent_path(one.agent, &path));
        engine_unlock();
        /* that which was told, or by which the other one asked: it has each of loopback's addresses */
        assert_true(endpoint_loopback(&path.remote));
        assert_int_equal(path.remote.port, right_at.port);
        assert_int_equal(path.remote.family, right_at.family);
        assert_string_equal(path.kind, i == 2                                    ? "ipv6"
                                       : endpoint_equal(&path.remote, &right_at) ? "lan"
                                                                                 : "direct");
        assert_true(path.rtt_us > 0);
        assert_int_equal(one.path_changes, 1);
        check_bytes();
        part_again();
    }
}

static bool is_asked_once_more(void)
{
    return one.agent->choice.paths[one.agent->choice.used].asked_ms > 1;
}

/* The idle path would be asked after 15 s. */
static void what_is_written_after_a_silence_asks_the_path_at_once(void **state)
{
    struct path_times *used;
    (void)state;
    meet_over("127.0.0.1");
    assert_true(becomes(both_use_an_answered_path));
    engine_lock();
    used = &one.agent->choice.paths[one.agent->choice.used];
    used->tries = 0;
    used->asked_ms = 1;
    used->due_ms = clock_now_ms() + 60000;
    one.agent->choice.flows = true; /* else it would be asked when data begins to flow */
    atomic_store(&one.agent->awake, false);
    engine_unlock();
    agent_wake(one.agent);
    assert_true(becomes(is_asked_once_more));
    part_again();
}

static void a_change_of_the_network_that_leaves_the_path_as_it_was_is_no_news(void **state)
{
    (void)state;
    meet_over("127.0.0.1");
    assert_true(becomes(both_use_an_answered_path));
    engine_lock();
    agent_network_changed(one.agent);
    engine_unlock();
    assert_true(becomes(both_use_an_answered_path));
    check_bytes();
    assert_int_equal(one.path_changes, 1);
    part_again();
}

static void both_sides_of_a_session_may_be_of_one_port(void **state)
{
    struct endpoint self = endpoint_of("127.0.0.1", left);
    (void)state;
    struct agent *calling = agent_to(left, true, &self), *called = agent_to(left, false, &self);
    int64_t end_ms = clock_now_ms() + WAIT_MS;
    while ((times_of(calling, 0).answered_ms == 0 || times_of(called, 0).answered_ms == 0) &&
           clock_now_ms() < end_ms)
        poll(NULL, 0, 2);
    assert_int_not_equal(times_of(calling, 0).answered_ms, 0);
    assert_int_not_equal(times_of(called, 0).answered_ms, 0);
    engine_lock();
    assert_ptr_equal(agent_find(the_session.id, true), calling);
    assert_ptr_equal(agent_find(the_session.id, false), called);
    engine_unlock();
    end_agent(calling);
    end_agent(called);
}

/* ---- lost paths ---- */

static struct relay road;

/* Over a road that can be cut. */
static void meet_by_road(void)
{
    struct net_path there, back;
    struct candidates to_left = {.count = 0}, to_right = {.count = 0};
    struct sockaddr_in6 sa;
    struct endpoint e;
    relay_start(&road, left, right, &there, &back);
    net_address_to_sockaddr6(&there.remote, &sa);
    assert_int_equal(endpoint_from_sockaddr(&e, (struct sockaddr *)&sa, sizeof sa), HX_OK);
    add_candidate(&to_right, &e, CANDIDATE_SRFLX);
    net_address_to_sockaddr6(&back.remote, &sa);
    assert_int_equal(endpoint_from_sockaddr(&e, (struct sockaddr *)&sa, sizeof sa), HX_OK);
    add_candidate(&to_left, &e, CANDIDATE_SRFLX);
    meet(&one, left, true, &to_right);
    meet(&other, right, false, &to_left);
    await_connected(&one);
    await_connected(&other);
    assert_true(becomes(both_use_an_answered_path));
}

static void tell_of(struct side *s, const char *ip, struct udt_port *peer)
{
    struct candidates c = {.count = 0};
    struct endpoint e = endpoint_of(ip, peer);
    static const struct peer_fields nothing;
    add_candidate(&c, &e, CANDIDATE_SRFLX);
    engine_lock();
    agent_told(s->agent, &(struct agent_news){.peer = &c,
                                              .peer_mapping = &nothing.mapping,
                                              .own = &nothing,
                                              .uplink = &(struct uplink){.interface_index = 0}});
    engine_unlock();
}

/* Linked as any candidate is, and asked for so long that it is not given up meanwhile. */
static void tell_of_stranger(struct side *s, const struct endpoint *stranger)
{
    struct candidates c = {.count = 0};
    static const struct peer_fields nothing;
    add_candidate(&c, stranger, CANDIDATE_SRFLX);
    engine_lock();
    agent_told(s->agent, &(struct agent_news){.peer = &c,
                                              .peer_mapping = &nothing.mapping,
                                              .own = &nothing,
                                              .uplink = &(struct uplink){.interface_index = 0}});
    engine_unlock();
    int at = way_to(s->agent, stranger);
    engine_lock();
    assert_true(s->agent->ways[at].linked);
    s->agent->choice.paths[at].due_ms = clock_now_ms() + 60000;
    engine_unlock();
}

static bool one_has_lost_it(void)
{
    return one.losses > 0;
}

static bool both_are_back(void)
{
    return proven(one.agent) && proven(other.agent) && one.returns > 0;
}

/* As the nameserver tells, when it is asked again in the same session. */
static void a_connection_whose_path_has_ended_goes_on_over_an_address_that_is_told_later(void **state)
{
    struct endpoint stranger = endpoint_at("127.0.0.14", 9);
    (void)state;
    meet_by_road();
    check_bytes();
    tell_of_stranger(&one, &stranger);
    atomic_store(&road.cut, true);
    assert_int_equal(stream_write(one.stream, "more", 4), 4);
    assert_true(becomes(one_has_lost_it));
    int nobody = way_to(one.agent, &stranger); /* where the connection's datagrams do not go now */
    assert_true(nobody >= 0 && !one.agent->ways[nobody].linked);
    assert_int_equal(other.agent->moved_ms, 0);
    tell_of(&one, "127.0.0.2", right);
    tell_of(&other, "127.0.0.2", left);
    assert_true(becomes(both_are_back));
    assert_int_not_equal(other.agent->moved_ms, 0); /* it was told that the path is lost */
    char buf[4];
    assert_int_equal(read_all(right, other.stream, buf, 4), 4);
    assert_memory_equal(buf, "more", 4);
    check_bytes();
    engine_lock();
    assert_int_equal(one.losses, 1);
    assert_int_equal(one.returns, 1);
    engine_unlock();
    part_again();
    relay_stop(&road);
}

static bool one_is_reached_on_the_way_it_found_itself(void)
{
    struct agent_path path;
    struct endpoint e = endpoint_of("127.0.0.1", right);
    return proven(one.agent) && proven(other.agent) && agent_path(one.agent, &path) &&
           endpoint_equal(&path.remote, &e);
}

/* The called is told nothing true: it learns where the caller is from its requests. */
static void a_peer_is_found_where_its_requests_come_from(void **state)
{
    struct candidates to_left = {.count = 0}, to_right = {.count = 0};
    struct hand nobody = hand_at("127.0.0.1");
    struct endpoint r = endpoint_of("127.0.0.1", right);
    (void)state;
    add_candidate(&to_left, &nobody.at, CANDIDATE_SRFLX);
    add_candidate(&to_right, &r, CANDIDATE_SRFLX);
    meet(&one, left, true, &to_right);
    meet(&other, right, false, &to_left);
    await_connected(&one);
    await_connected(&other);
    assert_true(becomes(one_is_reached_on_the_way_it_found_itself));
    struct endpoint l = endpoint_of("127.0.0.1", left);
    assert_true(way_to(other.agent, &l) >= 0);
    check_bytes();
    part_again();
    close(nobody.fd);
}

/* ---- ends ---- */

static void an_agent_that_has_connected_answers_for_a_while_after_its_end(void **state)
{
    struct hand h = hand_at("127.0.0.1");
    (void)state;
    meet_over("127.0.0.1");
    part_again();
    last_number = 1000000;
    fence(&h, right);
    engine_lock();
    assert_null(agent_find(the_session.id, false));
    engine_unlock();
    close(h.fd);
}

/* Attempts may come and go many a second, and what lingers counts. */
static void an_agent_that_has_not_connected_ends_at_once(void **state)
{
    struct hand h = hand_at("127.0.0.1");
    (void)state;
    for (int i = 0; i < 1100; i++) /* more than there may be at once */
        end_agent(agent_to(right, false, &h.at));
    close(h.fd);
}

/* What an application has not closed when the library ends is closed after it. */
static void the_library_may_end_before_an_agents_owner(void **state)
{
    (void)state;
    meet_over("127.0.0.1");
    assert_true(becomes(both_use_an_answered_path));
    end_agent(other.agent);
    engine_end();
    engine_lock();
    agent_end(one.agent);
    assert_null(agent_find(the_session.id, true));
    engine_unlock();
}

#define TEST(name) cmocka_unit_test_setup(name, new_session)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_who_are_told_of_each_other_connect_and_use_a_path_that_was_answered),
        TEST(what_is_written_after_a_silence_asks_the_path_at_once),
        TEST(a_change_of_the_network_that_leaves_the_path_as_it_was_is_no_news),
        TEST(both_sides_of_a_session_may_be_of_one_port),
        TEST(a_connection_whose_path_has_ended_goes_on_over_an_address_that_is_told_later),
        TEST(a_peer_is_found_where_its_requests_come_from),
        TEST(an_agent_that_has_connected_answers_for_a_while_after_its_end),
        TEST(an_agent_that_has_not_connected_ends_at_once),
        TEST(the_library_may_end_before_an_agents_owner), /* the last one */
    };

    return cmocka_run_group_tests_name("agent", tests, start_engine, NULL);
}
