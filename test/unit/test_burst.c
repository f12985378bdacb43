/* shim/net/burst and the sender: full packets that are held leave in order, each as it is, whatever the
 * kernel can do. */
#include "shim/net/burst.h"
#include "shim/net/net_port.h"
#include "shim/udt/packet.h"
#include "shim/udt/sender.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define FULL 1356 /* bytes of a body at UDT_MSS_BYTES */

struct world {
    struct net_port *from;
    int to, other;
    struct net_address to_address, other_address;
};

static int open_socket(struct net_address *address)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    net_address_from(address, (struct sockaddr *)&sin);
    return fd;
}

static int open_world(void **state)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct net_port_config config = {.local = (struct sockaddr *)&loopback, .burst = true};
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    assert_int_equal(net_port_open(&w->from, &config), HX_OK);
    w->to = open_socket(&w->to_address);
    w->other = open_socket(&w->other_address);
    *state = w;
    return 0;
}

/* Where the kernel does not cut: a socket without checksums. */
static int open_world_that_refuses(void **state)
{
    int err = open_world(state), on = 1;

    assert_int_equal(
        setsockopt(net_port_fd(((struct world *)*state)->from), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
    return err;
}

static int close_world(void **state)
{
    struct world *w = *state;

    net_port_close(w->from);
    close(w->to);
    close(w->other);
    free(w);
    return 0;
}

/* A packet whose every byte tells its number. */
static bool hold_by(struct world *w, int number, size_t body_len, const struct net_address *to,
                    const struct net_address *local)
{
    uint8_t head[PACKET_HEAD], body[PACKET_BODY_MAX];
    struct net_route route = {.to = *to, .local = *local};
    struct iovec parts[2] = {{head, sizeof head}, {body, body_len}};

    memset(head, number, sizeof head);
    memset(body, number, sizeof body);
    return sender_hold(w->from, &route, parts);
}

static bool hold(struct world *w, int number, size_t body_len, const struct net_address *to)
{
    return hold_by(w, number, body_len, to, &(struct net_address){.port = 0});
}

static void expect(int fd, int number, size_t body_len)
{
    uint8_t bytes[4096], expected[4096];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);

    assert_int_equal(n, PACKET_HEAD + body_len);
    memset(expected, number, sizeof expected);
    assert_memory_equal(bytes, expected, (size_t)n);
}

static void expect_nothing(int fd)
{
    uint8_t byte;

    assert_int_equal(recv(fd, &byte, 1, 0), -1);
}

static void packets_are_held_until_the_thread_would_wait(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 5; i++)
        assert_true(hold(w, i, FULL, &w->to_address));
    assert_true(burst_holds());
    expect_nothing(w->to);
    burst_flush();
    assert_false(burst_holds());
    for (int i = 0; i < 5; i++)
        expect(w->to, i, FULL);
    expect_nothing(w->to);
    burst_flush(); /* of nothing */
    expect_nothing(w->to);
}

static void a_burst_is_bounded(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < BURST; i++)
        assert_true(hold(w, i, FULL, &w->to_address));
    assert_false(burst_holds());
    for (int i = 0; i < BURST; i++)
        expect(w->to, i, FULL);
    assert_true(hold(w, BURST, FULL, &w->to_address));
    burst_flush();
    expect(w->to, BURST, FULL);
}

static void what_is_longer_or_goes_elsewhere_sends_the_others_first(void **state)
{
    struct world *w = *state;

    hold(w, 1, FULL - 8, &w->to_address);
    hold(w, 2, FULL - 8, &w->to_address);
    hold(w, 3, FULL, &w->to_address);
    expect(w->to, 1, FULL - 8);
    expect(w->to, 2, FULL - 8);
    expect_nothing(w->to);
    hold(w, 4, FULL, &w->other_address);
    expect(w->to, 3, FULL);
    expect_nothing(w->other);
    burst_flush();
    expect(w->other, 4, FULL);
}

/* What is written ends in a packet that is not full, mostly. */
static void a_shorter_one_leaves_at_once_with_those_before_it(void **state)
{
    static const size_t lengths[] = {FULL - 1, 100, 1, 0};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_true(hold(w, 1, FULL, &w->to_address));
        assert_true(hold(w, 2, FULL, &w->to_address));
        expect_nothing(w->to);
        assert_true(hold(w, 3, lengths[i], &w->to_address));
        assert_false(burst_holds());
        expect(w->to, 1, FULL);
        expect(w->to, 2, FULL);
        expect(w->to, 3, lengths[i]);
        expect_nothing(w->to);
    }
}

static void a_shorter_one_keeps_its_length_where_the_kernel_does_not_cut(void **state)
{
    struct world *w = *state;

    hold(w, 1, FULL, &w->to_address);
    hold(w, 2, FULL, &w->to_address);
    hold(w, 3, 100, &w->to_address);
    expect(w->to, 1, FULL);
    expect(w->to, 2, FULL);
    expect(w->to, 3, 100);
    expect_nothing(w->to);
}

static void the_pair_that_udt_measures_the_path_with_stays_together(void **state)
{
    struct world *w = *state;

    int first = 48 - (BURST - 1); /* there is room for one more when the 48th comes */
    for (int i = first; i < 50; i++)
        assert_true(hold(w, i, FULL, &w->to_address));
    for (int i = first; i < 48; i++)
        expect(w->to, i, FULL);
    expect_nothing(w->to);
    burst_flush();
    expect(w->to, 48, FULL);
    expect(w->to, 49, FULL);
}

static void short_packets_are_not_held(void **state)
{
    struct world *w = *state;

    assert_false(hold(w, 1, 100, &w->to_address));
    assert_false(hold(w, 1, 0, &w->to_address));
    assert_false(burst_holds());
}

static void where_the_kernel_does_not_cut_packets_leave_one_by_one(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < BURST; i++)
        assert_true(hold(w, i, FULL, &w->to_address));
    for (int i = 0; i < BURST; i++)
        expect(w->to, i, FULL);
    assert_false(hold(w, 1, FULL, &w->to_address)); /* from now on */
    expect_nothing(w->to);
}

static void a_way_that_takes_no_burst_says_nothing_of_another(void **state)
{
    struct world *w = *state;
    int off = 0;

    for (int i = 0; i < BURST; i++)
        hold(w, i, FULL, &w->to_address);
    for (int i = 0; i < BURST; i++)
        expect(w->to, i, FULL);
    assert_int_equal(setsockopt(net_port_fd(w->from), SOL_SOCKET, SO_NO_CHECK, &off, sizeof off), 0);
    assert_false(hold(w, 1, FULL, &w->to_address));
    assert_true(hold(w, 1, FULL, &w->other_address));
    assert_true(hold(w, 2, FULL, &w->other_address));
    burst_flush();
    expect(w->other, 1, FULL);
    expect(w->other, 2, FULL);
    assert_false(hold(w, 1, FULL, &w->to_address));
}

static void what_leaves_by_another_source_is_no_part_of_a_burst(void **state)
{
    struct world *w = *state;
    struct net_address local = w->to_address; /* 127.0.0.1 */

    local.port = 0;
    hold_by(w, 1, FULL, &w->to_address, &local);
    hold(w, 2, FULL, &w->to_address);
    expect(w->to, 1, FULL);
    expect_nothing(w->to);
    burst_flush();
    expect(w->to, 2, FULL);
}

static void a_burst_whose_interface_is_gone_leaves_by_the_kernels_choice(void **state)
{
    struct world *w = *state;
    struct net_address local = w->to_address;

    local.port = 0;
    local.scope = INT32_MAX;
    for (int i = 0; i < 3; i++)
        assert_true(hold_by(w, i, FULL, &w->to_address, &local));
    burst_flush();
    for (int i = 0; i < 3; i++)
        expect(w->to, i, FULL);
    assert_true(hold_by(w, 1, FULL, &w->to_address, &local)); /* the kernel has cut it: bursts go on */
    burst_flush();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(packets_are_held_until_the_thread_would_wait),
        TEST(a_burst_is_bounded),
        TEST(what_is_longer_or_goes_elsewhere_sends_the_others_first),
        TEST(a_shorter_one_leaves_at_once_with_those_before_it),
        TEST(the_pair_that_udt_measures_the_path_with_stays_together),
        TEST(short_packets_are_not_held),
        TEST(what_leaves_by_another_source_is_no_part_of_a_burst),
        TEST(a_burst_whose_interface_is_gone_leaves_by_the_kernels_choice),
        cmocka_unit_test_setup_teardown(where_the_kernel_does_not_cut_packets_leave_one_by_one,
                                        open_world_that_refuses, close_world),
        cmocka_unit_test_setup_teardown(a_shorter_one_keeps_its_length_where_the_kernel_does_not_cut,
                                        open_world_that_refuses, close_world),
        cmocka_unit_test_setup_teardown(a_way_that_takes_no_burst_says_nothing_of_another,
                                        open_world_that_refuses, close_world),
    };

    return cmocka_run_group_tests_name("burst", tests, NULL, NULL);
}
