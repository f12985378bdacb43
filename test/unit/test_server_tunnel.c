/* server/tunnel: UDT connects to a server's port through capsules; whom such connections are counted to. */
#include "base/buf.h"
#include "base/rate.h"
#include "proto/capsule.h"
#include "server/config.h"
#include "server/counters.h"
#include "server/loop.h"
#include "server/policy.h"
#include "server/tunnel.h"
#include "shim/net/tunnels.h"
#include "test/unit/udt_fixture.h"

static struct counters counters;
static struct tunnels *tunnels;
static struct loop *loop;
static uint16_t udp_port;

static struct endpoint at(const char *text)
{
    struct endpoint e;

    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static int open_tunnels(void **state)
{
    socklen_t len;
    struct net_address local;

    open_all(state);
    assert_int_equal(tunnels_create(&tunnels, &counters), HX_OK);
    assert_false(tunnels_has_port(tunnels));
    assert_int_equal(tunnels_add_port(tunnels, server), HX_OK);
    assert_true(tunnels_has_port(tunnels));
    assert_int_equal(loop_create(&loop), HX_OK);
    assert_int_equal(tunnels_begin(tunnels, loop), HX_OK);
    net_address_from(&local, udt_port_local(server, &len));
    udp_port = ntohs(local.port);
    return 0;
}

static int close_tunnels(void **state)
{
    loop_destroy(loop);
    tunnels_destroy(tunnels);
    return close_all(state);
}

/* ---- where they lead ---- */

static void lose(void *owner, const uint8_t *bytes, size_t len)
{
    (void)owner, (void)bytes, (void)len;
}

static const struct tunnel_owner nobody = {.give = lose};

static struct tunnel *open_from(const char *source)
{
    struct upgrade_target target = {.host = "localhost", .port = udp_port};
    struct endpoint e = at(source);
    struct tunnel *t;

    assert_int_equal(tunnel_open(&t, tunnels, &target, &e, &nobody), HX_OK);
    return t;
}

static void they_lead_to_our_own_udp_ports_alone(void **state)
{
    static const struct {
        const char *host;
        int port; /* 0: ours */
        int err;
    } rows[] = {{"localhost", 0, HX_OK},
                {"LocalHost", 0, HX_OK},
                {"127.0.0.1", 0, HX_OK},
                {"127.9.9.9", 0, HX_OK},
                {"::1", 0, HX_OK},
                {"localhost", 7000, HX_OK},
                {"localhost", 53, HX_EREJECTED},
                {"192.0.2.1", 0, HX_EREJECTED},
                {"example.org", 0, HX_EREJECTED},
                {"192.0.2.1", 7000, HX_EREJECTED},
                {"0.0.0.0", 0, HX_EREJECTED}};
    struct endpoint source = at("192.0.2.7:50000");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct upgrade_target target = {.port = rows[i].port ? (uint16_t)rows[i].port : udp_port};
        struct tunnel *t = NULL;

        strcpy(target.host, rows[i].host);
        assert_int_equal(tunnel_open(&t, tunnels, &target, &source, &nobody), rows[i].err);
        tunnel_close(t);
    }
    assert_int_equal(tunnel_open(&(struct tunnel *){NULL}, NULL,
                                 &(struct upgrade_target){"localhost", udp_port}, &source, &nobody),
                     HX_EREJECTED);
}

/* ---- whose they are ---- */

static bool same_rate(const struct tunnel *a, const struct tunnel *b)
{
    uint8_t one[RATE_KEY_BYTES], other[RATE_KEY_BYTES];
    size_t len = rate_source_key(tunnel_address(a)->address, one);

    return rate_source_key(tunnel_address(b)->address, other) == len && memcmp(one, other, len) == 0;
}

static void rates_are_those_of_the_source_whatever_tunnels_it_opens(void **state)
{
    struct tunnel *a = open_from("192.0.2.7:50000"), *b = open_from("192.0.2.7:50001"),
                  *other = open_from("192.0.2.8:50000"), *six = open_from("[2001:db8::1]:1"),
                  *same_net = open_from("[2001:db8::2]:1"), *other_net = open_from("[2001:db8:0:1::1]:1");

    (void)state;
    assert_true(same_rate(a, b) && !same_rate(a, other) && same_rate(six, same_net) &&
                !same_rate(six, other_net) && !same_rate(a, six));
    assert_false(endpoint_same_host(tunnel_address(a), tunnel_address(b)));
    assert_false(endpoint_punchable(tunnel_address(a)));
    struct endpoint first = *tunnel_address(a);
    tunnel_close(a);
    a = open_from("192.0.2.7:50000"); /* the address is no one's any more */
    assert_false(endpoint_same_host(tunnel_address(a), &first));
    tunnel_close(a);
    tunnel_close(b);
    tunnel_close(other);
    tunnel_close(six);
    tunnel_close(same_net);
    tunnel_close(other_net);
}

static int overs;

static void over(void *member)
{
    (void)member;
    overs++;
}

static void its_members_end_with_it_and_are_counted_to_its_source(void **state)
{
    struct tunnel *t = open_from("192.0.2.7:50000");
    struct endpoint peer = *tunnel_address(t), source = at("192.0.2.7:50000"), direct = at("192.0.2.9:1");
    struct tunnel_member *m, *n;

    (void)state;
    overs = 0;
    m = tunnel_member_join(tunnels, &peer, over, NULL);
    n = tunnel_member_join(tunnels, &peer, over, NULL);
    assert_true(m && n && tunnel_members(t) == 2);
    assert_null(tunnel_member_join(tunnels, &direct, over, NULL));
    assert_true(endpoint_equal(tunnels_source(tunnels, &peer), &source));
    assert_ptr_equal(tunnels_source(tunnels, &direct), &direct);
    assert_ptr_equal(tunnels_source(NULL, &peer), &peer);
    tunnel_member_leave(n);
    assert_int_equal(tunnel_members(t), 1);
    tunnel_close(t);
    assert_int_equal(overs, 1);
    /* as long as one is there it is known whose it is, and nobody comes any more */
    assert_true(endpoint_equal(tunnels_source(tunnels, &peer), &source));
    assert_null(tunnel_member_join(tunnels, &peer, over, NULL));
    tunnel_member_leave(m);
    assert_ptr_equal(tunnels_source(tunnels, &peer), &peer);
}

static void limits_count_both_ways_together(void **state)
{
    struct server_config config;
    struct tunnel *t = open_from("192.0.2.7:50000"), *other = open_from("192.0.2.8:50000");
    struct endpoint peer = *tunnel_address(t), direct = at("192.0.2.7:1"), others = *tunnel_address(other);
    struct policy *p;

    (void)state;
    server_config_defaults(&config);
    config.max_per_address = 3;
    assert_int_equal(policy_create(&p, &config), HX_OK);
    policy_use_tunnels(p, tunnels);
    assert_int_equal(policy_may_enter(p, &peer), REPLY_NOTHING);
    assert_int_equal(policy_may_enter(p, &direct), REPLY_NOTHING);
    assert_int_equal(policy_may_enter(p, &peer), REPLY_NOTHING);
    assert_int_equal(policy_may_enter(p, &peer), REPLY_PEER_LIMIT);
    assert_int_equal(policy_may_enter(p, &direct), REPLY_PEER_LIMIT);
    for (int i = 0; i < 3; i++)
        assert_int_equal(policy_may_enter(p, &others), REPLY_NOTHING);
    policy_left(p, &peer);
    assert_int_equal(policy_may_enter(p, &direct), REPLY_NOTHING);
    policy_destroy(p);
    tunnel_close(t);
    tunnel_close(other);
}

/* ---- what they carry ---- */

/* The client's end, as client/tunnel.c has it, with a stream between that is a pair of buffers. */
struct wire {
    struct tunnel *tunnel;
    int far_fd;
    struct net_address server; /* seen from the client's port */
    struct buf to_client;
    struct capsule_reader reader;
};

static void give(void *owner, const uint8_t *bytes, size_t len)
{
    struct wire *w = owner;

    assert_int_equal(capsule_write(&w->to_client, bytes, len), HX_OK);
}

static void arrives(void *owner, const uint8_t *bytes, size_t len)
{
    struct wire *w = owner;

    (void)tunnels_give(w->far_fd, &w->server, bytes, len);
}

static int one_turn(void *user, int64_t now_ms)
{
    int *turns = user;

    (void)now_ms;
    return (*turns)++ == 0 ? 1 : LOOP_END;
}

static void carry(struct wire *w)
{
    uint8_t bytes[TUNNEL_DATAGRAM_MAX];
    struct net_address to;
    struct buf out;
    ssize_t len;
    int turns = 0;

    buf_init(&out, 0);
    while ((len = tunnels_take(w->far_fd, &to, bytes)) >= 0)
        assert_int_equal(capsule_write(&out, bytes, (size_t)len), HX_OK);
    assert_int_equal(tunnel_take(w->tunnel, buf_data(&out), out.len), HX_OK);
    buf_free(&out);
    loop_run(loop, one_turn, &turns);
    assert_int_equal(capsule_reader_feed(&w->reader, buf_data(&w->to_client), w->to_client.len), HX_OK);
    buf_free(&w->to_client);
}

static bool comes(struct wire *w, struct udt_port *p, enum udt_event_type type, struct udt_event *ev)
{
    for (int64_t end_ms = clock_now_ms() + WAIT_MS; clock_now_ms() < end_ms;) {
        carry(w);
        while (udt_port_next(p, ev))
            if (ev->type == type)
                return true;
    }
    return false;
}

static void udt_connects_through_it(void **state)
{
    struct wire w = {.far_fd = net_port_tunnel_fd(udt_port_net(left)),
                     .server = {.ip = {0x01, [15] = 1}, .port = htons(7000)}};
    struct upgrade_target target = {.host = "localhost", .port = udp_port};
    struct tunnel_owner owner = {.give = give, .owner = &w};
    struct endpoint source = at("192.0.2.7:50000"), peer;
    struct sockaddr_in6 to;
    struct udt_event ev;
    struct stream *a;
    socklen_t len;
    char got[5];

    (void)state;
    buf_init(&w.to_client, 0);
    capsule_reader_init(&w.reader, arrives, &w);
    assert_int_equal(tunnel_open(&w.tunnel, tunnels, &target, &source, &owner), HX_OK);
    net_address_to_sockaddr6(&w.server, &to);
    uint64_t before = counters.of[COUNTER_TUNNEL_TAKEN];
    assert_int_equal(udt_connect(&a, left, (struct sockaddr *)&to, sizeof to, UDT_CONNECT_MS, NULL), HX_OK);
    assert_true(comes(&w, left, UDT_EV_CONNECTED, &ev));
    assert_true(comes(&w, server, UDT_EV_ACCEPTED, &ev));
    struct stream *b = ev.stream;
    const struct sockaddr *sa = stream_peer(b, &len);
    assert_int_equal(endpoint_from_sockaddr(&peer, sa, len), HX_OK);
    assert_true(endpoint_equal(&peer, tunnel_address(w.tunnel)));
    assert_int_equal(stream_write(a, "hello", 5), 5);
    assert_true(comes(&w, server, UDT_EV_READABLE, &ev));
    assert_int_equal(stream_read(b, got, sizeof got), 5);
    assert_memory_equal(got, "hello", 5);
    assert_true(counters.of[COUNTER_TUNNEL_TAKEN] > before);
    tunnel_close(w.tunnel);
    stream_close(a);
    stream_close(b);
}

static void what_is_no_capsule_is_told(void **state)
{
    struct tunnel *t = open_from("192.0.2.7:50000");

    (void)state;
    assert_int_equal(tunnel_take(t, "\0\0", 2), HX_EPROTO);
    tunnel_close(t);
    t = open_from("192.0.2.7:50000");
    assert_int_equal(tunnel_take(t, "\0\xff\xff\xff\xff\xff\xff\xff\xff", 9), HX_ETOOBIG);
    tunnel_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_lead_to_our_own_udp_ports_alone),
        cmocka_unit_test(rates_are_those_of_the_source_whatever_tunnels_it_opens),
        cmocka_unit_test(its_members_end_with_it_and_are_counted_to_its_source),
        cmocka_unit_test(limits_count_both_ways_together),
        cmocka_unit_test(what_is_no_capsule_is_told),
        cmocka_unit_test(udt_connects_through_it)};
    return cmocka_run_group_tests_name("server tunnel", tests, open_tunnels, close_tunnels);
}
