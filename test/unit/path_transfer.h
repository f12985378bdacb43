/* test/unit/path_transfer.h: two ports that know each other by canonical addresses, and what passes between them over
 * the paths of path_fixture.h. */
#ifndef HX_TEST_PATH_TRANSFER_H
#define HX_TEST_PATH_TRANSFER_H

#include "test/unit/path_fixture.h"

static struct net_peer *to_right, *to_left; /* left's peer, right's peer */

#define PERIOD (251 * 256) /* of the bytes that are sent */
#define PART   16384

static char pattern[PERIOD + PART];

static inline void make_pattern(void)
{
    for (int i = 0; i < PERIOD + PART; i++)
        pattern[i] = (char)(i * 7 + i / 251);
}

static inline int open_ports(void **state)
{
    struct udt_port_config config = {.backlog = 0}; /* all addresses of both families */

    (void)state;
    make_pattern();
    assert_int_equal(udt_port_open(&left, &config), HX_OK);
    assert_int_equal(udt_port_open(&right, &config), HX_OK);
    return 0;
}

static inline int make_peers(void **state)
{
    (void)state;
    assert_int_equal(net_peer_create(&to_right, udt_port_net(left)), HX_OK);
    assert_int_equal(net_peer_create(&to_left, udt_port_net(right)), HX_OK);
    return 0;
}

static inline int end_peers(void **state)
{
    (void)state;
    net_peer_destroy(to_right);
    net_peer_destroy(to_left);
    to_right = to_left = NULL;
    return 0;
}

static inline struct stream *begin(struct udt_port *p, const struct net_peer *peer)
{
    struct sockaddr_in6 to;
    struct stream *s;

    net_address_to_sockaddr6(net_peer_address(peer), &to);
    assert_int_equal(
        udt_rendezvous(&s, p, (struct sockaddr *)&to, sizeof to, NULL, WAIT_MS, UDT_PARTY_UNSAID, NULL),
        HX_OK);
    return s;
}

static inline void add(const struct net_path *of_left, const struct net_path *of_right)
{
    assert_int_equal(net_peer_add(to_right, of_left), HX_OK);
    assert_int_equal(net_peer_add(to_left, of_right), HX_OK);
}

static inline void use(const struct net_path *of_left, const struct net_path *of_right)
{
    assert_int_equal(net_peer_use(to_right, of_left, 0), HX_OK);
    assert_int_equal(net_peer_use(to_left, of_right, 0), HX_OK);
}

static inline void add_over(const char *ip)
{
    struct net_path of_left = path_over(ip, right), of_right = path_over(ip, left);

    add(&of_left, &of_right);
}

/* Connects over whatever paths there are. */
static inline void meet(struct stream **a, struct stream **b)
{
    *a = begin(left, to_right);
    *b = begin(right, to_left);
    assert_ptr_equal(await(left, UDT_EV_CONNECTED).stream, *a);
    assert_ptr_equal(await(right, UDT_EV_CONNECTED).stream, *b);
}

static inline void check_pair(struct udt_port *from_port, struct stream *from, struct udt_port *to_port,
                              struct stream *to)
{
    char buf[4];

    assert_int_equal(stream_write(from, "ping", 4), 4);
    assert_int_equal(read_all(to_port, to, buf, 4), 4);
    assert_memory_equal(buf, "ping", 4);
    assert_int_equal(stream_write(to, "pong", 4), 4);
    assert_int_equal(read_all(from_port, from, buf, 4), 4);
    assert_memory_equal(buf, "pong", 4);
}

/* One direction of a transfer; every byte depends on its place. */
struct flow {
    struct stream *from, *to;
    uint32_t sent, got, total;
};

/* True: it has brought some bytes further. */
static inline bool flow_step(struct flow *f)
{
    char buf[PART];
    uint32_t part = f->total - f->sent < PART ? f->total - f->sent : PART;
    ssize_t n = part ? stream_write(f->from, pattern + f->sent % PERIOD, part) : 0;
    ssize_t m = stream_read(f->to, buf, sizeof buf);

    f->sent += n > 0 ? (uint32_t)n : 0;
    if (m > 0)
        assert_memory_equal(buf, pattern + f->got % PERIOD, (size_t)m);
    f->got += m > 0 ? (uint32_t)m : 0;
    return n > 0 || m > 0;
}

/* Both directions at once, until all of both is there; `look` is called between. */
static inline void transfer(struct stream *a, struct stream *b, uint32_t total,
                            void (*look)(uint32_t got, void *context), void *context)
{
    struct flow flows[2] = {{a, b, 0, 0, total}, {b, a, 0, 0, total}};
    struct udt_event ev;

    for (int64_t end_ms = clock_now_ms() + 6 * WAIT_MS;
         (flows[0].got < total || flows[1].got < total) && clock_now_ms() < end_ms;) {
        struct pollfd fds[2] = {{udt_port_fd(left), POLLIN, 0}, {udt_port_fd(right), POLLIN, 0}};
        bool moved = flow_step(&flows[0]);

        moved |= flow_step(&flows[1]);
        if (look)
            look(flows[0].got < flows[1].got ? flows[0].got : flows[1].got, context);
        if (!moved)
            poll(fds, 2, 5);
        while (udt_port_next(left, &ev) || udt_port_next(right, &ev))
            ;
    }
    assert_int_equal(flows[0].got, total);
    assert_int_equal(flows[1].got, total);
}

#endif
