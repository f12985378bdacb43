/* The keepalives of shim/udt's tap on a simulated clock: two taps, each with a model of UDT's expiration
 * timer (core.cpp, checkTimers), and a network that loses what the test wants. What a tap sends by itself
 * leaves through a real socket on loopback and is taken from there at once. */
#include "shim/udt/inbound.h"
#include "shim/udt/outbound.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define STEP_MS    100
#define HOUR_MS    3600000
#define EXP_MIN_MS 300   /* UDT's m_ullMinExpInt */
#define EXP_MAX    16    /* expirations after which UDT gives up */
#define SILENCE_MS 30000 /* after which a server drops a peer (DESIGN, section 3) */
#define ID_A       11
#define ID_B       22

struct side {
    struct net_port *port;
    struct tap *tap; /* NULL: a stock program, nothing but UDT */
    bool suspended;  /* its UDT's timers stand still (shim/udt/idle_suspension.h) */
    struct net_address address;
    int fd;
    int32_t id, peer_id;
    int exp_count;
    int64_t response_ms; /* UDT's m_ullLastRspTime */
    int64_t heard_ms, longest_ms;
    int sent;
};

struct world {
    struct side a, b;
    int64_t now_ms;
    unsigned seed, lose_percent;
    bool broken;
};

static void open_side(struct side *s, bool stock, int32_t id, int32_t peer_id)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct net_port_config net = {.local = (struct sockaddr *)&loopback};
    struct tap_config config = {.window_max = 32};

    memset(s, 0, sizeof *s);
    s->id = id;
    s->peer_id = peer_id;
    s->exp_count = 1;
    assert_int_equal(net_port_open(&s->port, &net), HX_OK);
    s->fd = net_port_fd(s->port);
    socklen_t len;
    net_address_from(&s->address, net_port_local(s->port, &len));
    if (!stock)
        assert_int_equal(tap_create(&s->tap, s->port, &config), HX_OK);
}

static void introduce(struct side *s, const struct side *peer)
{
    struct udt_conn_peer key = {.at = peer->address, .id = s->peer_id};

    if (s->tap)
        assert_non_null(udt_conn_add(&s->tap->conns, s->id, &key, UDT_CONN_OPEN, 32, 0));
}

static void open_world(struct world *w, bool stock, unsigned seed, unsigned lose_percent)
{
    memset(w, 0, sizeof *w);
    open_side(&w->a, false, ID_A, ID_B);
    open_side(&w->b, stock, ID_B, ID_A);
    introduce(&w->a, &w->b);
    introduce(&w->b, &w->a);
    w->seed = seed;
    w->lose_percent = lose_percent;
}

static void close_world(struct world *w)
{
    tap_destroy(w->a.tap);
    tap_destroy(w->b.tap);
    net_port_close(w->a.port);
    net_port_close(w->b.port);
}

static void deliver(struct world *w, struct side *from, struct side *to, uint8_t *packet, size_t len)
{
    struct net_route route = {.to = from->address};

    from->sent++;
    if ((unsigned)rand_r(&w->seed) % 100 < w->lose_percent)
        return;
    to->heard_ms = w->now_ms;
    size_t body_len = len - PACKET_HEAD;
    if (to->tap && !inbound_take(to->tap, &route, packet, packet + PACKET_HEAD, &body_len, w->now_ms))
        return; /* for the tap alone: UDT does not see it */
    to->exp_count = 1;
    to->response_ms = w->now_ms;
}

/* What `from`'s tap has sent by itself. */
static void flush(struct world *w, struct side *from, struct side *to)
{
    uint8_t packet[256];
    ssize_t n;

    while ((n = recv(to->fd, packet, sizeof packet, MSG_DONTWAIT)) > 0)
        deliver(w, from, to, packet, (size_t)n);
}

/* UDT's checkTimers() for a connection without data: a keepalive at each expiration, the end after too
 * many. */
static void check_timers(struct world *w, struct side *s, struct side *peer)
{
    uint8_t packet[PACKET_HEAD + 4] = {0};
    struct net_route route = {.to = peer->address};

    if (s->suspended || w->now_ms <= s->response_ms + (int64_t)s->exp_count * EXP_MIN_MS)
        return;
    if (s->exp_count > EXP_MAX) {
        w->broken = true;
        return;
    }
    packet_put_control(packet, PACKET_KEEPALIVE, 0, s->peer_id);
    if (!s->tap || outbound_leave(s->tap, &route, packet, packet + PACKET_HEAD, 4, w->now_ms))
        deliver(w, s, peer, packet, sizeof packet);
    flush(w, s, peer);
    s->exp_count++;
    s->response_ms = w->now_ms;
}

static void note_silence(struct world *w, struct side *s)
{
    if (w->now_ms - s->heard_ms > s->longest_ms)
        s->longest_ms = w->now_ms - s->heard_ms;
}

static void run(struct world *w, int64_t ms)
{
    for (int64_t end_ms = w->now_ms + ms; w->now_ms < end_ms && !w->broken; w->now_ms += STEP_MS) {
        check_timers(w, &w->a, &w->b);
        check_timers(w, &w->b, &w->a);
        for (int i = 0; i < 3; i++) { /* answers to answers */
            flush(w, &w->a, &w->b);
            flush(w, &w->b, &w->a);
        }
        note_silence(w, &w->a);
        note_silence(w, &w->b);
    }
}

static double per_second(const struct side *s)
{
    return s->sent * 1000.0 / HOUR_MS;
}

static void an_idle_pair_of_ours_sends_at_most_fifteen_datagrams_in_100_s(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false, 1, 0);
    run(&w, HOUR_MS);
    assert_false(w.broken);
    assert_true(per_second(&w.a) <= 0.15);
    assert_true(per_second(&w.b) <= 0.15);
    assert_in_range(w.a.longest_ms, 0, 12000);
    close_world(&w);
}

static void a_stock_peer_and_we_send_at_most_twelve_in_ten_seconds(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true, 1, 0);
    run(&w, HOUR_MS);
    assert_false(w.broken);
    assert_true(per_second(&w.a) + per_second(&w.b) <= 1.2);
    close_world(&w);
}

static void nobody_dies_in_an_hour_at_ten_percent_loss(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct world w;

        open_world(&w, seed % 4 == 0, seed, 10);
        run(&w, HOUR_MS);
        assert_false(w.broken);
        assert_in_range(w.a.longest_ms, 0, SILENCE_MS);
        assert_in_range(w.b.longest_ms, 0, 46000); /* a stock peer's own limit */
        close_world(&w);
    }
}

/* An idle connection of a nameserver says nothing but answers. A lost answer costs nothing where the next
 * keepalive shows it. */
static void a_stock_peer_of_a_suspended_connection_outlives_twenty_percent_loss(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++) {
        struct world w;

        open_world(&w, true, seed, 20);
        w.a.suspended = true;
        udt_conn_find(&w.a.tap->conns, ID_A)->suspended = &w;
        run(&w, HOUR_MS);
        assert_false(w.broken);
        assert_true(per_second(&w.a) + per_second(&w.b) <= 1.2);
        close_world(&w);
    }
}

static void a_vanished_peer_is_heard_no_more(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false, 1, 0);
    run(&w, 60000);
    w.lose_percent = 100;
    run(&w, SILENCE_MS + 12000);
    assert_true(w.now_ms - tap_conn_heard_ms(w.a.tap, ID_A) >= SILENCE_MS);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_pair_of_ours_sends_at_most_fifteen_datagrams_in_100_s),
        cmocka_unit_test(a_stock_peer_and_we_send_at_most_twelve_in_ten_seconds),
        cmocka_unit_test(nobody_dies_in_an_hour_at_ten_percent_loss),
        cmocka_unit_test(a_stock_peer_of_a_suspended_connection_outlives_twenty_percent_loss),
        cmocka_unit_test(a_vanished_peer_is_heard_no_more),
    };

    return cmocka_run_group_tests_name("keepalive", tests, NULL, NULL);
}
