/* base/rate: what one source may do in a second is no other source's loss. */
#include "base/rate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define RATE 10

static struct rate *rate_of(unsigned per_second)
{
    struct rate *r = malloc(sizeof *r);

    assert_non_null(r);
    rate_init(r, per_second);
    return r;
}

static void ipv4(uint8_t address[16], uint32_t host)
{
    memset(address, 0, 16);
    address[10] = address[11] = 0xFF;
    memcpy(address + 12, &host, 4);
}

static int taken(struct rate *r, const uint8_t address[16], int tries, int64_t now_ms)
{
    int n = 0;

    while (tries-- > 0)
        n += rate_take(r, address, now_ms);
    return n;
}

static void a_burst_is_four_seconds_worth(void **state)
{
    struct rate *r = rate_of(RATE);
    uint8_t a[16];

    (void)state;
    ipv4(a, 1);
    assert_int_equal(taken(r, a, 1000, 5), RATE * RATE_BURST_S);
    free(r);
}

static void the_bucket_fills_at_the_rate(void **state)
{
    struct rate *r = rate_of(RATE);
    uint8_t a[16];

    (void)state;
    ipv4(a, 1);
    taken(r, a, 1000, 1000);
    assert_int_equal(taken(r, a, 1000, 1099), 0);
    assert_int_equal(taken(r, a, 1000, 1100), 1);
    assert_int_equal(taken(r, a, 1000, 2100), RATE);
    assert_int_equal(taken(r, a, 1000, 100000), RATE * RATE_BURST_S);
    free(r);
}

static void a_flood_costs_other_sources_nothing(void **state)
{
    struct rate *r = rate_of(RATE);
    int starved = 0;
    uint8_t a[16];

    (void)state;
    ipv4(a, 1);
    taken(r, a, 100000, 5);
    for (uint32_t host = 2; host < 1002; host++) {
        ipv4(a, host);
        starved += !rate_take(r, a, 5);
    }
    assert_in_range(starved, 0, 2); /* 1 in RATE_BUCKETS shares the flooder's bucket */
    free(r);
}

static void addresses_of_one_ipv6_64_share_their_rate(void **state)
{
    uint8_t a[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
    struct rate *r = rate_of(RATE);

    (void)state;
    assert_int_equal(taken(r, a, 1000, 5), RATE * RATE_BURST_S);
    a[15] = 2;
    assert_int_equal(taken(r, a, 1000, 5), 0);
    a[7] = 2;
    assert_int_equal(taken(r, a, 1000, 5), RATE * RATE_BURST_S);
    free(r);
}

static void zero_is_unlimited(void **state)
{
    struct rate *r = rate_of(0);
    uint8_t a[16];

    (void)state;
    ipv4(a, 1);
    assert_int_equal(taken(r, a, 100000, 5), 100000);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_four_seconds_worth),
        cmocka_unit_test(the_bucket_fills_at_the_rate),
        cmocka_unit_test(a_flood_costs_other_sources_nothing),
        cmocka_unit_test(addresses_of_one_ipv6_64_share_their_rate),
        cmocka_unit_test(zero_is_unlimited),
    };

    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
