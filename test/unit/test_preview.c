/* base/preview: the first bytes of a stream, known before it brings them. */
#include "base/error.h"
#include "base/preview.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

/* What the reader gets if the stream comes in pieces of `piece` bytes, and is read so. */
static void check_stream(size_t piece, size_t told, const char *stream)
{
    struct preview p = {.bytes = (const uint8_t *)stream, .len = told};
    uint8_t buf[64];
    char got[64] = "";
    size_t n, len = strlen(stream);

    while ((n = preview_read(&p, buf, piece)) > 0)
        strncat(got, (char *)buf, n);
    assert_int_equal(strlen(got), told);
    for (size_t at = 0; at < len; at += piece) {
        n = piece < len - at ? piece : len - at;
        memcpy(buf, stream + at, n);
        ssize_t fresh = preview_pass(&p, buf, n);
        assert_in_range(fresh, 0, n);
        strncat(got, (char *)buf, (size_t)fresh);
    }
    assert_string_equal(got, stream);
    assert_true(preview_done(&p));
}

static void a_reader_gets_each_byte_once_however_much_was_told(void **state)
{
    static const char stream[] = "a stream of some bytes";

    (void)state;
    for (size_t piece = 1; piece <= sizeof stream; piece++) {
        for (size_t told = 0; told < sizeof stream; told++)
            check_stream(piece, told, stream);
    }
}

static void a_stream_that_is_another_one_is_malformed_at_whatever_byte(void **state)
{
    static const char stream[] = "a stream of some bytes";

    (void)state;
    for (size_t at = 0; at < sizeof stream; at++) {
        struct preview p = {.bytes = (const uint8_t *)stream, .len = sizeof stream};
        uint8_t buf[sizeof stream];

        assert_int_equal(preview_read(&p, buf, sizeof buf), sizeof stream);
        buf[at] ^= 1;
        assert_int_equal(preview_pass(&p, buf, sizeof buf), HX_EPROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gets_each_byte_once_however_much_was_told),
        cmocka_unit_test(a_stream_that_is_another_one_is_malformed_at_whatever_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
