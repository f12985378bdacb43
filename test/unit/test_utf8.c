#include "base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint32_t only(const char *text)
{
    uint32_t c = 0;
    assert_int_equal(utf8_read(&c, text, strlen(text)), strlen(text));
    return c;
}

static void a_character_has_up_to_four_bytes(void **state)
{
    uint32_t c;
    (void)state;
    assert_int_equal(only("a"), 'a');
    assert_int_equal(only("\303\244"), 0xE4);
    assert_int_equal(only("\342\202\254"), 0x20AC);
    assert_int_equal(only("\360\237\230\200"), 0x1F600);
    assert_int_equal(only("\364\217\277\277"), 0x10FFFF);
    assert_int_equal(utf8_read(&c, "\303\244b", 3), 2);
    assert_int_equal(utf8_read(&c, "", 1), 1);
    assert_int_equal(c, 0);
}

static void what_is_none_has_no_bytes(void **state)
{
    static const char *const bad[] = {"",
                                      "\200",
                                      "\377",
                                      "\303",
                                      "\303a",
                                      "\342\202",
                                      "\300\200",          /* longer than needed */
                                      "\340\200\200",      /* likewise */
                                      "\355\240\200",      /* half of a pair of UTF-16 */
                                      "\364\220\200\200"}; /* beyond the last one */
    uint32_t c;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(utf8_read(&c, bad[i], strlen(bad[i])), 0);
    assert_int_equal(utf8_read(&c, "\303\244", 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_character_has_up_to_four_bytes),
        cmocka_unit_test(what_is_none_has_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
