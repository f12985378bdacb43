/* shim/net/extra_sockets and the port that has them: each is read and sent by as the port's own. */
#include "shim/net/burst.h"
#include "shim/net/extra_sockets.h"
#include "shim/net/net_port.h"
#include "shim/net/paths.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define LEN 20

struct world {
    struct net_port *port;
    int fd;
    struct net_address at; /* of fd */
};

static bool take_all(void *context, struct net_datagram *d)
{
    (void)context;
    (void)d;
    return true;
}

static int open_as(void **state, bool batch)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct net_port_config config = {.batch = batch, .burst = !batch};
    struct world *w = calloc(1, sizeof *w);
    socklen_t len = sizeof loopback;

    assert_non_null(w);
    assert_int_equal(net_port_open(&w->port, &config), HX_OK);
    net_port_set_handler(w->port, NET_USER_UDT, take_all, NULL);
    w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w->fd, (struct sockaddr *)&loopback, len), 0);
    assert_int_equal(getsockname(w->fd, (struct sockaddr *)&loopback, &len), 0);
    net_address_from(&w->at, (struct sockaddr *)&loopback);
    *state = w;
    return 0;
}

static int open_world(void **state)
{
    return open_as(state, false);
}

static int open_batch(void **state)
{
    return open_as(state, true);
}

static int close_world(void **state)
{
    struct world *w = *state;

    net_port_close(w->port);
    close(w->fd);
    free(w);
    return 0;
}

static uint16_t number_of(struct world *w, int number)
{
    struct net_address a;
    socklen_t len;

    if (number == 0)
        net_address_from(&a, net_port_local(w->port, &len));
    else
        assert_true(net_port_extra_local(w->port, number, &a));
    return a.port;
}

static void say(struct world *w, uint16_t port, char what)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char bytes[LEN];

    memset(bytes, what, sizeof bytes);
    assert_int_equal(sendto(w->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof to), sizeof bytes);
}

/* By which socket the next datagram came, -1: none; *what is what it says. */
static int next(struct world *w, char *what)
{
    uint8_t bytes[DEMUX_BYTES], more[64];
    struct iovec parts[] = {{bytes, sizeof bytes}, {more, sizeof more}};
    struct net_datagram d = {.parts = parts, .part_count = 2};

    if (net_port_read(w->port, &d) < 0) {
        assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
        return -1;
    }
    assert_int_equal(d.len, LEN);
    assert_memory_equal(&d.from, &w->at, sizeof d.from);
    assert_int_equal(d.local.ip[12], 127);
    *what = (char)bytes[0];
    return d.socket;
}

static void what_comes_to_any_socket_is_read_and_tells_by_which_it_came(void **state)
{
    struct world *w = *state;
    int number[3];
    char what;

    struct pollfd ready = {.fd = net_port_extra_event_fd(w->port),
                           .events = POLLIN}; /* before there is any */
    for (int i = 0; i < 3; i++)
        assert_int_equal(net_port_extra_open(w->port, &number[i]), HX_OK);
    assert_int_equal(poll(&ready, 1, 0), 0);
    assert_int_equal(next(w, &what), -1);
    for (int i = 0; i < 3; i++) {
        say(w, number_of(w, number[i]), (char)('a' + i));
        assert_int_equal(poll(&ready, 1, 5000), 1);
        assert_int_equal(next(w, &what), number[i]);
        assert_int_equal(what, 'a' + i);
        assert_int_equal(next(w, &what), -1);
    }
    say(w, number_of(w, 0), 'o');
    assert_int_equal(next(w, &what), 0);
    assert_int_equal(what, 'o');
    for (int i = 0; i < 3; i++)
        net_port_extra_close(w->port, number[i]);
    net_port_extra_close(w->port, number[0]);
    assert_int_equal(poll(&ready, 1, 0), 0);
    say(w, number_of(w, 0), 'p');
    assert_int_equal(next(w, &what), 0);
}

static void what_is_sent_by_a_socket_leaves_by_its_port(void **state)
{
    struct world *w = *state;
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    char byte = 'a';
    struct iovec part = {&byte, 1};
    struct net_route route = {.to = w->at};
    int number;

    assert_int_equal(net_port_extra_open(w->port, &number), HX_OK);
    route.socket = number;
    assert_int_equal(net_port_send(w->port, &route, &part, 1, 0), 0);
    assert_int_equal(recvfrom(w->fd, &byte, 1, 0, (struct sockaddr *)&from, &len), 1);
    assert_int_equal(from.sin_port, number_of(w, number));
    route.socket = 0;
    assert_int_equal(net_port_send(w->port, &route, &part, 1, 0), 0);
    assert_int_equal(recvfrom(w->fd, &byte, 1, 0, (struct sockaddr *)&from, &len), 1);
    assert_int_equal(from.sin_port, number_of(w, 0));
    net_port_extra_close(w->port, number);
    route.socket = number;
    assert_int_equal(net_port_send(w->port, &route, &part, 1, 0), -1);
    assert_int_equal(errno, EBADF);
}

static void no_socket_keeps_the_others_waiting(void **state)
{
    enum { MANY = 100 };
    struct world *w = *state;
    int number[2];
    char what;

    for (int i = 0; i < 2; i++)
        assert_int_equal(net_port_extra_open(w->port, &number[i]), HX_OK);
    int all[3] = {0, number[0], number[1]};
    for (int busy = 0; busy < 3; busy++) {
        for (int i = 0; i < MANY; i++)
            say(w, number_of(w, all[busy]), (char)i);
        for (int i = 0; i < 10; i++)
            assert_int_equal(next(w, &what), all[busy]);
        for (int i = 0; i < 3; i++) {
            if (i != busy)
                say(w, number_of(w, all[i]), 'x');
        }
        int others = 0, of_busy = 10;
        for (int i = 0; i < 80 && others < 2; i++) {
            int by = next(w, &what);

            others += by != all[busy];
            if (by == all[busy])
                assert_int_equal(what, of_busy++); /* in order */
        }
        assert_int_equal(others, 2);
        while (next(w, &what) >= 0)
            of_busy++;
        assert_int_equal(of_busy, MANY);
    }
}

static void there_are_so_many_and_no_more(void **state)
{
    struct world *w = *state;
    int number[EXTRA_SOCKETS_MAX], more;
    char what;

    for (int i = 0; i < EXTRA_SOCKETS_MAX; i++)
        assert_int_equal(net_port_extra_open(w->port, &number[i]), HX_OK);
    assert_int_equal(net_port_extra_open(w->port, &more), HX_ELIMIT);
    for (int i = 0; i < EXTRA_SOCKETS_MAX; i++)
        say(w, number_of(w, number[i]), 'a');
    bool heard[EXTRA_SOCKETS_MAX] = {false};
    for (int i = 0; i < EXTRA_SOCKETS_MAX; i++) {
        int by = next(w, &what);

        for (int j = 0; j < EXTRA_SOCKETS_MAX; j++)
            heard[j] |= number[j] == by;
    }
    for (int i = 0; i < EXTRA_SOCKETS_MAX; i++)
        assert_true(heard[i]);
    net_port_extra_close(w->port, number[7]);
    assert_int_equal(net_port_extra_open(w->port, &more), HX_OK);
    assert_int_not_equal(more, number[7]); /* a number is not given again */
}

static void a_socket_that_is_closed_with_something_in_it_is_forgotten(void **state)
{
    struct world *w = *state;
    int number[3];
    char what;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(net_port_extra_open(w->port, &number[i]), HX_OK);
        say(w, number_of(w, number[i]), 'a');
        say(w, number_of(w, number[i]), 'b');
    }
    int first = next(w, &what);
    for (int i = 0; i < 3; i++) {
        if (number[i] != first)
            net_port_extra_close(w->port, number[i]);
    }
    assert_int_equal(next(w, &what), first);
    assert_int_equal(what, 'b');
    assert_int_equal(next(w, &what), -1);
}

/* Bytes that wait to be sent leave by the socket that was there when they were taken. */
static void a_burst_leaves_by_the_socket_of_its_path(void **state)
{
    struct world *w = *state;
    uint8_t bytes[1000] = {0};
    struct iovec part = {bytes, sizeof bytes};
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    struct net_peer *peer;
    int number[2];
    uint16_t port[2];

    assert_int_equal(net_peer_create(&peer, w->port), HX_OK);
    struct net_route route = {.to = *net_peer_address(peer)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net_port_extra_open(w->port, &number[i]), HX_OK);
        port[i] = number_of(w, number[i]);
    }
    for (int i = 0; i < 4; i++) {
        struct net_path path = {.remote = w->at, .socket = number[i / 2]};

        assert_int_equal(net_peer_use(peer, &path, 0), HX_OK);
        assert_true(net_port_hold(w->port, &route, &part, 1));
        if (i == 1)
            net_port_extra_close(w->port, number[0]); /* with two that have not left */
    }
    burst_flush();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(recvfrom(w->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len),
                         sizeof bytes);
        assert_int_equal(from.sin_port, port[i / 2]);
    }
    struct net_path gone = {.remote = w->at, .socket = number[0]};
    assert_int_equal(net_peer_use(peer, &gone, 0), HX_OK);
    assert_false(net_port_hold(w->port, &route, &part, 1));
    net_peer_destroy(peer);
}

static int room(struct world *w, int number)
{
    int bytes = 0, fd = -1;
    struct sockaddr_storage sa;
    socklen_t len = sizeof bytes;

    if (number == 0)
        fd = net_port_fd(w->port);
    for (int i = 0; fd < 0 && i < 1024; i++) { /* the one that is bound to its port */
        socklen_t sa_len = sizeof sa;

        if (getsockname(i, (struct sockaddr *)&sa, &sa_len) == 0 && sa.ss_family == AF_INET6 &&
            ((struct sockaddr_in6 *)&sa)->sin6_port == number_of(w, number))
            fd = i;
    }
    if (fd < 0)
        skip(); /* without IPv6 */
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len), 0);
    return bytes;
}

static void the_socket_of_the_path_in_use_has_the_room_of_the_ports_own(void **state)
{
    struct world *w = *state;
    struct net_path path = {.remote = w->at};
    struct net_peer *peer;

    assert_int_equal(net_port_extra_open(w->port, &path.socket), HX_OK);
    assert_int_equal(net_peer_create(&peer, w->port), HX_OK);
    int before = room(w, path.socket);
    net_port_receive_buffer(w->port, before / 4); /* the kernel doubles it; no right is needed for less */
    assert_int_equal(net_peer_add(peer, &path), HX_OK);
    assert_int_equal(room(w, path.socket), before);
    assert_int_equal(net_peer_use(peer, &path, 0), HX_OK);
    assert_int_equal(room(w, path.socket), before / 2);
    net_peer_destroy(peer);
}

int main(void)
{
#define TEST(name)  cmocka_unit_test_setup_teardown(name, open_world, close_world)
#define BATCH(name) cmocka_unit_test_setup_teardown(name, open_batch, close_world)
    const struct CMUnitTest tests[] = {
        TEST(what_comes_to_any_socket_is_read_and_tells_by_which_it_came),
        BATCH(what_comes_to_any_socket_is_read_and_tells_by_which_it_came),
        TEST(what_is_sent_by_a_socket_leaves_by_its_port),
        TEST(no_socket_keeps_the_others_waiting),
        BATCH(no_socket_keeps_the_others_waiting),
        TEST(there_are_so_many_and_no_more),
        TEST(a_socket_that_is_closed_with_something_in_it_is_forgotten),
        TEST(a_burst_leaves_by_the_socket_of_its_path),
        TEST(the_socket_of_the_path_in_use_has_the_room_of_the_ports_own),
    };

    return cmocka_run_group_tests_name("extra_sockets", tests, NULL, NULL);
}
