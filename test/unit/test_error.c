#include "base/error.h"
#include "test/unit/cuts.h"

static void each_code_has_a_text_of_its_own(void **state)
{
    static const char *const texts[] = {
#define TEXT(name, value, text) text,
        HX_ERROR_MAP(TEXT)
#undef TEXT
    };
    const size_t n = sizeof texts / sizeof texts[0];

    (void)state;
    for (size_t i = 0; i < n; i++) {
        /* The values are the ABI's: counted down from -1 without a gap. */
        assert_string_equal(hx_error_text(-1 - (int)i), texts[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(texts[i], texts[j]);
    }
    assert_string_equal(hx_error_text(-1 - (int)n), "unknown error");
}

static void success_and_unknown_codes_have_texts_too(void **state)
{
    (void)state;
    assert_string_equal(hx_error_text(HX_OK), "success");
    assert_string_equal(hx_error_text(1), "unknown error");
    assert_string_equal(hx_error_text(INT32_MIN), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_a_text_of_its_own),
        cmocka_unit_test(success_and_unknown_codes_have_texts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
