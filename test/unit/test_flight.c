/* shim/udt/flight: a lost handshake is said again soon, and a silent host is told little. */
#include "shim/udt/flight.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define TICK_MS     10  /* WIRE_TICK_MS */
#define UDT_MS      250 /* how often UDT wants to send it */
#define SENT_MAX    1000
#define IPV4_HEADER 28 /* bytes, with UDP's */

static struct flight flight;
static int64_t sent_at[SENT_MAX];
static int sent_count;

static void note(int64_t now_ms)
{
    assert_true(sent_count < SENT_MAX);
    sent_at[sent_count++] = now_ms;
}

/* UDT wants to say this kind of handshake. */
static void want(enum packet_request request, int64_t now_ms)
{
    uint8_t head[PACKET_HEAD], body[HANDSHAKE_SIZE] = {0};
    packet_put_control(head, PACKET_HANDSHAKE, 0, 0);
    packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)request);
    if (flight_leaves(&flight, head, body, now_ms))
        note(now_ms);
}

/* What leaves until then, with UDT asking as it does. */
static void run(enum packet_request request, int64_t from_ms, int64_t to_ms)
{
    for (int64_t t = from_ms; t < to_ms; t += TICK_MS) {
        if (flight_due(&flight, t))
            note(t);
        if (t % UDT_MS == 0)
            want(request, t);
    }
}

static int begin(void **state)
{
    (void)state;
    flight_init(&flight, FLIGHT_PEER_MS);
    sent_count = 0;
    return 0;
}

static void the_first_repetitions_come_soon_and_double(void **state)
{
    const int64_t expected[] = {0, 50, 150, 350, 550, 750, 950};
    (void)state;
    run(HS_RENDEZVOUS, 0, 1000);
    assert_int_equal(sent_count, 7);
    assert_memory_equal(sent_at, expected, sizeof expected);
}

static void a_host_that_never_answers_gets_few_and_small_datagrams(void **state)
{
    (void)state;
    run(HS_RENDEZVOUS, 0, 28000); /* the longest punch there is: UDT_RENDEZVOUS_MS */
    assert_in_range(sent_count, 40, 100);
    assert_in_range(sent_count * (FLIGHT_SIZE + IPV4_HEADER), 0, 10000);
    assert_true(sent_at[sent_count - 1] > 27000); /* but some until the end */
}

static void nor_does_one_that_answers_all_the_time_get_more(void **state)
{
    (void)state;
    want(HS_RENDEZVOUS, 0);
    for (int64_t t = 1; t < 28000; t++) {
        flight_heard(&flight, true, t);
        want(t % 2 ? HS_CONCLUSION : HS_RENDEZVOUS, t);
        if (flight_due(&flight, t))
            note(t);
    }
    assert_int_equal(sent_count, FLIGHT_MAX);
}

static void another_handshake_leaves_at_once(void **state)
{
    (void)state;
    run(HS_RENDEZVOUS, 0, 1000);
    int before = sent_count;
    flight_heard(&flight, false, 1003);
    want(HS_CONCLUSION, 1004);
    assert_int_equal(sent_count, before + 1);
    run(HS_CONCLUSION, 1010, 1100);
    assert_int_equal(sent_count, before + 2); /* after 50 ms */
    assert_int_equal(sent_at[before + 1], 1060);
}

static void whoever_is_heard_is_answered_but_not_more_often_than_every_20_ms(void **state)
{
    (void)state;
    run(HS_CONCLUSION, 0, 1000);
    int before = sent_count; /* the next one would leave at 1150 */
    flight_heard(&flight, false, 1003);
    run(HS_CONCLUSION, 1010, 1030);
    assert_int_equal(sent_count, before + 1);
    flight_heard(&flight, false, 1031);
    flight_heard(&flight, false, 1032);
    run(HS_CONCLUSION, 1030, 1040);
    assert_int_equal(sent_count, before + 2);
    want(HS_CONCLUSION, 1041);
    assert_int_equal(sent_count, before + 2);
}

static void the_shortest_answer_is_the_round_trip(void **state)
{
    (void)state;
    flight_heard(&flight, true, 5); /* before anything was said */
    assert_int_equal(flight.rtt_ms, -1);
    want(HS_RENDEZVOUS, 100);
    flight_heard(&flight, false, 103); /* it has said that without us */
    assert_int_equal(flight.rtt_ms, -1);
    flight_heard(&flight, true, 180);
    assert_int_equal(flight.rtt_ms, 80);
    want(HS_CONCLUSION, 181);
    flight_heard(&flight, true, 241);
    assert_int_equal(flight.rtt_ms, 60);
    want(HS_RENDEZVOUS, 300);
    flight_heard(&flight, true, 390);
    assert_int_equal(flight.rtt_ms, 60);
    want(HS_CONCLUSION, 400);
    assert_int_equal(flight.due_ms,
                     400 + 60 + FLIGHT_RTT_MARGIN_MS); /* no repetition before its answer can come */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_repetitions_come_soon_and_double, begin),
        cmocka_unit_test_setup(a_host_that_never_answers_gets_few_and_small_datagrams, begin),
        cmocka_unit_test_setup(nor_does_one_that_answers_all_the_time_get_more, begin),
        cmocka_unit_test_setup(another_handshake_leaves_at_once, begin),
        cmocka_unit_test_setup(whoever_is_heard_is_answered_but_not_more_often_than_every_20_ms, begin),
        cmocka_unit_test_setup(the_shortest_answer_is_the_round_trip, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
