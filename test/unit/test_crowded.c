/* A listener to which more comes than is read: who asks for a connection must ask again, who has one is
 * heard. */
#include "shim/udt/packet.h"
#include "shim/udt/tap_parts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define MANY         120 /* datagrams; the kernel counts more than 700 bytes for each */
#define BUFFER_BYTES 65536

struct world {
    struct net_port *port;
    struct tap *tap;
    int fd; /* of who asks */
};

static void send_one(struct world *w, enum packet_type type, int32_t id)
{
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE] = {0}, *body = packet + PACKET_HEAD;

    packet_put_control(packet, type, 0, id);
    packet_put_word(body + HANDSHAKE_VERSION, 4);
    packet_put_word(body + HANDSHAKE_TYPE, 1);
    packet_put_word(body + HANDSHAKE_ISN, 1);
    packet_put_word(body + HANDSHAKE_MSS, FILTER_MSS_OURS);
    packet_put_word(body + HANDSHAKE_WINDOW, 32);
    packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)HS_REGULAR);
    packet_put_word(body + HANDSHAKE_ID, 7);
    size_t len = type == PACKET_HANDSHAKE ? sizeof packet : PACKET_HEAD + 4;
    assert_int_equal(send(w->fd, packet, len, 0), (ssize_t)len);
}

static void send_many(struct world *w, enum packet_type type, int32_t id)
{
    for (int i = 0; i < MANY; i++)
        send_one(w, type, id);
}

/* As UDT's worker does. */
static void read_all(struct world *w)
{
    uint8_t head[PACKET_HEAD], body[1500];
    struct iovec parts[2] = {{head, sizeof head}, {body, sizeof body}};
    struct net_datagram d = {.parts = parts, .part_count = 2};

    while (net_port_read(w->port, &d) >= 0)
        continue;
}

static uint64_t dropped(const struct world *w, enum drop why)
{
    return w->tap->drops.count[why];
}

static int answers(struct world *w)
{
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE];
    int count = 0;

    while (recv(w->fd, packet, sizeof packet, MSG_DONTWAIT) == (ssize_t)sizeof packet)
        count++;
    return count;
}

static void who_asks_while_the_queue_is_long_is_dropped_and_answered_once_it_is_short(void **state)
{
    struct world *w = *state;

    send_many(w, PACKET_HANDSHAKE, 0);
    read_all(w);
    int answered = answers(w);
    assert_in_range(answered, 1, MANY / 2 + 32);
    assert_int_equal(dropped(w, DROP_CROWDED), MANY - answered);
    send_one(w, PACKET_HANDSHAKE, 0);
    read_all(w);
    assert_int_equal(answers(w), 1);
}

static void what_comes_of_connections_is_heard_however_long_the_queue_is(void **state)
{
    struct world *w = *state;

    send_many(w, PACKET_KEEPALIVE, 5);
    read_all(w);
    assert_int_equal(dropped(w, DROP_CROWDED), 0);
    assert_int_equal(dropped(w, DROP_UNMATCHED), MANY); /* there is none: but it was looked for */
}

static void who_asks_among_much_else_is_answered_however_long_the_queue_is(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < MANY / 4; i++) {
        send_one(w, PACKET_KEEPALIVE, 5);
        send_one(w, PACKET_KEEPALIVE, 5);
        send_one(w, PACKET_HANDSHAKE, 0);
    }
    read_all(w);
    assert_int_equal(dropped(w, DROP_CROWDED), 0);
    assert_int_equal(answers(w), MANY / 4);
}

static void a_burst_that_is_read_at_once_is_answered(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < MANY; i++) {
        send_one(w, PACKET_HANDSHAKE, 0);
        read_all(w);
    }
    assert_int_equal(dropped(w, DROP_CROWDED), 0);
    assert_int_equal(answers(w), MANY);
}

static int open_world(void **state)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct net_port_config net = {.local = (struct sockaddr *)&loopback, .batch = true};
    struct tap_config config = {.listening = true, .window_max = 32};
    struct world *w = calloc(1, sizeof *w);
    int bytes = BUFFER_BYTES;
    socklen_t len;

    assert_non_null(w);
    assert_int_equal(net_port_open(&w->port, &net), HX_OK);
    assert_int_equal(setsockopt(net_port_fd(w->port), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    assert_int_equal(tap_create(&w->tap, w->port, &config), HX_OK);
    w->fd = socket(AF_INET6, SOCK_DGRAM, 0);
    const struct sockaddr *to = net_port_local(w->port, &len);
    assert_int_equal(connect(w->fd, to, len), 0);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;

    close(w->fd);
    tap_destroy(w->tap);
    net_port_close(w->port);
    free(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_asks_while_the_queue_is_long_is_dropped_and_answered_once_it_is_short),
        TEST(what_comes_of_connections_is_heard_however_long_the_queue_is),
        TEST(who_asks_among_much_else_is_answered_however_long_the_queue_is),
        TEST(a_burst_that_is_read_at_once_is_answered),
    };

    return cmocka_run_group_tests_name("crowded", tests, NULL, NULL);
}
