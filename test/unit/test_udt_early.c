/* shim/udt: the first bytes of a stream, told ahead of it. */
#include "shim/udt/early_packet.h"
#include "shim/udt/tickets.h"
#include "shim/udt/udt_conn.h"
#include "test/unit/udt_fixture.h"
#include <unistd.h>

static struct stream *begin(struct udt_port *from, struct udt_port *to, const char *early)
{
    struct udt_early_bytes first = {.bytes = early, .len = strlen(early)};
    enum udt_party party = from == left ? UDT_PARTY_CALLER : UDT_PARTY_CALLED;
    socklen_t len;
    const struct sockaddr *address = udt_port_local(to, &len);
    struct stream *s;

    if (to == server)
        assert_int_equal(udt_connect_early(&s, from, address, len, 2000, &first, NULL), HX_OK);
    else
        assert_int_equal(udt_rendezvous_early(&s, from, address, len, NULL, 5000, party, &first, NULL),
                         HX_OK);
    return s;
}

static void expect_read(struct udt_port *p, struct stream *s, const char *text)
{
    char buf[64] = "";

    assert_int_equal(read_all(p, s, buf, strlen(text)), strlen(text));
    assert_string_equal(buf, text);
}

static void expect_nothing_more(struct stream *s)
{
    char buf[64];

    assert_int_equal(stream_read(s, buf, sizeof buf), HX_EAGAIN);
}

static uint64_t counted(struct udt_port *p, const char *name)
{
    struct udt_counter rows[UDT_COUNTERS_MAX];
    int n = udt_port_stats(p, rows);

    for (int i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    }
    fail_msg("no counter %s", name);
    return 0;
}

static void a_listener_has_the_first_bytes_when_it_accepts(void **state)
{
    char buf[64] = "";

    (void)state;
    struct stream *a = begin(left, server, "GET ");
    struct stream *b = await(server, UDT_EV_ACCEPTED).stream;
    assert_int_equal(stream_read(b, buf, sizeof buf),
                     4); /* the client has not looked whether it is connected */
    assert_string_equal(buf, "GET ");
    await(left, UDT_EV_CONNECTED);
    assert_int_equal(stream_write(a, "/", 1), 1);
    expect_read(server, b, "/");
    expect_nothing_more(b);
    assert_int_equal(stream_write(b, "200", 3), 3);
    expect_read(left, a, "200");
    stream_close(a);
    stream_close(b);
}

static void both_sides_of_a_rendezvous_read_before_they_are_connected(void **state)
{
    (void)state;
    struct stream *a = begin(left, right, "hello");
    struct stream *b = begin(right, left, "");
    assert_int_equal(await(right, UDT_EV_READABLE).stream == b, true);
    char buf[64] = "";
    assert_int_equal(stream_read(b, buf, 2), 2);
    assert_int_equal(stream_read(b, buf + 2, sizeof buf - 2), 3);
    assert_string_equal(buf, "hello");
    assert_int_equal(stream_write(b, "hello back", 10), 10);
    await(left, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
    expect_read(left, a, "hello back");
    assert_int_equal(stream_write(a, "more", 4), 4);
    assert_int_equal(stream_write(b, "more back", 9), 9);
    expect_read(left, a, "more back");
    expect_read(right, b, "more");
    expect_nothing_more(a);
    expect_nothing_more(b);
    stream_close(a);
    stream_close(b);
}

static void a_peer_that_does_not_want_to_know_reads_it_in_the_stream(void **state)
{
    socklen_t len;
    const struct sockaddr *address = udt_port_local(left, &len);
    struct stream *b;

    (void)state;
    struct stream *a = begin(left, right, "hello");
    assert_int_equal(udt_rendezvous(&b, right, address, len, NULL, 5000, UDT_PARTY_CALLED, NULL), HX_OK);
    assert_int_equal(stream_write(b, "early", 5), HX_EAGAIN);
    await(left, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
    expect_read(right, b, "hello");
    expect_nothing_more(b);
    stream_close(a);
    stream_close(b);
}

static void a_stream_takes_no_more_than_a_datagram_holds_before_it_is_connected(void **state)
{
    static char many[UDT_EARLY_BYTES_MAX + 1], got[UDT_EARLY_BYTES_MAX + 1];

    (void)state;
    memset(many, 'x', sizeof many);
    struct stream *a = begin(left, right, "");
    assert_int_equal(stream_write(a, many, 1), 1);
    assert_int_equal(stream_write(a, many, sizeof many), UDT_EARLY_BYTES_MAX - 1);
    assert_int_equal(stream_write(a, many, 1), HX_EAGAIN);
    struct stream *b = begin(right, left, "");
    await(left, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
    assert_int_equal(stream_write(a, many, 1), 1);
    assert_int_equal(read_all(right, b, got, sizeof got), sizeof got);
    assert_memory_equal(got, many, sizeof got);
    expect_nothing_more(b);
    stream_close(a);
    stream_close(b);
}

/* A forger at the peer's address cannot do this; the peer itself may. */
static void a_stream_that_contradicts_what_was_told_ahead_ends(void **state)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint8_t handshake[HANDSHAKE_SIZE] = {0}, packet[EARLY_PACKET_MAX];
    struct early_packet lie = {.handshake = handshake, .bytes = (const uint8_t *)"lie", .bytes_len = 3};
    socklen_t len;
    char buf[64];

    (void)state;
    struct udt_port_config config = {.local = (struct sockaddr *)&loopback, .local_len = sizeof loopback};
    struct udt_port *liar;
    assert_int_equal(udt_port_open(&liar, &config), HX_OK);
    const struct sockaddr *address = udt_port_local(liar, &len);
    struct udt_early_bytes none = {0};
    struct stream *a, *b;
    assert_int_equal(udt_rendezvous_early(&a, left, address, len, NULL, 5000, UDT_PARTY_UNSAID, &none, NULL),
                     HX_OK);
    packet_put_word(handshake + HANDSHAKE_ID, 77);
    packet_put_word(handshake + HANDSHAKE_MSS, UDT_MSS_BYTES);
    packet_put_word(handshake + HANDSHAKE_WINDOW, 32);
    struct iovec part = {.iov_base = packet, .iov_len = early_packet_write(&lie, packet)};
    struct net_route route = {0};
    address = udt_port_local(left, &len);
    net_address_from(&route.to, address);
    assert_int_equal(net_port_send(udt_port_net(liar), &route, &part, 1, 0), 0);
    await(left, UDT_EV_READABLE);
    expect_read(left, a, "lie");
    assert_int_equal(udt_rendezvous(&b, liar, address, len, NULL, 5000, UDT_PARTY_UNSAID, NULL), HX_OK);
    await(liar, UDT_EV_CONNECTED);
    await(left, UDT_EV_CONNECTED);
    assert_int_equal(stream_write(b, "the truth", 9), 9);
    while (stream_read(a, buf, sizeof buf) == HX_EAGAIN)
        await(left, UDT_EV_READABLE);
    assert_int_equal(stream_read(a, buf, sizeof buf), HX_ECLOSED);
    assert_int_equal(stream_write(a, "x", 1), HX_ECLOSED);
    stream_close(a);
    stream_close(b);
}

static void a_repeated_handshake_of_an_early_one_is_not_answered_twice(void **state)
{
    struct stream *a = begin(left, server, "GET ");
    struct stream *b = await(server, UDT_EV_ACCEPTED).stream;

    (void)state;
    await(left, UDT_EV_CONNECTED);
    expect_read(server, b, "GET ");
    assert_true(counted(server, "dropped_state") > 0);
    stream_close(a);
    stream_close(b);
}

/* The ticket of an open stream. */
static size_t await_ticket(struct udt_port *p, struct stream *s, uint8_t ticket[UDT_TICKET_MAX])
{
    assert_ptr_equal(await(p, UDT_EV_TICKET).stream, s);
    return udt_stream_ticket(s, ticket);
}

/* From `from`; whether the listener has the first bytes without a cookie. */
static bool visit_with(struct udt_port *from, const uint8_t *ticket, size_t ticket_len,
                       uint8_t next[UDT_TICKET_MAX], size_t *next_len)
{
    struct udt_early_bytes first = {.bytes = "GET ", .len = 4, .ticket = ticket, .ticket_len = ticket_len};
    uint64_t taken = counted(server, "tickets_taken");
    socklen_t len;
    const struct sockaddr *address = udt_port_local(server, &len);
    struct stream *a;
    char buf[8] = "";

    assert_int_equal(udt_connect_early(&a, from, address, len, 2000, &first, NULL), HX_OK);
    struct stream *b = await(server, UDT_EV_ACCEPTED).stream;
    assert_int_equal(stream_read(b, buf, sizeof buf), 4);
    assert_string_equal(buf, "GET ");
    assert_int_equal(stream_write(b, "200", 3), 3);
    await(from, UDT_EV_CONNECTED);
    *next_len = await_ticket(from, a, next);
    expect_read(from, a, "200");
    assert_int_equal(stream_write(a, "/", 1), 1);
    expect_read(server, b, "/");
    stream_close(a);
    stream_close(b);
    return counted(server, "tickets_taken") > taken;
}

static void a_visitor_with_a_ticket_needs_no_cookie_and_gets_another_ticket(void **state)
{
    uint8_t ticket[UDT_TICKET_MAX], used[UDT_TICKET_MAX];
    size_t len;

    (void)state;
    assert_false(visit_with(left, NULL, 0, ticket, &len));
    assert_int_equal(len, TICKET_SIZE);
    for (int i = 0; i < 5; i++) { /* from whichever port */
        memcpy(used, ticket, sizeof used);
        assert_true(visit_with(i % 2 ? left : right, ticket, len, ticket, &len));
        assert_int_equal(len, TICKET_SIZE);
        assert_memory_not_equal(ticket, used, len);
    }
}

static void a_ticket_that_does_not_hold_costs_nothing(void **state)
{
    uint8_t ticket[UDT_TICKET_MAX], next[UDT_TICKET_MAX];
    size_t len, next_len;

    (void)state;
    assert_false(visit_with(left, NULL, 0, ticket, &len));
    assert_true(visit_with(left, ticket, len, next, &next_len));
    uint64_t bad = counted(server, "dropped_bad_ticket");
    assert_false(visit_with(left, ticket, len, next, &next_len)); /* used */
    assert_int_equal(counted(server, "dropped_bad_ticket"), bad + 1);
    next[3] ^= 1;
    assert_false(visit_with(left, next, next_len, next, &next_len));
}

#define LARGE_BYTES 8000

/* Sends this ticket from a socket of its own at the same address, as somebody does who has seen it pass. */
static int send_as_thief(const uint8_t *ticket, size_t ticket_len, size_t *sent)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint8_t handshake[HANDSHAKE_SIZE] = {0}, packet[EARLY_PACKET_MAX];
    struct early_packet p = {.handshake = handshake,
                             .ticket = ticket,
                             .ticket_len = ticket_len,
                             .bytes = (const uint8_t *)"GET ",
                             .bytes_len = 4};
    socklen_t len;
    const struct sockaddr_in6 *to = (const struct sockaddr_in6 *)udt_port_local(server, &len);

    packet_put_word(handshake + HANDSHAKE_VERSION, 4);
    packet_put_word(handshake + HANDSHAKE_TYPE, 1);
    packet_put_word(handshake + HANDSHAKE_MSS, UDT_MSS_BYTES);
    packet_put_word(handshake + HANDSHAKE_WINDOW, 32);
    packet_put_word(handshake + HANDSHAKE_REQUEST, HS_REGULAR);
    packet_put_word(handshake + HANDSHAKE_ID, 77);
    *sent = early_packet_write(&p, packet);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    loopback.sin_port = to->sin6_port;
    assert_int_equal(sendto(fd, packet, *sent, 0, (struct sockaddr *)&loopback, sizeof loopback), *sent);
    return fd;
}

/* Until UDT's repetitions, the first after 300 ms, have had their time. */
static size_t received_by(int fd)
{
    int64_t deadline_ms = clock_now_ms() + 800;
    char buf[2048];
    size_t all = 0;

    for (int64_t now_ms; (now_ms = clock_now_ms()) < deadline_ms;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(deadline_ms - now_ms)) > 0)
            all += (size_t)recv(fd, buf, sizeof buf, 0);
    }
    return all;
}

static void who_has_only_seen_a_ticket_makes_the_listener_send_three_times_as_much_and_no_more(void **state)
{
    static const char large[LARGE_BYTES];
    uint8_t ticket[UDT_TICKET_MAX];
    size_t ticket_len, sent;

    (void)state;
    assert_false(visit_with(left, NULL, 0, ticket, &ticket_len));
    int fd = send_as_thief(ticket, ticket_len, &sent);
    struct stream *b = await(server, UDT_EV_ACCEPTED).stream;
    assert_int_equal(stream_write(b, large, sizeof large), sizeof large);
    assert_in_range(received_by(fd), PACKET_HEAD + HANDSHAKE_SIZE, UDT_CONN_AMPLIFICATION * sent);
    close(fd);
    stream_close(b);
}

static void a_visitor_with_a_ticket_gets_all_of_a_large_answer(void **state)
{
    static char large[LARGE_BYTES], got[LARGE_BYTES];
    uint8_t ticket[UDT_TICKET_MAX];
    socklen_t len;
    const struct sockaddr *address = udt_port_local(server, &len);
    struct udt_early_bytes first = {.bytes = "GET ", .len = 4, .ticket = ticket};
    struct stream *a;

    (void)state;
    memset(large, 'x', sizeof large);
    assert_false(visit_with(left, NULL, 0, ticket, &first.ticket_len));
    assert_int_equal(udt_connect_early(&a, left, address, len, 2000, &first, NULL), HX_OK);
    struct stream *b = await(server, UDT_EV_ACCEPTED).stream;
    assert_int_equal(stream_write(b, large, sizeof large), sizeof large);
    await(left, UDT_EV_CONNECTED);
    assert_int_equal(read_all(left, a, got, sizeof got), sizeof got);
    assert_memory_equal(got, large, sizeof got);
    stream_close(a);
    stream_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_has_the_first_bytes_when_it_accepts),
        cmocka_unit_test(a_repeated_handshake_of_an_early_one_is_not_answered_twice),
        cmocka_unit_test(a_visitor_with_a_ticket_needs_no_cookie_and_gets_another_ticket),
        cmocka_unit_test(who_has_only_seen_a_ticket_makes_the_listener_send_three_times_as_much_and_no_more),
        cmocka_unit_test(a_visitor_with_a_ticket_gets_all_of_a_large_answer),
        cmocka_unit_test(a_ticket_that_does_not_hold_costs_nothing),
        cmocka_unit_test(both_sides_of_a_rendezvous_read_before_they_are_connected),
        cmocka_unit_test(a_peer_that_does_not_want_to_know_reads_it_in_the_stream),
        cmocka_unit_test(a_stream_takes_no_more_than_a_datagram_holds_before_it_is_connected),
        cmocka_unit_test(a_stream_that_contradicts_what_was_told_ahead_ends),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
