/* What an agent does where a NAT maps by destination, or may take the peer's packets for its own. */
#include "client/nat_levels.h"
#include "test/unit/agent_fixture.h"

static const struct nat_mapping easy = {.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT};
static const struct nat_mapping preserves = {.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT,
                                             .ports = NAT_PORTS_PRESERVING};

static struct agent *begin_agent(const struct agent_config *what)
{
    struct agent_config config = *what;
    struct agent *a = NULL;
    config.port = left;
    config.session = &the_session;
    config.families = FAMILY_ANY;
    assert_int_equal(agent_begin(&a, &config), HX_OK);
    return a;
}

static struct nat_mapping counts_up_to(uint16_t last_port)
{
    return (struct nat_mapping){.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                .ports = NAT_PORTS_SEQUENTIAL,
                                .step = 1,
                                .last_port = last_port};
}

/* As if its time had come. */
static void turn(struct agent *a)
{
    a->hard.due_ms = a->hard.say_ms = 0;
    agent_turn(a);
}

#define LONG_MS 9000 /* longer than any search lasts */

static void who_has_waited_long_for_a_turn_searches_all_the_same(void **state)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9), other_host = endpoint_at("127.0.0.16", 9);
    struct hard_turn other = {.granted = NULL};
    struct candidates c = {.count = 0};
    (void)state;
    add_candidate(&c, &seen, CANDIDATE_SRFLX);
    engine_lock();
    assert_true(hard_turn_take(&other, &other_host));
    struct agent *a = begin_agent(
        &(struct agent_config){.calling = true, .candidates = c, .own = easy, .peer = counts_up_to(20000)});
    assert_int_equal(a->hard.method, HARD_NAT_GUESS);
    for (int i = 0; i < 3; i++)
        turn(a);
    assert_false(hard_turn_has(&a->hard.turn));
    int asked = a->hard.asked;
    a->hard.begun_ms -= LONG_MS;
    hard_turn_end(&other);
    for (int i = 0; i < 2; i++) {
        assert_true(hard_turn_has(&a->hard.turn));
        agent_turn(a);
    }
    assert_true(a->hard.asked > asked);
    a->hard.begun_ms -= LONG_MS; /* now it has searched so long */
    turn(a);
    assert_false(hard_turn_has(&a->hard.turn));
    agent_end(a);
    engine_unlock();
}

static void where_the_peer_was_heard_no_more_is_asked_for_a_moment(void **state)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    struct candidates c = {.count = 0};
    (void)state;
    add_candidate(&c, &seen, CANDIDATE_SRFLX);
    engine_lock();
    struct agent *a = begin_agent(
        &(struct agent_config){.calling = true, .candidates = c, .own = easy, .peer = counts_up_to(20000)});
    turn(a);
    int asked = a->hard.asked;
    assert_true(asked > 0);
    path_choice_heard(&a->choice, 0, clock_now_ms());
    turn(a);
    assert_int_equal(a->hard.asked, asked);
    assert_true(a->hard.due_ms > clock_now_ms()); /* UDT may yet fail to connect there */
    a->hard.heard_ms -= LONG_MS;
    turn(a);
    assert_true(a->hard.asked > asked);
    agent_end(a);
    engine_unlock();
}

/* How far the first packet may go that a called one sends to a peer which has told these host candidates. */
static int hops_to(const char *const hosts[], int count)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    struct candidates c = {.count = 0};
    new_session(NULL);
    add_candidate(&c, &seen, CANDIDATE_SRFLX);
    for (int i = 0; i < count; i++) {
        struct endpoint e = endpoint_at(hosts[i], 9);
        add_candidate(&c, &e, CANDIDATE_HOST);
    }
    engine_lock();
    struct agent *a =
        begin_agent(&(struct agent_config){.candidates = c, .own = preserves, .peer = preserves});
    int hops = agent_hops(a, -1, 0);
    agent_end(a);
    engine_unlock();
    return hops;
}

static void only_a_peer_that_is_seen_at_an_address_of_its_own_has_no_nat_to_be_opened_for(void **state)
{
    (void)state;
    assert_int_equal(hops_to((const char *[]){"127.0.0.15"}, 1), 0);
    assert_int_equal(hops_to((const char *[]){"127.9.0.1", "127.0.0.15"}, 2), 0);
    assert_int_equal(hops_to((const char *[]){"127.9.0.1"}, 1), NAT_LEVELS_LEAST);
    assert_int_equal(hops_to((const char *[]){"::1"}, 1), NAT_LEVELS_LEAST);
    assert_int_equal(hops_to(NULL, 0), NAT_LEVELS_LEAST); /* it hides them */
}

#define UPLINK "127.0.0.77"

/* The next packet that comes there; from which host? */
static struct endpoint heard_from(const struct hand *h)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    uint8_t bytes[PROBE_BYTES_MAX];
    struct endpoint e;
    struct pollfd fd = {h->fd, POLLIN, 0};
    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    assert_true(recvfrom(h->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &len) > 0);
    assert_int_equal(endpoint_from_sockaddr(&e, (struct sockaddr *)&from, len), HX_OK);
    return e;
}

static void guesses_leave_by_the_uplink_that_the_nameserver_sees(void **state)
{
    struct hand peer = hand_at("127.0.0.1");
    struct endpoint seen = endpoint_at("127.0.0.1", 9), wanted = endpoint_at(UPLINK, 9);
    struct net_address uplink = at(UPLINK, 0);
    struct candidates c = {.count = 0};
    struct agent_config config = {
        .calling = true, .own = easy, .peer = counts_up_to((uint16_t)(peer.at.port - 1))};
    (void)state;
    memcpy(config.uplink.address.s6_addr, uplink.ip, sizeof uplink.ip);
    add_candidate(&c, &seen, CANDIDATE_SRFLX);
    config.candidates = c;
    engine_lock();
    struct agent *a = begin_agent(&config);
    engine_unlock();
    struct endpoint from = heard_from(&peer);
    assert_true(endpoint_same_host(&from, &wanted));
    engine_lock();
    agent_network_changed(a); /* that uplink may be gone: the kernel chooses */
    while (recv(peer.fd, &from, sizeof from, MSG_DONTWAIT) > 0)
        ;
    a->hard.round = 0;
    turn(a);
    engine_unlock();
    from = heard_from(&peer);
    assert_true(endpoint_same_host(&from, &peer.at));
    end_agent(a);
    close(peer.fd);
}

/* A caller who asks ports at random of a peer that it has been connected to. */
static struct agent *sprays(const struct endpoint *seen, const struct nat_mapping *random_ports)
{
    struct candidates c = {.count = 0};
    add_candidate(&c, seen, CANDIDATE_SRFLX);
    struct agent *a = begin_agent(
        &(struct agent_config){.calling = true, .candidates = c, .own = easy, .peer = *random_ports});
    assert_int_equal(a->hard.method, HARD_NAT_SPRAY_PORTS);
    a->connected = true;
    turn(a);
    assert_true(a->hard.begun);
    return a;
}

static const struct nat_mapping random_ports = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                                .ports = NAT_PORTS_RANDOM};

/* Its time is not over when the two have met, and they may lose each other before it is. */
static void a_search_that_has_helped_is_begun_anew_by_what_is_told_next(void **state)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    (void)state;
    engine_lock();
    struct agent *a = sprays(&seen, &random_ports);
    a->hard.sent = 100;
    agent_hard_told(a, &easy, &random_ports, &seen);
    assert_int_equal(a->hard.sent, 100); /* it goes on */
    a->hard.due_ms = clock_now_ms() + LONG_MS;
    a->choice.state = PATHS_GOOD;
    agent_hard_turn(a, clock_now_ms());
    agent_hard_told(a, &easy, &random_ports, &seen);
    assert_false(a->hard.begun);
    assert_true(a->hard.again);
    assert_int_equal(a->hard.sent, 0);
    agent_end(a);
    engine_unlock();
}

static void a_search_that_has_missed_is_begun_anew_with_as_many_probes(void **state)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    (void)state;
    engine_lock();
    struct agent *a = sprays(&seen, &random_ports);
    a->hard.sent = HARD_NAT_SPRAY;
    a->hard.asked = HARD_NAT_MOST;
    agent_hard_told(a, &easy, &random_ports, &seen);
    assert_int_equal(a->hard.sent, 0);
    assert_int_equal(a->hard.asked, HARD_NAT_MOST); /* not before their time */
    a->hard.sent = HARD_NAT_SPRAY;
    a->hard.asked_ms -= HARD_NAT_MOST_MS;
    agent_hard_told(a, &easy, &random_ports, &seen);
    assert_int_equal(a->hard.asked, 0);
    agent_end(a);
    engine_unlock();
}

static const struct nat_mapping may_depend = {
    .kind = NAT_MAPPING_ENDPOINT_INDEPENDENT, .one_address = true, .ports = NAT_PORTS_RANDOM};

static struct agent *begin_supposing(const struct endpoint *seen)
{
    struct candidates c = {.count = 0};
    add_candidate(&c, seen, CANDIDATE_SRFLX);
    struct agent *a = begin_agent(
        &(struct agent_config){.calling = true, .candidates = c, .own = may_depend, .peer = may_depend});
    assert_int_equal(a->hard.method, HARD_NAT_NONE);
    assert_in_range(a->hard.due_ms, clock_now_ms() + 1, clock_now_ms() + LONG_MS);
    return a;
}

static void who_hears_nothing_takes_one_nat_for_a_hard_one_then_the_other_and_the_first_again(void **state)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    struct agent_tried tried;
    (void)state;
    engine_lock();
    struct agent *a = begin_supposing(&seen);
    turn(a);
    assert_int_equal(a->hard.method, HARD_NAT_SPRAY_PORTS); /* the called one's */
    assert_true(a->hard.begun);
    agent_hard_told(a, &may_depend, &may_depend, &seen);
    assert_int_equal(a->hard.method, HARD_NAT_SPRAY_PORTS); /* it goes on */
    assert_true(a->hard.begun);
    a->hard.begun_ms -= LONG_MS;
    turn(a);
    assert_int_equal(a->hard.method, HARD_NAT_OPEN_SOCKETS);
    agent_tried(a, &tried); /* what was supposed was not told */
    assert_int_equal(tried.own.kind, NAT_MAPPING_ENDPOINT_INDEPENDENT);
    assert_int_equal(tried.peer.kind, NAT_MAPPING_ENDPOINT_INDEPENDENT);
    turn(a);
    a->hard.begun_ms -= LONG_MS;
    turn(a);
    assert_int_equal(a->hard.method, HARD_NAT_SPRAY_PORTS); /* the first spray may have missed */
    turn(a);
    a->hard.begun_ms -= LONG_MS;
    turn(a);
    assert_int_equal(a->hard.due_ms, INT64_MAX); /* neither was */
    assert_int_equal(a->hard.socket_count, 0);
    a->connected = true; /* by a relay */
    agent_hard_told(a, &may_depend, &may_depend, &seen);
    assert_int_equal(a->hard.due_ms, INT64_MAX);
    agent_end(a);
    engine_unlock();
}

/* Its real port is among the next, and so it is looked for there, by the sockets of one side. */
static void an_easy_nat_that_counts_is_taken_for_a_hard_one_once_the_search_has_missed(void **state)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    struct nat_mapping counts = counts_up_to(20000), may = may_depend;
    struct candidates c = {.count = 0};
    (void)state;
    may.ports = NAT_PORTS_SEQUENTIAL;
    may.step = 1;
    may.last_port = 30000;
    add_candidate(&c, &seen, CANDIDATE_SRFLX);
    engine_lock();
    struct agent *a = begin_agent(&(struct agent_config){.calling = true, .candidates = c, .own = counts});
    assert_int_equal(a->hard.method, HARD_NAT_NONE);
    turn(a);
    agent_hard_told(a, &counts, &may, &seen); /* that does not begin it anew */
    turn(a);
    assert_int_equal(a->hard.socket_count, HARD_NAT_RUN);
    a->hard.suppose_ms -= LONG_MS;
    a->hard.begun_ms -= LONG_MS;
    turn(a);
    assert_int_equal(a->hard.method, HARD_NAT_MEET_PORTS);
    agent_end(a);
    engine_unlock();
}

/* The port's own socket may have asked that host long ago. */
static void who_has_one_port_for_a_host_asks_by_the_next_one(void **state)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    struct nat_mapping own = counts_up_to(20000), peer = counts_up_to(30000);
    struct candidates c = {.count = 0};
    (void)state;
    own.kind = peer.kind = NAT_MAPPING_ADDRESS_DEPENDENT;
    add_candidate(&c, &seen, CANDIDATE_SRFLX);
    engine_lock();
    struct agent *a = begin_agent(&(struct agent_config){.candidates = c, .own = own, .peer = peer});
    assert_int_equal(a->hard.method, HARD_NAT_GUESS);
    turn(a);
    assert_int_equal(a->hard.socket_count, 1);
    agent_end(a);
    engine_unlock();
}

/* Whichever side has called: who is random asks a port that the other one's sockets get on their way. */
static void who_has_one_port_for_a_host_sprays_by_a_socket_of_its_own(void **state)
{
    static const struct nat_mapping random_ports = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                                    .ports = NAT_PORTS_RANDOM};
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    struct nat_mapping one = counts_up_to(20000);
    struct candidates c = {.count = 0};
    (void)state;
    one.kind = NAT_MAPPING_ADDRESS_DEPENDENT;
    add_candidate(&c, &seen, CANDIDATE_SRFLX);
    for (int calling = 0; calling < 2; calling++) {
        the_session.id[1]++;
        engine_lock();
        struct agent *a = begin_agent(
            &(struct agent_config){.calling = calling, .candidates = c, .own = one, .peer = random_ports});
        assert_int_equal(a->hard.method, HARD_NAT_SPRAY_PORTS);
        turn(a);
        assert_int_equal(a->hard.socket_count, HARD_NAT_SPRAY_AT);
        agent_end(a);
        the_session.id[1]++;
        a = begin_agent(
            &(struct agent_config){.calling = !calling, .candidates = c, .own = random_ports, .peer = one});
        turn(a);
        assert_int_equal(a->hard.port, 20000 + HARD_NAT_SPRAY_AT);
        assert_int_equal(a->hard.asked, HARD_NAT_SOCKETS);
        agent_end(a);
        engine_unlock();
    }
}

static void a_peer_that_is_told_to_be_hard_is_taken_for_that_whoever_has_seen_it(void **state)
{
    struct nat_mapping hard = may_depend;
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    struct candidates c = {.count = 0};
    struct agent_tried tried;
    (void)state;
    hard.kind = NAT_MAPPING_ADDRESS_DEPENDENT;
    add_candidate(&c, &seen, CANDIDATE_SRFLX);
    engine_lock();
    struct agent *a = begin_agent(
        &(struct agent_config){.calling = true, .candidates = c, .own = may_depend, .peer = hard});
    assert_int_equal(a->hard.method, HARD_NAT_SPRAY_PORTS);
    agent_tried(a, &tried);
    assert_int_equal(tried.peer.kind, NAT_MAPPING_ADDRESS_DEPENDENT);
    agent_end(a);
    engine_unlock();
}

static void who_has_met_supposes_nothing(void **state)
{
    struct endpoint seen = endpoint_at("127.0.0.15", 9);
    (void)state;
    engine_lock();
    struct agent *a = begin_supposing(&seen);
    a->choice.state = PATHS_GOOD;
    a->hard.due_ms = 0;
    agent_hard_turn(a, clock_now_ms());
    assert_int_equal(a->hard.method, HARD_NAT_NONE);
    assert_int_equal(a->hard.asked, 0);
    agent_end(a);
    engine_unlock();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_has_waited_long_for_a_turn_searches_all_the_same, new_session),
        cmocka_unit_test_setup(where_the_peer_was_heard_no_more_is_asked_for_a_moment, new_session),
        cmocka_unit_test_setup(a_search_that_has_helped_is_begun_anew_by_what_is_told_next, new_session),
        cmocka_unit_test_setup(
            who_hears_nothing_takes_one_nat_for_a_hard_one_then_the_other_and_the_first_again, new_session),
        cmocka_unit_test_setup(an_easy_nat_that_counts_is_taken_for_a_hard_one_once_the_search_has_missed,
                               new_session),
        cmocka_unit_test_setup(who_has_one_port_for_a_host_asks_by_the_next_one, new_session),
        cmocka_unit_test_setup(who_has_one_port_for_a_host_sprays_by_a_socket_of_its_own, new_session),
        cmocka_unit_test_setup(a_peer_that_is_told_to_be_hard_is_taken_for_that_whoever_has_seen_it,
                               new_session),
        cmocka_unit_test_setup(who_has_met_supposes_nothing, new_session),
        cmocka_unit_test_setup(a_search_that_has_missed_is_begun_anew_with_as_many_probes, new_session),
        cmocka_unit_test(only_a_peer_that_is_seen_at_an_address_of_its_own_has_no_nat_to_be_opened_for),
        cmocka_unit_test_setup(guesses_leave_by_the_uplink_that_the_nameserver_sees, new_session),
    };

    return cmocka_run_group_tests_name("agents and hard NATs", tests, start_engine, stop_engine);
}
