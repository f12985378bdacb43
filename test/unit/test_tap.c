/* shim/udt's tap: what a connecting socket takes from its peer. */
#include "test/unit/tap_fixture.h"

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

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
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
    struct net_address from;
    enum drop why;
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
    int told_of = 0;

    for (int i = 0; i < 3 * DROP_SOURCES; i++) {
        from.ip[0] = (uint8_t)i;
        drops_note(&w->tap->drops, &from, (enum drop)FILTER_MSS, NOW_MS);
    }
    enum drop why;
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

static void come_to(struct world *w, uint8_t host, uint32_t interface)
{
    w->local = (struct net_address){.ip = {0xfd, [15] = host}, .scope = interface};
}

/* Whoever has not seen our request does not tell by which uplink we are reached. */
static void only_a_conclusion_of_our_request_tells_where_we_are_heard(void **state)
{
    struct world *w = *state;

    come_to(w, 1, 5);
    assert_true(handshake_taken(w, HS_REGULAR, PEER_ID, 100, ISN));
    assert_false(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN + 1));
    struct net_address at;
    assert_false(tap_conn_heard_at(w->tap, ID, &at));
    come_to(w, 2, 7);
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    come_to(w, 3, 9); /* said again; and later, when it is connected */
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    tap_conn_connected(w->tap, ID, false);
    (void)ack_window(w, 100);
    assert_true(tap_conn_heard_at(w->tap, ID, &at));
    come_to(w, 2, 7);
    assert_memory_equal(&at, &w->local, sizeof at);
}

static void a_peer_of_a_rendezvous_does_not_tell_where_we_are_heard(void **state)
{
    struct world *w = *state;

    come_to(w, 1, 5);
    assert_true(handshake_taken(w, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN));
    tap_conn_connected(w->tap, ID, false);
    struct net_address at;
    assert_false(tap_conn_heard_at(w->tap, ID, &at));
}

static void all_that_leaves_for_a_connection_leaves_by_its_source(void **state)
{
    struct world *w = *state;
    struct net_route route = {.to = w->peer};

    come_to(w, 1, 5);
    tap_conn_leave_by(w->tap, ID, &w->local);
    put_handshake(w, 0, HS_RENDEZVOUS, ID, WINDOW_MAX, ISN);
    assert_true(outbound_leave(w->tap, &route, w->head, w->body, HANDSHAKE_SIZE, NOW_MS));
    assert_memory_equal(&route.local, &w->local, sizeof w->local);
    assert_true(handshake_taken(w, HS_AGREEMENT, PEER_ID, 100, PEER_ISN));
    tap_conn_connected(w->tap, ID, false);
    for (int type = PACKET_KEEPALIVE; type <= PACKET_SHUTDOWN; type += PACKET_SHUTDOWN - PACKET_KEEPALIVE) {
        route = (struct net_route){.to = w->peer};
        w->conn->heard_ms = w->conn->sent_ms = NOW_MS;
        packet_put_control(w->head, (enum packet_type)type, 0, PEER_ID);
        assert_true(outbound_leave(w->tap, &route, w->head, w->body, 4, NOW_MS + 7000));
        assert_memory_equal(&route.local, &w->local, sizeof w->local);
    }
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
    assert_int_equal(write(fd.fd, &one, sizeof one), sizeof one); /* ... and now here */
    assert_int_equal(poll(&fd, 1, 0), 1);
    assert_int_equal(told(w), 0);
    assert_int_equal(poll(&fd, 1, 0), 0);
}

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
        CONNECT(only_a_conclusion_of_our_request_tells_where_we_are_heard),
        RENDEZVOUS(a_peer_of_a_rendezvous_does_not_tell_where_we_are_heard),
        RENDEZVOUS(all_that_leaves_for_a_connection_leaves_by_its_source),
        CONNECT(a_second_cookie_is_refused),
        CONNECT(a_shutdown_before_any_answer_is_a_refusal),
        CONNECT(a_shutdown_right_after_the_handshake_waits_for_udt),
        CONNECT(a_signal_that_comes_after_its_event_was_taken_is_no_endless_one),
    };

    return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
