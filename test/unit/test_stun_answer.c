/* Answers to STUN: what fits into them. */
#include "test/unit/stun_messages.h"

static size_t answer(const struct stun_request *q, const struct stun_response *r, size_t question_len,
                     bool ipv6, struct stun_response *back)
{
    size_t room = stun_answer_room(question_len, ipv6), heads = ipv6 ? 48 : 28;
    uint8_t *bytes = malloc(room); /* a write past it is seen */

    assert_non_null(bytes);
    assert_true(2 * (room + heads) <= 3 * (question_len + heads));
    size_t len = stun_write_response(q, r, bytes, room);
    assert_in_range(len, STUN_HEAD_BYTES, room);
    if (q->classic)
        memcpy(bytes + 4, (uint8_t[]){0x21, 0x12, 0xa4, 0x42},
               4); /* for our reader, which knows the newer form alone */
    assert_int_equal(read_response(back, bytes, len), HX_OK);
    free(bytes);
    return len;
}

static void an_answer_is_never_longer_than_one_and_a_half_times_the_question(void **state)
{
    struct stun_response four = FOUR, six = SIX, back;
    struct stun_request q = request();

    (void)state;
    assert_int_equal(answer(&q, &four, 20, false, &back), 44); /* 72 bytes with their heads, to 48 */
    check_endpoint(&back.mapped, "192.0.2.1:1");
    check_endpoint(&back.other, "192.0.2.2:2");
    check_endpoint(&back.origin, "-");
    assert_int_equal(answer(&q, &six, 20, true, &back), 44);
    check_endpoint(&back.mapped, "[2001:db8::1]:1");
    check_endpoint(&back.other, "-");
    /* A longer question gets everything. */
    assert_int_equal(answer(&q, &four, 44, false, &back), 20 + 4 * 12);
    check_endpoint(&back.origin, "192.0.2.3:3");
    assert_int_equal(answer(&q, &six, 88, true, &back), 20 + 4 * 24);
    check_endpoint(&back.other, "[2001:db8::2]:2");
    check_endpoint(&back.origin, "[2001:db8::3]:3");
}

static void who_asks_for_the_other_port_gets_it_and_both_addresses_also_over_ipv6(void **state)
{
    struct stun_response four = FOUR, six = SIX, back;
    struct stun_request q = request();
    uint8_t question[STUN_REQUEST_MAX];

    (void)state;
    answer(&q, &six, 24, true, &back);
    assert_int_equal(back.other_port, 0);
    q.wants_other_port = true;
    answer(&q, &six, 24, true, &back); /* a short question: the port before the address */
    assert_int_equal(back.other_port, 7001);
    check_endpoint(&back.other, "-");
    size_t len = stun_write_request(&q, question, sizeof question);
    answer(&q, &six, len, true, &back);
    assert_int_equal(back.other_port, 7001);
    check_endpoint(&back.other, "[2001:db8::2]:2");
    answer(&q, &four, len, false, &back);
    assert_int_equal(back.other_port, 7001);
    check_endpoint(&back.other, "192.0.2.2:2");
    check_endpoint(&back.origin, "192.0.2.3:3");
}

static void the_classic_form_has_its_three_addresses_in_answer_to_a_change_request(void **state)
{
    struct stun_response r = FOUR, back;
    struct stun_request q = {.classic = true, .id = {1, 2, 3}};

    (void)state;
    assert_int_equal(answer(&q, &r, 28, false, &back), 56); /* 84 to 56 */
    check_endpoint(&back.mapped, "192.0.2.1:1");
    check_endpoint(&back.other, "192.0.2.2:2");
    check_endpoint(&back.origin, "192.0.2.3:3");
    assert_int_equal(answer(&q, &r, 20, false, &back), 44);
    check_endpoint(&back.origin, "-");
}

static void who_asks_with_a_fingerprint_is_answered_with_one(void **state)
{
    struct stun_response r = FOUR;
    struct stun_request q = request();
    uint8_t bytes[128];

    (void)state;
    q.fingerprint = true;
    size_t len = stun_write_response(&q, &r, bytes, stun_answer_room(28, false));
    assert_int_equal(len, 20 + 12 + 12 + 8);
    assert_memory_equal(bytes + len - 8, "\x80\x28\x00\x04", 4);
    struct stun_response back;
    assert_int_equal(read_response(&back, bytes, len), HX_OK);
    bytes[len - 1] ^= 1;
    assert_int_equal(read_response(&back, bytes, len), HX_EPROTO);
    assert_int_equal(stun_write_response(&q, &r, bytes, 39), 0); /* no room for both: no answer */
}

/* Whatever is asked for, with whatever addresses: what fits is written, and nothing past it. */
static void every_room_is_kept(void **state)
{
    struct stun_response r = full_response("[2001:db8::1]:1", "192.0.2.2:2", "[2001:db8::3]:3"), back;

    (void)state;
    for (unsigned bits = 0; bits < 8; bits++)
        for (size_t room = 0; room < 160; room++) {
            struct stun_request q = request();
            uint8_t *bytes = malloc(room ? room : 1);

            assert_non_null(bytes);
            q.classic = bits & 1;
            q.fingerprint = bits & 2;
            q.wants_other_port = bits & 4;
            size_t len = stun_write_response(&q, &r, bytes, room);
            assert_true(len <= room);
            if (len > 0)
                assert_int_equal(read_response(&back, bytes, len), HX_OK);
            free(bytes);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_never_longer_than_one_and_a_half_times_the_question),
        cmocka_unit_test(who_asks_for_the_other_port_gets_it_and_both_addresses_also_over_ipv6),
        cmocka_unit_test(the_classic_form_has_its_three_addresses_in_answer_to_a_change_request),
        cmocka_unit_test(who_asks_with_a_fingerprint_is_answered_with_one),
        cmocka_unit_test(every_room_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
