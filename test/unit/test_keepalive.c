/* shim/udt/wire's keepalives on a simulated clock: two wires, each with a model of UDT's expiration timer
 * (core.cpp, checkTimers), and a network that loses what the test wants. What a wire sends by itself leaves
 * through a real socket on loopback and is taken from there at once. */
#include "shim/udt/wire_internal.h"
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
    struct wire *wire; /* NULL: a stock program, nothing but UDT */
    bool parked;       /* its UDT's timers stand still (shim/udt/wire_park.h) */
    struct sockaddr_in6 address;
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
    struct wire_config config = {.window_max = 32};
    socklen_t len = sizeof(s->address);

    memset(s, 0, sizeof(*s));
    s->id = id;
    s->peer_id = peer_id;
    s->exp_count = 1;
    s->address.sin6_family = AF_INET6;
    s->address.sin6_addr = in6addr_loopback;
    s->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&s->address, len), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&s->address, &len), 0);
    if (stock)
        return;
    assert_int_equal(wire_create(&s->wire, s->fd, &config), HX_OK);
    s->wire->family = AF_INET6;
}

static void introduce(struct side *s, const struct side *peer)
{
    struct wire_peer key;
    struct wire_conn *c;

    if (!s->wire)
        return;
    wire_peer_from(&key, (const struct sockaddr *)&peer->address);
    key.id = s->peer_id;
    c = wire_add(s->wire, s->id, &key, WIRE_OPEN, 0);
    assert_non_null(c);
}

static void open_world(struct world *w, bool stock, unsigned seed, unsigned lose_percent)
{
    memset(w, 0, sizeof(*w));
    open_side(&w->a, false, ID_A, ID_B);
    open_side(&w->b, stock, ID_B, ID_A);
    introduce(&w->a, &w->b);
    introduce(&w->b, &w->a);
    w->seed = seed;
    w->lose_percent = lose_percent;
}

static void close_world(struct world *w)
{
    wire_destroy(w->a.wire);
    if (w->b.wire)
        wire_destroy(w->b.wire);
    close(w->a.fd);
    close(w->b.fd);
}

static void deliver(struct world *w, struct side *from, struct side *to, uint8_t *packet, size_t len)
{
    from->sent++;
    if ((unsigned)rand_r(&w->seed) % 100 < w->lose_percent)
        return;
    to->heard_ms = w->now_ms;
    if (to->wire && !wire_take(to->wire, (struct sockaddr *)&from->address, packet, packet + PACKET_HEAD,
                               len - PACKET_HEAD, w->now_ms))
        return; /* for wire alone: UDT does not see it */
    to->exp_count = 1;
    to->response_ms = w->now_ms;
}

/* What `from`'s wire has sent by itself. */
static void flush(struct world *w, struct side *from, struct side *to)
{
    uint8_t packet[256];
    ssize_t n;

    while ((n = recv(to->fd, packet, sizeof(packet), 0)) > 0)
        deliver(w, from, to, packet, (size_t)n);
}

/* UDT's checkTimers() for a connection without data: a keepalive at each expiration, the end after too many.
 */
static void check_timers(struct world *w, struct side *s, struct side *peer)
{
    uint8_t packet[PACKET_HEAD + 4] = {0};

    if (s->parked || w->now_ms <= s->response_ms + (int64_t)s->exp_count * EXP_MIN_MS)
        return;
    if (s->exp_count > EXP_MAX) {
        w->broken = true;
        return;
    }
    packet_put_control(packet, PACKET_KEEPALIVE, 0, s->peer_id);
    if (!s->wire ||
        wire_leave(s->wire, (struct sockaddr *)&peer->address, packet, packet + PACKET_HEAD, 4, w->now_ms))
        deliver(w, s, peer, packet, sizeof(packet));
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
    struct world w;

    (void)state;
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
    struct world w;

    (void)state;
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

/* An idle connection of a nameserver says nothing but answers. A lost answer costs nothing where the next keepalive
 * shows it. */
static void a_stock_peer_of_a_parked_connection_outlives_twenty_percent_loss(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++) {
        struct world w;

        open_world(&w, true, seed, 20);
        w.a.parked = true;
        wire_find(w.a.wire, ID_A)->parked = &w;
        run(&w, HOUR_MS);
        assert_false(w.broken);
        assert_true(per_second(&w.a) + per_second(&w.b) <= 1.2);
        close_world(&w);
    }
}

static void a_vanished_peer_is_heard_no_more(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, false, 1, 0);
    run(&w, 60000);
    w.lose_percent = 100;
    run(&w, SILENCE_MS + 12000);
    assert_true(w.now_ms - wire_conn_heard_ms(w.a.wire, ID_A) >= SILENCE_MS);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_pair_of_ours_sends_at_most_fifteen_datagrams_in_100_s),
        cmocka_unit_test(a_stock_peer_and_we_send_at_most_twelve_in_ten_seconds),
        cmocka_unit_test(nobody_dies_in_an_hour_at_ten_percent_loss),
        cmocka_unit_test(a_stock_peer_of_a_parked_connection_outlives_twenty_percent_loss),
        cmocka_unit_test(a_vanished_peer_is_heard_no_more),
    };

    return cmocka_run_group_tests_name("keepalive", tests, NULL, NULL);
}
