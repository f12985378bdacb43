/* shim/udt: two hosts' ports that meet by rendezvous, as after an introduction. */
#include "base/clock.h"
#include "shim/udt/filter.h"
#include "test/unit/sanitized.h"
#include "test/unit/udt_fixture.h"
#include <net/if.h>
#include <unistd.h>

static void expect_host(const struct sockaddr_in6 *at, const char *host)
{
    char text[INET6_ADDRSTRLEN];

    assert_string_equal(inet_ntop(AF_INET6, &at->sin6_addr, text, sizeof text), host);
}

/* The peer, which takes nothing from elsewhere, is told that we are at 127.0.0.2. */
static void a_rendezvous_leaves_by_its_source(void **state)
{
    struct udt_port_config config = {.local = NULL};
    struct sockaddr_in6 source = {.sin6_family = AF_INET6}, seen = source;
    struct stream *b;

    (void)state;
    struct udt_port *all;
    assert_int_equal(udt_port_open(&all, &config), HX_OK);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.2", &source.sin6_addr), 1);
    seen.sin6_addr = source.sin6_addr;
    socklen_t len;
    seen.sin6_port = ((const struct sockaddr_in6 *)udt_port_local(all, &len))->sin6_port;
    assert_int_equal(
        udt_rendezvous(&b, right, (struct sockaddr *)&seen, sizeof seen, NULL, 5000, UDT_PARTY_UNSAID, NULL),
        HX_OK);
    const struct sockaddr *address = udt_port_local(right, &len);
    struct stream *a;
    assert_int_equal(udt_rendezvous(&a, all, address, len, &source, 5000, UDT_PARTY_UNSAID, NULL), HX_OK);
    await(all, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
    assert_false(udt_stream_heard_at(a, &seen)); /* a peer does not decide how it is reached */
    stream_close(a);
    stream_close(b);

    a = connect_to(all, server, &b);
    assert_true(udt_stream_heard_at(a, &seen));
    expect_host(&seen, "::ffff:127.0.0.1");
    assert_int_equal(seen.sin6_scope_id, if_nametoindex("lo"));
    stream_close(a);
    stream_close(b);
}

/* One punch: how long the first data takes, sent as soon as the sender is connected. */
static int64_t first_data_ms(void)
{
    struct stream *a;
    char buf[4];
    socklen_t len;
    const struct sockaddr *address = udt_port_local(right, &len);

    assert_int_equal(udt_rendezvous(&a, left, address, len, NULL, 5000, UDT_PARTY_UNSAID, NULL), HX_OK);
    address = udt_port_local(left, &len);
    struct stream *b;
    assert_int_equal(udt_rendezvous(&b, right, address, len, NULL, 5000, UDT_PARTY_UNSAID, NULL), HX_OK);
    await(left, UDT_EV_CONNECTED);
    stream_write(a, "1st", 3);
    int64_t start_ms = clock_now_ms();
    await(right, UDT_EV_CONNECTED);
    assert_int_equal(read_all(right, b, buf, 3), 3);
    int64_t took_ms = clock_now_ms() - start_ms;
    stream_close(a);
    stream_close(b);
    return took_ms;
}

static void the_first_data_of_a_rendezvous_needs_no_resend(void **state)
{
    int slow = 0;

    (void)state;
    for (int i = 0; i < 10; i++)
        slow += first_data_ms() >= 250; /* UDT's own resend comes after 300 ms, every time */
    assert_in_range(slow, 0, 2);        /* a busy machine */
}

enum { LEFT_CALLS, RIGHT_CALLED, RIGHT_CALLS, LEFT_CALLED, ENDS };

static void begin(struct stream *ends[ENDS], int end)
{
    bool from_left = end == LEFT_CALLS || end == LEFT_CALLED;
    bool calls = end == LEFT_CALLS || end == RIGHT_CALLS;
    socklen_t len;
    const struct sockaddr *address = udt_port_local(from_left ? right : left, &len);

    assert_int_equal(udt_rendezvous(&ends[end], from_left ? left : right, address, len, NULL, WAIT_MS,
                                    calls ? UDT_PARTY_CALLER : UDT_PARTY_CALLED, NULL),
                     HX_OK);
}

static void check_pair(struct stream *from, struct udt_port *to_port, struct stream *to, const char *word)
{
    char buf[2];

    assert_int_equal(stream_write(from, word, 2), 2);
    assert_int_equal(read_all(to_port, to, buf, 2), 2);
    assert_memory_equal(buf, word, 2);
}

static void two_hosts_that_call_each_other_at_the_same_moment_get_a_connection_each(void **state)
{
    /* in whatever order each of them learns of it */
    static const int orders[][ENDS] = {{LEFT_CALLS, RIGHT_CALLED, RIGHT_CALLS, LEFT_CALLED},
                                       {LEFT_CALLS, RIGHT_CALLS, LEFT_CALLED, RIGHT_CALLED},
                                       {LEFT_CALLED, RIGHT_CALLED, LEFT_CALLS, RIGHT_CALLS},
                                       {RIGHT_CALLED, LEFT_CALLED, RIGHT_CALLS, LEFT_CALLS}};
    struct stream *ends[ENDS];

    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        for (int j = 0; j < ENDS; j++)
            begin(ends, orders[i][j]);
        for (int j = 0; j < 2; j++) {
            await(left, UDT_EV_CONNECTED);
            await(right, UDT_EV_CONNECTED);
        }
        check_pair(ends[LEFT_CALLS], right, ends[RIGHT_CALLED], "lr");
        check_pair(ends[RIGHT_CALLED], left, ends[LEFT_CALLS], "al");
        check_pair(ends[RIGHT_CALLS], left, ends[LEFT_CALLED], "rl");
        check_pair(ends[LEFT_CALLED], right, ends[RIGHT_CALLS], "ar");
        for (int j = 0; j < ENDS; j++)
            stream_close(ends[j]);
    }
}

static void who_calls_does_not_meet_another_who_calls(void **state)
{
    struct stream *ends[ENDS];

    (void)state;
    begin(ends, LEFT_CALLS);
    begin(ends, RIGHT_CALLS);
    begin(ends, LEFT_CALLED); /* comes last, and is the one */
    assert_ptr_equal(await(left, UDT_EV_CONNECTED).stream, ends[LEFT_CALLED]);
    assert_ptr_equal(await(right, UDT_EV_CONNECTED).stream, ends[RIGHT_CALLS]);
    for (int i = 0; i < ENDS; i++) {
        if (i != RIGHT_CALLED)
            stream_close(ends[i]);
    }
}

static void who_says_nothing_about_it_meets_either(void **state)
{
    socklen_t len;
    const struct sockaddr *address = udt_port_local(left, &len);
    struct stream *ends[ENDS], *stock;

    (void)state;
    for (int i = 0; i < 2; i++) {
        int end = i ? LEFT_CALLS : LEFT_CALLED;

        begin(ends, end);
        assert_int_equal(udt_rendezvous(&stock, right, address, len, NULL, WAIT_MS, UDT_PARTY_UNSAID, NULL),
                         HX_OK);
        await(left, UDT_EV_CONNECTED);
        await(right, UDT_EV_CONNECTED);
        check_pair(stock, left, ends[end], "sl");
        stream_close(ends[end]);
        stream_close(stock);
    }
}

/* A peer whose handshakes are no good is heard, and why they are not. */
static void a_failed_rendezvous_says_what_came_from_the_peer(void **state)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in to = peer;
    socklen_t len = sizeof peer, left_len;
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE] = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct stream *s;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&peer, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&peer, &len), 0);
    assert_int_equal(
        udt_rendezvous(&s, left, (struct sockaddr *)&peer, len, NULL, 300, UDT_PARTY_UNSAID, NULL), HX_OK);
    struct udt_heard heard;
    udt_stream_heard(s, &heard);
    assert_int_equal(heard.came, 0);
    to.sin_port = ((const struct sockaddr_in6 *)udt_port_local(left, &left_len))->sin6_port;
    packet_put_control(packet, PACKET_HANDSHAKE, 0, 0);
    packet_put_word(packet + PACKET_HEAD + HANDSHAKE_ISN, 1);
    packet_put_word(packet + PACKET_HEAD + HANDSHAKE_MSS, FILTER_MSS_MIN - 1);
    packet_put_word(packet + PACKET_HEAD + HANDSHAKE_WINDOW, 8192);
    packet_put_word(packet + PACKET_HEAD + HANDSHAKE_ID, 1234);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sendto(fd, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to),
                         sizeof packet);
    await(left, UDT_EV_CONNECT_FAILED);
    udt_stream_heard(s, &heard);
    assert_int_equal(heard.came, 3);
    assert_int_equal(heard.dropped, 3);
    assert_string_equal(heard.rule, "mss");
    stream_close(s);
    close(fd);
}

static int64_t round_trip_us(struct stream *a, struct stream *b)
{
    char buf[4];
    int64_t begun_us = clock_now_us();

    assert_int_equal(stream_write(a, "ping", 4), 4);
    assert_int_equal(read_all(right, b, buf, 4), 4);
    assert_int_equal(stream_write(b, "pong", 4), 4);
    assert_int_equal(read_all(left, a, buf, 4), 4);
    return clock_now_us() - begun_us;
}

/* UDT looks at its timers each 10 ms. What is said does not wait for that, either way. Where others have the processors most of
 * the time, one try of ten shows it. */
static void what_is_said_is_heard_at_once(void **state)
{
    int quick = 0;

    (void)state;
    struct stream *a, *b;
    rendezvous(&a, &b);
    for (int try = 0; try < 10 && quick < 8; try++) {
        quick = 0;
        for (int i = 0; i < 10; i++) {
            quick += round_trip_us(a, b) < 10000;
            poll(NULL, 0, 5);
        }
    }
    assert_in_range(quick, 8, 10);
    stream_close(a);
    stream_close(b);
}

static void both_directions_end_separately(void **state)
{
    char buf[16];

    (void)state;
    struct stream *a, *b;
    rendezvous(&a, &b);
    stream_write(a, "question", 8);
    assert_int_equal(udt_stream_half_close(a), HX_OK);
    assert_int_equal(read_all(right, b, buf, sizeof buf), 8);
    assert_int_equal(stream_read(b, buf, sizeof buf), HX_EEOF);
    await(left, UDT_EV_HALF_CLOSED);
    struct udt_half_close f;
    udt_stream_half_close_state(a, &f);
    assert_true(f.sent_confirmed && !f.received_all);
    stream_write(b, "answer", 6); /* the other direction still works */
    udt_stream_half_close(b);
    assert_int_equal(read_all(left, a, buf, sizeof buf), 6);
    assert_int_equal(stream_read(a, buf, sizeof buf), HX_EEOF);
    await(right, UDT_EV_HALF_CLOSED);
    stream_close(a);
    stream_close(b);
}

/* The thread sanitizer keeps a list of the library's races, of every eight bytes that one thread has received and another
 * reads, and goes through all of it for each: megabytes may take minutes. */
static void megabytes_arrive_whole_through_a_rendezvous(void **state)
{
    enum { TOTAL = THREADS_SANITIZED ? 1 << 18 : 4 << 20 };
    char *out = malloc(TOTAL), *in = malloc(TOTAL);
    size_t sent = 0, got = 0;
    struct udt_event ev;

    (void)state;
    for (int i = 0; i < TOTAL; i++)
        out[i] = (char)(i * 7 + i / 251);
    struct stream *a, *b;
    rendezvous(&a, &b);
    for (int64_t end_ms = clock_now_ms() + 4 * WAIT_MS; got < TOTAL && clock_now_ms() < end_ms;) {
        ssize_t n = sent < TOTAL ? stream_write(a, out + sent, TOTAL - sent) : HX_EAGAIN;
        ssize_t m = stream_read(b, in + got, TOTAL - got);
        struct pollfd fds[2] = {{udt_port_fd(left), POLLIN, 0}, {udt_port_fd(right), POLLIN, 0}};

        sent += n > 0 ? (size_t)n : 0;
        got += m > 0 ? (size_t)m : 0;
        if (n <= 0 && m <= 0)
            poll(fds, 2, 100);
        while (udt_port_next(left, &ev) || udt_port_next(right, &ev))
            ;
    }
    assert_int_equal(got, TOTAL);
    assert_memory_equal(in, out, TOTAL);
    stream_close(a);
    stream_close(b);
    free(in);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rendezvous_leaves_by_its_source),
        cmocka_unit_test(the_first_data_of_a_rendezvous_needs_no_resend),
        cmocka_unit_test(two_hosts_that_call_each_other_at_the_same_moment_get_a_connection_each),
        cmocka_unit_test(who_calls_does_not_meet_another_who_calls),
        cmocka_unit_test(who_says_nothing_about_it_meets_either),
        cmocka_unit_test(a_failed_rendezvous_says_what_came_from_the_peer),
        cmocka_unit_test(what_is_said_is_heard_at_once),
        cmocka_unit_test(both_directions_end_separately),
        cmocka_unit_test(megabytes_arrive_whole_through_a_rendezvous),
    };

    return cmocka_run_group_tests_name("udt_rendezvous", tests, open_all, close_all);
}
