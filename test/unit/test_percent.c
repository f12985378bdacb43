#include "base/error.h"
#include "base/percent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_decoded(const char *text, const char *expected)
{
    char out[64];
    assert_int_equal(percent_decode(out, text, strlen(text)), (ssize_t)strlen(expected));
    assert_string_equal(out, expected);
}

static void what_is_encoded_is_decoded_and_the_rest_is_left(void **state)
{
    (void)state;
    assert_decoded("", "");
    assert_decoded("a+b", "a+b");
    assert_decoded("%41%62c%2f", "Abc/");
    assert_decoded("%c3%A9", "\xc3\xa9");
}

static void an_escape_without_two_hex_digits_is_refused_wherever_the_text_ends(void **state)
{
    static const char *const bad[] = {"%", "a%", "%4", "%g1", "%1g", "%%41", "%00", "a%00b"};
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(percent_decode(out, bad[i], strlen(bad[i])), HX_EPROTO);
    assert_int_equal(percent_decode(out, "%41", 2), HX_EPROTO);
}

static void a_text_may_be_decoded_in_place(void **state)
{
    char text[] = "%41%42";

    (void)state;
    assert_int_equal(percent_decode(text, text, strlen(text)), 2);
    assert_string_equal(text, "AB");
}

static void every_byte_is_encoded_and_decoded_back(void **state)
{
    char text[256], encoded[3 * 255 + 1], decoded[3 * 255 + 1];

    (void)state;
    for (int c = 1; c < 256; c++)
        text[c - 1] = (char)c;
    text[255] = '\0';
    ssize_t len = percent_encode(encoded, sizeof encoded, text, "");
    assert_int_equal(len, 66 + 3 * (255 - 66)); /* RFC 3986, 2.3: 66 are unreserved */
    assert_int_equal(percent_decode(decoded, encoded, (size_t)len), 255);
    assert_string_equal(decoded, text);
}

static void what_stays_as_it_is_can_be_more(void **state)
{
    char out[16];

    (void)state;
    assert_int_equal(percent_encode(out, sizeof out, "a/ b", "/"), 6);
    assert_string_equal(out, "a/%20b");
}

static void an_encoding_that_does_not_fit_with_its_nul_is_refused(void **state)
{
    char out[4];

    (void)state;
    assert_int_equal(percent_encode(out, 4, "abc", ""), 3);
    assert_int_equal(percent_encode(out, 4, "%", ""), 3);
    assert_int_equal(percent_encode(out, 3, "abc", ""), HX_ETOOBIG);
    assert_int_equal(percent_encode(out, 3, "%", ""), HX_ETOOBIG);
    assert_int_equal(percent_encode(out, 0, "", ""), HX_ETOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded_and_the_rest_is_left),
        cmocka_unit_test(an_escape_without_two_hex_digits_is_refused_wherever_the_text_ends),
        cmocka_unit_test(a_text_may_be_decoded_in_place),
        cmocka_unit_test(every_byte_is_encoded_and_decoded_back),
        cmocka_unit_test(what_stays_as_it_is_can_be_more),
        cmocka_unit_test(an_encoding_that_does_not_fit_with_its_nul_is_refused),
    };
    return cmocka_run_group_tests_name("percent", tests, NULL, NULL);
}
