/* shim/net/tunnels: what a port sends to an address of 100::/64 comes out at the far end, and the other way
 * round; and UDT connects through it. */
#include "shim/net/burst.h"
#include "shim/net/tunnels.h"
#include "test/unit/udt_fixture.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct net_address in_tunnel(uint8_t last, uint16_t port)
{
    return (struct net_address){.ip = {[0] = 0x01, [15] = last}, .port = htons(port)};
}

/* ---- a port alone ---- */

struct world {
    struct net_port *port;
    int far_fd;
};

static bool take_all(void *context, struct net_datagram *d)
{
    (void)context, (void)d;
    return true;
}

static int open_as(void **state, bool batch)
{
    struct net_port_config config = {.batch = batch, .burst = !batch};
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    assert_int_equal(net_port_open(&w->port, &config), HX_OK);
    net_port_set_handler(w->port, NET_USER_UDT, take_all, NULL);
    assert_false(net_port_has_tunnels(w->port));
    w->far_fd = net_port_tunnel_fd(w->port);
    assert_true(w->far_fd >= 0 && net_port_has_tunnels(w->port));
    assert_int_equal(net_port_tunnel_fd(w->port), w->far_fd);
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
    free(w);
    return 0;
}

static int send_to(struct world *w, const struct net_address *to, void *bytes, size_t len)
{
    struct net_route route = {.to = *to};
    struct iovec parts[2] = {{.iov_base = bytes, .iov_len = len / 2},
                             {.iov_base = (char *)bytes + len / 2, .iov_len = len - len / 2}};

    return net_port_send(w->port, &route, parts, 2, MSG_DONTWAIT);
}

struct read {
    struct net_datagram d;
    struct iovec parts[2];
    uint8_t head[DEMUX_BYTES], body[2048];
};

/* What net_port_read() says. */
static int read_one(struct world *w, struct read *r)
{
    r->parts[0] = (struct iovec){.iov_base = r->head, .iov_len = sizeof r->head};
    r->parts[1] = (struct iovec){.iov_base = r->body, .iov_len = sizeof r->body};
    r->d = (struct net_datagram){.parts = r->parts, .part_count = 2};
    return net_port_read(w->port, &r->d);
}

static void fill(uint8_t *bytes, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(first + i);
    bytes[0] |= 0x80; /* a control packet: no STUN */
}

static void what_is_sent_there_comes_out_at_the_far_end(void **state)
{
    static const size_t lengths[] = {1, 16, 17, 1200, TUNNEL_DATAGRAM_MAX};
    struct world *w = *state;
    uint8_t bytes[TUNNEL_DATAGRAM_MAX + 1], got[TUNNEL_DATAGRAM_MAX];
    struct net_address to = in_tunnel(7, 5000), other;

    fill(bytes, sizeof bytes, 1);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_int_equal(send_to(w, &to, bytes, lengths[i]), 0);
        assert_int_equal(tunnels_take(w->far_fd, &other, got), (ssize_t)lengths[i]);
        assert_memory_equal(got, bytes, lengths[i]);
        assert_true(net_address_equal(&other, &to));
    }
    assert_int_equal(send_to(w, &to, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(tunnels_take(w->far_fd, &other, got), -1);
    assert_int_equal(errno, EAGAIN);
}

static void they_may_be_closed_and_opened_again(void **state)
{
    struct world *w = *state;
    struct net_address to = in_tunnel(7, 5000), other;
    uint8_t bytes[100], got[TUNNEL_DATAGRAM_MAX];
    struct read r;

    fill(bytes, sizeof bytes, 1);
    net_port_tunnel_close(w->port);
    net_port_tunnel_close(w->port);
    assert_int_equal(send_to(w, &to, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(read_one(w, &r), -1);
    w->far_fd = net_port_tunnel_fd(w->port);
    assert_true(w->far_fd >= 0);
    assert_int_equal(send_to(w, &to, bytes, sizeof bytes), 0);
    assert_int_equal(tunnels_take(w->far_fd, &other, got), (ssize_t)sizeof bytes);
    assert_true(tunnels_give(w->far_fd, &to, bytes, sizeof bytes));
    assert_int_equal(read_one(w, &r), 1);
    assert_int_equal(r.d.len, sizeof bytes);
}

static void bursts_do_not_leave_there(void **state)
{
    struct world *w = *state;
    struct net_route route = {.to = in_tunnel(7, 5000)};
    uint8_t bytes[BURST_BYTES_MAX];
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};

    fill(bytes, sizeof bytes, 1);
    assert_false(net_port_hold(w->port, &route, &part, 1));
    assert_false(burst_holds());
}

static void what_comes_from_there_is_read_at_the_port(void **state)
{
    static const size_t lengths[] = {16, 17, 1400, TUNNEL_DATAGRAM_MAX};
    struct world *w = *state;
    uint8_t bytes[TUNNEL_DATAGRAM_MAX + 1], got[TUNNEL_DATAGRAM_MAX];
    struct net_address from = in_tunnel(9, 6000);
    struct read r;

    fill(bytes, sizeof bytes, 77);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct pollfd fd = {.fd = net_port_extra_event_fd(w->port), .events = POLLIN};

        assert_true(tunnels_give(w->far_fd, &from, bytes, lengths[i]));
        assert_int_equal(poll(&fd, 1, 0), 1);
        assert_int_equal(read_one(w, &r), 1);
        assert_int_equal(r.d.len, lengths[i]);
        assert_int_equal(demux_gather(&r.d, got, sizeof got), lengths[i]);
        assert_memory_equal(got, bytes, lengths[i]);
        assert_true(net_address_equal(&r.d.from, &from));
        assert_true(!r.d.cut && r.d.socket == 0 && r.d.interface == 0 && pktinfo_any(&r.d.local));
    }
    assert_false(tunnels_give(w->far_fd, &from, bytes, sizeof bytes));
    assert_int_equal(read_one(w, &r), -1);
    assert_int_equal(errno, EAGAIN);
}

static void no_other_address_and_no_piece_of_one_comes_from_there(void **state)
{
    struct world *w = *state;
    struct in6_addr canonical = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 240, [15] = 1}};
    struct net_address loopback = {.ip = {[15] = 1}, .port = htons(7000)}, near_by = in_tunnel(1, 1), peer;
    uint8_t message[sizeof peer + 20];
    struct read r;

    near_by.ip[7] = 1; /* 100:0:0:1::1 */
    peer = near_by;
    memcpy(peer.ip, &canonical, sizeof canonical);
    const struct net_address *forged[] = {&loopback, &near_by, &peer};
    for (int i = 0; i < 3; i++) {
        fill(message + sizeof peer, 20, 1);
        assert_false(tunnels_give(w->far_fd, forged[i], message + sizeof peer, 20));
        memcpy(message, forged[i], sizeof peer);
        assert_int_equal(send(w->far_fd, message, sizeof message, 0), (ssize_t)sizeof message);
        assert_int_equal(read_one(w, &r), 0);
    }
    for (size_t len = 1; len <= sizeof peer + 15; len++) { /* shorter than any user's */
        peer = in_tunnel(1, 1);
        memcpy(message, &peer, sizeof peer);
        assert_int_equal(send(w->far_fd, message, len, 0), (ssize_t)len);
        assert_int_equal(read_one(w, &r), 0);
    }
    assert_int_equal(read_one(w, &r), -1);
}

/* Nobody reads: the port's sender does not wait, nor does whoever feeds the port. */
static void a_full_queue_loses_what_comes_then(void **state)
{
    struct world *w = *state;
    struct net_address other = in_tunnel(7, 5000), at;
    uint8_t bytes[1400], got[TUNNEL_DATAGRAM_MAX];
    struct read r;
    int out = 0, in = 0;

    for (int i = 0; i < 5000; i++) {
        fill(bytes, sizeof bytes, (uint8_t)i);
        assert_int_equal(send_to(w, &other, bytes, sizeof bytes), 0);
        (void)tunnels_give(w->far_fd, &other, bytes, sizeof bytes);
    }
    while (tunnels_take(w->far_fd, &at, got) >= 0)
        out++;
    while (read_one(w, &r) >= 0)
        in++;
    assert_in_range(out, 16, 4999);
    assert_in_range(in, 16, 4999);
    assert_true(tunnels_give(w->far_fd, &other, bytes, sizeof bytes));
    assert_int_equal(read_one(w, &r), 1);
}

/* The network and the tunnels both have more than is read. */
static void neither_waits_for_the_other(void **state)
{
    struct world *w = *state;
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct net_address from = in_tunnel(7, 5000), own;
    uint8_t bytes[32];
    socklen_t len;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), tunnelled = 0;
    struct read r;

    fill(bytes, sizeof bytes, 1);
    net_address_from(&own, net_port_local(w->port, &len));
    to.sin6_port = own.port;
    for (int i = 0; i < 64; i++) {
        assert_int_equal(sendto(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof to), 32);
        assert_true(tunnels_give(w->far_fd, &from, bytes, sizeof bytes));
    }
    for (int i = 0; i < 64; i++) {
        assert_int_equal(read_one(w, &r), 1);
        tunnelled += tunnels_lead_to(&r.d.from);
    }
    assert_in_range(tunnelled, 24, 40);
    for (int i = 0; i < 64; i++)
        assert_int_equal(read_one(w, &r), 1);
    assert_int_equal(read_one(w, &r), -1);
    close(fd);
}

/* ---- UDT ---- */

/* Two far ends: what one has is given to the other, as from that one's tunnel. */
struct streams {
    int far_fd[2];
    struct net_address at[2];  /* whom each port sends to */
    unsigned lose_of, swap_of; /* one in so many; 0: none */
    atomic_uint carried, stray;
    atomic_bool done;
    pthread_t thread;
};

struct carried {
    uint8_t bytes[TUNNEL_DATAGRAM_MAX];
    ssize_t len;
};

static void carry(struct streams *s, int from, struct carried *kept, unsigned *count)
{
    struct net_address to;
    struct carried c;

    while ((c.len = tunnels_take(s->far_fd[from], &to, c.bytes)) >= 0) {
        atomic_fetch_add(&s->carried, 1);
        if (!net_address_equal(&to, &s->at[from])) {
            atomic_fetch_add(&s->stray, 1);
            continue;
        }
        unsigned n = ++*count;
        if (s->lose_of && n % s->lose_of == 0)
            continue;
        if (s->swap_of && n % s->swap_of == 0 && kept->len == 0) {
            *kept = c;
            continue;
        }
        (void)tunnels_give(s->far_fd[!from], &s->at[!from], c.bytes, (size_t)c.len);
        if (kept->len > 0)
            (void)tunnels_give(s->far_fd[!from], &s->at[!from], kept->bytes, (size_t)kept->len);
        kept->len = 0;
    }
}

static void *streams_run(void *arg)
{
    struct streams *s = arg;
    struct pollfd fds[2] = {{s->far_fd[0], POLLIN, 0}, {s->far_fd[1], POLLIN, 0}};
    struct carried kept[2] = {{.len = 0}, {.len = 0}};
    unsigned count[2] = {0, 0};

    while (!atomic_load(&s->done)) {
        if (poll(fds, 2, 10) <= 0)
            continue;
        for (int i = 0; i < 2; i++)
            carry(s, i, &kept[i], &count[i]);
    }
    return NULL;
}

static void streams_start(struct streams *s, struct udt_port *client, struct udt_port *to)
{
    s->far_fd[0] = net_port_tunnel_fd(udt_port_net(client));
    s->far_fd[1] = net_port_tunnel_fd(udt_port_net(to));
    s->at[0] = in_tunnel(1, 7000);
    s->at[1] = in_tunnel(2, 5555);
    assert_true(s->far_fd[0] >= 0 && s->far_fd[1] >= 0);
    assert_int_equal(pthread_create(&s->thread, NULL, streams_run, s), 0);
}

static void streams_stop(struct streams *s)
{
    atomic_store(&s->done, true);
    pthread_join(s->thread, NULL);
}

#define TOTAL (1 << 18)

static void move(struct stream *from, struct stream *to)
{
    static char sent[65536], got[65536];
    size_t out = 0, in = 0;

    for (int64_t end_ms = clock_now_ms() + 12 * WAIT_MS; in < TOTAL && clock_now_ms() < end_ms;) {
        struct pollfd fds[2] = {{udt_port_fd(left), POLLIN, 0}, {udt_port_fd(server), POLLIN, 0}};
        struct udt_event ev;
        size_t part = TOTAL - out < sizeof sent ? TOTAL - out : sizeof sent;
        for (size_t i = 0; i < part; i++)
            sent[i] = (char)((out + i) * 7 + (out + i) / 251);
        ssize_t n = part ? stream_write(from, sent, part) : HX_EAGAIN, m = stream_read(to, got, sizeof got);
        out += n > 0 ? (size_t)n : 0;
        for (ssize_t i = 0; i < m; i++)
            assert_int_equal(got[i], (char)((in + (size_t)i) * 7 + (in + (size_t)i) / 251));
        in += m > 0 ? (size_t)m : 0;
        if (n <= 0 && m <= 0)
            poll(fds, 2, 5);
        while (udt_port_next(left, &ev) || udt_port_next(server, &ev))
            ;
    }
    assert_int_equal(in, TOTAL);
}

static void udt_connects_and_moves(struct streams *s)
{
    struct sockaddr_in6 to;
    struct net_address seen;
    socklen_t len;
    struct stream *a;

    streams_start(s, left, server);
    net_address_to_sockaddr6(&s->at[0], &to);
    assert_int_equal(udt_connect(&a, left, (struct sockaddr *)&to, sizeof to, UDT_CONNECT_MS, NULL), HX_OK);
    assert_ptr_equal(await(left, UDT_EV_CONNECTED).stream, a);
    struct stream *b = await(server, UDT_EV_ACCEPTED).stream;
    net_address_from(&seen, stream_peer(b, &len));
    assert_true(net_address_equal(&seen, &s->at[1]));
    net_address_from(&seen, stream_peer(a, &len));
    assert_true(net_address_equal(&seen, &s->at[0]));
    move(a, b);
    move(b, a);
    assert_true(atomic_load(&s->carried) > 2 * TOTAL / UDT_MSS_BYTES);
    assert_int_equal(atomic_load(&s->stray), 0);
    stream_close(a);
    stream_close(b);
    streams_stop(s);
}

static void udt_connects_through_a_tunnel(void **state)
{
    struct streams s = {.lose_of = 0};

    (void)state;
    udt_connects_and_moves(&s);
}

static void udt_repairs_what_a_tunnel_loses_and_disorders(void **state)
{
    struct streams s = {.lose_of = 20, .swap_of = 7};

    (void)state;
    udt_connects_and_moves(&s);
}

/* A port has streams through tunnels and by the network at once. */
static void the_network_goes_on_beside_it(void **state)
{
    struct streams s = {.lose_of = 0};
    struct sockaddr_in6 to;
    struct stream *direct, *direct_far, *a;
    char buf[4];

    (void)state;
    direct = connect_to(left, server, &direct_far);
    streams_start(&s, left, server);
    net_address_to_sockaddr6(&s.at[0], &to);
    assert_int_equal(udt_connect(&a, left, (struct sockaddr *)&to, sizeof to, UDT_CONNECT_MS, NULL), HX_OK);
    assert_ptr_equal(await(left, UDT_EV_CONNECTED).stream, a);
    struct stream *b = await(server, UDT_EV_ACCEPTED).stream;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(stream_write(i % 2 ? direct : a, "ping", 4), 4);
        assert_int_equal(read_all(server, i % 2 ? direct_far : b, buf, 4), 4);
    }
    stream_close(a);
    stream_close(b);
    stream_close(direct);
    stream_close(direct_far);
    streams_stop(&s);
}

int main(void)
{
    const struct CMUnitTest ports[] = {
        cmocka_unit_test_setup_teardown(what_is_sent_there_comes_out_at_the_far_end, open_world, close_world),
        cmocka_unit_test_setup_teardown(they_may_be_closed_and_opened_again, open_world, close_world),
        cmocka_unit_test_setup_teardown(bursts_do_not_leave_there, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_comes_from_there_is_read_at_the_port, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_comes_from_there_is_read_at_the_port, open_batch, close_world),
        cmocka_unit_test_setup_teardown(no_other_address_and_no_piece_of_one_comes_from_there, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(a_full_queue_loses_what_comes_then, open_world, close_world),
        cmocka_unit_test_setup_teardown(neither_waits_for_the_other, open_world, close_world),
        cmocka_unit_test_setup_teardown(neither_waits_for_the_other, open_batch, close_world)};
    const struct CMUnitTest udt[] = {cmocka_unit_test(udt_connects_through_a_tunnel),
                                     cmocka_unit_test(udt_repairs_what_a_tunnel_loses_and_disorders),
                                     cmocka_unit_test(the_network_goes_on_beside_it)};

    int failed = cmocka_run_group_tests_name("ports", ports, NULL, NULL);
    return failed + cmocka_run_group_tests_name("udt", udt, open_all, close_all);
}
