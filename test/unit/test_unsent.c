/* shim/udt/unsent: what may wait in UDT's send buffer. */
#include "shim/udt/unsent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* needs those above */

#define MS UINT64_C(1000000) /* nanoseconds */

static void wrote(struct unsent *u, uint32_t packets, uint64_t period_ns)
{
    unsent_written(u, &(struct unsent_write){.packets = packets, .period_ns = period_ns}, 0);
}

static void it_is_what_leaves_in_a_few_milliseconds(void **state)
{
    struct unsent u;
    (void)state;
    unsent_begin(&u, 100);
    assert_int_equal(unsent_room(&u, 100), UNSENT_LEAST);
    wrote(&u, 1, MS / 100); /* a hundred packets in a millisecond */
    assert_int_equal(unsent_room(&u, 100), UNSENT_US / 10 - 1);
    assert_int_equal(unsent_room(&u, 101), UNSENT_US / 10);
    wrote(&u, 0, MS / 10);
    assert_int_equal(unsent_room(&u, 101), UNSENT_SLOW_MOST);
    wrote(&u, 0, MS / 2);
    assert_int_equal(unsent_room(&u, 101), UNSENT_SLOW_US / 500);
    wrote(&u, 1, 20 * MS);
    assert_int_equal(unsent_room(&u, 102), UNSENT_LEAST);
    wrote(&u, 1, 1);
    assert_int_equal(unsent_room(&u, 103), UNSENT_MOST);
    wrote(&u, 1, 0);
    assert_int_equal(unsent_room(&u, 104), UNSENT_MOST);
}

static void who_wanted_room_is_told_once_when_half_has_left(void **state)
{
    struct unsent u;
    (void)state;
    unsent_begin(&u, 7);
    assert_false(unsent_left(&u, 7)); /* nobody has asked */
    wrote(&u, UNSENT_LEAST, 20 * MS);
    assert_false(unsent_left(&u, 8));
    assert_int_equal(unsent_room(&u, 7), 0);
    assert_false(unsent_left(&u, 7 + UNSENT_LEAST / 2 - 1));
    assert_int_equal(unsent_room(&u, 7 + UNSENT_LEAST / 2 - 1), 0);
    assert_true(unsent_left(&u, 7 + UNSENT_LEAST / 2));
    assert_false(unsent_left(&u, 7 + UNSENT_LEAST / 2 + 1));
    assert_int_equal(unsent_room(&u, 7 + UNSENT_LEAST / 2), UNSENT_LEAST / 2);
    assert_false(unsent_left(&u, 7 + UNSENT_LEAST)); /* who got room wants none */
}

static void after_a_little_piece_less_may_wait_for_a_while(void **state)
{
    struct unsent u;
    struct unsent_write bulk = {.packets = 1, .period_ns = MS / 100},
                        piece = {.packets = 1, .little = true, .period_ns = MS / 100};
    (void)state;
    unsent_begin(&u, 100);
    unsent_written(&u, &bulk, 5);
    assert_int_equal(unsent_room(&u, 101), UNSENT_US / 10);
    unsent_written(&u, &piece, 10);
    assert_int_equal(unsent_room(&u, 102), UNSENT_TALK_US / 10);
    unsent_written(&u, &bulk, 9 + UNSENT_TALK_MS);
    assert_int_equal(unsent_room(&u, 103), UNSENT_TALK_US / 10);
    unsent_written(&u, &bulk, 10 + UNSENT_TALK_MS);
    assert_int_equal(unsent_room(&u, 104), UNSENT_US / 10);
    piece.period_ns = 20 * MS;
    unsent_written(&u, &piece, 10 + UNSENT_TALK_MS);
    assert_int_equal(unsent_room(&u, 105), UNSENT_TALK_LEAST);
}

/* UDT's sender is another thread. */
static void a_packet_may_leave_before_it_is_counted(void **state)
{
    struct unsent u;
    (void)state;
    unsent_begin(&u, 7);
    assert_int_equal(unsent_room(&u, 9), UNSENT_LEAST);
    wrote(&u, 2, 20 * MS);
    assert_int_equal(unsent_room(&u, 9), UNSENT_LEAST);
}

static void sequence_numbers_begin_anew_after_31_bits(void **state)
{
    struct unsent u;
    (void)state;
    unsent_begin(&u, 0x7FFFFFFE);
    wrote(&u, 4, 20 * MS);
    assert_int_equal(unsent_room(&u, 0x7FFFFFFF), UNSENT_LEAST - 3);
    assert_int_equal(unsent_room(&u, 0), UNSENT_LEAST - 2);
    wrote(&u, UNSENT_LEAST, 20 * MS);
    assert_int_equal(unsent_room(&u, 1), 0);
    assert_true(unsent_left(&u, UNSENT_LEAST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_leaves_in_a_few_milliseconds),
        cmocka_unit_test(who_wanted_room_is_told_once_when_half_has_left),
        cmocka_unit_test(after_a_little_piece_less_may_wait_for_a_while),
        cmocka_unit_test(a_packet_may_leave_before_it_is_counted),
        cmocka_unit_test(sequence_numbers_begin_anew_after_31_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
