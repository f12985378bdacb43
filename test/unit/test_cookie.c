/* shim/cookie: only who receives at an address can show its cookie. */
#include "shim/udt/cookie.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the above */
#include <cmocka.h>

static const uint8_t alice[18] = "alice's addr+port";
static const uint8_t bob[18] = "bob's address+port";

static void a_cookie_is_valid_for_its_source_alone(void **state)
{
    (void)state;
    struct cookie c;
    uint32_t cookie;
    cookie_init(&c, 0);
    cookie = cookie_make(&c, alice, sizeof alice, 1);
    assert_true(cookie_valid(&c, alice, sizeof alice, cookie, 2));
    assert_false(cookie_valid(&c, bob, sizeof bob, cookie, 2));
    assert_false(cookie_valid(&c, alice, sizeof alice, cookie ^ 1, 2));
    assert_false(cookie_valid(&c, alice, sizeof alice, 0, 2));
}

static void a_cookie_outlives_one_roll_and_no_second(void **state)
{
    (void)state;
    struct cookie c;
    uint32_t cookie;
    cookie_init(&c, 0);
    cookie = cookie_make(&c, alice, sizeof alice, COOKIE_ROLL_MS - 1);
    assert_true(cookie_valid(&c, alice, sizeof alice, cookie, COOKIE_ROLL_MS));
    assert_true(cookie_valid(&c, alice, sizeof alice, cookie, 2 * COOKIE_ROLL_MS - 1));
    assert_false(cookie_valid(&c, alice, sizeof alice, cookie, 2 * COOKIE_ROLL_MS));
}

static void a_long_quiet_time_ends_every_cookie(void **state)
{
    (void)state;
    struct cookie c;
    uint32_t cookie;
    cookie_init(&c, 0);
    cookie = cookie_make(&c, alice, sizeof alice, 1);
    assert_false(cookie_valid(&c, alice, sizeof alice, cookie, 3 * COOKIE_ROLL_MS));
}

static void two_servers_have_different_cookies(void **state)
{
    struct cookie one, other;
    int same = 0;

    (void)state;
    for (int i = 0; i < 4; i++) {
        cookie_init(&one, 0);
        cookie_init(&other, 0);
        same += cookie_make(&one, alice, sizeof alice, 1) == cookie_make(&other, alice, sizeof alice, 1);
    }
    assert_in_range(same, 0, 1); /* 1 in 2^32 each */
}

static void siphash_gives_the_papers_value(void **state)
{
    struct hash_key key = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};
    uint8_t input[15];

    (void)state;
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    /* Aumasson and Bernstein, appendix A; on a little-endian machine */
    assert_true(hash_sip(&key, input, sizeof input) == 0xa129ca6149be45e5u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_is_valid_for_its_source_alone),
        cmocka_unit_test(a_cookie_outlives_one_roll_and_no_second),
        cmocka_unit_test(a_long_quiet_time_ends_every_cookie),
        cmocka_unit_test(two_servers_have_different_cookies),
        cmocka_unit_test(siphash_gives_the_papers_value),
    };

    return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
