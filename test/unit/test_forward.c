/* Forwards without SOCKS, and the connections that the other side makes for them. */
#include "test/unit/forward_fixture.h"
#include <sys/resource.h>

#define CONNS (FORWARD_CONNECTIONS_MAX + 1)

static void a_connection_reaches_its_target(void **state)
{
    (void)state;
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    forward_set_link(forward, &near);
    check_talk(client());
    check_talk(client());
}

static void a_name_is_resolved_at_the_other_side(void **state)
{
    (void)state;
    start_forward(FORWARD_LOCAL, "localhost", target_port);
    forward_set_link(forward, &near);
    check_talk(client());
}

static void what_is_not_allowed_is_reset(void **state)
{
    (void)state;
    start_forward(FORWARD_LOCAL, "127.0.0.2", target_port);
    forward_set_link(forward, &near);
    check_is_reset(client());
    AWAIT(mux_stream_count(near.mux) == 0 && mux_stream_count(far) == 0);
}

static void without_a_link_a_connection_waits_for_one(void **state)
{
    (void)state;
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    int fd = client();
    AWAIT(forward->waiting == 1);
    forward_set_link(forward, &near);
    assert_int_equal(forward->waiting, 0);
    check_talk(fd);
}

static void only_64_connections_wait_for_a_link(void **state)
{
    int fds[FORWARD_WAITING_MAX];
    (void)state;
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    for (int i = 0; i < FORWARD_WAITING_MAX; i++)
        fds[i] = client();
    AWAIT(forward->waiting == FORWARD_WAITING_MAX);
    check_is_reset(client());
    check_is_reset(client());
    assert_int_equal(forward->waiting, FORWARD_WAITING_MAX);
    for (int i = 0; i < FORWARD_WAITING_MAX; i++)
        close(fds[i]);
}

static void a_request_that_got_no_answer_is_made_again_over_the_next_link(void **state)
{
    (void)state;
    silent = true;
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    forward_set_link(forward, &near);
    int fd = client();
    AWAIT(requests == 1);
    break_link();
    assert_int_equal(forward->waiting, 1);
    make_link();
    silent = false;
    forward_set_link(forward, &near);
    check_talk(fd);
    assert_int_equal(requests, 2);
}

static void a_request_without_answer_is_not_made_for_ever(void **state)
{
    (void)state;
    silent = true;
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    forward_set_link(forward, &near);
    int fd = client();
    for (int i = 1; i <= 3; i++) {
        AWAIT(requests == i);
        break_link();
        make_link();
        forward_set_link(forward, &near);
    }
    check_is_reset(fd);
}

static void a_live_connection_is_reset_when_the_link_breaks(void **state)
{
    (void)state;
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    forward_set_link(forward, &near);
    int fd = client();
    int other = accept_target();
    say(fd, "ping", 4);
    check_receives(other, "ping", 4);
    break_link();
    check_is_reset(fd);
    check_is_reset(other);
    assert_int_equal(forward->count, 0);
}

static void only_256_connections_are_accepted(void **state)
{
    int fds[CONNS];
    (void)state;
    silent = true;
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    forward_set_link(forward, &near);
    for (int i = 0; i < CONNS; i++) {
        fds[i] = client();
        turn();
    }
    AWAIT(requests == FORWARD_CONNECTIONS_MAX);
    for (int i = 0; i < 20; i++)
        turn();
    assert_int_equal(forward->count, FORWARD_CONNECTIONS_MAX);
    conn_abort(TAILQ_FIRST(&forward->conns));
    AWAIT(requests == FORWARD_CONNECTIONS_MAX + 1);
    for (int i = 0; i < CONNS; i++)
        close(fds[i]);
}

static void who_connects_waits_for_all_but_the_last_descriptors(void **state)
{
    enum { CLIENTS = 10, LEFT = CLIENTS - 2 };
    int fds[CLIENTS];
    struct rlimit before;
    (void)state;
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {(rlim_t)fds[CLIENTS - 1] + 1 + LEFT, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    AWAIT(forward->paused);
    int another = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(another >= 0);
    AWAIT(forward->waiting == CLIENTS);
    close(another);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

static void a_peer_may_leave_while_names_are_looked_up(void **state)
{
    int fds[40];
    (void)state;
    start_forward(FORWARD_LOCAL, "localhost", target_port);
    forward_set_link(forward, &near);
    for (int i = 0; i < 40; i++)
        fds[i] = client();
    AWAIT(requests > 0);
    break_link();
    for (int i = 0; i < 40; i++)
        close(fds[i]);
}

static void forty_names_at_once_are_all_looked_up(void **state)
{
    int fds[40];
    (void)state;
    start_forward(FORWARD_LOCAL, "localhost", target_port);
    for (int i = 0; i < 40; i++)
        fds[i] = client();
    AWAIT(forward->waiting == 40);
    forward_set_link(forward, &near);
    for (int i = 0; i < 40; i++)
        close(accept_target());
    for (int i = 0; i < 40; i++)
        check_ends(fds[i]);
}

/* A listener whose queue is full: SYNs are dropped. */
static int deaf_target(int fillers[2])
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = tcp();
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(fd, 0), 0);
    sa.sin_port = htons(port_of(fd));
    for (int i = 0; i < 2; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&sa, sizeof sa);
    }
    return fd;
}

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void who_gets_no_answer_is_reset_after_ten_seconds(void **state)
{
    struct forward *unlinked;
    int fillers[2];
    double began = now();
    (void)state;
    int deaf = deaf_target(fillers);
    assert_int_equal(allow_add(allow, "127.0.0.1:*"), HX_OK);
    start_forward(FORWARD_LOCAL, "127.0.0.1", target_port);
    int waiting = client();
    unlinked = forward;
    start_forward(FORWARD_LOCAL, "127.0.0.1", port_of(deaf));
    forward_set_link(forward, &near);
    int asking = client();
    while (now() - began < FORWARD_WAIT_S + 2 && (forward->count > 0 || unlinked->count > 0 || requests == 0))
        turn();
    assert_true(now() - began >= FORWARD_WAIT_S - 0.5);
    assert_int_equal(forward->count + unlinked->count, 0);
    check_is_reset(waiting);
    check_is_reset(asking);
    forward_destroy(unlinked);
    close(fillers[0]);
    close(fillers[1]);
    close(deaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_reaches_its_target, begin, end),
        cmocka_unit_test_setup_teardown(a_name_is_resolved_at_the_other_side, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_allowed_is_reset, begin, end),
        cmocka_unit_test_setup_teardown(without_a_link_a_connection_waits_for_one, begin, end),
        cmocka_unit_test_setup_teardown(only_64_connections_wait_for_a_link, begin, end),
        cmocka_unit_test_setup_teardown(a_request_that_got_no_answer_is_made_again_over_the_next_link, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_request_without_answer_is_not_made_for_ever, begin, end),
        cmocka_unit_test_setup_teardown(a_live_connection_is_reset_when_the_link_breaks, begin, end),
        cmocka_unit_test_setup_teardown(only_256_connections_are_accepted, begin, end),
        cmocka_unit_test_setup_teardown(who_connects_waits_for_all_but_the_last_descriptors, begin, end),
        cmocka_unit_test_setup_teardown(a_peer_may_leave_while_names_are_looked_up, begin, end),
        cmocka_unit_test_setup_teardown(forty_names_at_once_are_all_looked_up, begin, end),
        cmocka_unit_test_setup_teardown(who_gets_no_answer_is_reset_after_ten_seconds, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
