#include "secure/digest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* `key` NULL: SHA-256. In two pieces, the first of `cut` bytes. */
static void sum(const uint8_t *key, const void *data, size_t len, size_t cut, uint8_t out[DIGEST_BYTES])
{
    struct digest d;
    assert_int_equal(digest_init(&d), HX_OK);
    if (key)
        assert_int_equal(digest_use_key(&d, key), HX_OK);
    digest_update(&d, data, cut);
    digest_update(&d, (const uint8_t *)data + cut, len - cut);
    assert_int_equal(digest_final(&d, out), HX_OK);
    digest_free(&d);
}

/* FIPS 180-4's example, and test case 1 of GCM's specification: key, nonce and data are zero or nothing. */
static void the_standards_vectors_are_computed(void **state)
{
    static const uint8_t sha[4] = {0xba, 0x78, 0x16, 0xbf}, zero[DIGEST_BYTES] = {0};
    static const uint8_t gmac[16] = {0x58, 0xe2, 0xfc, 0xce, 0xfa, 0x7e, 0x30, 0x61,
                                     0x36, 0x7f, 0x1d, 0x57, 0xa4, 0xe7, 0x45, 0x5a};
    uint8_t out[DIGEST_BYTES];
    (void)state;
    sum(NULL, "abc", 3, 0, out);
    assert_memory_equal(out, sha, sizeof sha);
    sum(zero, "", 0, 0, out);
    assert_memory_equal(out, gmac, sizeof gmac);
    assert_memory_equal(out + sizeof gmac, zero, DIGEST_BYTES - sizeof gmac);
}

static void the_pieces_do_not_matter_but_each_bit_and_the_key_do(void **state)
{
    uint8_t data[100], whole[DIGEST_BYTES], out[DIGEST_BYTES];
    const uint8_t key[DIGEST_KEY_BYTES] = {7, 1}, other[DIGEST_KEY_BYTES] = {7, 2};
    const uint8_t *const keys[] = {NULL, key};
    (void)state;
    memset(data, 5, sizeof data);
    for (size_t k = 0; k < 2; k++) {
        sum(keys[k], data, sizeof data, 0, whole);
        for (size_t cut = 0; cut <= sizeof data; cut++) {
            sum(keys[k], data, sizeof data, cut, out);
            assert_memory_equal(out, whole, DIGEST_BYTES);
        }
        for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            sum(keys[k], data, sizeof data, 50, out);
            assert_memory_not_equal(out, whole, DIGEST_BYTES);
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        sum(keys[k], data, sizeof data - 1, 0, out);
        assert_memory_not_equal(out, whole, DIGEST_BYTES);
    }
    sum(other, data, sizeof data, 0, out);
    assert_memory_not_equal(out, whole, DIGEST_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_vectors_are_computed),
        cmocka_unit_test(the_pieces_do_not_matter_but_each_bit_and_the_key_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
