/* Counts per address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/hash.h"
#include "server/limits.h"
#include <string.h>

static struct endpoint at(const char *text)
{
    struct endpoint e;

    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static int take(struct limits *l, const char *text)
{
    struct endpoint e = at(text);

    return limits_take(l, &e);
}

static void give(struct limits *l, const char *text)
{
    struct endpoint e = at(text);

    limits_give(l, &e);
}

static void an_ipv4_address_counts_whatever_its_port(void **state)
{
    struct limits l = {.per_address = 2};

    (void)state;
    assert_int_equal(take(&l, "192.0.2.1:1"), HX_OK);
    assert_int_equal(take(&l, "192.0.2.1:2"), HX_OK);
    assert_int_equal(take(&l, "192.0.2.1:3"), HX_ELIMIT);
    assert_int_equal(take(&l, "192.0.2.2:3"), HX_OK);
    give(&l, "192.0.2.1:1");
    assert_int_equal(take(&l, "192.0.2.1:3"), HX_OK);
    limits_free(&l);
}

static void ipv6_counts_per_64_bits_of_prefix(void **state)
{
    struct limits l = {.per_address = 1};

    (void)state;
    assert_int_equal(take(&l, "[2001:db8:1:2::1]:1"), HX_OK);
    assert_int_equal(take(&l, "[2001:db8:1:2:ffff::9]:1"), HX_ELIMIT);
    assert_int_equal(take(&l, "[2001:db8:1:3::1]:1"), HX_OK);
    limits_free(&l);
}

static void nothing_is_kept_of_who_has_left(void **state)
{
    struct limits l = {.per_address = 0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(take(&l, "192.0.2.1:1"), HX_OK);
    for (int i = 0; i < 1000; i++)
        give(&l, "192.0.2.1:1");
    assert_null(l.counts);
    give(&l, "192.0.2.1:1"); /* never counted: no harm */
    assert_null(l.counts);
}

static void the_hash_tells_apart_and_repeats(void **state)
{
    (void)state;
    assert_int_equal(hash_keyed("abcdefghij", 10), hash_keyed("abcdefghij", 10));
    for (size_t len = 0; len < 10; len++)
        assert_int_not_equal(hash_keyed("abcdefghij", len), hash_keyed("abcdefghij", len + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_address_counts_whatever_its_port),
        cmocka_unit_test(ipv6_counts_per_64_bits_of_prefix),
        cmocka_unit_test(nothing_is_kept_of_who_has_left),
        cmocka_unit_test(the_hash_tells_apart_and_repeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
