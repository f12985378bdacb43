/* shim/udt's tap, datagram by datagram: what a connecting socket takes from its peer. The test is UDT as well as
 * the network: it says what came and what leaves, and looks at what UDT would have got. */
#include "shim/udt/due.h"
#include "shim/udt/filter.h"
#include "shim/udt/inbound.h"
#include "shim/udt/outbound.h"
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
#define COOKIE     0xC00C1E
#define NOW_MS     1000
#define OLD_MS     (NOW_MS + SHUTDOWN_CHECK_AGE_MS)

struct world {
    struct net_port *port;
    struct tap *tap;
    struct udt_conn *conn;
    struct net_address peer; /* its own: nobody listens there */
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
    packet_put_word(w->body + HANDSHAKE_MSS, FILTER_MSS_OURS);
    packet_put_word(w->body + HANDSHAKE_WINDOW, window);
    packet_put_word(w->body + HANDSHAKE_REQUEST, (uint32_t)request);
    packet_put_word(w->body + HANDSHAKE_ID, (uint32_t)from);
}

static bool taken_at(struct world *w, size_t body_len, int64_t now_ms)
{
    struct net_route route = {.to = w->peer};

    return inbound_take(w->tap, &route, w->head, w->body, body_len, now_ms);
}

static bool taken(struct world *w, size_t body_len)
{
    return taken_at(w, body_len, NOW_MS);
}

static bool handshake_taken(struct world *w, enum packet_request request, int32_t from, uint32_t window,
                            uint32_t isn)
{
    put_handshake(w, ID, request, from, window, isn);
    return taken(w, HANDSHAKE_SIZE);
}

static bool shutdown_taken_at(struct world *w, uint32_t proof, int64_t now_ms)
{
    memset(w->body, 0, sizeof(w->body));
    packet_put_control(w->head, PACKET_SHUTDOWN, 0, ID);
    packet_put_word(w->head + 4, proof);
    return taken_at(w, 4, now_ms);
}

static bool shutdown_taken(struct world *w)
{
    return shutdown_taken_at(w, 0, NOW_MS);
}

/* The next packet of this type that has left past UDT; the world is its own peer. */
static bool left(struct world *w, enum packet_type type, uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE])
{
    while (recv(w->fd, packet, PACKET_HEAD + HANDSHAKE_SIZE, MSG_DONTWAIT) >= PACKET_HEAD) {
        if (packet_type(packet) == type)
            return true;
    }
    return false;
}

/* What the application is told, all at once. */
static unsigned told(struct world *w)
{
    unsigned bits, all = 0;
    int32_t id;

    while (tap_next(w->tap, &id, &bits)) {
        assert_int_equal(id, ID);
        all |= bits;
    }
    return all;
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

static int open_world(void **state)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct net_port_config net = {.local = (struct sockaddr *)&loopback};
    struct tap_config config = {.window_max = WINDOW_MAX};
    struct world *w = calloc(1, sizeof(*w));
    struct udt_conn_peer peer = {.id = 0};
    socklen_t len;

    assert_non_null(w);
    assert_int_equal(net_port_open(&w->port, &net), HX_OK);
    w->fd = net_port_fd(w->port);
    net_address_from(&w->peer, net_port_local(w->port, &len));
    assert_int_equal(tap_create(&w->tap, w->port, &config), HX_OK);
    peer.at = w->peer;
    w->conn = udt_conn_add(&w->tap->conns, ID, &peer, UDT_CONN_CONNECTING, WINDOW_MAX, NOW_MS);
    assert_non_null(w->conn);
    *state = w;
    return 0;
}

static bool leaves(struct world *w, size_t body_len)
{
    struct net_route route = {.to = w->peer};

    return outbound_leave(w->tap, &route, w->head, w->body, body_len, NOW_MS);
}

static void request(struct world *w, enum packet_request what, uint32_t cookie)
{
    put_handshake(w, 0, what, ID, WINDOW_MAX, ISN);
    packet_put_word(w->body + HANDSHAKE_COOKIE, cookie);
    assert_true(leaves(w, HANDSHAKE_SIZE));
}

static int open_rendezvous(void **state)
{
    int err = open_world(state);
    struct world *w = *state;

    w->conn->rendezvous = true;
    request(w, HS_RENDEZVOUS, 0);
    return err;
}

/* A client's connect whose request has left. */
static int open_connect(void **state)
{
    int err = open_world(state);

    request(*state, HS_REGULAR, 0);
    return err;
}

/* And which is connected. */
static int open_connected(void **state)
{
    int err = open_connect(state);
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_REGULAR, PEER_ID, 100, ISN));
    request(w, HS_CONCLUSION, COOKIE);
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    tap_conn_connected(w->tap, ID, false);
    told(w);
    return err;
}

static int close_world(void **state)
{
    struct world *w = *state;

    tap_destroy(w->tap);
    net_port_close(w->port);
    free(w);
    return 0;
}

/* The window that UDT reads in a handshake which announces `window`. */
static uint32_t window_seen(struct world *w, enum packet_request request, uint32_t window)
{
    assert_true(handshake_taken(w, request, PEER_ID, window, PEER_ISN));
    return packet_word(w->body + HANDSHAKE_WINDOW);
}

/* UDT 4.11 with UDT_RCVBUF below UDT_FC does that. */
static void a_rendezvous_peer_that_announces_more_later_keeps_its_window(void **state)
{
    struct world *w = *state;

    assert_int_equal(window_seen(w, HS_RENDEZVOUS, 679), 679);
    assert_int_equal(window_seen(w, HS_CONCLUSION, 679), 679);
    assert_int_equal(window_seen(w, HS_AGREEMENT, 25600), 679);
    assert_int_equal(w->conn->window, 679);
    tap_conn_connected(w->tap, ID, false);
    assert_int_equal(ack_window(w, 8192), 679);
    assert_int_equal(ack_window(w, 1), 1);
}

static void a_rendezvous_peer_that_announces_less_later_gets_less(void **state)
{
    struct world *w = *state;

    assert_int_equal(window_seen(w, HS_RENDEZVOUS, 100), 100);
    assert_int_equal(window_seen(w, HS_CONCLUSION, 2), 2);
    assert_int_equal(window_seen(w, HS_AGREEMENT, 100), 2);
    tap_conn_connected(w->tap, ID, false);
    assert_int_equal(ack_window(w, 8192), 2);
}

/* UDT 4.11 announces its own first, and in the answer what it took from us: what it cannot receive. */
static void a_rendezvous_peer_that_answers_with_our_mss_keeps_its_own(void **state)
{
    static const enum packet_request requests[] = {HS_RENDEZVOUS, HS_CONCLUSION, HS_AGREEMENT};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        put_handshake(w, ID, requests[i], PEER_ID, 100, PEER_ISN);
        packet_put_word(w->body + HANDSHAKE_MSS, requests[i] == HS_AGREEMENT ? FILTER_MSS_OURS : 576);
        assert_true(taken(w, HANDSHAKE_SIZE));
        assert_int_equal(packet_word(w->body + HANDSHAKE_MSS), 576);
    }
}

/* Its answer may be the first that comes. */
static void the_order_of_a_rendezvous_peers_windows_does_not_matter(void **state)
{
    struct world *w = *state;

    assert_int_equal(window_seen(w, HS_AGREEMENT, 25600), WINDOW_MAX);
    assert_int_equal(window_seen(w, HS_RENDEZVOUS, 679), 679);
    assert_int_equal(window_seen(w, HS_AGREEMENT, 25600), 679);
}

static void a_rendezvous_peer_cannot_change_its_socket(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN));
    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID + 1, 100, PEER_ISN));
    assert_int_equal(w->conn->peer.id, PEER_ID);
    assert_ptr_equal(udt_conn_find_peer(&w->tap->conns, &w->peer, PEER_ID), w->conn);
    assert_null(udt_conn_find_peer(&w->tap->conns, &w->peer, PEER_ID + 1));
}

static void a_rendezvous_peer_may_say_the_same_again(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 9000, PEER_ISN)); /* we lower it, each time */
    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 9000, PEER_ISN));
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 9000, PEER_ISN));
    assert_true(handshake_taken(w, HS_AGREEMENT, PEER_ID, 9000, PEER_ISN));
    tap_conn_connected(w->tap, ID, false);
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

static void every_drop_is_counted_by_its_reason_and_told_once_a_minute(void **state)
{
    struct world *w = *state;
    struct net_address from;
    enum drop why;

    for (int i = 0; i < 3; i++) {
        put_handshake(w, ID, HS_CONCLUSION, PEER_ID, 100, ISN);
        packet_put_word(w->body + HANDSHAKE_MSS, 44);
        assert_false(taken(w, HANDSHAKE_SIZE));
    }
    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN + 1));
    put_handshake(w, ID + 1, HS_CONCLUSION, PEER_ID, 100, ISN);
    assert_false(taken(w, HANDSHAKE_SIZE));
    packet_put_control(w->head, PACKET_ACK, 0, ID);
    assert_false(taken(w, 4));
    assert_int_equal(w->tap->drops.count[FILTER_MSS], 3);
    assert_int_equal(w->tap->drops.count[DROP_BAD_REQUEST], 1);
    assert_int_equal(w->tap->drops.count[DROP_UNMATCHED], 1);
    assert_int_equal(w->tap->drops.count[DROP_LIGHT_ACK], 1);
    assert_true(tap_next_drop(w->tap, &from, &why));
    assert_true(net_address_equal(&from, &w->peer));
    assert_string_equal(drop_name(why), "mss");
    assert_false(tap_next_drop(w->tap, &from, &why));
    drops_note(&w->tap->drops, &w->peer, (enum drop)FILTER_MSS, NOW_MS + DROP_REPORT_MS - 1);
    assert_false(tap_next_drop(w->tap, &from, &why));
    drops_note(&w->tap->drops, &w->peer, (enum drop)FILTER_MSS, NOW_MS + DROP_REPORT_MS);
    assert_true(tap_next_drop(w->tap, &from, &why));
}

static void sources_of_drops_are_bounded(void **state)
{
    struct world *w = *state;
    struct net_address from = w->peer;
    enum drop why;
    int told_of = 0;

    for (int i = 0; i < 3 * DROP_SOURCES; i++) {
        from.ip[0] = (uint8_t)i;
        drops_note(&w->tap->drops, &from, (enum drop)FILTER_MSS, NOW_MS);
    }
    while (tap_next_drop(w->tap, &from, &why))
        told_of++;
    assert_int_equal(told_of, DROP_SOURCES);
}

static void a_refusal_must_repeat_our_request(void **state)
{
    struct world *w = *state;

    request(w, HS_CONCLUSION, COOKIE);
    put_handshake(w, ID, HS_REFUSED, ID, 100, ISN);
    assert_false(taken(w, HANDSHAKE_SIZE)); /* without the cookie */
    put_handshake(w, ID, HS_REFUSED, ID, 100, ISN + 1);
    packet_put_word(w->body + HANDSHAKE_COOKIE, COOKIE);
    assert_false(taken(w, HANDSHAKE_SIZE));
    assert_int_equal(told(w), 0);
    put_handshake(w, ID, HS_REFUSED, ID, 100, ISN);
    packet_put_word(w->body + HANDSHAKE_COOKIE, COOKIE);
    assert_false(taken(w, HANDSHAKE_SIZE));
    assert_int_equal(told(w), TAP_REFUSED);
}

static void a_refusal_ends_a_connect(void **state)
{
    struct world *w = *state;

    assert_false(handshake_taken(w, HS_REFUSED, PEER_ID, 100, ISN));
    assert_int_equal(told(w), TAP_REFUSED);
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
    assert_int_equal(told(w), TAP_REFUSED);
}

static void a_shutdown_right_after_the_handshake_waits_for_udt(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    assert_true(shutdown_taken(w));
    assert_int_equal(packet_type(w->head), PACKET_KEEPALIVE); /* what UDT gets instead */
    assert_int_equal(packet_id(w->head), ID);
    assert_int_equal(told(w), 0);
    assert_null(w->tap->replay);
    tap_conn_connected(w->tap, ID, false);
    assert_non_null(w->tap->replay);
    assert_int_equal(packet_type(w->tap->replay->head), PACKET_SHUTDOWN);
}

static void a_signal_that_comes_after_its_event_was_taken_is_no_endless_one(void **state)
{
    struct world *w = *state;
    struct pollfd fd = {.fd = tap_event_fd(w->tap), .events = POLLIN};
    uint64_t one = 1;

    pthread_mutex_lock(&w->tap->lock);
    readiness_tell(&w->tap->ready, w->conn, TAP_READABLE);
    w->tap->ready.signalled = true; /* tap_unlock(), on UDT's thread, gets as far as this ... */
    pthread_mutex_unlock(&w->tap->lock);
    assert_int_equal(told(w), TAP_READABLE);
    assert_int_equal(write(fd.fd, &one, sizeof(one)), sizeof(one)); /* ... and now here */
    assert_int_equal(poll(&fd, 1, 0), 1);
    assert_int_equal(told(w), 0);
    assert_int_equal(poll(&fd, 1, 0), 0);
}

static void an_old_connection_is_closed_at_once_by_who_has_seen_the_handshake(void **state)
{
    struct world *w = *state;

    assert_true(shutdown_taken_at(w, COOKIE, OLD_MS));
    assert_int_equal(w->tap->current_news, TAP_CLOSED);
}

static void a_young_connection_is_closed_at_once_by_a_stock_peer(void **state)
{
    struct world *w = *state;

    assert_true(shutdown_taken_at(w, 0, OLD_MS - 1));
}

static void our_own_shutdown_carries_the_proof(void **state)
{
    struct world *w = *state;

    memset(w->body, 0, sizeof(w->body));
    packet_put_control(w->head, PACKET_SHUTDOWN, 0, PEER_ID);
    assert_true(leaves(w, 4));
    assert_int_equal(packet_word(w->head + 4), COOKIE);
}

static void only_who_has_seen_the_handshake_can_say_that_a_direction_ends(void **state)
{
    struct world *w = *state;
    struct half_close peer;

    w->conn->half_closing = true;
    half_close_init(&peer, NOW_MS);
    half_close_end(&peer, 0, NOW_MS);
    packet_put_control(w->head, PACKET_CUSTOM, FILTER_CUSTOM_HX, ID);
    half_close_message(&peer, w->body, NOW_MS);
    assert_false(taken(w, HALF_CLOSE_SIZE));
    assert_false(w->conn->half_close.peer_ended);
    packet_put_word(w->head + 4, COOKIE);
    assert_false(taken(w, HALF_CLOSE_SIZE)); /* it is not for UDT */
    assert_true(w->conn->half_close.peer_ended);
}

static void a_late_handshake_changes_nothing(void **state)
{
    struct world *w = *state;

    assert_false(
        handshake_taken(w, HS_REGULAR, PEER_ID, 100, ISN)); /* UDT would answer it without the cookie */
    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    request(w, HS_CONCLUSION, 0);
    assert_int_equal(udt_conn_proof(w->conn), COOKIE);
}

static void an_ipv4_peer_is_told_its_address_as_an_ipv4_socket_would(void **state)
{
    static const uint32_t ipv6[] = {0x0100000A, 0, 0xFFFF0000, 0x0100007F};
    static const uint32_t mapped[] = {0, 0, 0xFFFF0000, 0x0100007F}; /* on a little-endian machine */
    static const uint32_t plain[] = {0x0100007F, 0, 0, 0};
    struct world *w = *state;

    put_handshake(w, 0, HS_CONCLUSION, ID, 100, ISN);
    for (size_t i = 0; i < 4; i++)
        packet_put_word(w->body + HANDSHAKE_ADDRESS + 4 * i, mapped[i]);
    assert_true(leaves(w, HANDSHAKE_SIZE));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(packet_word(w->body + HANDSHAKE_ADDRESS + 4 * i), plain[i]);
    for (size_t i = 0; i < 4; i++)
        packet_put_word(w->body + HANDSHAKE_ADDRESS + 4 * i, ipv6[i]);
    assert_true(leaves(w, HANDSHAKE_SIZE));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(packet_word(w->body + HANDSHAKE_ADDRESS + 4 * i), ipv6[i]);
}

static void two_parties_of_a_rendezvous_have_the_same_proof(void **state)
{
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN));
    assert_int_equal(udt_conn_proof(w->conn), ISN ^ PEER_ISN);
}

static void whoever_is_shut_down_in_his_own_name_is_asked_and_stays_if_he_answers(void **state)
{
    struct world *w = *state;
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE];

    assert_false(shutdown_taken_at(w, COOKIE + 1, OLD_MS));
    assert_false(shutdown_taken_at(w, 0, OLD_MS)); /* one question answers all */
    due_tick(w->tap, OLD_MS);
    assert_true(left(w, PACKET_ACK, packet));
    assert_int_equal(packet_word(packet + PACKET_HEAD + ACK_SEQUENCE), ISN); /* nothing has come from him */
    assert_false(left(w, PACKET_ACK, packet));
    packet_put_control(w->head, PACKET_ACK2, 0, ID);
    packet_put_word(w->head + 4, w->conn->shutdown_check.number + 1);
    assert_true(taken_at(w, 4, OLD_MS + 1)); /* of some ACK of UDT's */
    assert_true(w->conn->shutdown_check.due_ms != INT64_MAX);
    packet_put_word(w->head + 4, w->conn->shutdown_check.number);
    assert_false(taken_at(w, 4, OLD_MS + 1));
    for (int64_t now_ms = OLD_MS; now_ms < OLD_MS + 5000; now_ms += TAP_TICK_MS)
        due_tick(w->tap, now_ms);
    assert_null(w->tap->replay);
    assert_int_equal(told(w), 0);
}

static void a_stock_peer_that_has_closed_is_believed_within_100_ms(void **state)
{
    struct world *w = *state;
    int64_t now_ms = OLD_MS;

    packet_put_control(w->head, PACKET_ACK, 0, PEER_ID); /* UDT's, and its answer after a millisecond */
    packet_put_word(w->head + 4, 5);
    memset(w->body, 0, sizeof(w->body));
    packet_put_word(w->body + ACK_SEQUENCE, ISN + 1);
    assert_true(leaves(w, ACK_SIZE_FULL));
    packet_put_control(w->head, PACKET_ACK2, 0, ID);
    packet_put_word(w->head + 4, 5);
    assert_true(taken_at(w, 4, NOW_MS + 1));
    assert_false(shutdown_taken_at(w, 0, OLD_MS));
    for (; !w->tap->replay && now_ms < OLD_MS + 5000; now_ms += TAP_TICK_MS)
        due_tick(w->tap, now_ms);
    assert_in_range(now_ms - OLD_MS, SHUTDOWN_CHECK_MS, 100);
    assert_int_equal(packet_type(w->tap->replay->head), PACKET_SHUTDOWN);
    assert_true(shutdown_taken_at(w, 0, now_ms));
}

static bool speaks_of(struct world *w, enum packet_type type, uint32_t sequence)
{
    memset(w->body, 0, sizeof(w->body));
    packet_put_control(w->head, type, 0, ID);
    packet_put_word(w->body, sequence);
    return taken(w, type == PACKET_ACK ? ACK_SIZE_FULL : 4);
}

static void nobody_can_speak_of_packets_that_were_never_sent(void **state)
{
    struct world *w = *state;

    assert_true(speaks_of(w, PACKET_ACK, ISN));
    assert_false(speaks_of(w, PACKET_ACK, ISN + 1));
    assert_false(speaks_of(w, PACKET_NAK, ISN));
    packet_put_word(w->head, ISN);
    packet_put_word(w->head + 12, PEER_ID);
    assert_true(leaves(w, 40));
    assert_true(speaks_of(w, PACKET_ACK, ISN + 1));
    assert_false(speaks_of(w, PACKET_ACK, ISN + 2));
    assert_false(speaks_of(w, PACKET_ACK, ISN + 1 - 0x3FFFFFFF)); /* UDT takes that for the future */
    assert_false(speaks_of(w, PACKET_NAK, (ISN + 1 - 0x40000000u) & 0x7FFFFFFF));
    assert_true(speaks_of(w, PACKET_NAK, ISN));
    assert_false(speaks_of(w, PACKET_NAK, ISN + 1));
}

#define CONNECTED(name)  cmocka_unit_test_setup_teardown(name, open_connected, close_world)
#define RENDEZVOUS(name) cmocka_unit_test_setup_teardown(name, open_rendezvous, close_world)
#define CONNECT(name)    cmocka_unit_test_setup_teardown(name, open_connect, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RENDEZVOUS(a_rendezvous_peer_that_announces_more_later_keeps_its_window),
        RENDEZVOUS(a_rendezvous_peer_that_announces_less_later_gets_less),
        RENDEZVOUS(a_rendezvous_peer_that_answers_with_our_mss_keeps_its_own),
        RENDEZVOUS(the_order_of_a_rendezvous_peers_windows_does_not_matter),
        RENDEZVOUS(a_rendezvous_peer_cannot_change_its_socket),
        RENDEZVOUS(a_rendezvous_peer_may_say_the_same_again),
        RENDEZVOUS(a_refusal_does_not_end_a_rendezvous),
        CONNECT(a_refusal_ends_a_connect),
        CONNECT(every_drop_is_counted_by_its_reason_and_told_once_a_minute),
        CONNECT(sources_of_drops_are_bounded),
        CONNECT(a_refusal_must_repeat_our_request),
        CONNECT(a_conclusion_must_repeat_our_sequence_number),
        CONNECT(a_second_cookie_is_refused),
        CONNECT(a_shutdown_before_any_answer_is_a_refusal),
        CONNECT(a_shutdown_right_after_the_handshake_waits_for_udt),
        CONNECTED(an_old_connection_is_closed_at_once_by_who_has_seen_the_handshake),
        CONNECTED(a_young_connection_is_closed_at_once_by_a_stock_peer),
        CONNECTED(our_own_shutdown_carries_the_proof),
        CONNECTED(only_who_has_seen_the_handshake_can_say_that_a_direction_ends),
        CONNECTED(a_late_handshake_changes_nothing),
        CONNECTED(an_ipv4_peer_is_told_its_address_as_an_ipv4_socket_would),
        RENDEZVOUS(two_parties_of_a_rendezvous_have_the_same_proof),
        CONNECTED(whoever_is_shut_down_in_his_own_name_is_asked_and_stays_if_he_answers),
        CONNECTED(a_stock_peer_that_has_closed_is_believed_within_100_ms),
        CONNECTED(nobody_can_speak_of_packets_that_were_never_sent),
        CONNECT(a_signal_that_comes_after_its_event_was_taken_is_no_endless_one),
    };

    return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
