#include "base/buf.h"
#include "base/error.h"
#include "test/unit/cuts.h"

static void check_content(const struct buf *b, const char *expected)
{
    assert_int_equal(b->len, strlen(expected));
    assert_memory_equal(buf_data(b), expected, b->len);
}

static void an_empty_buffer_has_data_and_no_bytes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_non_null(buf_data(&b));
    assert_int_equal(buf_append(&b, NULL, 0), HX_OK);
    buf_consume(&b, 0);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.cap, 0);
    buf_free(&b);
}

static void bytes_come_out_as_they_went_in(void **state)
{
    unsigned char in = 0, out = 0;

    (void)state;
    struct buf b;
    buf_init(&b, 0);
    /* In by 7 and out by 5 until 20000 wait, then out: the front moves through every kind of room. */
    for (int round = 0; round < 10000; round++) {
        unsigned char piece[7];
        for (size_t i = 0; i < sizeof piece; i++)
            piece[i] = in++;
        assert_int_equal(buf_append(&b, piece, sizeof piece), HX_OK);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal((unsigned char)buf_data(&b)[i], out++);
        buf_consume(&b, 5);
    }
    assert_int_equal(b.len, 20000);
    while (b.len > 0) {
        assert_int_equal((unsigned char)buf_data(&b)[0], out++);
        buf_consume(&b, 1);
    }
    assert_int_equal(in, out);
    buf_free(&b);
}

static void what_is_prepared_is_neither_moved_nor_lost(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(buf_prepare(&b, 1000), HX_OK);
    const char *first = b.data;
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_append(&b, "0123456789", 10), HX_OK);
    assert_ptr_equal(b.data, first);
    assert_int_equal(buf_prepare(&b, 100000), HX_OK); /* not now: it is not empty */
    assert_ptr_equal(b.data, first);
    assert_int_equal(b.len, 1000);
    assert_memory_equal(buf_data(&b) + 990, "0123456789", 10);
    buf_consume(&b, 1000);
    assert_int_equal(buf_prepare(&b, 100000), HX_OK);
    assert_int_equal(b.cap, 100000);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void a_long_life_with_few_waiting_bytes_needs_little_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(buf_append(&b, "x", 1), HX_OK);
    for (int round = 0; round < 100000; round++) {
        assert_int_equal(buf_append(&b, "0123456789", 10), HX_OK);
        buf_consume(&b, 10);
    }
    assert_true(b.cap <= 256);
    buf_free(&b);
}

static void an_emptied_big_buffer_gives_its_memory_back(void **state)
{
    char *big = repeated('x', 100000);

    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(buf_append(&b, big, 100000), HX_OK);
    buf_consume(&b, 100000);
    assert_int_equal(b.cap, 0);
    assert_int_equal(buf_append(&b, "x", 1), HX_OK);
    check_content(&b, "x");
    buf_free(&b);
    free(big);
}

static void the_limit_is_reached_and_not_passed(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    assert_int_equal(buf_append(&b, "12345678", 8), HX_OK);
    assert_int_equal(buf_append(&b, "9", 1), HX_ETOOBIG);
    assert_int_equal(buf_printf(&b, "9"), HX_ETOOBIG);
    check_content(&b, "12345678");
    buf_consume(&b, 2);
    assert_int_equal(buf_append(&b, "abc", 3), HX_ETOOBIG);
    assert_int_equal(buf_printf(&b, "%s", "abc"), HX_ETOOBIG);
    check_content(&b, "345678");
    assert_int_equal(buf_printf(&b, "%d", 90), HX_OK);
    check_content(&b, "34567890");
    assert_int_equal(buf_append(&b, "x", SIZE_MAX), HX_ETOOBIG);
    buf_free(&b);
    assert_int_equal(b.limit, 8);
    assert_int_equal(buf_append(&b, "12345678", 8), HX_OK);
    buf_free(&b);
}

static void a_length_that_no_memory_can_hold_is_refused_without_a_limit_too(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(buf_append(&b, "abc", 3), HX_OK);
    assert_int_equal(buf_append(&b, "x", SIZE_MAX), HX_ETOOBIG);
    assert_int_equal(buf_append(&b, "x", SIZE_MAX - 3), HX_ETOOBIG);
    check_content(&b, "abc");
    buf_free(&b);
}

static void printf_writes_texts_of_each_length(void **state)
{
    (void)state;
    for (int len = 0; len < 600; len++) {
        struct buf b;
        buf_init(&b, 0);
        assert_int_equal(buf_append(&b, "<", 1), HX_OK);
        assert_int_equal(buf_printf(&b, "%*s", len, ""), HX_OK);
        assert_int_equal(buf_append(&b, ">", 1), HX_OK);
        assert_int_equal(b.len, len + 2);
        assert_int_equal(buf_data(&b)[len + 1], '>');
        assert_true(len == 0 || buf_data(&b)[len] == ' ');
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_has_data_and_no_bytes),
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(what_is_prepared_is_neither_moved_nor_lost),
        cmocka_unit_test(a_long_life_with_few_waiting_bytes_needs_little_memory),
        cmocka_unit_test(an_emptied_big_buffer_gives_its_memory_back),
        cmocka_unit_test(the_limit_is_reached_and_not_passed),
        cmocka_unit_test(a_length_that_no_memory_can_hold_is_refused_without_a_limit_too),
        cmocka_unit_test(printf_writes_texts_of_each_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
