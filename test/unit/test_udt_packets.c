/* shim/udt: how long packets are. Two ports meet by way of a third, a wire that looks at what passes. */
#include "shim/net/paths.h"
#include "shim/udt/packet.h"
#include "test/unit/udt_fixture.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define BYTES 2000000

static struct wire {
    int fd, stop[2];
    struct sockaddr_in at, ends[2];
    pthread_t thread;
    atomic_int longest[2];     /* data packets of each end, each once: bytes of the longest datagram, */
    atomic_int data[2];        /* and how many */
    uint32_t last[2];          /* the highest sequence number of each end */
    atomic_int acks[2];        /* of each end, without light ones */
    atomic_uint announced_mss; /* the largest */
    atomic_int carries;        /* bytes of a datagram; 0: any */
} wire;

static void look(int end, const uint8_t *bytes, ssize_t len)
{
    if (packet_type(bytes) == PACKET_DATA &&
        (!wire.data[end] || packet_distance(packet_word(bytes), wire.last[end]) > 0)) {
        wire.last[end] = packet_word(bytes);
        wire.data[end]++;
        if (len > wire.longest[end])
            wire.longest[end] = (int)len;
    }
    if (packet_type(bytes) == PACKET_ACK && len >= PACKET_HEAD + ACK_SIZE_SHORT)
        wire.acks[end]++;
    if (packet_type(bytes) == PACKET_HANDSHAKE && len == PACKET_HEAD + HANDSHAKE_SIZE &&
        packet_word(bytes + PACKET_HEAD + HANDSHAKE_MSS) > wire.announced_mss)
        wire.announced_mss = packet_word(bytes + PACKET_HEAD + HANDSHAKE_MSS);
}

static void *run_wire(void *unused)
{
    struct pollfd fds[2] = {{.fd = wire.fd, .events = POLLIN}, {.fd = wire.stop[0], .events = POLLIN}};
    static uint8_t bytes[2048];

    (void)unused;
    while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        ssize_t len = recvfrom(wire.fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_len);
        if (len < PACKET_HEAD)
            continue;
        int end = from.sin_port == wire.ends[1].sin_port;
        look(end, bytes, len);
        if (wire.carries && len > wire.carries)
            continue;
        (void)sendto(wire.fd, bytes, (size_t)len, 0, (struct sockaddr *)&wire.ends[!end],
                     sizeof wire.ends[0]);
    }
    return NULL;
}

static void lay_wire(void)
{
    socklen_t len = sizeof wire.at;

    memset(&wire, 0, sizeof wire);
    wire.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    wire.at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(wire.fd, (struct sockaddr *)&wire.at, len), 0);
    assert_int_equal(getsockname(wire.fd, (struct sockaddr *)&wire.at, &len), 0);
    struct udt_port *ports[2] = {left, right};
    for (int i = 0; i < 2; i++) {
        wire.ends[i] = wire.at;
        wire.ends[i].sin_port = ((const struct sockaddr_in6 *)udt_port_local(ports[i], &len))->sin6_port;
    }
    assert_int_equal(pipe(wire.stop), 0);
    assert_int_equal(pthread_create(&wire.thread, NULL, run_wire, NULL), 0);
}

static void take_wire_away(void)
{
    assert_int_equal(write(wire.stop[1], "", 1), 1);
    pthread_join(wire.thread, NULL);
    close(wire.fd);
    close(wire.stop[0]);
    close(wire.stop[1]);
}

static void meet(struct stream **a, struct stream **b)
{
    struct sockaddr *at = (struct sockaddr *)&wire.at;

    assert_int_equal(udt_rendezvous(a, left, at, sizeof wire.at, NULL, WAIT_MS, UDT_PARTY_UNSAID, NULL),
                     HX_OK);
    assert_int_equal(udt_rendezvous(b, right, at, sizeof wire.at, NULL, WAIT_MS, UDT_PARTY_UNSAID, NULL),
                     HX_OK);
    await(left, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
}

static void drain(struct udt_port *p)
{
    struct pollfd fd = {.fd = udt_port_fd(p), .events = POLLIN};
    struct udt_event ev;

    poll(&fd, 1, 5);
    while (udt_port_next(p, &ev))
        ;
}

/* Bytes on their way: what a stream does not take now it takes once some have left. */
struct passage {
    char out[BYTES], in[BYTES];
    size_t put, got;
};

static void begin_passage(struct passage *p)
{
    for (size_t i = 0; i < BYTES; i++)
        p->out[i] = (char)((i * 7) >> 3);
    p->put = p->got = 0;
}

/* Writes up to `most` bytes in all, until `enough` have come: for as long as some do. */
static void carry(struct passage *p, struct stream *from, struct stream *to, size_t most, size_t enough)
{
    int64_t deadline_ms = clock_now_ms() + WAIT_MS;

    while (p->got < enough && clock_now_ms() < deadline_ms) {
        ssize_t put = p->put < most ? stream_write(from, p->out + p->put, most - p->put) : 0;
        ssize_t got = stream_read(to, p->in + p->got, enough - p->got);
        p->put += put > 0 ? (size_t)put : 0;
        p->got += got > 0 ? (size_t)got : 0;
        if (put > 0 || got > 0) {
            deadline_ms = clock_now_ms() + WAIT_MS;
            continue;
        }
        drain(left);
        drain(right);
    }
    assert_int_equal(p->got, enough);
    assert_memory_equal(p->in, p->out, enough);
}

static void pass(struct stream *from, struct stream *to, size_t len)
{
    static struct passage p;

    begin_passage(&p);
    carry(&p, from, to, len, len);
}

static void writes_are_cut_as_the_stream_says(void **state)
{
    static const int sizes[] = {0, 1200, 1399, 700, UDT_DATAGRAM_MIN_BYTES, 1372, 1456, 1200};
    struct stream *a, *b;

    (void)state;
    lay_wire();
    meet(&a, &b);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int full = sizes[i] && sizes[i] < UDT_MSS_BYTES - 28 ? sizes[i] : UDT_MSS_BYTES - 28;

        if (sizes[i])
            udt_stream_set_datagram_max(a, sizes[i]);
        wire.longest[0] = 0;
        pass(a, b, 200000);
        assert_int_equal(wire.longest[0], full);
    }
    udt_stream_set_datagram_max(a, 1);
    wire.longest[0] = 0;
    pass(a, b, 5000);
    assert_int_equal(wire.longest[0], UDT_DATAGRAM_MIN_BYTES);
    stream_close(a);
    stream_close(b);
    take_wire_away();
}

/* More packets than UDT's buffer counts: it holds as many bytes as ever. */
static void a_full_buffer_takes_short_packets(void **state)
{
    static char out[BYTES], in[BYTES];
    struct stream *a, *b;
    size_t put = 0, got = 0;

    (void)state;
    lay_wire();
    meet(&a, &b);
    udt_stream_set_datagram_max(a, UDT_DATAGRAM_MIN_BYTES);
    for (ssize_t n; put < 10 * sizeof out && (n = stream_write(a, out, sizeof out)) > 0;)
        put += (size_t)n;
    while (got < put) {
        size_t want = put - got < sizeof in ? put - got : sizeof in;

        assert_int_equal(read_all(right, b, in, want), want);
        got += want;
    }
    stream_close(a);
    stream_close(b);
    take_wire_away();
}

static void short_packets_are_not_acknowledged_one_by_one(void **state)
{
    struct stream *a, *b;

    (void)state;
    lay_wire();
    meet(&a, &b);
    udt_stream_set_datagram_max(a, 1200);
    pass(a, b, BYTES);
    assert_in_range(wire.acks[1], 1, BYTES / 1200 / 2);
    stream_close(a);
    stream_close(b);
    take_wire_away();
}

static void who_may_be_a_stock_peer_hears_of_1400_bytes(void **state)
{
    struct stream *a, *b;

    (void)state;
    lay_wire();
    meet(&a, &b);
    pass(a, b, 100000);
    assert_int_equal(wire.announced_mss, UDT_MSS_BYTES);
    assert_int_equal(wire.longest[0], UDT_MSS_BYTES - 28);
    stream_close(a);
    stream_close(b);
    take_wire_away();
}

static struct net_peer *peers[2]; /* of left and right */

/* Two programs of ours: each has a canonical address for the other one, and the wire as the path. */

static void meet_by_path(struct stream **a, struct stream **b)
{
    struct net_path path = {.socket = 0};
    struct udt_port *ports[2] = {left, right};
    struct stream **streams[2] = {a, b};

    net_address_from(&path.remote, (struct sockaddr *)&wire.at);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in6 to;

        assert_int_equal(net_peer_create(&peers[i], udt_port_net(ports[i])), HX_OK);
        assert_int_equal(net_peer_use(peers[i], &path, 0), HX_OK);
        net_address_to_sockaddr6(net_peer_address(peers[i]), &to);
        assert_int_equal(udt_rendezvous(streams[i], ports[i], (struct sockaddr *)&to, sizeof to, NULL,
                                        WAIT_MS, i == 0 ? UDT_PARTY_CALLER : UDT_PARTY_CALLED, NULL),
                         HX_OK);
    }
    await(left, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
}

static void a_peer_whose_paths_are_probed_gets_1200_bytes_and_then_what_passes(void **state)
{
    struct stream *a, *b;

    (void)state;
    lay_wire();
    meet_by_path(&a, &b);
    pass(a, b, 100000);
    assert_int_equal(wire.announced_mss, UDT_MSS_MAX_BYTES);
    assert_int_equal(wire.longest[0], UDT_DATAGRAM_BASE_BYTES);
    struct sockaddr_in6 to;
    net_address_to_sockaddr6(net_peer_address(peers[0]), &to);
    udt_port_set_datagram_max(left, &to, 1472);
    pass(a, b, 100000);
    assert_int_equal(udt_port_stuck(left, &to), 0);
    assert_int_equal(wire.longest[0], 1472); /* with the heads of IPv4 and UDP an Ethernet's 1500 */
    stream_close(a);
    stream_close(b);
    net_peer_destroy(peers[0]);
    net_peer_destroy(peers[1]);
    take_wire_away();
}

static bool await_stuck(const struct sockaddr_in6 *to, int times)
{
    int64_t deadline_ms = clock_now_ms() + WAIT_MS;

    while (udt_port_stuck(left, to) < times && clock_now_ms() < deadline_ms)
        poll(NULL, 0, 5);
    return udt_port_stuck(left, to) >= times;
}

/* The last acknowledgement may still be on its way. */
static void expect_unstuck(const struct sockaddr_in6 *to)
{
    int64_t deadline_ms = clock_now_ms() + WAIT_MS;

    while (udt_port_stuck(left, to) > 0 && clock_now_ms() < deadline_ms)
        poll(NULL, 0, 5);
    assert_int_equal(udt_port_stuck(left, to), 0);
}

/* Its packets are on their way, or wait, and keep their length. */
static void what_was_cut_before_the_path_shrank_still_comes_through(void **state)
{
    static const uint8_t tag[FRAGMENT_TAG_BYTES] = "the tag";
    static struct passage p;
    struct sockaddr_in6 to;
    struct stream *a, *b;

    (void)state;
    begin_passage(&p);
    lay_wire();
    meet_by_path(&a, &b);
    for (int i = 0; i < 2; i++)
        net_peer_fit(peers[i], tag, 1472);
    net_address_to_sockaddr6(net_peer_address(peers[0]), &to);
    udt_port_set_datagram_max(left, &to, 1472);
    carry(&p, a, b, 200000, 100000);
    wire.carries = 700;
    ssize_t put = stream_write(a, p.out + p.put, BYTES - p.put);
    assert_true(put > 0);
    p.put += (size_t)put;
    assert_true(await_stuck(&to, 3));
    net_peer_fit(peers[0], tag, 700);
    udt_port_set_datagram_max(left, &to, 700);
    carry(&p, a, b, BYTES, BYTES);
    expect_unstuck(&to);
    pass(a, b, 100000);
    stream_close(a);
    stream_close(b);
    net_peer_destroy(peers[0]);
    net_peer_destroy(peers[1]);
    take_wire_away();
}

/* Pieces of a stranger, or with another tag, are no connection's. */
static void who_does_not_know_the_tag_gets_no_piece_through(void **state)
{
    static const uint8_t tag[FRAGMENT_TAG_BYTES] = "the tag", other[FRAGMENT_TAG_BYTES] = "another";
    struct sockaddr_in6 to;
    struct stream *a, *b;

    (void)state;
    lay_wire();
    meet_by_path(&a, &b);
    net_peer_fit(peers[0], other, 700);
    net_peer_fit(peers[1], tag, 700);
    net_address_to_sockaddr6(net_peer_address(peers[0]), &to);
    static char out[1000], in[1000];
    assert_int_equal(stream_write(a, out, sizeof out), sizeof out);
    assert_true(await_stuck(&to, 3));
    assert_int_equal(stream_read(b, in, sizeof in), HX_EAGAIN);
    net_peer_fit(peers[0], tag, 700);
    assert_int_equal(read_all(right, b, in, sizeof in), sizeof in);
    stream_close(a);
    stream_close(b);
    net_peer_destroy(peers[0]);
    net_peer_destroy(peers[1]);
    take_wire_away();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_are_cut_as_the_stream_says),
        cmocka_unit_test(a_full_buffer_takes_short_packets),
        cmocka_unit_test(short_packets_are_not_acknowledged_one_by_one),
        cmocka_unit_test(a_peer_whose_paths_are_probed_gets_1200_bytes_and_then_what_passes),
        cmocka_unit_test(what_was_cut_before_the_path_shrank_still_comes_through),
        cmocka_unit_test(who_does_not_know_the_tag_gets_no_piece_through),
        cmocka_unit_test(who_may_be_a_stock_peer_hears_of_1400_bytes),
    };
    return cmocka_run_group_tests_name("udt packets", tests, open_all, close_all);
}
