/* shim/udt/filter: what reaches UDT, and what does not. The S numbers are the hostile datagrams of
 * test/e2e/hostile_*.sh. */
#include "shim/udt/filter.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define MSS    1400
#define WINDOW 32

static const struct filter_rules listener = {
    .listening = true, .mss_max = MSS, .window_max = WINDOW, .ack_window = WINDOW, .nak_range = WINDOW};
static const struct filter_rules client = {
    .mss_max = MSS, .window_max = 8192, .ack_window = 8192, .nak_range = 8192};

struct packet {
    uint8_t head[PACKET_HEAD];
    uint8_t body[128];
    size_t len;
};

static struct packet control(enum packet_type type, int32_t id, size_t len)
{
    struct packet p = {.len = len};

    packet_put_control(p.head, type, 0, id);
    return p;
}

static struct packet handshake(int32_t id, int32_t request)
{
    struct packet p = control(PACKET_HANDSHAKE, id, HANDSHAKE_SIZE);

    packet_put_word(p.body + HANDSHAKE_VERSION, 4);
    packet_put_word(p.body + HANDSHAKE_TYPE, 1);
    packet_put_word(p.body + HANDSHAKE_ISN, 1000);
    packet_put_word(p.body + HANDSHAKE_MSS, 1500);
    packet_put_word(p.body + HANDSHAKE_WINDOW, 8192);
    packet_put_word(p.body + HANDSHAKE_REQUEST, (uint32_t)request);
    packet_put_word(p.body + HANDSHAKE_ID, 77);
    return p;
}

static struct packet ack(void)
{
    struct packet p = control(PACKET_ACK, 5, ACK_SIZE_FULL);

    packet_put_word(p.body + ACK_SEQUENCE, 1001);
    packet_put_word(p.body + ACK_RTT, 100000);
    packet_put_word(p.body + ACK_RTT_VAR, 50000);
    packet_put_word(p.body + ACK_WINDOW, 30);
    return p;
}

static enum filter_verdict judge(const struct filter_rules *rules, struct packet *p)
{
    return filter_judge(rules, p->head, p->body, p->len);
}

#define assert_judged(rules, datagram, verdict)                                                           \
    do {                                                                                                  \
        struct packet judged_ = (datagram);                                                               \
        assert_string_equal(filter_verdict_name(judge((rules), &judged_)), filter_verdict_name(verdict)); \
    } while (0)

static struct packet with_word(struct packet p, size_t at, uint32_t word)
{
    packet_put_word(p.body + at, word);
    return p;
}

static struct packet with_len(struct packet p, size_t len)
{
    p.len = len;
    return p;
}

static void a_stock_clients_handshakes_pass(void **state)
{
    (void)state;
    assert_judged(&listener, handshake(0, HS_REGULAR), FILTER_PASS);
    assert_judged(&listener, handshake(0, HS_CONCLUSION), FILTER_PASS);
}

static void a_listener_takes_no_handshake_for_a_connected_id(void **state)
{
    (void)state;
    assert_judged(&listener, handshake(5, HS_REGULAR), FILTER_HANDSHAKE); /* S2, S3 */
    assert_judged(&listener, handshake(0, HS_RENDEZVOUS), FILTER_HANDSHAKE);
    assert_judged(&listener, handshake(0, HS_AGREEMENT), FILTER_HANDSHAKE);
}

static void a_client_takes_every_step_of_both_handshakes(void **state)
{
    (void)state;
    assert_judged(&client, handshake(5, HS_REGULAR), FILTER_PASS);
    assert_judged(&client, handshake(5, HS_CONCLUSION), FILTER_PASS);
    assert_judged(&client, handshake(0, HS_RENDEZVOUS), FILTER_PASS);
    assert_judged(&client, handshake(5, HS_AGREEMENT), FILTER_PASS);
    assert_judged(&client, handshake(5, HS_REFUSED), FILTER_PASS);
    assert_judged(&client, handshake(5, 7), FILTER_HANDSHAKE);
}

static uint32_t word_after(struct packet p, size_t at)
{
    assert_int_equal(judge(&listener, &p), FILTER_PASS);
    return packet_word(p.body + at);
}

static void an_mss_below_256_is_refused_and_a_larger_one_than_ours_lowered(void **state)
{
    static const uint32_t large[] = {
        1401, 1500, 1501, 8900, 65535, 0x7FFFFFFF, 0xFFFFFFFF, 44 + 1456 - (1u << 27)}; /* S2: negative */

    (void)state;
    assert_judged(&listener, with_word(handshake(0, 1), HANDSHAKE_MSS, 0), FILTER_MSS);
    assert_judged(&listener, with_word(handshake(0, 1), HANDSHAKE_MSS, 44), FILTER_MSS); /* S1 */
    assert_judged(&listener, with_word(handshake(0, 1), HANDSHAKE_MSS, 255), FILTER_MSS);
    assert_int_equal(word_after(with_word(handshake(0, 1), HANDSHAKE_MSS, 256), HANDSHAKE_MSS), 256);
    assert_int_equal(word_after(with_word(handshake(0, 1), HANDSHAKE_MSS, 1400), HANDSHAKE_MSS), 1400);
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        assert_int_equal(word_after(with_word(handshake(0, 1), HANDSHAKE_MSS, large[i]), HANDSHAKE_MSS), MSS);
}

/* Whatever a peer announces, UDT sees a window that it can make a list for (S4 to S6). */
static void a_window_of_none_or_of_less_than_none_becomes_ours(void **state)
{
    (void)state;
    assert_int_equal(word_after(with_word(handshake(0, 1), HANDSHAKE_WINDOW, 0), HANDSHAKE_WINDOW), WINDOW);
    assert_int_equal(word_after(with_word(handshake(0, 1), HANDSHAKE_WINDOW, 0xFFFFFFFF), HANDSHAKE_WINDOW),
                     WINDOW);
    assert_int_equal(word_after(with_word(handshake(0, 1), HANDSHAKE_WINDOW, 0x80000000), HANDSHAKE_WINDOW),
                     WINDOW);
    assert_int_equal(word_after(with_word(handshake(0, 1), HANDSHAKE_WINDOW, 1), HANDSHAKE_WINDOW), 2);
    assert_int_equal(word_after(with_word(handshake(0, 1), HANDSHAKE_WINDOW, 2), HANDSHAKE_WINDOW), 2);
}

static void a_peers_id_has_32_bits_and_only_0_is_none(void **state)
{
    static const uint32_t ids[] = {1, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xD4C08935, 0xFFFFFFFF};

    (void)state;
    assert_judged(&listener, with_word(handshake(0, 1), HANDSHAKE_ID, 0), FILTER_ID);
    assert_judged(&client, with_word(handshake(0, 0), HANDSHAKE_ID, 0), FILTER_ID);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_judged(&listener, with_word(handshake(0, HS_REGULAR), HANDSHAKE_ID, ids[i]), FILTER_PASS);
        assert_judged(&listener, with_word(handshake(0, HS_CONCLUSION), HANDSHAKE_ID, ids[i]), FILTER_PASS);
        assert_judged(&client, with_word(handshake(0, HS_RENDEZVOUS), HANDSHAKE_ID, ids[i]), FILTER_PASS);
    }
}

static void large_announcements_are_lowered_to_ours(void **state)
{
    struct packet p = with_word(handshake(0, 1), HANDSHAKE_WINDOW, 1 << 30); /* S5 */

    (void)state;
    assert_int_equal(judge(&listener, &p), FILTER_PASS);
    assert_int_equal(packet_word(p.body + HANDSHAKE_WINDOW), WINDOW);
    assert_int_equal(packet_word(p.body + HANDSHAKE_MSS), MSS);
}

static void small_announcements_stay_as_they_are(void **state)
{
    struct packet p = with_word(with_word(handshake(0, 1), HANDSHAKE_WINDOW, 16), HANDSHAKE_MSS, 576);

    (void)state;
    assert_int_equal(judge(&listener, &p), FILTER_PASS);
    assert_int_equal(packet_word(p.body + HANDSHAKE_WINDOW), 16);
    assert_int_equal(packet_word(p.body + HANDSHAKE_MSS), 576);
}

static void a_handshake_must_have_48_bytes_and_a_sequence_number(void **state)
{
    (void)state;
    assert_judged(&listener, with_len(handshake(0, 1), 47), FILTER_SHORT); /* S18, S20 */
    assert_judged(&listener, with_len(handshake(0, 1), 49), FILTER_SHORT);
    assert_judged(&listener, with_len(handshake(0, 1), 0), FILTER_SHORT);
    assert_judged(&listener, with_word(handshake(0, 1), HANDSHAKE_ISN, 0x80000000), FILTER_SEQUENCE);
}

static void acks_as_udt_sends_them_pass_and_light_ones_do_not(void **state)
{
    (void)state;
    assert_judged(&listener, ack(), FILTER_PASS);
    assert_judged(&listener, with_len(ack(), ACK_SIZE_SHORT), FILTER_PASS);
    assert_judged(&listener, with_len(ack(), 4), FILTER_ACK); /* S8 */
    assert_judged(&listener, with_len(ack(), 0), FILTER_ACK); /* S20 */
    assert_judged(&listener, with_len(ack(), 8), FILTER_ACK);
    assert_judged(&listener, with_len(ack(), 20), FILTER_ACK);
}

/* UDT takes 24 bytes of them. */
static void acks_with_more_behind_the_rates_pass(void **state)
{
    (void)state;
    assert_judged(&listener, with_len(ack(), 28), FILTER_PASS);
    assert_judged(&listener, with_word(with_len(ack(), 68), 28, 0xFFFFFFFF), FILTER_PASS);
    assert_judged(&listener, with_len(ack(), 25), FILTER_ACK);
    assert_judged(&listener, with_len(ack(), 30), FILTER_ACK);
    assert_judged(&listener, with_word(with_len(ack(), 28), ACK_BANDWIDTH, 0xFFFFFFFF), FILTER_ACK);
    assert_judged(&listener, with_word(with_len(ack(), 28), ACK_RTT, 30000001), FILTER_ACK);
}

static void an_acks_numbers_must_be_possible(void **state)
{
    (void)state;
    assert_judged(&listener, with_word(ack(), ACK_SEQUENCE, 0x80000000), FILTER_SEQUENCE); /* S10 */
    assert_judged(&listener, with_word(ack(), ACK_RTT, 30000000), FILTER_PASS);
    assert_judged(&listener, with_word(ack(), ACK_RTT, 30000001), FILTER_ACK); /* S11 */
    assert_judged(&listener, with_word(ack(), ACK_RTT, 0xFFFFFFFF), FILTER_ACK);
    assert_judged(&listener, with_word(ack(), ACK_RTT_VAR, 30000001), FILTER_ACK);
    assert_judged(&listener, with_word(ack(), ACK_WINDOW, 0x80000000), FILTER_ACK);
    assert_judged(&listener, with_word(ack(), ACK_RATE, 0x80000000), FILTER_ACK);
    assert_judged(&listener, with_word(ack(), ACK_BANDWIDTH, 0xFFFFFFFF), FILTER_ACK);
}

static void an_ack_cannot_open_the_window_beyond_the_handshakes(void **state)
{
    struct packet p = with_word(ack(), ACK_WINDOW, 25600); /* S7 */

    (void)state;
    assert_int_equal(judge(&listener, &p), FILTER_PASS);
    assert_int_equal(packet_word(p.body + ACK_WINDOW), WINDOW);
}

static struct packet nak(size_t count, const uint32_t *words)
{
    struct packet p = control(PACKET_NAK, 5, 4 * count);

    for (size_t i = 0; i < count; i++)
        packet_put_word(p.body + 4 * i, words[i]);
    return p;
}

#define NAK(...) nak(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]){__VA_ARGS__})
#define RANGE    0x80000000u

static void naks_of_one_and_two_words_pass_within_the_range(void **state)
{
    (void)state;
    assert_judged(&listener, NAK(7), FILTER_PASS);
    assert_judged(&listener, NAK(RANGE | 7), FILTER_SEQUENCE); /* S10 */
    assert_judged(&listener, NAK(RANGE | 7, 38), FILTER_PASS);
    assert_judged(&listener, NAK(RANGE | 7, 39), FILTER_NAK);
    assert_judged(&listener, NAK(RANGE | 7, 7), FILTER_PASS);
    assert_judged(&listener, NAK(RANGE | 7, 6), FILTER_NAK); /* backwards */
    assert_judged(&listener, NAK(RANGE | 7, RANGE | 9), FILTER_SEQUENCE);
    assert_judged(&listener, NAK(0xFFFFFFFF, 3), FILTER_PASS); /* across the wrap */
    assert_judged(&listener, NAK(7, 90), FILTER_PASS);         /* two single ones */
    assert_judged(&listener, with_len(NAK(7), 0), FILTER_NAK);
    assert_judged(&listener, with_len(NAK(7, 9), 6), FILTER_NAK);
}

/* As the draft has it and UDT 4.11 reads it: "integer array of compressed loss information". */
static void naks_of_many_words_pass_if_each_of_them_would(void **state)
{
    (void)state;
    assert_judged(&listener, NAK(7, 9, 12), FILTER_PASS);
    assert_judged(&listener, NAK(RANGE | 7, 9, 12), FILTER_PASS);
    assert_judged(&listener, NAK(5, RANGE | 7, 9), FILTER_PASS);
    assert_judged(&listener, NAK(RANGE | 7, 9, RANGE | 12, 15, 17), FILTER_PASS);
    assert_judged(&listener, NAK(0x7FFFFFFE, RANGE | 0x7FFFFFFF, 0, 4), FILTER_PASS); /* across the wrap */
    assert_judged(&listener, NAK(RANGE | 7, 9, RANGE | 12), FILTER_SEQUENCE); /* its end is not there */
    assert_judged(&listener, NAK(7, 9, RANGE | 12, RANGE | 15), FILTER_SEQUENCE);
    assert_judged(&listener, NAK(7, 9, RANGE | 15, 12), FILTER_NAK); /* backwards */
}

/* However many words: no more packets than a window has, and one walk through UDT's list. */
static void naks_of_many_words_are_bounded_together(void **state)
{
    (void)state;
    assert_judged(&listener, NAK(RANGE | 7, 22, RANGE | 30, 45), FILTER_PASS); /* 16 and 16 */
    assert_judged(&listener, NAK(RANGE | 7, 22, RANGE | 30, 45, 50), FILTER_NAK);
    assert_judged(&listener, NAK(RANGE | 7, 22, RANGE | 30, 46), FILTER_NAK);
    assert_judged(&listener, NAK(9, 7), FILTER_NAK); /* not in order */
    assert_judged(&listener, NAK(7, 7), FILTER_NAK);
    assert_judged(&listener, NAK(RANGE | 7, 9, 9), FILTER_NAK);
    assert_judged(&listener, NAK(RANGE | 7, 9, RANGE | 8, 12), FILTER_NAK);
}

static void bare_packets_have_no_body_or_one_word(void **state)
{
    static const enum packet_type bare[] = {PACKET_KEEPALIVE, PACKET_SHUTDOWN, PACKET_ACK2};

    (void)state;
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
        assert_judged(&listener, control(bare[i], 5, 0), FILTER_PASS);
        assert_judged(&listener, control(bare[i], 5, 4), FILTER_PASS);
        assert_judged(&listener, control(bare[i], 5, 8), FILTER_SHORT);
        assert_judged(&listener, control(bare[i], 0, 4), FILTER_ID);
    }
}

static void types_that_streams_never_need_are_refused(void **state)
{
    (void)state;
    for (int type = 0; type <= 0x7FFF; type++) {
        if (type <= PACKET_NAK || type == PACKET_SHUTDOWN || type == PACKET_ACK2)
            continue;
        assert_judged(&listener, control((enum packet_type)type, 5, 8), FILTER_TYPE); /* S13, S14, S16 */
        assert_judged(&client, control((enum packet_type)type, 5, 8), FILTER_TYPE);
    }
}

static void our_own_custom_packets_pass(void **state)
{
    struct packet p = control(PACKET_CUSTOM, 5, 12);

    (void)state;
    packet_put_control(p.head, PACKET_CUSTOM, FILTER_CUSTOM_HX, 5);
    assert_judged(&client, p, FILTER_PASS);
}

static void data_needs_a_body_and_a_destination(void **state)
{
    struct packet p = {.len = 1};

    (void)state;
    packet_put_word(p.head + 12, 5);
    assert_judged(&listener, p, FILTER_PASS);
    assert_judged(&listener, with_len(p, 0), FILTER_EMPTY); /* S19 */
    packet_put_word(p.head + 12, 0);
    assert_judged(&listener, p, FILTER_ID);
    packet_put_word(p.head + 12, 0x80000005);
    assert_judged(&listener, p, FILTER_ID);
}

static void every_verdict_has_a_name(void **state)
{
    (void)state;
    for (int v = FILTER_PASS; v <= FILTER_EMPTY; v++)
        assert_string_not_equal(filter_verdict_name((enum filter_verdict)v), "unknown");
    assert_string_equal(filter_verdict_name((enum filter_verdict)(FILTER_EMPTY + 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stock_clients_handshakes_pass),
        cmocka_unit_test(a_listener_takes_no_handshake_for_a_connected_id),
        cmocka_unit_test(a_client_takes_every_step_of_both_handshakes),
        cmocka_unit_test(an_mss_below_256_is_refused_and_a_larger_one_than_ours_lowered),
        cmocka_unit_test(a_window_of_none_or_of_less_than_none_becomes_ours),
        cmocka_unit_test(a_peers_id_has_32_bits_and_only_0_is_none),
        cmocka_unit_test(large_announcements_are_lowered_to_ours),
        cmocka_unit_test(small_announcements_stay_as_they_are),
        cmocka_unit_test(a_handshake_must_have_48_bytes_and_a_sequence_number),
        cmocka_unit_test(acks_as_udt_sends_them_pass_and_light_ones_do_not),
        cmocka_unit_test(acks_with_more_behind_the_rates_pass),
        cmocka_unit_test(an_acks_numbers_must_be_possible),
        cmocka_unit_test(an_ack_cannot_open_the_window_beyond_the_handshakes),
        cmocka_unit_test(naks_of_one_and_two_words_pass_within_the_range),
        cmocka_unit_test(naks_of_many_words_pass_if_each_of_them_would),
        cmocka_unit_test(naks_of_many_words_are_bounded_together),
        cmocka_unit_test(bare_packets_have_no_body_or_one_word),
        cmocka_unit_test(types_that_streams_never_need_are_refused),
        cmocka_unit_test(our_own_custom_packets_pass),
        cmocka_unit_test(data_needs_a_body_and_a_destination),
        cmocka_unit_test(every_verdict_has_a_name),
    };

    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
