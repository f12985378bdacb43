/* shim/udt: the first bytes of a stream, told ahead of it. */
#include "shim/udt/early_packet.h"
#include "shim/udt/tickets.h"
#include "shim/udt/udt_conn.h"
#include "test/unit/udt_fixture.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static struct stream *begin(struct udt_port *from, const char *early)
{
    struct udt_early_bytes first = {.bytes = early, .len = strlen(early)};
    socklen_t len;
    const struct sockaddr *address = udt_port_local(server, &len);
    struct stream *s;

    assert_int_equal(udt_connect_early(&s, from, address, len, WAIT_MS, &first, NULL), HX_OK);
    return s;
}

/* What happens at every port is taken: what one has told ahead is written once it has heard that it is connected. */
static void take_events(void)
{
    struct udt_port *const ports[] = {server, left, right};
    struct udt_event ev;

    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        while (udt_port_next(ports[i], &ev))
            ;
    }
}

static void expect_read(struct stream *s, const char *text)
{
    int64_t deadline_ms = clock_now_ms() + WAIT_MS;
    char buf[64] = "";
    size_t got = 0;

    while (got < strlen(text) && clock_now_ms() < deadline_ms) {
        ssize_t n = stream_read(s, buf + got, strlen(text) - got);
        if (n == HX_EAGAIN) {
            take_events();
            poll(NULL, 0, 1);
        }
        got += n > 0 ? (size_t)n : 0;
    }
    assert_string_equal(buf, text);
}

static void expect_nothing_more(struct stream *s)
{
    char buf[64];

    assert_int_equal(stream_read(s, buf, sizeof buf), HX_EAGAIN);
}

/* The stream with this early text. A client that says its handshake again just when its connection ends makes one
 * that nobody uses, as with every UDT. */
static struct stream *accept_early(const char *text)
{
    for (;;) {
        struct stream *s = await(server, UDT_EV_ACCEPTED).stream;
        char buf[64] = "";

        if (stream_read(s, buf, sizeof buf - 1) == (ssize_t)strlen(text) && strcmp(buf, text) == 0)
            return s;
        stream_close(s);
    }
}

static void a_listener_has_the_first_bytes_when_it_accepts(void **state)
{
    (void)state;
    struct stream *a = begin(left, "GET ");
    struct stream *b = accept_early("GET "); /* the client has not looked whether it is connected */
    await(left, UDT_EV_CONNECTED);
    assert_int_equal(stream_write(a, "/", 1), 1);
    expect_read(b, "/");
    expect_nothing_more(b);
    assert_int_equal(stream_write(b, "200", 3), 3);
    expect_read(a, "200");
    stream_close(a);
    stream_close(b);
}

static void a_repeated_handshake_of_an_early_one_is_not_answered_twice(void **state)
{
    struct stream *a = begin(left, "POST ");
    struct stream *b = accept_early("POST ");

    (void)state;
    await(left, UDT_EV_CONNECTED);
    assert_true(counter(server, "dropped_state") > 0);
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
    static int visits;
    char text[32];
    struct udt_early_bytes first = {.bytes = text, .ticket = ticket, .ticket_len = ticket_len};
    uint64_t taken = counter(server, "tickets_taken");
    socklen_t len;
    const struct sockaddr *address = udt_port_local(server, &len);
    struct stream *a;

    first.len = (size_t)snprintf(text, sizeof text, "visit %d", ++visits);
    assert_int_equal(udt_connect_early(&a, from, address, len, WAIT_MS, &first, NULL), HX_OK);
    struct stream *b = accept_early(text);
    assert_int_equal(stream_write(b, "200", 3), 3);
    await(from, UDT_EV_CONNECTED);
    *next_len = await_ticket(from, a, next);
    expect_read(a, "200");
    assert_int_equal(stream_write(a, "/", 1), 1);
    expect_read(b, "/");
    stream_close(a);
    stream_close(b);
    return counter(server, "tickets_taken") > taken;
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
    uint64_t bad = counter(server, "dropped_bad_ticket");
    assert_false(visit_with(left, ticket, len, next, &next_len)); /* used */
    assert_true(counter(server, "dropped_bad_ticket") > bad);
    next[3] ^= 1;
    assert_false(visit_with(left, next, next_len, next, &next_len));
}

#define LARGE_BYTES 8000
#define THIEF       "I saw it pass"

static void put_first_handshake(uint8_t body[HANDSHAKE_SIZE], uint32_t isn)
{
    packet_put_word(body + HANDSHAKE_VERSION, 4);
    packet_put_word(body + HANDSHAKE_TYPE, 1);
    packet_put_word(body + HANDSHAKE_ISN, isn);
    packet_put_word(body + HANDSHAKE_MSS, UDT_MSS_BYTES);
    packet_put_word(body + HANDSHAKE_WINDOW, 32);
    packet_put_word(body + HANDSHAKE_REQUEST, HS_REGULAR);
    packet_put_word(body + HANDSHAKE_ID, 77);
}

/* A socket that speaks to the server for itself. */
static int open_raw(void)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    loopback.sin_port = ((const struct sockaddr_in6 *)udt_port_local(server, &len))->sin6_port;
    assert_int_equal(connect(fd, (struct sockaddr *)&loopback, sizeof loopback), 0);
    return fd;
}

static size_t send_early(int fd, struct early_packet *p, const char *text)
{
    uint8_t packet[EARLY_PACKET_MAX];

    p->bytes = (const uint8_t *)text;
    p->bytes_len = strlen(text);
    size_t len = early_packet_write(p, packet);
    assert_int_equal(send(fd, packet, len, 0), len);
    return len;
}

/* Sends this ticket from a socket of its own at the same address, as somebody does who has seen it pass. */
static int send_as_thief(const uint8_t *ticket, size_t ticket_len, size_t *sent)
{
    uint8_t handshake[HANDSHAKE_SIZE] = {0};
    struct early_packet p = {.handshake = handshake, .ticket = ticket, .ticket_len = ticket_len};
    int fd = open_raw();

    put_first_handshake(handshake, 1000);
    *sent = send_early(fd, &p, THIEF);
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
    struct stream *b = accept_early(THIEF);
    assert_int_equal(stream_write(b, large, sizeof large), sizeof large);
    assert_in_range(received_by(fd), PACKET_HEAD + HANDSHAKE_SIZE, UDT_CONN_AMPLIFICATION * sent);
    close(fd);
    stream_close(b);
}

/* The body of the next handshake that comes. */
static void read_answer(int fd, uint8_t body[HANDSHAKE_SIZE])
{
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE];

    do
        assert_in_range(recv(fd, packet, sizeof packet, 0), PACKET_HEAD, sizeof packet);
    while (packet_type(packet) != PACKET_HANDSHAKE);
    memcpy(body, packet + PACKET_HEAD, HANDSHAKE_SIZE);
}

/* `body`: the handshake; then that of its answer. */
static void ask_raw(int fd, uint8_t body[HANDSHAKE_SIZE])
{
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE] = {0};

    packet_put_control(packet, PACKET_HANDSHAKE, 0, 0);
    memcpy(packet + PACKET_HEAD, body, HANDSHAKE_SIZE);
    assert_int_equal(send(fd, packet, sizeof packet, 0), sizeof packet);
    read_answer(fd, body);
}

/* The request of the answer to a first handshake with this sequence number. */
static int32_t answer_to(int fd, uint32_t isn)
{
    uint8_t body[HANDSHAKE_SIZE] = {0};

    put_first_handshake(body, isn);
    ask_raw(fd, body);
    return (int32_t)packet_word(body + HANDSHAKE_REQUEST);
}

/* The peer itself may do this; nobody else has its cookie. */
static void a_stream_that_contradicts_what_was_told_ahead_ends(void **state)
{
    static const char truth[] = "the truth";
    uint8_t body[HANDSHAKE_SIZE] = {0}, answer[HANDSHAKE_SIZE], data[PACKET_HEAD + sizeof truth] = {0};
    struct early_packet lie = {.handshake = body};
    int fd = open_raw();
    char buf[64];

    (void)state;
    put_first_handshake(body, 1000);
    memcpy(answer, body, sizeof answer);
    ask_raw(fd, answer);
    packet_put_word(body + HANDSHAKE_COOKIE, packet_word(answer + HANDSHAKE_COOKIE));
    packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)HS_CONCLUSION);
    (void)send_early(fd, &lie, "lie");
    struct stream *b = accept_early("lie");
    read_answer(fd, answer);
    packet_put_word(data, 1000);
    packet_put_word(data + 4, 0xc0000001u); /* a message of one packet */
    packet_put_word(data + 12, packet_word(answer + HANDSHAKE_ID));
    memcpy(data + PACKET_HEAD, truth, sizeof truth);
    assert_int_equal(send(fd, data, sizeof data, 0), sizeof data);
    while (stream_read(b, buf, sizeof buf) == HX_EAGAIN)
        await(server, UDT_EV_READABLE);
    assert_int_equal(stream_read(b, buf, sizeof buf), HX_ECLOSED);
    assert_int_equal(stream_write(b, "x", 1), HX_ECLOSED);
    close(fd);
    stream_close(b);
}

static void who_asks_again_after_a_ticket_was_taken_is_answered_again(void **state)
{
    uint8_t ticket[UDT_TICKET_MAX];
    size_t ticket_len, sent;

    (void)state;
    assert_false(visit_with(left, NULL, 0, ticket, &ticket_len));
    int fd = send_as_thief(ticket, ticket_len, &sent);
    struct stream *b = accept_early(THIEF);
    poll(NULL, 0, 60); /* as long as the first answer may be on its way nothing is said again */
    char first[PACKET_HEAD + HANDSHAKE_SIZE];
    assert_int_equal(recv(fd, first, sizeof first, 0), sizeof first);
    assert_int_equal(answer_to(fd, 1000), HS_CONCLUSION);
    assert_int_equal(answer_to(fd, 1001), HS_REGULAR); /* another connection, and no ticket: a cookie */
    close(fd);
    stream_close(b);
}

static void a_visitor_with_a_ticket_gets_all_of_a_large_answer(void **state)
{
    static char large[LARGE_BYTES], got[LARGE_BYTES];
    uint8_t ticket[UDT_TICKET_MAX];
    socklen_t len;
    const struct sockaddr *address = udt_port_local(server, &len);
    struct udt_early_bytes first = {.bytes = "all", .len = 3, .ticket = ticket};
    struct stream *a;

    (void)state;
    memset(large, 'x', sizeof large);
    assert_false(visit_with(left, NULL, 0, ticket, &first.ticket_len));
    assert_int_equal(udt_connect_early(&a, left, address, len, WAIT_MS, &first, NULL), HX_OK);
    struct stream *b = accept_early("all");
    assert_int_equal(stream_write(b, large, sizeof large), sizeof large);
    await(left, UDT_EV_CONNECTED);
    assert_int_equal(read_all(left, a, got, sizeof got), sizeof got);
    assert_memory_equal(got, large, sizeof got);
    stream_close(a);
    stream_close(b);
}

/* Stands before the server, for one client, whose first keepalives do not arrive. */
static struct {
    int front, back;
    int lose;
    atomic_bool done;
} way;

static void *way_run(void *arg)
{
    struct pollfd fds[] = {{way.front, POLLIN, 0}, {way.back, POLLIN, 0}};
    struct sockaddr_in client = {.sin_port = 0};
    socklen_t len = sizeof client;
    uint8_t bytes[2048];

    while (!atomic_load(&way.done)) {
        if (poll(fds, 2, 10) <= 0)
            continue;
        ssize_t n = recvfrom(way.front, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&client, &len);
        if (n >= PACKET_HEAD && packet_type(bytes) == PACKET_KEEPALIVE && way.lose > 0)
            way.lose--;
        else if (n > 0)
            (void)!send(way.back, bytes, (size_t)n, 0);
        n = recv(way.back, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0)
            (void)!sendto(way.front, bytes, (size_t)n, 0, (struct sockaddr *)&client, len);
    }
    return arg;
}

/* A listener that has taken a ticket says little before it has one of the proofs. */
static void a_visitor_with_a_ticket_gets_all_though_seven_proofs_are_lost(void **state)
{
    struct sockaddr_in front = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static char large[LARGE_BYTES], got[LARGE_BYTES];
    uint8_t ticket[UDT_TICKET_MAX];
    socklen_t len = sizeof front;
    struct udt_early_bytes first = {.bytes = "lost", .len = 4, .ticket = ticket};
    struct stream *a;
    pthread_t thread;

    (void)state;
    assert_false(visit_with(left, NULL, 0, ticket, &first.ticket_len));
    way.back = open_raw();
    way.front = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    way.lose = 7;
    assert_int_equal(bind(way.front, (struct sockaddr *)&front, len), 0);
    assert_int_equal(getsockname(way.front, (struct sockaddr *)&front, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, way_run, NULL), 0);
    assert_int_equal(udt_connect_early(&a, left, (struct sockaddr *)&front, len, WAIT_MS, &first, NULL),
                     HX_OK);
    struct stream *b = accept_early("lost");
    memset(large, 'y', sizeof large);
    assert_int_equal(stream_write(b, large, sizeof large), sizeof large);
    await(left, UDT_EV_CONNECTED);
    assert_int_equal(read_all(left, a, got, sizeof got), sizeof got);
    assert_memory_equal(got, large, sizeof got);
    atomic_store(&way.done, true);
    pthread_join(thread, NULL);
    assert_int_equal(way.lose, 0);
    stream_close(a);
    stream_close(b);
    close(way.front);
    close(way.back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_has_the_first_bytes_when_it_accepts),
        cmocka_unit_test(a_repeated_handshake_of_an_early_one_is_not_answered_twice),
        cmocka_unit_test(a_visitor_with_a_ticket_needs_no_cookie_and_gets_another_ticket),
        cmocka_unit_test(who_has_only_seen_a_ticket_makes_the_listener_send_three_times_as_much_and_no_more),
        cmocka_unit_test(who_asks_again_after_a_ticket_was_taken_is_answered_again),
        cmocka_unit_test(a_visitor_with_a_ticket_gets_all_of_a_large_answer),
        cmocka_unit_test(a_visitor_with_a_ticket_gets_all_though_seven_proofs_are_lost),
        cmocka_unit_test(a_ticket_that_does_not_hold_costs_nothing),
        cmocka_unit_test(a_stream_that_contradicts_what_was_told_ahead_ends),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
