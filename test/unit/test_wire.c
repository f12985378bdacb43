/* shim/wire, datagram by datagram: what a connecting socket takes from its peer. The test is UDT as well as
 * the network: it says what came and what leaves, and looks at what UDT would have got. */
#include "shim/wire_internal.h"
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define WINDOW_MAX 8192
#define ID         11
#define PEER_ID    22
#define ISN        777  /* ours */
#define PEER_ISN   4711 /* a party of a rendezvous has its own */
#define NOW_MS     1000

struct world {
    struct wire *wire;
    struct wire_conn *conn;
    struct sockaddr_in6 peer; /* nobody listens there */
    int fd;
    uint8_t head[PACKET_HEAD], body[HANDSHAKE_SIZE]; /* the last datagram, as UDT would get it */
};

static void put_handshake(struct world *w, int32_t to, enum packet_request request, int32_t from,
                          uint32_t window, uint32_t isn)
{
    memset(w->body, 0, sizeof(w->body));
    packet_put_control(w->head, PACKET_HANDSHAKE, 0, to);
    packet_put_word(w->body + HANDSHAKE_VERSION, 4);
    packet_put_word(w->body + HANDSHAKE_TYPE, 1);
    packet_put_word(w->body + HANDSHAKE_ISN, isn);
    packet_put_word(w->body + HANDSHAKE_MSS, GUARD_MSS_OURS);
    packet_put_word(w->body + HANDSHAKE_WINDOW, window);
    packet_put_word(w->body + HANDSHAKE_REQUEST, (uint32_t)request);
    packet_put_word(w->body + HANDSHAKE_ID, (uint32_t)from);
}

static bool taken(struct world *w, size_t body_len)
{
    return wire_take(w->wire, (struct sockaddr *)&w->peer, w->head, w->body, body_len, NOW_MS);
}

static bool handshake_taken(struct world *w, enum packet_request request, int32_t from, uint32_t window,
                            uint32_t isn)
{
    put_handshake(w, ID, request, from, window, isn);
    return taken(w, HANDSHAKE_SIZE);
}

static bool shutdown_taken(struct world *w)
{
    memset(w->body, 0, sizeof(w->body));
    packet_put_control(w->head, PACKET_SHUTDOWN, 0, ID);
    return taken(w, 4);
}

/* The window that UDT reads in an ACK which announces `window`. */
static uint32_t ack_window(struct world *w, uint32_t window)
{
    memset(w->body, 0, sizeof(w->body));
    packet_put_control(w->head, PACKET_ACK, 0, ID);
    packet_put_word(w->body + ACK_SEQUENCE, ISN);
    packet_put_word(w->body + ACK_WINDOW, window);
    assert_true(taken(w, ACK_SIZE_FULL));
    return packet_word(w->body + ACK_WINDOW);
}

/* What the application is told, all at once. */
static unsigned told(struct world *w)
{
    unsigned bits, all = 0;
    int32_t id;

    while (wire_next(w->wire, &id, &bits)) {
        assert_int_equal(id, ID);
        all |= bits;
    }
    return all;
}

static int open_world(void **state)
{
    struct wire_config config = {.window_max = WINDOW_MAX};
    struct world *w = calloc(1, sizeof(*w));
    socklen_t len = sizeof(w->peer);
    struct wire_peer key;

    assert_non_null(w);
    w->peer.sin6_family = AF_INET6;
    w->peer.sin6_addr = in6addr_loopback;
    w->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(w->fd, (struct sockaddr *)&w->peer, len), 0);
    assert_int_equal(getsockname(w->fd, (struct sockaddr *)&w->peer, &len), 0); /* its own peer */
    assert_int_equal(wire_create(&w->wire, w->fd, &config), HX_OK);
    w->wire->family = AF_INET6;
    wire_peer_from(&key, (struct sockaddr *)&w->peer);
    w->conn = wire_add(w->wire, ID, &key, WIRE_CONNECTING, NOW_MS);
    assert_non_null(w->conn);
    *state = w;
    return 0;
}

static int open_rendezvous(void **state)
{
    int err = open_world(state);

    ((struct world *)*state)->conn->rendezvous = true;
    return err;
}

/* A client's connect whose request has left. */
static int open_connect(void **state)
{
    int err = open_world(state);
    struct world *w = *state;

    put_handshake(w, 0, HS_REGULAR, ID, WINDOW_MAX, ISN);
    assert_true(wire_leave(w->wire, (struct sockaddr *)&w->peer, w->head, w->body, sizeof(w->body), NOW_MS));
    return err;
}

static int close_world(void **state)
{
    struct world *w = *state;

    wire_destroy(w->wire);
    close(w->fd);
    free(w);
    return 0;
}

static void a_rendezvous_peer_cannot_raise_its_window(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 2, PEER_ISN));
    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID, 8192, PEER_ISN));
    assert_false(handshake_taken(w, HS_AGREEMENT, PEER_ID, 8192, PEER_ISN));
    assert_int_equal(w->conn->window, 2);
    wire_conn_connected(w->wire, ID, false);
    assert_int_equal(ack_window(w, 8192), 2);
    assert_int_equal(ack_window(w, 1), 1);
}

static void a_rendezvous_peer_cannot_lower_its_window_either(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN));
    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID, 2, PEER_ISN));
    wire_conn_connected(w->wire, ID, false);
    assert_int_equal(ack_window(w, 8192), 100);
}

static void a_rendezvous_peer_cannot_change_its_socket(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN));
    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID + 1, 100, PEER_ISN));
    assert_int_equal(w->conn->peer.id, PEER_ID);
    assert_ptr_equal(wire_find_peer(w->wire, (struct sockaddr *)&w->peer, PEER_ID), w->conn);
    assert_null(wire_find_peer(w->wire, (struct sockaddr *)&w->peer, PEER_ID + 1));
}

static void a_rendezvous_peer_may_say_the_same_again(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 9000, PEER_ISN)); /* we lower it, each time */
    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 9000, PEER_ISN));
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 9000, PEER_ISN));
    assert_true(handshake_taken(w, HS_AGREEMENT, PEER_ID, 9000, PEER_ISN));
    wire_conn_connected(w->wire, ID, false);
    assert_int_equal(ack_window(w, 9000), WINDOW_MAX);
}

static void a_refusal_does_not_end_a_rendezvous(void **state)
{
    struct world *w = *state;

    assert_false(handshake_taken(w, HS_REFUSED, PEER_ID, 100, PEER_ISN)); /* UDT must not see it either */
    assert_int_equal(told(w), 0);
    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN));
    assert_false(handshake_taken(w, HS_REFUSED, PEER_ID, 100, PEER_ISN));
    assert_int_equal(told(w), 0);
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, PEER_ISN));
}

static void a_refusal_ends_a_connect(void **state)
{
    struct world *w = *state;

    assert_false(handshake_taken(w, HS_REFUSED, PEER_ID, 100, ISN));
    assert_int_equal(told(w), WIRE_REFUSED);
    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN)); /* too late */
}

static void a_conclusion_must_repeat_our_sequence_number(void **state)
{
    struct world *w = *state;

    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN + 1));
    assert_int_equal(w->conn->peer.id, 0);
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    assert_int_equal(w->conn->peer.id, PEER_ID);
}

static void a_second_cookie_is_refused(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_REGULAR, PEER_ID, 100, ISN));
    assert_false(handshake_taken(w, HS_REGULAR, PEER_ID, 100, ISN));
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
}

static void a_shutdown_before_any_answer_is_a_refusal(void **state)
{
    struct world *w = *state;

    assert_false(shutdown_taken(w));
    assert_int_equal(told(w), WIRE_REFUSED);
}

static void a_shutdown_right_after_the_handshake_waits_for_udt(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    assert_true(shutdown_taken(w));
    assert_int_equal(packet_type(w->head), PACKET_KEEPALIVE); /* what UDT gets instead */
    assert_int_equal(packet_id(w->head), ID);
    assert_int_equal(told(w), 0);
    assert_null(w->wire->replay);
    wire_conn_connected(w->wire, ID, false);
    assert_non_null(w->wire->replay);
    assert_int_equal(packet_type(w->wire->replay->head), PACKET_SHUTDOWN);
}

static void a_signal_that_comes_after_its_event_was_taken_is_no_endless_one(void **state)
{
    struct world *w = *state;
    struct pollfd fd = {.fd = wire_event_fd(w->wire), .events = POLLIN};
    uint64_t one = 1;

    pthread_mutex_lock(&w->wire->lock);
    wire_tell(w->wire, w->conn, WIRE_READABLE);
    w->wire->signalled = true; /* wire_unlock(), on UDT's thread, gets as far as this ... */
    pthread_mutex_unlock(&w->wire->lock);
    assert_int_equal(told(w), WIRE_READABLE);
    assert_int_equal(write(fd.fd, &one, sizeof(one)), sizeof(one)); /* ... and now here */
    assert_int_equal(poll(&fd, 1, 0), 1);
    assert_int_equal(told(w), 0);
    assert_int_equal(poll(&fd, 1, 0), 0);
}

#define RENDEZVOUS(name) cmocka_unit_test_setup_teardown(name, open_rendezvous, close_world)
#define CONNECT(name)    cmocka_unit_test_setup_teardown(name, open_connect, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RENDEZVOUS(a_rendezvous_peer_cannot_raise_its_window),
        RENDEZVOUS(a_rendezvous_peer_cannot_lower_its_window_either),
        RENDEZVOUS(a_rendezvous_peer_cannot_change_its_socket),
        RENDEZVOUS(a_rendezvous_peer_may_say_the_same_again),
        RENDEZVOUS(a_refusal_does_not_end_a_rendezvous),
        CONNECT(a_refusal_ends_a_connect),
        CONNECT(a_conclusion_must_repeat_our_sequence_number),
        CONNECT(a_second_cookie_is_refused),
        CONNECT(a_shutdown_before_any_answer_is_a_refusal),
        CONNECT(a_shutdown_right_after_the_handshake_waits_for_udt),
        CONNECT(a_signal_that_comes_after_its_event_was_taken_is_no_endless_one),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
