/* shim/net/relays: what is sent to the peer of a relay leaves for the relay with a head before it, and what
 * comes from there comes as from the peer; nothing else does. */
#include "base/clock.h"
#include "shim/net/burst.h"
#include "shim/net/net_port.h"
#include "shim/net/paths.h"
#include "shim/net/relays.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS    5000
#define LONGEST    1472 /* of a frame */
#define FRAMES_MAX 64

static const uint8_t id[RELAY_ID_BYTES] = "session1", other_id[RELAY_ID_BYTES] = "session2";

struct world {
    struct net_port *port;
    int relay; /* a socket that is one for the port, by hand */
    struct net_address relay_at, port_at, peer;
    int taken, controls;
    struct net_address from;
    size_t len;
    uint8_t bytes[2048];
};

static bool take_udt(void *context, struct net_datagram *d)
{
    struct world *w = context;

    w->taken++;
    w->from = d->from;
    w->len = demux_gather(d, w->bytes, sizeof w->bytes);
    assert_int_equal(w->len, d->len);
    assert_int_equal(d->socket, 0);
    return false;
}

static bool take_control(void *context, struct net_datagram *d)
{
    (void)d;
    ((struct world *)context)->controls++;
    return false;
}

static int open_relay(struct net_address *at)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    net_address_from(at, (struct sockaddr *)&sin);
    return fd;
}

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct net_port_config config = {.burst = true};
    struct net_relay relay = {.calling = true};
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len;

    assert_non_null(w);
    config.local = (struct sockaddr *)&loopback;
    assert_int_equal(net_port_open(&w->port, &config), HX_OK);
    net_address_from(&w->port_at, net_port_local(w->port, &len));
    w->relay = open_relay(&w->relay_at);
    net_port_set_handler(w->port, NET_USER_UDT, take_udt, w);
    net_port_set_handler(w->port, NET_USER_RELAY, take_control, w);
    relay.server = w->relay_at;
    memcpy(relay.id, id, sizeof relay.id);
    assert_int_equal(net_relay_add(w->port, &relay, &w->peer), HX_OK);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;

    net_port_close(w->port);
    close(w->relay);
    free(w);
    return 0;
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(0x80 + i * 7);
}

static int send_to(struct world *w, const struct net_address *to, const uint8_t *bytes, size_t len)
{
    struct net_route route = {.to = *to};
    struct iovec parts[2] = {{(void *)bytes, len / 2}, {(void *)(bytes + len / 2), len - len / 2}};

    return net_port_send(w->port, &route, parts, 2, MSG_DONTWAIT);
}

/* What comes to the relay: its length; 0: nothing in this time. */
static size_t relay_hears(const struct world *w, uint8_t bytes[LONGEST + 1], int ms)
{
    struct pollfd fd = {w->relay, POLLIN, 0};

    return poll(&fd, 1, ms) == 1 ? (size_t)recv(w->relay, bytes, LONGEST + 1, 0) : 0;
}

static size_t frame(uint8_t *out, const uint8_t session[RELAY_ID_BYTES], enum relay_half half,
                    const uint8_t *bytes, size_t len)
{
    struct relay_frame f = {.kind = RELAY_DATA, .half = half};

    memcpy(f.session, session, sizeof f.session);
    relay_frame_write_head(&f, out);
    memcpy(out + RELAY_HEAD_BYTES, bytes, len);
    return RELAY_HEAD_BYTES + len;
}

static void say(const struct world *w, int fd, const uint8_t *bytes, size_t len)
{
    struct sockaddr_storage to;
    socklen_t to_len;

    assert_true(net_address_to(&w->port_at, AF_INET, &to, &to_len));
    assert_int_equal(sendto(fd, bytes, len, 0, (struct sockaddr *)&to, to_len), (ssize_t)len);
}

/* One datagram that has come to the port is read, into parts as UDT has them. */
static void read_one(struct world *w)
{
    static uint8_t head[DEMUX_BYTES], body[LONGEST - DEMUX_BYTES];
    struct iovec parts[2] = {{head, sizeof head}, {body, sizeof body}};
    struct net_datagram d = {.parts = parts, .part_count = 2};
    struct pollfd fd = {net_port_fd(w->port), POLLIN, 0};

    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    assert_int_equal(net_port_read(w->port, &d), 0);
}

static void the_peer_has_an_address_of_class_e_of_its_own(void **state)
{
    struct world *w = *state;
    struct net_relay same = {.server = w->relay_at, .calling = true}, called = {.server = w->relay_at};
    struct net_address again;

    assert_true(net_relay_is_peer(&w->peer) && net_address_is_ipv4(&w->peer) && w->peer.port != 0);
    assert_false(net_relay_is_peer(&w->relay_at) || net_paths_is_canonical(&w->peer));
    memcpy(same.id, id, sizeof same.id);
    assert_int_equal(net_relay_add(w->port, &same, &again), HX_EINVAL);
    memcpy(called.id, id, sizeof called.id); /* both may be of one process */
    assert_int_equal(net_relay_add(w->port, &called, &again), HX_OK);
    assert_false(net_address_equal(&again, &w->peer));
    net_relay_remove(w->port, &w->peer);
    assert_int_equal(net_relay_add(w->port, &same, &again), HX_OK);
    assert_false(net_address_equal(&again, &w->peer));
}

static void what_is_sent_to_the_peer_goes_to_the_relay_with_a_head(void **state)
{
    static const size_t lengths[] = {1, 16, 17, 1200, LONGEST - RELAY_HEAD_BYTES};
    struct world *w = *state;
    uint8_t bytes[LONGEST], wanted[LONGEST], got[LONGEST + 1];

    fill(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t len = frame(wanted, id, RELAY_CALLER, bytes, lengths[i]);
        assert_int_equal(send_to(w, &w->peer, bytes, lengths[i]), 0);
        assert_int_equal(relay_hears(w, got, WAIT_MS), len);
        assert_memory_equal(got, wanted, len);
    }
}

static void what_comes_from_the_relay_comes_from_the_peer(void **state)
{
    static const size_t lengths[] = {16, 17, 31, 32, 33, 1200, LONGEST - RELAY_HEAD_BYTES};
    struct world *w = *state;
    uint8_t bytes[LONGEST], sent[LONGEST];

    fill(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        say(w, w->relay, sent, frame(sent, id, RELAY_CALLED, bytes, lengths[i]));
        read_one(w);
        assert_int_equal(w->taken, (int)i + 1);
        assert_int_equal(w->len, lengths[i]);
        assert_memory_equal(w->bytes, bytes, lengths[i]);
        assert_true(net_address_equal(&w->from, &w->peer));
    }
    assert_int_equal(w->controls, 0);
}

static void what_is_not_the_peers_is_not_taken_for_its_own(void **state)
{
    struct world *w = *state;
    uint8_t bytes[64], sent[LONGEST], inner[LONGEST];
    struct net_address unused;
    int stranger = open_relay(&unused);

    fill(bytes, sizeof bytes);
    say(w, stranger, sent, frame(sent, id, RELAY_CALLED, bytes, sizeof bytes)); /* from elsewhere */
    say(w, w->relay, sent, frame(sent, id, RELAY_CALLER, bytes, sizeof bytes)); /* our own half */
    say(w, w->relay, sent, frame(sent, other_id, RELAY_CALLED, bytes, sizeof bytes));
    for (int i = 0; i < 3; i++)
        read_one(w);
    assert_int_equal(w->controls, 3); /* whose handler knows what to do with it */
    /* the relay's own word, through the relay */
    say(w, w->relay, sent, frame(sent, id, RELAY_CALLED, inner, frame(inner, id, RELAY_CALLED, bytes, 48)));
    read_one(w);
    say(w, w->relay, sent, frame(sent, id, RELAY_CALLED, bytes, 15)); /* nobody's */
    read_one(w);
    size_t len = frame(sent, id, RELAY_CALLED, bytes, RELAY_CONTROL_BYTES - RELAY_HEAD_BYTES);
    for (int kind = 0; kind < 256; kind++) { /* cut at the end of the head, too */
        sent[4] = (uint8_t)kind;
        say(w, w->relay, sent, kind == RELAY_DATA ? RELAY_HEAD_BYTES : kind % 2 ? len : RELAY_HEAD_BYTES);
        read_one(w);
    }
    w->controls -= 256;
    assert_int_equal(w->controls, 3);
    assert_int_equal(w->taken, 0);
    close(stranger);
}

static void a_relay_that_moves_is_reached_and_believed_there_alone(void **state)
{
    static const struct net_address any;
    struct world *w = *state;
    uint8_t bytes[64], sent[LONGEST], got[LONGEST + 1];
    struct net_address there;
    int before = w->relay;

    fill(bytes, sizeof bytes);
    w->relay = open_relay(&there);
    net_relay_move(w->port, &w->peer, &there, &any);
    assert_int_equal(send_to(w, &w->peer, bytes, sizeof bytes), 0);
    assert_int_equal(relay_hears(w, got, WAIT_MS), RELAY_HEAD_BYTES + sizeof bytes);
    say(w, before, sent, frame(sent, id, RELAY_CALLED, bytes, sizeof bytes));
    read_one(w);
    assert_int_equal(w->taken, 0);
    say(w, w->relay, sent, frame(sent, id, RELAY_CALLED, bytes, sizeof bytes));
    read_one(w);
    assert_int_equal(w->taken, 1);
    close(before);
}

static void nothing_goes_to_a_peer_whose_relay_has_ended(void **state)
{
    struct world *w = *state;
    uint8_t bytes[64], sent[LONGEST];

    fill(bytes, sizeof bytes);
    net_relay_remove(w->port, &w->peer);
    assert_int_equal(send_to(w, &w->peer, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EHOSTUNREACH);
    say(w, w->relay, sent, frame(sent, id, RELAY_CALLED, bytes, sizeof bytes));
    read_one(w);
    assert_int_equal(w->taken, 0);
}

static void a_burst_leaves_with_a_head_in_each(void **state)
{
    struct world *w = *state;
    uint8_t bytes[BURST][1184], wanted[LONGEST], got[LONGEST + 1];
    struct net_peer *peer;
    struct net_path path = {.remote = w->peer};

    assert_int_equal(net_peer_create(&peer, w->port), HX_OK);
    assert_int_equal(net_peer_use(peer, &path, 0), HX_OK);
    net_peer_fit(peer, id, 1200);
    struct net_route route = {.to = *net_peer_address(peer)};
    for (int i = 0; i < BURST; i++) {
        struct iovec parts[2] = {{bytes[i], 16}, {bytes[i] + 16, sizeof bytes[i] - 16}};
        fill(bytes[i], sizeof bytes[i]);
        bytes[i][1] = (uint8_t)i;
        assert_true(net_port_hold(w->port, &route, parts, 2));
    }
    burst_flush();
    for (int i = 0; i < BURST; i++) {
        size_t len = frame(wanted, id, RELAY_CALLER, bytes[i], sizeof bytes[i]);
        assert_int_equal(relay_hears(w, got, WAIT_MS), len);
        assert_memory_equal(got, wanted, len);
    }
    net_peer_destroy(peer);
}

/* Cut before the head is put on, and put together behind it. */
static void what_is_too_long_for_the_path_comes_in_pieces(void **state)
{
    struct world *w = *state;
    uint8_t bytes[1400], got[LONGEST + 1];
    struct net_peer *peer;
    struct net_path path = {.remote = w->peer};
    int pieces = 0;

    fill(bytes, sizeof bytes);
    assert_int_equal(net_peer_create(&peer, w->port), HX_OK);
    assert_int_equal(net_peer_use(peer, &path, 0), HX_OK);
    net_peer_fit(peer, id, 800);
    assert_int_equal(send_to(w, net_peer_address(peer), bytes, sizeof bytes), 0);
    for (size_t len; (len = relay_hears(w, got, pieces == 0 ? WAIT_MS : 200)) > 0; pieces++) {
        assert_in_range(len, RELAY_HEAD_BYTES + 1, RELAY_HEAD_BYTES + 800);
        got[5] = RELAY_CALLED; /* it comes back as the peer's */
        say(w, w->relay, got, len);
    }
    assert_int_equal(pieces, 2);
    for (int i = 0; i < pieces; i++)
        read_one(w);
    assert_int_equal(w->taken, 1);
    assert_int_equal(w->len, sizeof bytes);
    assert_memory_equal(w->bytes, bytes, sizeof bytes);
    net_peer_destroy(peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(the_peer_has_an_address_of_class_e_of_its_own),
                                       TEST(what_is_sent_to_the_peer_goes_to_the_relay_with_a_head),
                                       TEST(what_comes_from_the_relay_comes_from_the_peer),
                                       TEST(what_is_not_the_peers_is_not_taken_for_its_own),
                                       TEST(a_relay_that_moves_is_reached_and_believed_there_alone),
                                       TEST(nothing_goes_to_a_peer_whose_relay_has_ended),
                                       TEST(a_burst_leaves_with_a_head_in_each),
                                       TEST(what_is_too_long_for_the_path_comes_in_pieces)};

    return cmocka_run_group_tests_name("relays", tests, NULL, NULL);
}
