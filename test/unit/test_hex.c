#include "base/error.h"
#include "base/hex.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_byte_is_written_and_read_back(void **state)
{
    char text[3];
    uint8_t back;
    (void)state;
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        hex_write(text, &byte, 1);
        assert_int_equal(strlen(text), 2);
        assert_int_equal(strspn(text, HEX_DIGITS), 2);
        assert_int_equal(hex_read(&back, text, 1), HX_OK);
        assert_int_equal(back, i);
    }
}

static void either_case_is_read(void **state)
{
    uint8_t bytes[3];
    (void)state;
    assert_int_equal(hex_read(bytes, "aBCdEf and more", 3), HX_OK);
    assert_memory_equal(bytes, "\xab\xcd\xef", 3);
    assert_int_equal(hex_value('g'), -1);
    assert_int_equal(hex_value('\0'), -1);
    assert_int_equal(hex_value('F'), 15);
}

/* Each string ends where it does: ASan sees what is read behind it. */
static void what_is_no_digit_is_refused_and_nothing_behind_it_is_read(void **state)
{
    static const char *const wrong[] = {"", "0", "00", "00 0", "0g00", "g000", "00-0", "0x00", "000"};
    uint8_t bytes[2];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *text = strdup(wrong[i]);
        assert_int_equal(hex_read(bytes, text, 2), HX_EPROTO);
        free(text);
    }
    assert_int_equal(hex_read(bytes, "", 0), HX_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_written_and_read_back),
        cmocka_unit_test(either_case_is_read),
        cmocka_unit_test(what_is_no_digit_is_refused_and_nothing_behind_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
