/* shim/udt/tickets: the proof that a listener gives for the next visit. */
#include "shim/udt/tickets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define NOW_MS 5000

static const uint8_t here[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1},
                     there[16] = {[10] = 0xff, 0xff, 192, 0, 2, 2};
static struct tickets *t;

static int begin(void **state)
{
    (void)state;
    t = calloc(1, sizeof *t);
    assert_non_null(t);
    tickets_init(t);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(t);
    return 0;
}

static bool valid_at(const uint8_t *ticket, int64_t now_ms)
{
    return tickets_valid(t, here, ticket, TICKET_SIZE, now_ms);
}

static void a_ticket_is_of_its_address(void **state)
{
    uint8_t ticket[TICKET_SIZE];

    (void)state;
    tickets_make(t, here, ticket, NOW_MS);
    assert_true(valid_at(ticket, NOW_MS));
    assert_false(tickets_valid(t, there, ticket, sizeof ticket, NOW_MS));
}

static void a_ticket_is_taken_once(void **state)
{
    uint8_t first[TICKET_SIZE], second[TICKET_SIZE];

    (void)state;
    tickets_make(t, here, first, NOW_MS);
    tickets_make(t, here, second, NOW_MS);
    tickets_use(t, first);
    assert_false(valid_at(first, NOW_MS));
    assert_true(valid_at(second, NOW_MS));
}

static void a_ticket_is_over_after_a_day(void **state)
{
    uint8_t ticket[TICKET_SIZE];

    (void)state;
    tickets_make(t, here, ticket, NOW_MS);
    assert_true(valid_at(ticket, NOW_MS + TICKET_LIFE_MS - 1));
    assert_false(valid_at(ticket, NOW_MS + TICKET_LIFE_MS));
}

static void a_ticket_of_another_start_is_none(void **state)
{
    uint8_t ticket[TICKET_SIZE];

    (void)state;
    tickets_make(t, here, ticket, NOW_MS);
    tickets_init(t);
    assert_false(valid_at(ticket, NOW_MS));
}

static void a_ticket_with_another_bit_is_none_and_a_cut_one_neither(void **state)
{
    uint8_t ticket[TICKET_SIZE];

    (void)state;
    tickets_make(t, here, ticket, NOW_MS);
    for (size_t i = 0; i < 8 * sizeof ticket; i++) {
        ticket[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(valid_at(ticket, NOW_MS));
        ticket[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t len = 0; len < sizeof ticket; len++) {
        uint8_t *cut = malloc(len + 1);
        assert_non_null(cut);
        memcpy(cut, ticket, len);
        assert_false(tickets_valid(t, here, cut, len, NOW_MS));
        free(cut);
    }
}

static void a_ticket_whose_use_is_not_remembered_any_more_is_none(void **state)
{
    uint8_t first[TICKET_SIZE], used[TICKET_SIZE], later[TICKET_SIZE];

    (void)state;
    tickets_make(t, here, first, NOW_MS);
    tickets_make(t, here, used, NOW_MS);
    tickets_use(t, used);
    for (unsigned i = 2; i < TICKETS_OPEN; i++)
        tickets_make(t, there, later, NOW_MS);
    assert_true(valid_at(first, NOW_MS));
    tickets_make(t, here, later, NOW_MS); /* first's place */
    assert_false(valid_at(first, NOW_MS));
    tickets_make(t, here, later, NOW_MS); /* that of `used` */
    assert_false(valid_at(used, NOW_MS));
    assert_true(valid_at(later, NOW_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_ticket_is_of_its_address, begin, end),
        cmocka_unit_test_setup_teardown(a_ticket_is_taken_once, begin, end),
        cmocka_unit_test_setup_teardown(a_ticket_is_over_after_a_day, begin, end),
        cmocka_unit_test_setup_teardown(a_ticket_of_another_start_is_none, begin, end),
        cmocka_unit_test_setup_teardown(a_ticket_with_another_bit_is_none_and_a_cut_one_neither, begin, end),
        cmocka_unit_test_setup_teardown(a_ticket_whose_use_is_not_remembered_any_more_is_none, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
