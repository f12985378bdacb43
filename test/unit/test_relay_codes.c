/* OPENs with wrong codes: they cost the nameserver little, and the parties nothing. */
#include "test/unit/relay_table_fixture.h"

static int wrong_codes(const struct relay_place *from, int times)
{
    uint64_t before = count(RELAY_COUNT_BAD_CODE);
    uint8_t bytes[RELAY_CONTROL_BYTES];

    write_open(bytes, RELAY_CALLER, NULL);
    bytes[RELAY_SAID_BYTES] ^= 1;
    for (int i = 0; i < times; i++)
        assert_false(says(bytes, from));
    return (int)(count(RELAY_COUNT_BAD_CODE) - before);
}

/* Nor one that has another address now. */
static void strangers_codes_do_not_keep_the_party_out(void **state)
{
    struct relay_place stranger = place("203.0.113.9", 9), elsewhere = place("192.0.2.77", 4002);

    (void)state;
    assert_in_range(wrong_codes(&stranger, 50000), 5000, 25000);
    opens(RELAY_CALLER);
    assert_true(open_from(RELAY_CALLER, &elsewhere, NULL));
    assert_int_equal(answer.kind, RELAY_CHALLENGE);
}

static void nor_do_those_that_are_sent_from_its_own_address(void **state)
{
    int opened = 0;

    (void)state;
    opens(RELAY_CALLER);
    for (int ms = 0; ms < 10000; ms += 10, now += 10) { /* 10,000 a second, and its own ones each second */
        (void)wrong_codes(&places[RELAY_CALLER], 100);
        opened += ms % 1000 == 0 && open_from(RELAY_CALLER, &places[RELAY_CALLER], NULL);
    }
    assert_int_equal(opened, 10);
}

static void strangers_codes_cost_no_more_than_so_much_in_all(void **state)
{
    int looked_at = 0;

    (void)state;
    for (int i = 0; i < 120; i++) {
        char ip[32];
        snprintf(ip, sizeof ip, "203.0.113.%d", i);
        struct relay_place stranger = place(ip, 9);
        looked_at += wrong_codes(&stranger, 1000);
    }
    assert_in_range(looked_at, 10000, 100000);
    opens(RELAY_CALLER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(strangers_codes_do_not_keep_the_party_out),
        TEST(nor_do_those_that_are_sent_from_its_own_address),
        TEST(strangers_codes_cost_no_more_than_so_much_in_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
