/* client/datagram_queue: what is put in comes out, in its order, and no more than there is room for. */
#include "client/datagram_queue.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define LONGEST 65507

static struct datagram_queue q;
static uint8_t said[LONGEST], came[LONGEST];

static int begin(void **state)
{
    (void)state;
    return datagram_queue_init(&q) == HX_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    datagram_queue_free(&q);
    return 0;
}

static size_t length_of(uint32_t number)
{
    uint32_t mixed = number * 2654435761u;
    return mixed % 7 == 0 ? mixed % (LONGEST + 1) : mixed % 1500;
}

static bool put(uint32_t number)
{
    size_t len = length_of(number);
    memset(said, (int)number, len);
    return datagram_queue_put(&q, number, said, len);
}

static void check_take(uint32_t number)
{
    uint32_t flow;
    size_t len = length_of(number);
    assert_int_equal(datagram_queue_take(&q, &flow, came, sizeof came), len);
    assert_int_equal(flow, number);
    memset(said, (int)number, len);
    assert_memory_equal(came, said, len);
}

static void they_come_out_in_their_order_wherever_the_memory_ends(void **state)
{
    uint32_t first = 0, next = 0, flow;
    (void)state;
    for (int round = 0; round < 200; round++) {
        while (put(next))
            next++;
        assert_true(next > first);
        for (uint32_t half = first + (next - first) / 2 + 1; first < half; first++)
            check_take(first);
    }
    for (; first < next; first++)
        check_take(first);
    assert_int_equal(datagram_queue_take(&q, &flow, came, sizeof came), HX_EAGAIN);
}

static void a_full_queue_keeps_what_it_has(void **state)
{
    uint32_t flow;
    size_t count = 0;
    (void)state;
    while (datagram_queue_put(&q, 1, said, LONGEST))
        count++;
    assert_in_range(count * (size_t)LONGEST, DATAGRAM_QUEUE_BYTES - 2 * LONGEST, DATAGRAM_QUEUE_BYTES);
    assert_int_equal(q.count, count);
    for (; count > 0; count--)
        assert_int_equal(datagram_queue_take(&q, &flow, came, sizeof came), LONGEST);
    assert_true(datagram_queue_put(&q, 1, said, LONGEST));
}

static void who_has_no_room_for_all_gets_the_beginning(void **state)
{
    uint32_t flow;
    (void)state;
    assert_true(datagram_queue_put(&q, 9, "abcdef", 6));
    assert_true(datagram_queue_put(&q, 9, "", 0));
    memset(came, 'z', 8);
    assert_int_equal(datagram_queue_take(&q, &flow, came, 3), 6);
    assert_memory_equal(came, "abczz", 5);
    assert_int_equal(datagram_queue_take(&q, &flow, came, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_come_out_in_their_order_wherever_the_memory_ends, begin, end),
        cmocka_unit_test_setup_teardown(a_full_queue_keeps_what_it_has, begin, end),
        cmocka_unit_test_setup_teardown(who_has_no_room_for_all_gets_the_beginning, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
