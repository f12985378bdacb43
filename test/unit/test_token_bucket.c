#include "base/token_bucket.h"
#include "test/unit/cuts.h"

static const struct token_limit limit = {.per_second = 10, .most = 40};

static int taken(struct token_bucket *b, int64_t now_ms)
{
    int n = 0;

    while (token_bucket_take(b, &limit, 1, now_ms))
        n++;
    return n;
}

static void a_zeroed_bucket_is_full_at_any_time(void **state)
{
    static const int64_t times[] = {0, 1, 100000, INT64_MAX / 2};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct token_bucket b = {0};
        assert_int_equal(taken(&b, times[i]), 40);
        assert_int_equal(taken(&b, times[i]), 0);
    }
}

static void it_fills_at_its_rate_and_no_further_than_full(void **state)
{
    struct token_bucket b = {0};

    (void)state;
    assert_int_equal(taken(&b, 1000), 40);
    assert_int_equal(taken(&b, 1099), 0);
    assert_int_equal(taken(&b, 1100), 1);
    assert_int_equal(taken(&b, 1900), 8);
    assert_int_equal(taken(&b, INT64_MAX), 40);
}

static void time_that_goes_back_gives_nothing_and_takes_nothing(void **state)
{
    struct token_bucket b = {0};

    (void)state;
    assert_true(token_bucket_take(&b, &limit, 40, 5000));
    assert_int_equal(taken(&b, 1), 0);
    assert_int_equal(taken(&b, 5100), 1);
}

static void what_is_spent_beyond_it_is_owed(void **state)
{
    struct token_bucket b = {0};

    (void)state;
    token_bucket_spend(&b, &limit, 50, 0);
    assert_int_equal(token_bucket_left(&b, &limit, 0), -10);
    assert_int_equal(token_bucket_left(&b, &limit, 50), -10);
    assert_int_equal(taken(&b, 1000), 0);
    assert_int_equal(taken(&b, 1100), 1);
}

static void what_is_given_back_is_there_at_once(void **state)
{
    struct token_bucket b = {0};

    (void)state;
    assert_int_equal(taken(&b, 0), 40);
    token_bucket_give(&b, 2 * TOKEN_BUCKET_UNIT);
    assert_int_equal(taken(&b, 0), 2);
    token_bucket_give(&b, 1000 * TOKEN_BUCKET_UNIT);
    assert_int_equal(taken(&b, 0), 40);
}

static void a_rate_of_zero_never_fills(void **state)
{
    static const struct token_limit never = {.per_second = 0, .most = 2};
    struct token_bucket b = {0};

    (void)state;
    assert_true(token_bucket_take(&b, &never, 2, 0));
    assert_false(token_bucket_take(&b, &never, 1, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_bucket_is_full_at_any_time),
        cmocka_unit_test(it_fills_at_its_rate_and_no_further_than_full),
        cmocka_unit_test(time_that_goes_back_gives_nothing_and_takes_nothing),
        cmocka_unit_test(what_is_spent_beyond_it_is_owed),
        cmocka_unit_test(what_is_given_back_is_there_at_once),
        cmocka_unit_test(a_rate_of_zero_never_fills),
    };

    return cmocka_run_group_tests_name("token_bucket", tests, NULL, NULL);
}
