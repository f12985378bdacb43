#include "base/buf.h"
#include "base/error.h"
#include "proto/chunk.h"
#include "test/unit/cuts.h"

struct run {
    struct chunk_reader reader;
    struct account *account;
    size_t fed;
    size_t taken;
    int err;
};

static void on_data(void *user, const char *data, size_t len)
{
    struct run *r = user;

    assert_true(len > 0);
    account_add(r->account, "%.*s", (int)len, data);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    ssize_t n = chunk_reader_feed(&r->reader, data, len);

    r->fed += len;
    if (r->err < 0) {
        assert_int_equal(n, r->err); /* stays failed */
    } else if (n < 0) {
        r->err = (int)n;
    } else {
        assert_true((size_t)n == len || chunk_reader_done(&r->reader));
        r->taken += (size_t)n;
    }
}

/* Payload, then "|" and: the error's text, or "more", or "done" and the number of bytes that were left. */
static void run(const struct cuts *c, struct account *a)
{
    struct run r = {.account = a};

    chunk_reader_init(&r.reader, on_data, &r);
    feed_cuts(c, feed, &r);
    if (r.err < 0)
        account_add(a, "|%s", hx_error_text(r.err));
    else if (chunk_reader_done(&r.reader))
        account_add(a, "|done %zu", r.fed - r.taken);
    else
        account_add(a, "|more");
}

static void check_bytes(const char *data, size_t len, const char *expected)
{
    check_every_cut_of(data, len, expected, run);
}

static void check(const char *text, const char *expected)
{
    check_bytes(text, strlen(text), expected);
}

#define BAD "|malformed message"
#define BIG "|message or queue too big"

static void bodies_are_read_to_their_last_byte(void **state)
{
    (void)state;
    check("0\r\n\r\n", "|done 0");
    check("5\r\nhello\r\n0\r\n\r\n", "hello|done 0");
    check("5\r\nhello\r\n1\r\n \r\n00a\r\nworld\r\n123\r\n0\r\n\r\nHTTP", "hello world\r\n123|done 4");
    check("A\r\n0123456789\r\n0000\r\n\r\n\r\n", "0123456789|done 2");
    check("9\r\n123456789\r\nf;\r\n", "123456789|more");
    check("5\r\nhel", "hel|more");
    check("5\r\nhello\r\n0\r\n", "hello|more");
    check("", "|more");
}

static void bare_lf_ends_lines_too(void **state)
{
    (void)state;
    check("5\nhello\n0\n\nx", "hello|done 1");
    check("2;x\n\r\n\r\n0\nTrailer: x\n\n", "\r\n|done 0");
}

static void extensions_and_trailers_are_ignored(void **state)
{
    (void)state;
    check("5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\nA: b\r\nC: d\r\n\r\n", "hello|done 0");
    check("5 ; a\r\nhello\r\n0\t\r\n\r\n", "hello|done 0");
}

static void bad_sizes_are_refused(void **state)
{
    (void)state;
    check("\r\n", BAD);
    check("\n", BAD);
    check(";x\r\n", BAD);
    check(" 5\r\n", BAD);
    check("-5\r\n", BAD);
    check("+5\r\n", BAD);
    check("0x5\r\n", BAD);
    check("5h\r\n", BAD);
    check("g\r\n", BAD);
    check("\xff", BAD);
    check_bytes("5\0\r\n", 4, BAD);
}

static void sizes_of_8_digits_are_read_and_9_are_refused(void **state)
{
    (void)state;
    check("00000005\r\nhello\r\n", "hello|more");
    check("ffffffff\r\nhello", "hello|more");
    check("FFFFFFFF;x\r\nhello", "hello|more");
    check("000000005", BAD);
    check("100000000", BAD);
}

static void bad_line_ends_are_refused(void **state)
{
    (void)state;
    check("5\rx", BAD);
    check("5;x\rx", BAD);
    check("5\r\nhellox", "hello" BAD);
    check("5\r\nhello\rx", "hello" BAD);
    check("5\r\nhello0\r\n\r\n", "hello" BAD);
    check("0\r\n\rx", BAD);
    check("0\r\nA: b\rx", BAD);
}

static void an_extension_of_1024_bytes_is_read_and_1025_are_refused(void **state)
{
    char *fill = repeated('x', CHUNK_LINE_MAX - 1);
    char text[2 * CHUNK_LINE_MAX];

    (void)state;
    snprintf(text, sizeof text, "1;%s\r\na\r\n0\r\n\r\n", fill);
    check(text, "a|done 0");
    snprintf(text, sizeof text, "1;%sx", fill);
    check(text, BIG);
    free(fill);
}

static void a_trailer_line_of_1024_bytes_is_read_and_1025_are_refused(void **state)
{
    char *fill = repeated('x', CHUNK_LINE_MAX);
    char text[3 * CHUNK_LINE_MAX];

    (void)state;
    snprintf(text, sizeof text, "0\r\n%s\r\n%s\n\r\n", fill, fill);
    check(text, "|done 0");
    snprintf(text, sizeof text, "0\r\n%sx", fill);
    check(text, BIG);
    free(fill);
}

static void sixty_four_trailer_lines_are_read_and_65_are_refused(void **state)
{
    char text[1024] = "0\r\n";

    (void)state;
    for (int i = 0; i < CHUNK_TRAILERS_MAX; i++)
        strcat(text, "A: b\r\n");
    strcat(text, "\r\n");
    check(text, "|done 0");
    text[strlen(text) - 2] = '\0';
    strcat(text, "A");
    check(text, BIG);
}

static void written_chunks_are_read_back(void **state)
{
    char *big = repeated('b', 300);
    char expected[512];

    (void)state;
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(chunk_write(&out, "hello", 5), HX_OK);
    assert_int_equal(chunk_write(&out, "", 0), HX_OK);
    assert_int_equal(out.len, strlen("5\r\nhello\r\n"));
    assert_memory_equal(buf_data(&out), "5\r\nhello\r\n", out.len);
    assert_int_equal(chunk_write(&out, big, 300), HX_OK);
    assert_int_equal(chunk_write_last(&out), HX_OK);
    snprintf(expected, sizeof expected, "hello%s|done 0", big);
    check_bytes(buf_data(&out), out.len, expected);
    buf_free(&out);
    free(big);
}

static void a_chunk_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    for (size_t limit = 1; limit <= strlen("x5\r\nhello\r\n"); limit++) {
        struct buf out;
        buf_init(&out, limit);
        assert_int_equal(buf_append(&out, "x", 1), HX_OK);
        bool fits = limit == strlen("x5\r\nhello\r\n");
        assert_int_equal(chunk_write(&out, "hello", 5), fits ? HX_OK : HX_ETOOBIG);
        assert_int_equal(out.len, fits ? limit : 1);
        buf_free(&out);
    }
    struct buf none;
    buf_init(&none, 0);
    assert_int_equal(chunk_write(&none, "x", (size_t)UINT32_MAX + 1), HX_ETOOBIG);
    assert_int_equal(none.len, 0);
}

static void a_reader_without_a_callback_reads_over_the_body(void **state)
{
    (void)state;
    struct chunk_reader r;
    chunk_reader_init(&r, NULL, NULL);
    assert_int_equal(chunk_reader_feed(&r, "5\r\nhello\r\n0\r\n\r\nrest", 19), 15);
    assert_true(chunk_reader_done(&r));
    assert_int_equal(chunk_reader_feed(&r, "rest", 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_read_to_their_last_byte),
        cmocka_unit_test(bare_lf_ends_lines_too),
        cmocka_unit_test(extensions_and_trailers_are_ignored),
        cmocka_unit_test(bad_sizes_are_refused),
        cmocka_unit_test(sizes_of_8_digits_are_read_and_9_are_refused),
        cmocka_unit_test(bad_line_ends_are_refused),
        cmocka_unit_test(an_extension_of_1024_bytes_is_read_and_1025_are_refused),
        cmocka_unit_test(a_trailer_line_of_1024_bytes_is_read_and_1025_are_refused),
        cmocka_unit_test(sixty_four_trailer_lines_are_read_and_65_are_refused),
        cmocka_unit_test(written_chunks_are_read_back),
        cmocka_unit_test(a_chunk_is_written_whole_or_not_at_all),
        cmocka_unit_test(a_reader_without_a_callback_reads_over_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
