/* shim/udt/early_data, early_packet: what is told ahead of a stream, and the datagram that carries it. */
#include "shim/udt/early_packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static const uint8_t handshake[HANDSHAKE_SIZE] = {0, 0, 0, 4, 0, 0, 0, 1};
static const uint8_t ticket[] = "ticket", text[] = "GET /connect?host_id=h HTTP/1.1\r\n\r\n";
#define TEXT_LEN (sizeof text - 1)

static size_t written(uint8_t out[EARLY_PACKET_MAX], size_t ticket_len)
{
    struct early_packet p = {.handshake = handshake,
                             .ticket = ticket,
                             .ticket_len = ticket_len,
                             .bytes = text,
                             .bytes_len = TEXT_LEN};
    return early_packet_write(&p, out);
}

/* In memory of its own, so that reading past it is seen. */
static bool read_of(struct early_packet *out, const uint8_t *packet, size_t len)
{
    uint8_t *body = malloc(len - PACKET_HEAD + 1);

    assert_non_null(body);
    memcpy(body, packet + PACKET_HEAD, len - PACKET_HEAD);
    bool ok = early_packet_read(out, packet, body, len - PACKET_HEAD);
    if (ok) {
        assert_memory_equal(out->handshake, handshake, sizeof handshake);
        assert_memory_equal(out->ticket, ticket, out->ticket_len);
        assert_int_equal(out->bytes_len, TEXT_LEN);
        assert_memory_equal(out->bytes, text, TEXT_LEN);
    }
    free(body);
    return ok;
}

static void a_packet_is_read_as_it_was_written_and_not_when_it_is_cut(void **state)
{
    uint8_t packet[EARLY_PACKET_MAX];
    struct early_packet p;

    (void)state;
    for (size_t ticket_len = 0; ticket_len <= sizeof ticket; ticket_len += sizeof ticket) {
        size_t len = written(packet, ticket_len);
        assert_int_equal(len, ticket_len > 0 ? EARLY_PADDED : EARLY_HEAD + TEXT_LEN);
        assert_true(read_of(&p, packet, len));
        assert_int_equal(p.ticket_len, ticket_len);
        for (size_t cut = PACKET_HEAD; cut < len; cut++)
            assert_false(read_of(&p, packet, cut));
        assert_false(read_of(&p, packet, len + 1));
    }
}

static void a_packet_with_a_strange_head_is_not_read(void **state)
{
    uint8_t packet[EARLY_PACKET_MAX];
    struct early_packet p;

    (void)state;
    for (int i = 0; i < PACKET_HEAD; i++) {
        size_t len = written(packet, sizeof ticket);
        packet[i] ^= 1;
        if (i == 5) /* where the ticket ends is not to be seen */
            packet[i] = EARLY_TICKET_MAX + 1;
        if (i == 7) /* nor where the bytes do, unless they are too many */
            packet[i] = EARLY_PADDED - 1;
        assert_false(read_of(&p, packet, len));
    }
}

static void a_packet_has_bytes_and_no_more_than_fit(void **state)
{
    uint8_t packet[EARLY_PACKET_MAX + 1] = {0};
    struct early_packet p;

    (void)state;
    (void)written(packet, 0);
    packet[6] = packet[7] = 0;
    assert_false(early_packet_read(&p, packet, packet + PACKET_HEAD, HANDSHAKE_SIZE));
    packet[6] = EARLY_BYTES_MAX >> 8;
    assert_true(early_packet_read(&p, packet, packet + PACKET_HEAD, HANDSHAKE_SIZE + EARLY_BYTES_MAX));
    packet[7] = 1;
    assert_false(early_packet_read(&p, packet, packet + PACKET_HEAD, HANDSHAKE_SIZE + EARLY_BYTES_MAX + 1));
}

static void a_ticket_packet_is_read_as_it_was_written_and_not_when_it_is_cut(void **state)
{
    struct early_ticket given = {.len = 6, .bytes = "ticket"}, got;
    uint8_t packet[TICKET_PACKET_MAX + 1] = {0};
    struct early_packet p;

    (void)state;
    size_t len = ticket_packet_write(&given, 0x01020304, 77, packet);
    assert_int_equal(packet_id(packet), 77);
    assert_true(ticket_packet_read(&got, packet, packet + PACKET_HEAD, len - PACKET_HEAD));
    assert_int_equal(got.len, 6);
    assert_memory_equal(got.bytes, "ticket", 6);
    for (size_t cut = PACKET_HEAD; cut < sizeof packet; cut++)
        assert_int_equal(ticket_packet_read(&got, packet, packet + PACKET_HEAD, cut - PACKET_HEAD),
                         cut == len);
    assert_false(early_packet_read(&p, packet, packet + PACKET_HEAD, len - PACKET_HEAD));
    packet[4] = 3;
    assert_false(ticket_packet_read(&got, packet, packet + PACKET_HEAD, len - PACKET_HEAD));
}

static void udt_has_no_such_packet(void **state)
{
    uint8_t packet[EARLY_PACKET_MAX];

    (void)state;
    (void)written(packet, 0);
    assert_true(early_packet_is(packet));
    enum packet_type type = packet_type(packet);
    assert_true(type > PACKET_PEER_ERROR && type < PACKET_CUSTOM);
    packet_put_control(packet, PACKET_HANDSHAKE, 0, 0);
    assert_false(early_packet_is(packet));
}

static void who_hears_nothing_of_the_peer_tells_three_times(void **state)
{
    struct early_conn e = {.left = EARLY_UNHEARD_MAX};

    (void)state;
    assert_false(early_conn_take(&e)); /* nothing to tell */
    e.own.len = TEXT_LEN;
    for (int i = 0; i < EARLY_UNHEARD_MAX; i++)
        assert_true(early_conn_take(&e));
    assert_false(early_conn_take(&e));
    early_conn_heard(&e);
    assert_true(early_conn_take(&e));
    assert_false(early_conn_take(&e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_read_as_it_was_written_and_not_when_it_is_cut),
        cmocka_unit_test(a_packet_with_a_strange_head_is_not_read),
        cmocka_unit_test(a_packet_has_bytes_and_no_more_than_fit),
        cmocka_unit_test(a_ticket_packet_is_read_as_it_was_written_and_not_when_it_is_cut),
        cmocka_unit_test(udt_has_no_such_packet),
        cmocka_unit_test(who_hears_nothing_of_the_peer_tells_three_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
