/* shim/net/paths: what goes to a canonical address leaves by the peer's paths, and nothing else does. */
#include "shim/net/burst.h"
#include "shim/net/net_port.h"
#include "shim/net/paths.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define FAR 3 /* sockets that paths lead to */

struct world {
    struct net_port *port;
    struct net_peer *peer;
    int fd[FAR];
    struct net_path path[FAR];
};

static int open_socket(struct net_address *address)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    net_address_from(address, (struct sockaddr *)&sin);
    return fd;
}

static int open_world(void **state)
{
    struct net_port_config config = {.burst = true};
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    assert_int_equal(net_port_open(&w->port, &config), HX_OK);
    assert_int_equal(net_peer_create(&w->peer, w->port), HX_OK);
    for (int i = 0; i < FAR; i++)
        w->fd[i] = open_socket(&w->path[i].remote);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;

    net_peer_destroy(w->peer);
    net_port_close(w->port);
    for (int i = 0; i < FAR; i++)
        close(w->fd[i]);
    free(w);
    return 0;
}

static int send_to(struct world *w, const struct net_address *to, char what, size_t len)
{
    uint8_t head[16], body[1400];
    struct iovec parts[2] = {{head, sizeof head}, {body, len - sizeof head}};
    struct net_route route = {.to = *to};

    memset(head, what, sizeof head);
    memset(body, what, sizeof body);
    return net_port_send(w->port, &route, parts, 2, 0);
}

/* What has come, a character each, in order. */
static const char *came(int fd, size_t len)
{
    static char all[64];
    uint8_t bytes[2048];
    int n = 0;
    ssize_t got;

    while ((got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0) {
        assert_int_equal(got, len);
        assert_int_equal(bytes[0], bytes[got - 1]);
        all[n++] = (char)bytes[0];
    }
    all[n] = '\0';
    return all;
}

static void expect(struct world *w, size_t len, const char *first, const char *second, const char *third)
{
    const char *const all[FAR] = {first, second, third};

    for (int i = 0; i < FAR; i++)
        assert_string_equal(came(w->fd[i], len), all[i]);
}

static void add_all(struct world *w)
{
    for (int i = 0; i < FAR; i++)
        assert_int_equal(net_peer_add(w->peer, &w->path[i]), HX_OK);
}

static void a_canonical_address_is_of_class_e_and_no_two_are_the_same(void **state)
{
    struct world *w = *state;
    struct net_peer *other[100];

    for (int i = 0; i < 100; i++) {
        assert_int_equal(net_peer_create(&other[i], w->port), HX_OK);
        const struct net_address *a = net_peer_address(other[i]);
        assert_true(net_address_is_ipv4(a) && net_paths_is_canonical(a));
        assert_int_equal(a->ip[12], 240);
        assert_int_not_equal(a->port, 0);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(a->ip, net_peer_address(other[j])->ip, sizeof a->ip);
    }
    struct net_address first = *net_peer_address(other[0]);
    for (int i = 0; i < 100; i++)
        net_peer_destroy(other[i]);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(net_peer_create(&other[0], w->port), HX_OK);
        assert_memory_not_equal(first.ip, net_peer_address(other[0])->ip, sizeof first.ip);
        net_peer_destroy(other[0]);
    }
    for (int i = 0; i < FAR; i++)
        assert_false(net_paths_is_canonical(&w->path[i].remote));
}

static void what_is_small_leaves_by_all_paths_of_a_peer_that_is_sought(void **state)
{
    struct world *w = *state;

    add_all(w);
    add_all(w); /* once more changes nothing */
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'a', NET_SMALL_BYTES), 0);
    expect(w, NET_SMALL_BYTES, "a", "a", "a");
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'b', NET_SMALL_BYTES + 1), 0);
    expect(w, NET_SMALL_BYTES + 1, "b", "", "");
}

static void what_is_large_leaves_by_the_path_last_heard_until_one_is_in_use(void **state)
{
    struct world *w = *state;
    struct net_route from = {.to = w->path[2].remote};

    add_all(w);
    net_paths_heard(w->port, net_peer_address(w->peer), &from, 1000);
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'a', 500), 0);
    expect(w, 500, "", "", "a");
    assert_int_equal(net_peer_use(w->peer, &w->path[1], 0), HX_OK);
    net_peer_seek(w->peer);
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'b', 500), 0);
    expect(w, 500, "", "b", "");
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'c', 50), 0);
    expect(w, 50, "c", "c", "c");
}

static void a_path_that_is_added_later_gets_the_last_small_datagram_at_once(void **state)
{
    struct world *w = *state;

    assert_int_equal(send_to(w, net_peer_address(w->peer), 'a', 64), -1); /* nowhere yet */
    assert_int_equal(errno, EHOSTUNREACH);
    struct net_peer_view view;
    net_peer_view(w->peer, &view);
    assert_int_equal(view.sent, 0);
    assert_int_equal(net_peer_add(w->peer, &w->path[0]), HX_OK);
    expect(w, 64, "a", "", "");
    assert_int_equal(net_peer_add(w->peer, &w->path[0]), HX_OK); /* it is there */
    expect(w, 64, "", "", "");
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'b', 64), 0);
    expect(w, 64, "b", "", "");
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'L', 500), 0); /* is not kept */
    expect(w, 500, "L", "", "");
    assert_int_equal(net_peer_add(w->peer, &w->path[1]), HX_OK);
    expect(w, 64, "", "b", "");
    net_peer_use(w->peer, &w->path[0], 0);
    assert_int_equal(net_peer_add(w->peer, &w->path[2]), HX_OK);
    expect(w, 64, "", "", "");
}

static void one_path_is_in_use_and_another_one_may_take_its_place(void **state)
{
    struct world *w = *state;
    struct net_peer_view view;

    add_all(w);
    net_peer_view(w->peer, &view);
    assert_true(view.seeking && view.used.remote.port == 0);
    for (int i = 0; i < FAR; i++) {
        net_peer_use(w->peer, &w->path[i], 0);
        assert_int_equal(send_to(w, net_peer_address(w->peer), 'a', 64), 0);
        expect(w, 64, i == 0 ? "a" : "", i == 1 ? "a" : "", i == 2 ? "a" : "");
        net_peer_view(w->peer, &view);
        assert_false(view.seeking);
        assert_memory_equal(&view.used, &w->path[i], sizeof view.used);
    }
    net_peer_remove(w->peer, &w->path[0]); /* another one: nothing changes */
    net_peer_view(w->peer, &view);
    assert_false(view.seeking);
    net_peer_remove(w->peer, &w->path[2]);
    net_peer_view(w->peer, &view);
    assert_true(view.seeking && view.used.remote.port == 0);
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'b', 64), 0);
    expect(w, 64, "", "b", "");
    assert_int_equal(net_peer_use(w->peer, &w->path[0], 0), HX_OK); /* it is added again */
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'c', 64), 0);
    expect(w, 64, "c", "", "");
}

static void what_is_known_of_a_path_is_told_with_the_change_to_it(void **state)
{
    struct world *w = *state;
    const struct net_address *at = net_peer_address(w->peer);
    int64_t rtt_us;

    add_all(w);
    net_peer_use(w->peer, &w->path[0], 10000);
    assert_int_equal(net_paths_changes(w->port, at, &rtt_us), 0);
    assert_int_equal(rtt_us, 10000);
    net_peer_use(w->peer, &w->path[1], 50000);
    assert_int_equal(net_paths_changes(w->port, at, &rtt_us), 1);
    assert_int_equal(rtt_us, 50000);
}

static void a_path_that_cannot_be_sent_by_does_not_keep_the_others(void **state)
{
    struct world *w = *state;
    struct net_path none = {.remote = w->path[0].remote, .socket = 77};

    assert_int_equal(net_peer_add(w->peer, &none), HX_OK);
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'a', 64), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(net_peer_add(w->peer, &w->path[1]), HX_OK);
    expect(w, 64, "", "a", "");
    assert_int_equal(send_to(w, net_peer_address(w->peer), 'b', 64), 0);
    expect(w, 64, "", "b", "");
}

static void a_path_leaves_by_its_own_address_whatever_the_route_says(void **state)
{
    struct world *w = *state;
    struct net_route route = {.to = *net_peer_address(w->peer)};
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    char byte = 'a';
    struct iovec part = {&byte, 1};

    w->path[0].local.ip[10] = w->path[0].local.ip[11] = 0xff;
    assert_int_equal(inet_pton(AF_INET, "127.0.0.3", w->path[0].local.ip + 12), 1);
    route.local = w->path[0].local;
    route.local.ip[15] = 9;
    net_peer_use(w->peer, &w->path[0], 0);
    assert_int_equal(net_port_send(w->port, &route, &part, 1, 0), 0);
    assert_int_equal(recvfrom(w->fd[0], &byte, 1, 0, (struct sockaddr *)&from, &len), 1);
    assert_int_equal(from.sin_addr.s_addr, inet_addr("127.0.0.3"));
}

static void an_address_that_is_none_of_a_peer_is_sent_nothing(void **state)
{
    struct world *w = *state;
    struct net_address was = *net_peer_address(w->peer);

    add_all(w);
    assert_int_equal(send_to(w, &was, 'a', 64), 0);
    net_peer_destroy(w->peer);
    w->peer = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send_to(w, &was, 'b', i == 1 ? 500 : 64), -1);
        assert_int_equal(errno, EHOSTUNREACH);
        was.port ^= i == 0 ? 0 : htons(1);
    }
    expect(w, 64, "a", "a", "a");
    uint8_t byte = 0;
    struct iovec part = {&byte, 1};
    struct net_route route = {.to = was};
    assert_false(net_port_hold(w->port, &route, &part, 1));
}

static void a_peer_has_so_many_paths_and_no_more(void **state)
{
    struct world *w = *state;
    struct net_path path = w->path[0];

    for (int i = 0; i < NET_PATHS_MAX; i++) {
        path.remote.port = htons((uint16_t)(1000 + i));
        assert_int_equal(net_peer_add(w->peer, &path), HX_OK);
    }
    assert_int_equal(net_peer_add(w->peer, &path), HX_OK); /* that is there */
    path.remote.port = htons(999);
    assert_int_equal(net_peer_add(w->peer, &path), HX_ELIMIT);
    assert_int_equal(net_peer_use(w->peer, &path, 0), HX_ELIMIT);
    struct net_peer_view view;
    net_peer_view(w->peer, &view);
    assert_true(view.seeking);
    path.remote.port = 0;
    assert_int_equal(net_peer_add(w->peer, &path), HX_EINVAL);
    path.remote = *net_peer_address(w->peer);
    assert_int_equal(net_peer_add(w->peer, &path), HX_EINVAL);
    assert_int_equal(net_peer_use(w->peer, &path, 0), HX_EINVAL);
}

static void what_comes_belongs_to_the_peers_that_have_its_path(void **state)
{
    struct world *w = *state;
    struct net_route from = {.to = w->path[0].remote}, by_other = {.to = w->path[0].remote, .socket = 5};
    const struct net_address *at = net_peer_address(w->peer);
    struct net_address found[4];
    struct net_peer *second;

    assert_int_equal(net_paths_of(w->port, &from, found, 4), 0);
    assert_false(net_paths_has(w->port, at, &from));
    net_peer_add(w->peer, &w->path[0]);
    assert_true(net_paths_has(w->port, at, &from));
    assert_true(net_paths_has(w->port, at, &from)); /* and again, from memory */
    assert_false(net_paths_has(w->port, at, &by_other));
    assert_int_equal(net_paths_of(w->port, &by_other, found, 4), 0);
    assert_int_equal(net_peer_create(&second, w->port), HX_OK);
    assert_false(net_paths_has(w->port, net_peer_address(second), &from));
    net_peer_add(second, &w->path[0]);
    assert_int_equal(net_paths_of(w->port, &from, found, 4), 2);
    assert_memory_equal(&found[0], net_peer_address(second), sizeof found[0]); /* the newest first */
    assert_memory_equal(&found[1], at, sizeof found[1]);
    assert_int_equal(net_paths_of(w->port, &from, found, 1), 1);
    net_peer_remove(w->peer, &w->path[0]);
    assert_false(net_paths_has(w->port, at, &from));
    assert_true(net_paths_has(w->port, net_peer_address(second), &from));
    struct net_address gone = *net_peer_address(second);
    net_peer_destroy(second);
    assert_false(net_paths_has(w->port, &gone, &from));
    assert_int_equal(net_paths_of(w->port, &from, found, 4), 0);
}

static void the_view_tells_what_was_heard_and_what_waits_for_an_answer(void **state)
{
    struct world *w = *state;
    struct net_route from = {.to = w->path[1].remote};
    struct net_route route = {.to = *net_peer_address(w->peer)};
    uint8_t byte = 0;
    struct iovec part = {&byte, 1};
    struct net_peer_view view;

    add_all(w);
    net_port_send(w->port, &route, &part, 1, 0);
    net_peer_view(w->peer, &view);
    assert_int_equal(view.sent, 1);
    assert_int_equal(view.unanswered_ms, 0);
    route.wants_answer = true;
    net_port_send(w->port, &route, &part, 1, 0);
    net_peer_view(w->peer, &view);
    int64_t first_ms = view.unanswered_ms;
    assert_true(first_ms > 0 && view.sent_ms >= first_ms);
    poll(NULL, 0, 2);
    net_port_send(w->port, &route, &part, 1, 0);
    net_peer_view(w->peer, &view);
    assert_int_equal(view.unanswered_ms, first_ms);
    assert_int_equal(view.sent, 3);
    assert_int_equal(view.came, 0);
    net_paths_heard(w->port, &route.to, &from, 4711);
    net_peer_view(w->peer, &view);
    assert_int_equal(view.unanswered_ms, 0);
    assert_int_equal(view.heard_ms, 4711);
    assert_int_equal(view.came, 1);
    assert_memory_equal(&view.heard, &w->path[1], sizeof view.heard);
    from.to.port = htons(1); /* no path of it */
    net_paths_heard(w->port, &route.to, &from, 4712);
    net_peer_view(w->peer, &view);
    assert_int_equal(view.heard_ms, 4711);
}

/* Two paths to one address of the peer, by two addresses of ours. */
static void what_comes_tells_its_path_by_our_address_too(void **state)
{
    struct world *w = *state;
    struct net_path by[2] = {w->path[0], w->path[0]};
    struct net_route from = {.to = w->path[0].remote};
    struct net_peer_view view;

    for (int i = 0; i < 2; i++) {
        by[i].local.ip[10] = by[i].local.ip[11] = 0xff;
        by[i].local.ip[12] = 127;
        by[i].local.ip[15] = (uint8_t)(1 + i);
        by[i].local.scope = (uint32_t)(1 + i);
        assert_int_equal(net_peer_add(w->peer, &by[i]), HX_OK);
    }
    for (int i = 0; i < 2; i++) {
        from.local = by[i].local;
        net_paths_heard(w->port, net_peer_address(w->peer), &from, 1000 + i);
        net_peer_view(w->peer, &view);
        assert_memory_equal(&view.heard, &by[i], sizeof view.heard);
    }
    from.local.ip[15] = 3; /* to a third one: it is the peer's all the same */
    assert_true(net_paths_has(w->port, net_peer_address(w->peer), &from));
}

static void a_burst_follows_the_path_in_order(void **state)
{
    struct world *w = *state;
    uint8_t bytes[1000];
    struct iovec part = {bytes, sizeof bytes};
    struct net_route route = {.to = *net_peer_address(w->peer), .wants_answer = true};

    add_all(w);
    for (int i = 0; i < 7; i++) {
        if (i == 0 || i == 3 || i == 5)
            net_peer_use(w->peer, &w->path[i % FAR], 0);
        memset(bytes, 'a' + i, sizeof bytes);
        assert_true(net_port_hold(w->port, &route, &part, 1));
        if (i == 3) /* the path has changed to the same one: nothing has to leave */
            expect(w, sizeof bytes, "", "", "");
        if (i == 5)
            expect(w, sizeof bytes, "abcde", "", "");
    }
    expect(w, sizeof bytes, "", "", "");
    burst_flush();
    expect(w, sizeof bytes, "", "", "fg");
    struct net_peer_view view;
    net_peer_view(w->peer, &view);
    assert_int_equal(view.sent, 7);
    assert_int_not_equal(view.unanswered_ms, 0);
    net_peer_destroy(w->peer);
    w->peer = NULL;
    assert_false(net_port_hold(w->port, &route, &part, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_canonical_address_is_of_class_e_and_no_two_are_the_same),
        TEST(what_is_small_leaves_by_all_paths_of_a_peer_that_is_sought),
        TEST(what_is_large_leaves_by_the_path_last_heard_until_one_is_in_use),
        TEST(a_path_that_is_added_later_gets_the_last_small_datagram_at_once),
        TEST(one_path_is_in_use_and_another_one_may_take_its_place),
        TEST(what_is_known_of_a_path_is_told_with_the_change_to_it),
        TEST(a_path_that_cannot_be_sent_by_does_not_keep_the_others),
        TEST(a_path_leaves_by_its_own_address_whatever_the_route_says),
        TEST(an_address_that_is_none_of_a_peer_is_sent_nothing),
        TEST(a_peer_has_so_many_paths_and_no_more),
        TEST(what_comes_belongs_to_the_peers_that_have_its_path),
        TEST(the_view_tells_what_was_heard_and_what_waits_for_an_answer),
        TEST(what_comes_tells_its_path_by_our_address_too),
        TEST(a_burst_follows_the_path_in_order),
    };

    return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
