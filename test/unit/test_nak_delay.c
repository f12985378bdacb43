/* shim/udt/nak_delay: only what is missing still is reported. */
#include "shim/udt/nak_delay.h"
#include "shim/udt/packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define ISN    0x7FFFFFFEu /* sequence numbers begin anew at once */
#define SEQ(n) ((ISN + (uint32_t)(n)) & 0x7FFFFFFFu)
#define RANGE  0x80000000u

struct world {
    struct receipts r;
    struct nak_delay n;
    uint8_t body[NAK_DELAY_BODY_MAX];
};

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    receipts_init(&w->r);
    assert_true(receipts_note(&w->r, ISN, SEQ(0), 0, 0));
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;

    receipts_end(&w->r);
    free(w);
    return 0;
}

static bool hold(struct world *w, int first, int last, int64_t due_us)
{
    uint8_t body[8];
    size_t len = 4;

    packet_put_word(body, SEQ(first) | (first != last ? RANGE : 0));
    if (first != last) {
        packet_put_word(body + 4, SEQ(last));
        len = 8;
    }
    return nak_delay_hold(&w->n, body, len, due_us);
}

static void come(struct world *w, int n, uint32_t stamp)
{
    assert_true(receipts_note(&w->r, ISN, SEQ(n), stamp, stamp));
}

static void what_comes_meanwhile_is_not_reported(void **state)
{
    struct world *w = *state;

    come(w, 2, 20);
    assert_true(hold(w, 1, 1, 2020));
    assert_int_equal(nak_delay_due_us(&w->n), 2020);
    come(w, 1, 10);
    assert_int_equal(nak_delay_write(&w->n, &w->r, w->body, 2020), 0);
    assert_true(nak_delay_due_us(&w->n) == INT64_MAX);
}

static void what_is_missing_still_is_reported_when_it_is_due_and_no_sooner(void **state)
{
    struct world *w = *state;

    come(w, 10, 20);
    assert_true(hold(w, 1, 9, 2020));
    come(w, 20, 30);
    assert_true(hold(w, 11, 19, 2030));
    come(w, 3, 12);
    come(w, 4, 13);
    come(w, 9, 14);
    assert_int_equal(nak_delay_write(&w->n, &w->r, w->body, 2019), 0);
    assert_int_equal(nak_delay_write(&w->n, &w->r, w->body, 2020), 16);
    assert_int_equal(packet_word(w->body), SEQ(1) | RANGE);
    assert_int_equal(packet_word(w->body + 4), SEQ(2));
    assert_int_equal(packet_word(w->body + 8), SEQ(5) | RANGE);
    assert_int_equal(packet_word(w->body + 12), SEQ(8));
    assert_int_equal(nak_delay_due_us(&w->n), 2030);
    assert_int_equal(nak_delay_write(&w->n, &w->r, w->body, 2030), 8);
    assert_true(nak_delay_due_us(&w->n) == INT64_MAX);
}

static void what_does_not_fit_follows(void **state)
{
    struct world *w = *state;
    int told = 0;

    for (int n = 2; n <= 100; n += 2)
        come(w, n, 20);
    assert_true(hold(w, 1, 99, 2020));
    for (int round = 0; round < 5 && nak_delay_due_us(&w->n) != INT64_MAX; round++) {
        size_t len = nak_delay_write(&w->n, &w->r, w->body, 2020);
        for (size_t at = 0; at < len; at += 4, told++)
            assert_int_equal(packet_word(w->body + at), SEQ(1 + 2 * told));
    }
    assert_int_equal(told, 50);
}

static void what_there_is_no_room_for_must_leave_at_once(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < NAK_DELAY_HELD_MAX; i++)
        assert_true(hold(w, 1 + 2 * i, 1 + 2 * i, i));
    assert_false(hold(w, 500, 500, 9999));
}

static void a_path_that_overtakes_more_is_waited_for_longer(void **state)
{
    struct world *w = *state;

    assert_int_equal(nak_delay_us(&w->r), NAK_DELAY_LEAST_US);
    come(w, 2, 40000);
    come(w, 1, 10000); /* it had left 30 ms before the other */
    assert_int_equal(nak_delay_us(&w->r), 37500);
    come(w, 4, 50000);
    come(w, 3, 90000); /* a repeat */
    assert_int_equal(nak_delay_us(&w->r), 37500);
    assert_true(receipts_note(&w->r, ISN, SEQ(6), 100000, 0));
    assert_true(receipts_note(&w->r, ISN, SEQ(5), 90000, 3 * RECEIPTS_PERIOD_US)); /* long after */
    assert_int_equal(nak_delay_us(&w->r), 12500);
}

static void an_empty_or_a_cut_report_is_as_much_as_there_is(void **state)
{
    struct world *w = *state;
    uint8_t body[8];

    packet_put_word(body, SEQ(1) | RANGE);
    packet_put_word(body + 4, SEQ(4));
    for (size_t cut = 0; cut < 8; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, body, cut);
        assert_true(nak_delay_hold(&w->n, copy, cut, 0));
        assert_int_equal(w->n.count, cut >= 4);
        w->n.count = 0;
        free(copy);
    }
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(what_comes_meanwhile_is_not_reported),
        WORLD(what_is_missing_still_is_reported_when_it_is_due_and_no_sooner),
        WORLD(what_does_not_fit_follows),
        WORLD(what_there_is_no_room_for_must_leave_at_once),
        WORLD(a_path_that_overtakes_more_is_waited_for_longer),
        WORLD(an_empty_or_a_cut_report_is_as_much_as_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
