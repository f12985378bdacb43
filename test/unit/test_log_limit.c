/* Lines of one kind: a bounded number in each second, and the rest is counted and told. */
#include "server/log_limit.h"
#include "test/unit/server_fixture.h"

static void ten_lines_pass_in_a_second_and_the_rest_is_told_when_it_is_over(void **state)
{
    struct log_limit l = {0};
    int passed = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        passed += log_limit_allows(&l, 5000 + i / 2);
    assert_int_equal(passed, LOG_LIMIT_LINES);
    assert_int_equal(log_limit_over(&l, 5999), 0);
    assert_int_equal(log_limit_over(&l, 6000), 990);
    assert_int_equal(log_limit_over(&l, 9000), 0);
    assert_true(log_limit_allows(&l, 6000));
}

static void lines_that_come_slowly_all_pass(void **state)
{
    struct log_limit l = {0};

    (void)state;
    for (int64_t ms = 0; ms < 60000; ms += 101)
        assert_true(log_limit_allows(&l, ms + 1));
}

static void the_refusals_of_many_addresses_make_few_lines_and_all_are_counted(void **state)
{
    enum { REFUSALS = 500 };
    struct fixture *f = *state;
    char address[64];

    for (int i = 0; i < REFUSALS; i++) {
        snprintf(address, sizeof address, "198.51.%d.%d:7", i / 250, i % 250 + 1);
        fixture_ask(f, address, "/connect?host_id=nobody");
    }
    assert_int_equal(fixture_count(f->log, "event=refused"), LOG_LIMIT_LINES);
    fixture_pass(f, LOG_LIMIT_MS);
    assert_true(fixture_logged(f, "event=not_logged kind=refused_unknown lines=490"));
    fixture_pass(f, LOG_LIMIT_MS);
    assert_int_equal(fixture_count(f->log, "event=not_logged"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_lines_pass_in_a_second_and_the_rest_is_told_when_it_is_over),
        TEST(lines_that_come_slowly_all_pass),
        TEST(the_refusals_of_many_addresses_make_few_lines_and_all_are_counted),
    };

    return cmocka_run_group_tests_name("log limit", tests, NULL, NULL);
}
