/* client/datagram_join: pieces in any order, with losses, of many datagrams at once; memory and time end. */
#include "client/datagram_join.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define PIECE 1000

static struct datagram_join join;
static size_t whole_len;

static int begin(void **state)
{
    (void)state;
    join = (struct datagram_join){.bytes = 0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    datagram_join_free(&join);
    return 0;
}

static uint8_t byte_of(uint64_t first, unsigned piece)
{
    return (uint8_t)(first * 7 + piece);
}

/* The last piece has a byte alone. True: it was the last that was missing, and all is as it was said. */
static bool come(uint64_t first, uint32_t flow, unsigned piece, unsigned pieces, int64_t now_ms)
{
    const struct sealed_datagram head = {
        .flow = flow, .number = first + piece, .piece = piece, .pieces = pieces};
    uint8_t bytes[PIECE], *out;
    memset(bytes, byte_of(first, piece), sizeof bytes);
    if (!datagram_join_take(&join, &head, bytes, piece + 1 < pieces ? PIECE : 1, now_ms, &out, &whole_len))
        return false;
    assert_int_equal(whole_len, (pieces - 1) * PIECE + 1);
    for (size_t i = 0; i < whole_len; i++)
        assert_int_equal(out[i], byte_of(first, (unsigned)(i / PIECE)));
    free(out);
    return true;
}

static void any_order_makes_the_same_datagram(void **state)
{
    (void)state;
    for (unsigned pieces = 2; pieces <= SEALED_PIECES; pieces++) {
        uint64_t first = pieces * 100;
        for (unsigned i = 0; i < pieces; i++) /* from both ends */
            assert_int_equal(come(first, 1, i % 2 ? i / 2 : pieces - 1 - i / 2, pieces, 0), i + 1 == pieces);
    }
    assert_int_equal(join.bytes, 0);
    assert_int_equal(join.given_up, 0);
}

static void many_at_once_are_not_mixed(void **state)
{
    (void)state;
    for (uint64_t d = 0; d < 40; d++)
        assert_false(come(1 + 2 * d, (uint32_t)d, 1, 2, 0));
    for (uint64_t d = 0; d < 40; d++)
        assert_true(come(1 + 2 * d, (uint32_t)d, 0, 2, 0));
}

static void a_piece_that_says_another_flow_or_count_is_none_of_it(void **state)
{
    (void)state;
    assert_false(come(10, 1, 0, 3, 0));
    assert_false(come(10, 2, 1, 3, 0));
    assert_false(come(10, 1, 1, 2, 0));
    assert_false(come(10, 1, 1, 3, 0));
    assert_true(come(10, 1, 2, 3, 0));
}

static void what_is_not_whole_in_time_is_given_up(void **state)
{
    (void)state;
    assert_false(come(10, 1, 0, 2, 1000));
    assert_false(come(20, 1, 0, 2, 2000));
    assert_false(come(10, 1, 1, 2, 1000 + DATAGRAM_JOIN_MS)); /* it begins another one */
    assert_int_equal(join.given_up, 1);
    assert_true(come(20, 1, 1, 2, 1999 + DATAGRAM_JOIN_MS));
    datagram_join_expire(&join, 1000000);
    assert_int_equal(join.given_up, 2);
    assert_int_equal(join.bytes, 0);
}

static void the_oldest_gives_way_to_a_new_one(void **state)
{
    (void)state;
    for (uint64_t d = 0; d <= DATAGRAM_JOIN_KEPT; d++)
        assert_false(come(1 + 2 * d, 1, 0, 2, 0));
    assert_int_equal(join.given_up, 1);
    assert_true(come(3, 1, 1, 2, 0)); /* the second */
    assert_false(come(1, 1, 1, 2, 0));
}

static void the_memory_is_bounded_whatever_comes(void **state)
{
    (void)state;
    for (uint64_t d = 0; d < 1000; d++) {
        assert_false(come(1 + 64 * d, 1, 5, SEALED_PIECES, 0));
        assert_in_range(join.bytes, 1, DATAGRAM_JOIN_BYTES);
    }
    for (unsigned i = 0; i < SEALED_PIECES; i++) /* the newest is still there */
        assert_int_equal(i == 5 || come(1 + 64 * 999, 1, i, SEALED_PIECES, 0),
                         i == 5 || i + 1 == SEALED_PIECES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order_makes_the_same_datagram, begin, end),
        cmocka_unit_test_setup_teardown(many_at_once_are_not_mixed, begin, end),
        cmocka_unit_test_setup_teardown(a_piece_that_says_another_flow_or_count_is_none_of_it, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_whole_in_time_is_given_up, begin, end),
        cmocka_unit_test_setup_teardown(the_oldest_gives_way_to_a_new_one, begin, end),
        cmocka_unit_test_setup_teardown(the_memory_is_bounded_whatever_comes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
