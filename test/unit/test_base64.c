/* base64 with padding, and base64url without. */
#include "base/base64.h"
#include "base/error.h"
#include "test/unit/cuts.h"

/* RFC 4648, 10. */
static void base64_pads_what_is_left(void **state)
{
    static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    char out[BASE64_SIZE(6)];
    (void)state;
    for (size_t len = 0; len <= 6; len++) {
        base64_encode(out, "foobar", len);
        assert_string_equal(out, texts[len]);
        assert_int_equal(strlen(out) + 1, BASE64_SIZE(len));
    }
    base64_encode(out, "\xff\xfe\xfb", 3);
    assert_string_equal(out, "//77");
}

static void base64url_has_no_padding_and_is_read_back(void **state)
{
    static const char *const texts[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
    char out[BASE64URL_SIZE(6)], back[6];
    (void)state;
    for (size_t len = 0; len <= 6; len++) {
        base64url_encode(out, "foobar", len);
        assert_string_equal(out, texts[len]);
        assert_int_equal(strlen(out), BASE64URL_CHARS(len));
        assert_int_equal(base64url_decode(back, len, out), HX_OK);
        assert_memory_equal(back, "foobar", len);
    }
    base64url_encode(out, "\xff\xfe\xfb", 3);
    assert_string_equal(out, "__77");
    assert_int_equal(base64url_decode(back, 3, "-_Az"), HX_OK);
    assert_memory_equal(back, "\xfb\xf0\x33", 3);
}

/* Else one key would have several names. */
static void base64url_of_the_same_bytes_is_one_text(void **state)
{
    static const char *const bad[] = {"Zh", "Z/", "Z+", "Z=", "Z", "", "==", "Zg\n"};
    char back[2];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad - 1; i++)
        assert_int_equal(base64url_decode(back, 1, bad[i]), HX_EPROTO);
    assert_int_equal(base64url_decode(back, 1, bad[7]), HX_OK); /* what stands behind is the caller's */
    assert_int_equal(base64url_decode(back, 2, "Zm9"), HX_EPROTO);
    assert_int_equal(base64url_decode(back, 2, "Zm8"), HX_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_pads_what_is_left),
        cmocka_unit_test(base64url_has_no_padding_and_is_read_back),
        cmocka_unit_test(base64url_of_the_same_bytes_is_one_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
