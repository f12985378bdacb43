/* shim/udt: a listener's connection that a ticket has made, until its peer is proven to be where it seems. */
#include "shim/udt/early_packet.h"
#include "test/unit/tap_fixture.h"
#include <stdio.h>

#define DATA_LEN (200 - PACKET_HEAD)
#define PAID     (UDT_CONN_AMPLIFICATION * EARLY_PADDED) /* bytes, the answer's included */

/* UDT's, after what was taken: it answers the conclusion for its socket ID. */
static bool answers(struct world *w)
{
    put_handshake(w, PEER_ID, HS_CONCLUSION, ID, 100, PEER_ISN);
    return leaves(w, HANDSHAKE_SIZE);
}

static bool asks(struct world *w, enum packet_request what, uint32_t isn, uint32_t cookie, int64_t now_ms)
{
    put_handshake(w, 0, what, PEER_ID, 100, isn);
    packet_put_word(w->body + HANDSHAKE_COOKIE, cookie);
    return taken_at(w, HANDSHAKE_SIZE, now_ms);
}

static int open_visit(void **state)
{
    struct world *w = open_port(true);
    uint8_t ticket[TICKET_SIZE], packet[EARLY_PACKET_MAX], handshake[HANDSHAKE_SIZE];
    struct early_packet early = {.handshake = handshake,
                                 .ticket = ticket,
                                 .ticket_len = sizeof ticket,
                                 .bytes = (const uint8_t *)"GET",
                                 .bytes_len = 3};
    struct net_route route = {.to = w->peer, .local = w->local};
    struct sockaddr_in6 peer;
    struct early_bytes *ahead;

    tickets_make(&w->tap->listener->tickets, w->peer.ip, ticket, NOW_MS);
    put_handshake(w, 0, HS_REGULAR, PEER_ID, 100, PEER_ISN);
    memcpy(handshake, w->body, sizeof handshake);
    size_t len = early_packet_write(&early, packet) - PACKET_HEAD;
    assert_true(inbound_take(w->tap, &route, packet, packet + PACKET_HEAD, &len, NOW_MS));
    assert_true(answers(w));
    w->conn = udt_conn_find(&w->tap->conns, ID);
    assert_non_null(w->conn);
    assert_true(w->conn->unproven);
    assert_true(tap_conn_accepted(w->tap, ID, &peer, &ahead));
    assert_int_equal(ahead->len, 3);
    free(ahead);
    (void)told(w);
    *state = w;
    return 0;
}

/* UDT sends its packet `n`, from 0. */
static bool data_leaves(struct world *w, uint32_t n)
{
    memset(w->head, 0, sizeof w->head);
    packet_put_word(w->head, PEER_ISN + n);
    packet_put_word(w->head + 12, PEER_ID);
    return leaves(w, DATA_LEN);
}

/* How many of ten packets of 200 bytes leave. */
static uint32_t ten_leave(struct world *w)
{
    uint32_t left_at = 0;

    for (uint32_t n = 0; n < 10; n++)
        left_at += data_leaves(w, n);
    return left_at;
}

static bool is_acked(struct world *w, uint32_t sequence)
{
    memset(w->body, 0, sizeof w->body);
    packet_put_control(w->head, PACKET_ACK, 0, ID);
    packet_put_word(w->head + 4, 1);
    packet_put_word(w->body + ACK_SEQUENCE, sequence);
    packet_put_word(w->body + ACK_WINDOW, 100);
    return taken(w, ACK_SIZE_FULL);
}

static bool keepalive_taken(struct world *w, uint32_t proof)
{
    memset(w->body, 0, sizeof w->body);
    packet_put_control(w->head, PACKET_KEEPALIVE, 0, ID);
    packet_put_word(w->head + 4, proof);
    return taken(w, 4);
}

/* All that was withheld is to be repeated at once, and nothing that was never sent. */
static void expect_released(struct world *w)
{
    uint8_t body[RESEND_BODY_MAX];

    assert_false(w->conn->unproven);
    assert_int_equal(w->conn->resend.due_ms, NOW_MS);
    assert_int_equal(resend_due(&w->conn->resend, NOW_MS, body, NOW_MS), 8);
    assert_int_equal(packet_word(body) & 0x7fffffffu, w->conn->resend.acked);
    assert_int_equal(packet_word(body + 4), PEER_ISN + 9);
}

static void what_exceeds_the_credit_leaves_with_the_proof(void **state)
{
    struct world *w = *state;

    assert_in_range(ten_leave(w), 1, PAID / 200);
    assert_true(keepalive_taken(w, 0)); /* it proves nothing, but was paid for */
    assert_true(w->conn->unproven);
    assert_true(keepalive_taken(w, udt_conn_proof(w->conn)));
    expect_released(w);
    assert_int_equal(ten_leave(w), 10);
}

/* A first handshake may have been answered before the ticket came; then its cookie is the proof. */
static void a_conclusion_with_the_secret_is_a_proof_however_soon_it_comes(void **state)
{
    struct world *w = *state;

    assert_in_range(ten_leave(w), 1, PAID / 200);
    assert_false(asks(w, HS_CONCLUSION, PEER_ISN, w->conn->secret ^ 1, NOW_MS + 1));
    assert_true(w->conn->unproven);
    assert_false(asks(w, HS_CONCLUSION, PEER_ISN, w->conn->secret, NOW_MS));
    expect_released(w);
}

static void a_proof_after_all_was_acknowledged_repeats_nothing(void **state)
{
    struct world *w = *state;

    assert_in_range(ten_leave(w), 1, PAID / 200);
    assert_true(is_acked(w, PEER_ISN + 10));
    assert_true(keepalive_taken(w, udt_conn_proof(w->conn)));
    assert_false(w->conn->unproven);
    assert_true(w->conn->resend.due_ms == INT64_MAX);
}

static void an_ack_that_must_not_leave_still_tells_what_can_be_read(void **state)
{
    struct world *w = *state;

    (void)ten_leave(w);
    (void)told(w);
    w->conn->ack_poll_ms = 1;
    w->conn->credit = 0;
    memset(w->body, 0, sizeof w->body);
    packet_put_control(w->head, PACKET_ACK, 0, PEER_ID);
    assert_false(leaves(w, ACK_SIZE_FULL));
    assert_int_equal(w->conn->ack_poll_ms, 0);
    assert_int_equal(told(w) & TAP_READABLE, TAP_READABLE);
}

static void who_asks_again_pays_for_the_answer_and_gets_it_when_the_first_may_be_lost(void **state)
{
    struct world *w = *state;

    w->conn->credit = 0;
    assert_false(asks(w, HS_REGULAR, PEER_ISN, 0, NOW_MS + 1));
    assert_int_equal(w->conn->credit, UDT_CONN_AMPLIFICATION * (PACKET_HEAD + HANDSHAKE_SIZE));
    assert_true(asks(w, HS_REGULAR, PEER_ISN, 0, NOW_MS + 60));
    assert_int_equal(packet_word(w->body + HANDSHAKE_REQUEST), (uint32_t)HS_CONCLUSION);
    assert_true(answers(w));
    assert_true(w->conn->unproven);
    w->conn->state = UDT_CONN_CLOSING; /* UDT may not know it any more: it would make another one */
    assert_false(asks(w, HS_REGULAR, PEER_ISN, 0, NOW_MS + 60));
    w->conn->state = UDT_CONN_OPEN;
    assert_false(asks(w, HS_REGULAR, PEER_ISN + 1, 0, NOW_MS + 60)); /* another one: a cookie */
}

/* UDT holds a keepalive if anything has left lately; the listener waits for what this one says. */
static void who_has_told_a_ticket_repeats_its_proof(void **state)
{
    struct world *w = *state;

    w->conn->by_ticket = true;
    w->conn->made_ms = w->conn->sent_ms = w->conn->heard_ms = NOW_MS;
    packet_put_control(w->head, PACKET_KEEPALIVE, 0, PEER_ID);
    assert_true(leaves(w, 4));
    assert_int_equal(packet_word(w->head + 4), udt_conn_proof(w->conn));
    w->conn->made_ms = NOW_MS - 5000;
    packet_put_control(w->head, PACKET_KEEPALIVE, 0, PEER_ID);
    assert_false(leaves(w, 4));
}

/* Its answer and the ticket's connection may cross. */
static void who_gets_a_cookie_beside_its_ticket_proves_itself_too(void **state)
{
    struct world *w = *state;

    w->conn->early = calloc(1, sizeof *w->conn->early);
    assert_non_null(w->conn->early);
    w->conn->early->ticket.len = TICKET_SIZE;
    assert_true(handshake_taken(w, HS_REGULAR, PEER_ID, 100, ISN));
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    assert_true(w->conn->by_ticket);
}

#define VISIT(name) cmocka_unit_test_setup_teardown(name, open_visit, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VISIT(what_exceeds_the_credit_leaves_with_the_proof),
        VISIT(a_conclusion_with_the_secret_is_a_proof_however_soon_it_comes),
        VISIT(a_proof_after_all_was_acknowledged_repeats_nothing),
        VISIT(an_ack_that_must_not_leave_still_tells_what_can_be_read),
        VISIT(who_asks_again_pays_for_the_answer_and_gets_it_when_the_first_may_be_lost),
        CONNECT(who_gets_a_cookie_beside_its_ticket_proves_itself_too),
        CONNECTED(who_has_told_a_ticket_repeats_its_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
