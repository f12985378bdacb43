/* shim/udt/shutdown_check: a shutdown without proof is believed once the peer has left five questions
 * unanswered. */
#include "shim/udt/shutdown_check.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define RANDOM   0x8ABCDEF0u
#define NUMBER   (RANDOM & 0x1FFFFFFF) /* all bits that every implementation sends back */
#define SEQUENCE 4711
#define WINDOW   32

static uint8_t head[PACKET_HEAD], body[ACK_SIZE_FULL];

static bool answered(struct shutdown_check *d, uint32_t number, int64_t now_ms)
{
    packet_put_control(head, PACKET_ACK2, 0, 1);
    packet_put_word(head + 4, number);
    return shutdown_check_answered(d, head, now_ms);
}

/* UDT's ACK, and the peer's answer after the round trip. */
static struct shutdown_check with_rtt(int rtt_ms)
{
    struct shutdown_check d;

    shutdown_check_init(&d);
    packet_put_control(head, PACKET_ACK, 0, 1);
    packet_put_word(head + 4, 1);
    packet_put_word(body + ACK_SEQUENCE, SEQUENCE);
    packet_put_word(body + ACK_WINDOW, WINDOW);
    shutdown_check_acked(&d, head, body, 0);
    packet_put_word(head + 4, 2); /* the next one, before the first is answered */
    shutdown_check_acked(&d, head, body, rtt_ms / 2);
    assert_false(answered(&d, 1, rtt_ms));
    return d;
}

static int64_t believed_after_ms(struct shutdown_check *d, int *questions)
{
    int64_t now_ms = 1000;

    shutdown_check_begin(d, RANDOM, now_ms);
    for (*questions = 0; shutdown_check_ask(d, body, now_ms); now_ms = d->due_ms)
        (*questions)++;
    assert_true(d->believed);
    assert_true(d->due_ms == INT64_MAX);
    return now_ms - 1000;
}

static void silence_is_believed_after_85_ms_and_four_round_trips(void **state)
{
    struct shutdown_check near = with_rtt(0), far = with_rtt(200), unknown;

    (void)state;
    shutdown_check_init(&unknown);
    int questions;
    assert_int_equal(believed_after_ms(&near, &questions), 85);
    assert_int_equal(questions, 5);
    assert_int_equal(believed_after_ms(&far, &questions), 885);
    assert_int_equal(believed_after_ms(&unknown, &questions), 485);
}

static void an_answer_to_any_question_ends_the_check(void **state)
{
    (void)state;
    for (int asked = 1; asked <= SHUTDOWN_CHECK_ASKS; asked++) {
        struct shutdown_check d = with_rtt(20);

        shutdown_check_begin(&d, RANDOM, 1000);
        for (int i = 0; i < asked; i++)
            assert_true(shutdown_check_ask(&d, body, d.due_ms));
        assert_false(answered(&d, NUMBER + 1, d.due_ms));
        assert_true(answered(&d, NUMBER, d.due_ms));
        assert_true(d.due_ms == INT64_MAX);
        assert_false(d.believed);
        assert_false(
            answered(&d, NUMBER, 5000)); /* the second question's: it says nothing of the round trip */
        assert_int_equal(d.rtt_ms, 20);
        assert_int_equal(packet_word(body + ACK_SEQUENCE), SEQUENCE);
        assert_int_equal(packet_word(body + ACK_WINDOW), WINDOW);
    }
}

static void shutdowns_while_one_is_checked_change_nothing(void **state)
{
    struct shutdown_check d = with_rtt(20);

    (void)state;
    shutdown_check_begin(&d, RANDOM, 1000);
    assert_true(shutdown_check_ask(&d, body, 1000));
    int64_t due_ms = d.due_ms;
    shutdown_check_begin(&d, RANDOM + 2, 1001);
    assert_true(d.due_ms == due_ms);
    assert_true(answered(&d, NUMBER, 1002));
    shutdown_check_begin(&d, RANDOM + 4, 1003); /* but the next one is as good as the first */
    assert_int_equal(d.due_ms, 1003);
    assert_true(shutdown_check_ask(&d, body, 1003));
    assert_true(answered(&d, NUMBER + 4, 1004));
}

static void an_end_that_could_not_be_told_comes_again_at_once(void **state)
{
    struct shutdown_check d = with_rtt(20);
    int64_t now_ms = 1000;

    (void)state;
    for (shutdown_check_begin(&d, RANDOM, now_ms); shutdown_check_ask(&d, body, now_ms);)
        now_ms = d.due_ms;
    shutdown_check_retry(&d, now_ms);
    assert_int_equal(d.due_ms, now_ms);
    assert_false(shutdown_check_ask(&d, body, now_ms + 10));
    assert_true(d.believed);
    shutdown_check_retry(&d, now_ms); /* or the peer speaks, after all */
    assert_true(answered(&d, NUMBER, now_ms));
    assert_false(d.believed);
    assert_true(d.due_ms == INT64_MAX);
}

static void a_round_trip_grows_at_once_and_shrinks_slowly(void **state)
{
    struct shutdown_check d = with_rtt(20);

    (void)state;
    for (int i = 0; i < 3; i++) {
        static const int took_ms[] = {100, 20, 20}, expected_ms[] = {100, 90, 81};

        packet_put_word(head + 4, 7);
        shutdown_check_acked(&d, head, body, 10000);
        assert_false(answered(&d, 0, 10000));
        assert_false(answered(&d, 7, 10000 + took_ms[i]));
        assert_int_equal(d.rtt_ms, expected_ms[i]);
    }
}

static void udts_own_acknowledgements_ask_as_well_during_a_check(void **state)
{
    struct shutdown_check d = with_rtt(20);

    (void)state;
    shutdown_check_begin(&d, RANDOM, 1000);
    packet_put_word(head + 4, 2);
    packet_put_word(body + ACK_SEQUENCE, SEQUENCE + 5);
    shutdown_check_acked(&d, head, body, 1001);
    assert_int_equal(packet_word(head + 4), NUMBER);
    assert_false(answered(&d, 2, 1002));
    assert_true(shutdown_check_ask(&d, body, 1003));
    assert_int_equal(packet_word(body + ACK_SEQUENCE), SEQUENCE + 5);
    assert_true(answered(&d, NUMBER, 1004));
}

/* asio-udt sends back 29 bits of a number, and tokio-udt knows no ACK of 16 bytes. */
static void the_question_is_one_that_every_implementation_answers(void **state)
{
    static const uint32_t randoms[] = {0, 0x20000000, 0xE0000000, 0xFFFFFFFF};

    (void)state;
    for (size_t i = 0; i < sizeof randoms / sizeof randoms[0]; i++) {
        struct shutdown_check d = with_rtt(20);

        shutdown_check_begin(&d, randoms[i], 1000);
        memset(body, 0xFF, sizeof body);
        assert_true(shutdown_check_ask(&d, body, 1000));
        assert_in_range(d.number, 1, 0x1FFFFFFF);
        assert_int_equal(packet_word(body + ACK_RATE), 0); /* UDT's estimates stay as they are */
        assert_int_equal(packet_word(body + ACK_BANDWIDTH), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_believed_after_85_ms_and_four_round_trips),
        cmocka_unit_test(an_answer_to_any_question_ends_the_check),
        cmocka_unit_test(shutdowns_while_one_is_checked_change_nothing),
        cmocka_unit_test(an_end_that_could_not_be_told_comes_again_at_once),
        cmocka_unit_test(a_round_trip_grows_at_once_and_shrinks_slowly),
        cmocka_unit_test(the_question_is_one_that_every_implementation_answers),
        cmocka_unit_test(udts_own_acknowledgements_ask_as_well_during_a_check),
    };

    return cmocka_run_group_tests_name("shutdown_check", tests, NULL, NULL);
}
