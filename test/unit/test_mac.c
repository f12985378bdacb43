#include "secure/mac.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4231, 4.2: 20 bytes 0b, zero-padded, are the same key as 32 bytes of which the last 12 are zero. */
static void the_standards_vector_is_computed(void **state)
{
    static const uint8_t expected[MAC_BYTES] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53,
                                                0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b, 0xf1, 0x2b};
    uint8_t key[MAC_KEY_BYTES] = {0}, out[MAC_BYTES];
    (void)state;
    memset(key, 0x0b, 20);
    assert_int_equal(mac_compute(key, "Hi There", 8, out), HX_OK);
    assert_memory_equal(out, expected, sizeof expected);
    assert_true(mac_right(key, "Hi There", 8, expected));
}

static void another_bit_anywhere_is_another_code(void **state)
{
    uint8_t key[MAC_KEY_BYTES] = {1, 2, 3}, data[] = "what is said", code[MAC_BYTES];
    (void)state;
    assert_int_equal(mac_compute(key, data, sizeof data, code), HX_OK);
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(mac_right(key, data, sizeof data, code));
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof code; bit++) {
        code[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(mac_right(key, data, sizeof data, code));
        code[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(mac_right(key, data, sizeof data, code));
    assert_false(mac_right(key, data, sizeof data - 1, code));
}

static void keys_for_two_purposes_differ(void **state)
{
    uint8_t a[MAC_KEY_BYTES], b[MAC_KEY_BYTES], again[MAC_KEY_BYTES];
    static const uint8_t secret[16] = {7};
    (void)state;
    assert_int_equal(mac_derive(secret, sizeof secret, "caller", a), HX_OK);
    assert_int_equal(mac_derive(secret, sizeof secret, "called", b), HX_OK);
    assert_int_equal(mac_derive(secret, sizeof secret, "caller", again), HX_OK);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_equal(a, again, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_vector_is_computed),
        cmocka_unit_test(another_bit_anywhere_is_another_code),
        cmocka_unit_test(keys_for_two_purposes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
