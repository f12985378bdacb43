#include "base/error.h"
#include "proto/relay_frame.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct relay_frame opened = {.kind = RELAY_OPENED,
                                          .half = RELAY_CALLED,
                                          .reason = RELAY_OVER_RATE,
                                          .session = {1, 2, 3, 4, 5, 6, 7, 8},
                                          .number = 0x0102030405060708,
                                          .cookie = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6},
                                          .left_s = 3600};

static void what_is_written_is_read(void **state)
{
    uint8_t bytes[RELAY_CONTROL_BYTES];
    struct relay_frame f;
    (void)state;
    for (int kind = RELAY_OPEN; kind <= RELAY_REFUSED; kind++) {
        struct relay_frame said = opened;
        said.kind = (enum relay_kind)kind;
        relay_frame_write_control(&said, bytes);
        assert_int_equal(relay_frame_read(&f, bytes, sizeof bytes), HX_OK);
        assert_int_equal(f.kind, kind);
        assert_int_equal(f.half, said.half);
        assert_int_equal(f.reason, said.reason);
        assert_memory_equal(f.session, said.session, sizeof f.session);
        assert_true(f.number == said.number && f.left_s == said.left_s);
        assert_memory_equal(f.cookie, said.cookie, sizeof f.cookie);
    }
}

static void the_bytes_are_as_documented(void **state)
{
    static const uint8_t head[RELAY_HEAD_BYTES] = {0xE8, 'h', 'x', 'R', 4, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t bytes[RELAY_CONTROL_BYTES];
    (void)state;
    relay_frame_write_control(&opened, bytes);
    assert_memory_equal(bytes, head, sizeof head);
    assert_int_equal(bytes[16], 1);
    assert_int_equal(bytes[23], 8);
    assert_int_equal(bytes[24], 9);
    assert_int_equal(bytes[42] << 8 | bytes[43], 3600);
}

static void a_control_frame_of_any_other_length_is_refused(void **state)
{
    uint8_t bytes[RELAY_CONTROL_BYTES + 1] = {0};
    struct relay_frame f;
    (void)state;
    relay_frame_write_control(&opened, bytes);
    for (size_t len = 0; len <= sizeof bytes; len++)
        assert_int_equal(relay_frame_read(&f, bytes, len), len == RELAY_CONTROL_BYTES ? HX_OK : HX_EPROTO);
}

static void data_carries_one_byte_or_more(void **state)
{
    struct relay_frame f, data = {.kind = RELAY_DATA, .session = {7}};
    uint8_t bytes[RELAY_HEAD_BYTES + 40] = {0};
    (void)state;
    relay_frame_write_head(&data, bytes);
    for (size_t len = 0; len <= sizeof bytes; len++)
        assert_int_equal(relay_frame_read(&f, bytes, len), len > RELAY_HEAD_BYTES ? HX_OK : HX_EPROTO);
    assert_int_equal(f.kind, RELAY_DATA);
    assert_int_equal(f.session[0], 7);
}

static void kinds_and_halves_that_are_not_known_are_refused(void **state)
{
    uint8_t bytes[RELAY_CONTROL_BYTES];
    struct relay_frame f;
    (void)state;
    for (int value = 0; value < 256; value++) {
        relay_frame_write_control(&opened, bytes);
        bytes[4] = (uint8_t)value;
        assert_int_equal(relay_frame_read(&f, bytes, sizeof bytes),
                         value >= RELAY_DATA && value <= RELAY_REFUSED ? HX_OK : HX_EPROTO);
        relay_frame_write_control(&opened, bytes);
        bytes[5] = (uint8_t)value;
        assert_int_equal(relay_frame_read(&f, bytes, sizeof bytes), value < RELAY_HALVES ? HX_OK : HX_EPROTO);
    }
}

static void a_reason_that_is_not_known_is_none(void **state)
{
    struct relay_frame f, said = opened;
    uint8_t bytes[RELAY_CONTROL_BYTES];
    (void)state;
    said.reason = RELAY_REASONS;
    relay_frame_write_control(&said, bytes);
    assert_int_equal(relay_frame_read(&f, bytes, sizeof bytes), HX_OK);
    assert_int_equal(f.reason, RELAY_NO_REASON);
}

static void another_magic_is_no_frame(void **state)
{
    uint8_t bytes[RELAY_CONTROL_BYTES];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        relay_frame_write_control(&opened, bytes);
        assert_true(relay_frame_is(bytes, sizeof bytes));
        bytes[i] ^= 1;
        assert_false(relay_frame_is(bytes, sizeof bytes));
    }
}

static void data_of_one_head_makes_a_run(void **state)
{
    enum { EACH = 40, COUNT = 5, LAST = 17 };
    struct relay_frame data = {.kind = RELAY_DATA, .session = {7}};
    uint8_t bytes[EACH * COUNT] = {0};
    size_t len = sizeof bytes - EACH + LAST;
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        relay_frame_write_head(&data, bytes + i * EACH);
    assert_int_equal(relay_frame_run(bytes, len, EACH), len);
    assert_int_equal(relay_frame_run(bytes, EACH, EACH), EACH);
    assert_int_equal(relay_frame_run(bytes, len - 1, EACH), (COUNT - 1) * EACH); /* a head alone */
    for (size_t at = EACH; at < EACH + RELAY_HEAD_BYTES; at++) { /* whatever is another one's */
        bytes[at] ^= 1;
        assert_int_equal(relay_frame_run(bytes, len, EACH), EACH);
        bytes[at] ^= 1;
    }
    bytes[3 * EACH] ^= 1;
    assert_int_equal(relay_frame_run(bytes, len, EACH), 3 * EACH);
    for (size_t i = 0; i < COUNT; i++)
        bytes[i * EACH + RELAY_KIND_AT] = RELAY_OPEN;
    assert_int_equal(relay_frame_run(bytes, len, EACH), EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_bytes_are_as_documented),
        cmocka_unit_test(a_control_frame_of_any_other_length_is_refused),
        cmocka_unit_test(data_carries_one_byte_or_more),
        cmocka_unit_test(kinds_and_halves_that_are_not_known_are_refused),
        cmocka_unit_test(a_reason_that_is_not_known_is_none),
        cmocka_unit_test(another_magic_is_no_frame),
        cmocka_unit_test(data_of_one_head_makes_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
