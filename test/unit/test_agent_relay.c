/* Two agents whom no direct way leads to each other, and the nameserver's relay between them: it is the
 * server's own, at a port of this process. */
#include "client/agent_state.h"
#include "server/config.h"
#include "server/relay.h"
#define relay fixture_relay /* path_fixture.h has another one, which is of no use here */
#include "test/unit/agent_fixture.h"
#undef relay

#define NOBODY_PORT 9 /* discard */

struct side {
    struct udt_port *port;
    struct agent *agent;
    struct stream *stream;
    enum agent_reach reach;
    enum relay_reason limited;
};

static struct side one, other;
static struct relay *relaying;
static struct net_address relay_at;

static void on_reach_changed(void *user, enum agent_reach reach)
{
    ((struct side *)user)->reach = reach;
}

static void on_limited(void *user, enum relay_reason reason)
{
    ((struct side *)user)->limited = reason;
}

static void begin_relay(int64_t time_ms)
{
    struct server_config config = {.relay_time_ms = time_ms};
    assert_int_equal(relay_create(&relaying, &config), HX_OK);
    relay_serve(relaying, udt_port_net(server));
    relay_at = at("127.0.0.1", port_of(server));
}

static void end_relay(void)
{
    relay_end(relaying);
    relay_destroy(relaying);
    relaying = NULL;
}

/* Another key, as with each introduction; the parties are not yet proven by a connection of theirs. */
static void introduce(void)
{
    struct endpoint nowhere = endpoint_at("127.0.0.1", NOBODY_PORT);
    the_session.key[0]++;
    relay_offer(relaying, &the_session, &nowhere, &nowhere, RELAY_CALLER, clock_now_ms());
    assert_true(the_session.relay.offered);
}

static void meet(struct side *s, struct udt_port *port, bool calling, int relay_after_ms)
{
    struct agent_callbacks callbacks = {
        .reach_changed = on_reach_changed, .relay_limited = on_limited, .user = s};
    struct endpoint nowhere = endpoint_at("127.0.0.9", NOBODY_PORT);
    struct agent_config config = {.port = port,
                                  .session = &the_session,
                                  .families = FAMILY_ANY,
                                  .calling = calling,
                                  .server = relay_at,
                                  .relay_after_ms = relay_after_ms};
    struct sockaddr_in6 to;
    *s = (struct side){.port = port};
    add_candidate(&config.candidates, &nowhere, CANDIDATE_SRFLX);
    engine_lock();
    assert_int_equal(agent_begin(&s->agent, &config), HX_OK);
    agent_watch(s->agent, &callbacks);
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

static void meet_through_the_relay(void)
{
    introduce();
    meet(&one, left, true, 1);
    meet(&other, right, false, 1);
    await_connected(&one);
    await_connected(&other);
}

static void part_again(void)
{
    end_agent(one.agent);
    end_agent(other.agent);
    stream_close(one.stream);
    stream_close(other.stream);
    end_relay();
}

/* A path is in use that has answered. */
static bool is_so(const struct side *s, enum agent_reach reach)
{
    const struct path_choice *c = &s->agent->choice;
    return s->reach == reach && (reach == AGENT_LOST || (c->used >= 0 && c->paths[c->used].answered_ms != 0));
}

/* Until both are reached so; what comes to the ports is read meanwhile. */
static bool both_become(enum agent_reach reach)
{
    struct udt_event ev;
    bool become = false;
    for (int64_t end_ms = clock_now_ms() + 4 * WAIT_MS; !become && clock_now_ms() < end_ms;) {
        struct pollfd fds[2] = {{udt_port_fd(left), POLLIN, 0}, {udt_port_fd(right), POLLIN, 0}};
        while (udt_port_next(left, &ev) > 0 || udt_port_next(right, &ev) > 0)
            ;
        engine_lock();
        become = is_so(&one, reach) && is_so(&other, reach);
        engine_unlock();
        if (!become)
            poll(fds, 2, 5);
    }
    return become;
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

static void tell(struct side *s, const struct endpoint *peer)
{
    static const struct peer_fields nothing;
    struct candidates c = {.count = 0};
    add_candidate(&c, peer, CANDIDATE_SRFLX);
    engine_lock();
    agent_told(s->agent, &(struct agent_news){.peer = &c,
                                              .peer_mapping = &nothing.mapping,
                                              .own = &nothing,
                                              .uplink = &(struct uplink){.interface_index = 0},
                                              .server = relay_at,
                                              .session = &the_session});
    engine_unlock();
}

static int count_relays(const struct side *s)
{
    int count = 0;
    engine_lock();
    for (int i = 0; i < AGENT_RELAYS; i++)
        count += s->agent->relay.list[i] != NULL;
    engine_unlock();
    return count;
}

static void two_whom_no_way_leads_to_each_other_connect_through_the_relay(void **state)
{
    struct agent_path path;
    struct sockaddr_in6 sa;
    struct net_address said;
    (void)state;
    begin_relay(0);
    meet_through_the_relay();
    assert_true(both_become(AGENT_RELAYED));
    engine_lock();
    assert_true(agent_path(one.agent, &path));
    engine_unlock();
    assert_string_equal(path.kind, "relayed");
    endpoint_to_sockaddr6(&path.remote, &sa);
    net_address_from(&said, (struct sockaddr *)&sa);
    assert_true(net_address_equal(&said, &relay_at));
    check_bytes();
    part_again();
}

static void a_direct_path_that_is_told_of_takes_over(void **state)
{
    struct endpoint l = endpoint_of("127.0.0.1", left), r = endpoint_of("127.0.0.1", right);
    (void)state;
    begin_relay(0);
    meet_through_the_relay();
    assert_true(both_become(AGENT_RELAYED));
    introduce();
    tell(&one, &r);
    tell(&other, &l);
    assert_true(both_become(AGENT_DIRECT));
    assert_int_equal(count_relays(&one), 1); /* the one that worked needed no other */
    check_bytes();
    part_again();
}

/* As after a restart of the nameserver. */
static void a_relay_that_knows_the_session_no_more_is_left_for_that_of_the_next_introduction(void **state)
{
    struct endpoint nowhere = endpoint_at("127.0.0.9", NOBODY_PORT);
    (void)state;
    begin_relay(0);
    meet_through_the_relay();
    assert_true(both_become(AGENT_RELAYED));
    end_relay();
    begin_relay(0);
    assert_int_equal(stream_write(one.stream, "ping", 4), 4);
    assert_int_equal(stream_write(other.stream, "pong", 4), 4);
    assert_true(both_become(AGENT_LOST));
    introduce();
    tell(&one, &nowhere);
    tell(&other, &nowhere);
    assert_true(both_become(AGENT_RELAYED));
    char buf[4];
    assert_int_equal(read_all(right, other.stream, buf, 4), 4);
    assert_memory_equal(buf, "ping", 4);
    part_again();
}

static void what_the_relays_time_ends_is_told_and_not_begun_again(void **state)
{
    struct endpoint nowhere = endpoint_at("127.0.0.9", NOBODY_PORT);
    (void)state;
    begin_relay(1000);
    meet_through_the_relay();
    assert_true(both_become(AGENT_RELAYED));
    assert_true(both_become(AGENT_LOST));
    assert_int_equal(one.limited, RELAY_OVER_TIME);
    assert_int_equal(other.limited, RELAY_OVER_TIME);
    introduce();
    tell(&one, &nowhere);
    tell(&other, &nowhere);
    assert_int_equal(count_relays(&one) + count_relays(&other), 0);
    part_again();
}

static void who_wants_no_relay_asks_none(void **state)
{
    struct relay_party *none = NULL;
    (void)state;
    begin_relay(0);
    introduce();
    meet(&one, left, true, -1);
    engine_lock();
    assert_ptr_equal(one.agent->relay.list[0], none);
    assert_true(one.agent->relay.due_ms == INT64_MAX);
    engine_unlock();
    end_agent(one.agent);
    stream_close(one.stream);
    end_relay();
}

static bool becomes_open(struct side *s)
{
    struct agent_tried tried = {.relay.begun = false};
    for (int64_t end_ms = clock_now_ms() + WAIT_MS; clock_now_ms() < end_ms; poll(NULL, 0, 5)) {
        engine_lock();
        agent_tried(s->agent, &tried);
        engine_unlock();
        if (tried.relay.begun && tried.relay.state == RELAY_STATE_OPEN)
            return true;
    }
    return false;
}

/* People are told that the peer did not come, and not that the relay does not answer. */
static void a_relay_that_was_open_is_so_while_it_is_asked_again(void **state)
{
    struct endpoint nowhere = endpoint_at("127.0.0.9", NOBODY_PORT);
    struct agent_tried tried;
    (void)state;
    begin_relay(0);
    introduce();
    meet(&one, left, true, 1);
    assert_true(becomes_open(&one));
    introduce();
    end_relay(); /* so that no answer comes */
    tell(&one, &nowhere);
    assert_int_equal(count_relays(&one), 2);
    engine_lock();
    agent_tried(one.agent, &tried);
    engine_unlock();
    assert_int_equal(tried.relay.state, RELAY_STATE_OPEN);
    end_agent(one.agent);
    stream_close(one.stream);
}

static int start(void **state)
{
    struct udt_port_config config = {.backlog = 16};
    int err = start_engine(state);
    return err < 0 ? err : udt_port_open(&server, &config);
}

#define TEST(name) cmocka_unit_test_setup(name, new_session)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_whom_no_way_leads_to_each_other_connect_through_the_relay),
        TEST(a_direct_path_that_is_told_of_takes_over),
        TEST(a_relay_that_knows_the_session_no_more_is_left_for_that_of_the_next_introduction),
        TEST(what_the_relays_time_ends_is_told_and_not_begun_again),
        TEST(who_wants_no_relay_asks_none),
        TEST(a_relay_that_was_open_is_so_while_it_is_asked_again),
    };

    return cmocka_run_group_tests_name("agent_relay", tests, start, stop_engine);
}
