/* secure/seal, under the head of proto/sealed_datagram: what was changed, cut or made by another is not opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h> /* needs those above */

#include "proto/sealed_datagram.h"
#include "secure/seal.h"

static const uint8_t key[SEAL_KEY_BYTES] = "a key of thirty-two bytes, yes!";
static const struct sealed_datagram head = {
    .tag = "hx-flow", .flow = 0x01020304, .number = UINT64_C(1) << 33, .pieces = 1};
static struct seal *closes, *opens;

static int set_up(void **state)
{
    (void)state;
    return seal_create(&closes, key, true) == HX_OK && seal_create(&opens, key, false) == HX_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    seal_destroy(closes);
    seal_destroy(opens);
    return 0;
}

static size_t make(uint8_t out[SEALED_BYTES], const void *data, size_t len)
{
    sealed_datagram_write(&head, out);
    assert_int_equal(seal_close(closes, head.number, out, SEALED_HEAD, data, len, out + SEALED_HEAD), HX_OK);
    return SEALED_HEAD + len + SEALED_CODE;
}

/* The length of what was in it; -1: it is not opened. */
static ssize_t take(const uint8_t *bytes, size_t len, uint8_t *out)
{
    struct sealed_datagram d;
    if (!sealed_datagram_read(&d, bytes, len) ||
        !seal_open(opens, d.number, bytes, SEALED_HEAD, bytes + SEALED_HEAD, len - SEALED_HEAD, out))
        return -1;
    return (ssize_t)(len - SEALED_HEAD - SEALED_CODE);
}

static void every_length_is_opened_as_it_was_closed(void **state)
{
    uint8_t data[SEALED_MAX], bytes[SEALED_BYTES], out[SEALED_MAX];
    struct sealed_datagram d;
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= SEALED_MAX; len += len < 40 ? 1 : 71) {
        size_t whole = make(bytes, data, len);
        assert_int_equal(take(bytes, whole, out), len);
        assert_memory_equal(out, data, len);
        assert_true(sealed_datagram_read(&d, bytes, whole));
        assert_memory_equal(d.tag, head.tag, sizeof d.tag);
        assert_true(d.flow == head.flow && d.number == head.number);
        assert_true(len < 4 || memcmp(bytes + SEALED_HEAD, data, len) != 0);
    }
}

static void a_bit_that_was_changed_anywhere_is_noticed(void **state)
{
    uint8_t bytes[SEALED_BYTES], out[SEALED_MAX];
    (void)state;
    size_t len = make(bytes, "not to be changed", 17);
    for (size_t bit = 0; bit < 8 * len; bit++) { /* the flow's and the number's among them */
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(take(bytes, len, out), -1);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(take(bytes, len, out), 17);
}

static void what_was_cut_anywhere_or_grew_is_not_opened(void **state)
{
    uint8_t bytes[SEALED_BYTES + 1] = {0}, out[SEALED_BYTES];
    (void)state;
    size_t len = make(bytes, "whole", 5);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(take(bytes, n, out), -1);
    assert_int_equal(take(bytes, len + 1, out), -1);
    assert_false(sealed_datagram_read(&(struct sealed_datagram){0}, bytes, SEALED_BYTES + 1));
}

static void another_key_opens_nothing(void **state)
{
    uint8_t bytes[SEALED_BYTES], out[SEALED_MAX], other[SEAL_KEY_BYTES];
    struct seal *stranger;
    (void)state;
    memcpy(other, key, sizeof other);
    other[31] ^= 1;
    assert_int_equal(seal_create(&stranger, other, true), HX_OK);
    sealed_datagram_write(&head, bytes);
    assert_int_equal(
        seal_close(stranger, head.number, bytes, SEALED_HEAD, (const uint8_t *)"x", 1, bytes + SEALED_HEAD),
        HX_OK);
    assert_int_equal(take(bytes, SEALED_HEAD + 1 + SEALED_CODE, out), -1);
    seal_destroy(stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_opened_as_it_was_closed),
        cmocka_unit_test(a_bit_that_was_changed_anywhere_is_noticed),
        cmocka_unit_test(what_was_cut_anywhere_or_grew_is_not_opened),
        cmocka_unit_test(another_key_opens_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
