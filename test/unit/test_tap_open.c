/* shim/udt's tap: what a connected socket takes from its peer, and from who speaks in its peer's name. */
#include "test/unit/tap_fixture.h"

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

    memset(w->body, 0, sizeof w->body);
    packet_put_control(w->head, PACKET_SHUTDOWN, 0, PEER_ID);
    assert_true(leaves(w, 4));
    assert_int_equal(packet_word(w->head + 4), COOKIE);
}

static void only_who_has_seen_the_handshake_can_say_that_a_direction_ends(void **state)
{
    struct world *w = *state;

    w->conn->half_closing = true;
    struct half_close peer;
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

/* Past UDT, however much waits there; of the answer UDT knows nothing. */
static void whoever_is_asked_for_a_sign_of_life_is_heard_by_his_answer(void **state)
{
    struct world *w = *state;
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE];

    w->conn->heard_ms = 0;
    tap_conn_ask(w->tap, ID);
    assert_true(left(w, PACKET_ACK, packet));
    assert_int_equal(packet_word(packet + PACKET_HEAD + ACK_SEQUENCE), ISN);
    assert_int_not_equal(packet_word(packet + 4), 0);
    packet_put_control(w->head, PACKET_ACK2, 0, ID);
    packet_put_word(w->head + 4, packet_word(packet + 4));
    assert_false(taken_at(w, 4, OLD_MS));
    assert_int_equal(w->conn->heard_ms, OLD_MS);
    packet_put_word(w->head + 4, packet_word(packet + 4) ^ 1);
    assert_true(taken_at(w, 4, OLD_MS)); /* of some ACK of UDT's */
    assert_int_equal(told(w), 0);
    tap_conn_ask(w->tap, ID + 1); /* nobody: nothing happens */
}

static void a_stock_peer_that_has_closed_is_believed_within_100_ms(void **state)
{
    struct world *w = *state;
    int64_t now_ms = OLD_MS;

    packet_put_control(w->head, PACKET_ACK, 0, PEER_ID); /* UDT's, and its answer after a millisecond */
    packet_put_word(w->head + 4, 5);
    memset(w->body, 0, sizeof w->body);
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

static bool ack2_leaves(struct world *w, int64_t now_ms)
{
    struct net_route route = {.to = w->peer};

    packet_put_control(w->head, PACKET_ACK2, 0, PEER_ID);
    return outbound_leave(w->tap, &route, w->head, w->body, 4, now_ms);
}

static void of_acks_that_follow_each_other_closely_one_is_answered(void **state)
{
    struct world *w = *state;
    int left_count = 0;

    for (int i = 0; i < 16; i++) /* of a young connection each */
        assert_true(ack2_leaves(w, NOW_MS));
    assert_false(ack2_leaves(w, NOW_MS));
    assert_false(ack2_leaves(w, NOW_MS + 1));
    for (int64_t now_ms = NOW_MS + 10; now_ms < NOW_MS + 100; now_ms += 10) /* as in bulk */
        left_count += ack2_leaves(w, now_ms);
    assert_int_equal(left_count, 9);
}

static bool speaks_of(struct world *w, enum packet_type type, uint32_t sequence)
{
    memset(w->body, 0, sizeof w->body);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECTED(an_old_connection_is_closed_at_once_by_who_has_seen_the_handshake),
        CONNECTED(a_young_connection_is_closed_at_once_by_a_stock_peer),
        CONNECTED(our_own_shutdown_carries_the_proof),
        CONNECTED(only_who_has_seen_the_handshake_can_say_that_a_direction_ends),
        CONNECTED(a_late_handshake_changes_nothing),
        CONNECTED(an_ipv4_peer_is_told_its_address_as_an_ipv4_socket_would),
        RENDEZVOUS(two_parties_of_a_rendezvous_have_the_same_proof),
        CONNECTED(whoever_is_shut_down_in_his_own_name_is_asked_and_stays_if_he_answers),
        CONNECTED(whoever_is_asked_for_a_sign_of_life_is_heard_by_his_answer),
        CONNECTED(a_stock_peer_that_has_closed_is_believed_within_100_ms),
        CONNECTED(of_acks_that_follow_each_other_closely_one_is_answered),
        CONNECTED(nobody_can_speak_of_packets_that_were_never_sent),
    };

    return cmocka_run_group_tests_name("tap, connected", tests, NULL, NULL);
}
