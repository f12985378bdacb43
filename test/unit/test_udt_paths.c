/* shim/net/paths under UDT: two ports know each other by canonical addresses, and the connection goes on
 * whatever path carries it. */
#include "shim/udt/packet.h"
#include "test/unit/path_transfer.h"
#include <stdio.h>

static void two_ports_meet_by_canonical_addresses(void **state)
{
    static const char *const ways[] = {"127.0.0.1", "127.0.0.2", "::1"};
    struct stream *a, *b;
    struct net_peer_view view;
    socklen_t len;

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        make_peers(NULL);
        add_over(ways[i]);
        meet(&a, &b);
        check_pair(left, a, right, b);
        struct net_address seen;
        net_address_from(&seen, stream_peer(a, &len));
        assert_memory_equal(&seen, net_peer_address(to_right), sizeof seen);
        net_peer_view(to_right, &view);
        assert_true(view.came > 0 && view.sent > 0 && view.heard_ms > 0);
        struct net_path way = path_over(ways[i], right);
        assert_memory_equal(&view.heard, &way, sizeof way);
        stream_close(a);
        stream_close(b);
        end_peers(NULL);
    }
}

/* Only one of its paths leads anywhere, and one of them comes when both sides have long begun. */
static void a_rendezvous_finds_the_path_that_works(void **state)
{
    struct net_path none = {.remote = at("127.0.0.1", htons(9))};
    struct net_path late = path_over("127.0.0.2", right);

    (void)state;
    add(&none, &none);
    add_over("::1");
    net_peer_remove(to_right, &(struct net_path){.remote = at("::1", port_of(right)), .local = at("::1", 0)});
    struct stream *a = begin(left, to_right), *b = begin(right, to_left);
    poll(NULL, 0, 30);
    int64_t start_ms = clock_now_ms();
    net_peer_add(to_left,
                 &(struct net_path){.remote = at("127.0.0.2", port_of(left)), .local = at("127.0.0.2", 0)});
    net_peer_add(to_right, &late);
    await(left, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
    assert_in_range(clock_now_ms() - start_ms, 0, 1000);
    check_pair(left, a, right, b);
    stream_close(a);
    stream_close(b);
}

/* What the other one's UDT must not see: it knows the id, and not the path. */
static void what_comes_by_no_path_of_the_peer_is_dropped(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE] = {0};
    struct net_address stranger;
    int fd = loopback_socket(&stranger);
    struct net_peer_view before, after;
    int64_t end_ms = clock_now_ms() + WAIT_MS;

    (void)state;
    to.sin_port = port_of(left);
    add_over("127.0.0.1");
    struct stream *a = begin(left, to_right), *b = begin(right, to_left);
    int32_t id = await(left, UDT_EV_CONNECTED).id;
    await(right, UDT_EV_CONNECTED);
    uint64_t unmatched = counter(left, "dropped_unmatched");
    net_peer_view(to_right, &before);
    packet_put_control(packet, PACKET_SHUTDOWN, 0, id);
    assert_int_equal(sendto(fd, packet, PACKET_HEAD + 4, 0, (struct sockaddr *)&to, sizeof to),
                     PACKET_HEAD + 4);
    packet_put_control(packet, PACKET_HANDSHAKE, 0, 0);
    assert_int_equal(sendto(fd, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to), sizeof packet);
    while (counter(left, "dropped_unmatched") < unmatched + 2 && clock_now_ms() < end_ms)
        poll(NULL, 0, 1);
    assert_in_range(counter(left, "dropped_unmatched"), unmatched + 2, UINT64_MAX);
    net_peer_view(to_right, &after);
    assert_memory_equal(&before.heard, &after.heard, sizeof after.heard);
    check_pair(left, a, right, b);
    stream_close(a);
    stream_close(b);
    close(fd);
}

/* At the same port, at the same time, by the address that the network knows. */
static void a_peer_without_paths_is_reached_as_ever(void **state)
{
    struct udt_port_config config = {.backlog = 0};
    struct sockaddr_in6 to_third, to_first;
    struct net_address first = at("127.0.0.1", port_of(left)), third;
    static struct udt_port *other;
    struct stream *a, *b, *c, *d;

    (void)state;
    if (!other)
        assert_int_equal(udt_port_open(&other, &config), HX_OK);
    third = at("127.0.0.1", port_of(other));
    net_address_to_sockaddr6(&third, &to_third);
    net_address_to_sockaddr6(&first, &to_first);
    add_over("127.0.0.1");
    a = begin(left, to_right);
    assert_int_equal(udt_rendezvous(&c, left, (struct sockaddr *)&to_third, sizeof to_third, NULL, WAIT_MS,
                                    UDT_PARTY_UNSAID, NULL),
                     HX_OK);
    assert_int_equal(udt_rendezvous(&d, other, (struct sockaddr *)&to_first, sizeof to_first, NULL, WAIT_MS,
                                    UDT_PARTY_UNSAID, NULL),
                     HX_OK);
    assert_ptr_equal(await(other, UDT_EV_CONNECTED).stream, d);
    assert_ptr_equal(await(left, UDT_EV_CONNECTED).stream, c);
    b = begin(right, to_left);
    assert_ptr_equal(await(right, UDT_EV_CONNECTED).stream, b);
    assert_ptr_equal(await(left, UDT_EV_CONNECTED).stream, a);
    check_pair(left, c, other, d);
    check_pair(left, a, right, b);
    stream_close(a);
    stream_close(b);
    stream_close(c);
    stream_close(d);
}

#define SESSIONS 20

/* They begin in the opposite order on either side, so that none of the first handshakes means the newest. */
static void sessions_over_one_path_are_not_crossed(void **state)
{
    struct net_peer *peers[2][SESSIONS];
    struct stream *streams[2][SESSIONS];
    struct net_path of_left = path_over("127.0.0.1", right), of_right = path_over("127.0.0.1", left);
    uint8_t tag[FRAGMENT_TAG_BYTES] = "session";
    char buf[4] = "", said[4] = "";

    (void)state;
    for (int i = 0; i < SESSIONS; i++) {
        assert_int_equal(net_peer_create(&peers[0][i], udt_port_net(left)), HX_OK);
        assert_int_equal(net_peer_create(&peers[1][i], udt_port_net(right)), HX_OK);
        tag[7] = (uint8_t)i;
        for (int side = 0; side < 2; side++) {
            net_peer_fit(peers[side][i], tag, 1400);
            assert_int_equal(net_peer_add(peers[side][i], side ? &of_right : &of_left), HX_OK);
        }
    }
    for (int i = 0; i < SESSIONS; i++)
        streams[0][i] = begin(left, peers[0][i]);
    for (int i = SESSIONS - 1; i >= 0; i--)
        streams[1][i] = begin(right, peers[1][i]);
    for (int i = 0; i < SESSIONS; i++) {
        await(left, UDT_EV_CONNECTED);
        await(right, UDT_EV_CONNECTED);
    }
    for (int i = 0; i < SESSIONS; i++) {
        snprintf(said, sizeof said, "%d", i);
        assert_int_equal(stream_write(streams[0][i], said, sizeof said), sizeof said);
        assert_int_equal(read_all(right, streams[1][i], buf, sizeof buf), sizeof buf);
        assert_string_equal(buf, said);
    }
    for (int i = 0; i < SESSIONS; i++) {
        stream_close(streams[0][i]);
        stream_close(streams[1][i]);
        net_peer_destroy(peers[0][i]);
        net_peer_destroy(peers[1][i]);
    }
}

/* UDT's threads go on for a while; what they send is dropped. */
static void a_peer_may_end_while_udt_sends_to_it(void **state)
{
    struct stream *a, *b;
    struct flow f = {.total = 256 << 20};
    struct udt_event ev;
    int64_t end_ms = clock_now_ms() + WAIT_MS, moved_ms = clock_now_ms();

    (void)state;
    add_over("127.0.0.1");
    meet(&a, &b);
    f.from = a;
    f.to = b;
    while (clock_now_ms() < end_ms && (to_right || clock_now_ms() - moved_ms < 100)) {
        struct pollfd fds[2] = {{udt_port_fd(left), POLLIN, 0}, {udt_port_fd(right), POLLIN, 0}};
        uint32_t got = f.got;

        if (!flow_step(&f))
            poll(fds, 2, 5);
        if (f.got > got)
            moved_ms = clock_now_ms();
        if (f.got > 1 << 20) {
            net_peer_destroy(to_right);
            to_right = NULL;
        }
        while (udt_port_next(left, &ev) || udt_port_next(right, &ev))
            ;
    }
    assert_null(to_right);
    assert_true(clock_now_ms() < end_ms); /* nothing comes any more ... */
    assert_true(f.got < f.total);         /* ... of what there is */
    stream_close(a);
    stream_close(b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_peers, end_peers)
    const struct CMUnitTest tests[] = {
        TEST(what_comes_by_no_path_of_the_peer_is_dropped), /* first: nothing late comes from another test */
        cmocka_unit_test(two_ports_meet_by_canonical_addresses),
        TEST(a_rendezvous_finds_the_path_that_works),
        TEST(a_peer_without_paths_is_reached_as_ever),
        TEST(a_peer_may_end_while_udt_sends_to_it),
        cmocka_unit_test(sessions_over_one_path_are_not_crossed),
    };

    return cmocka_run_group_tests_name("udt_paths", tests, open_ports, close_all);
}
