#include "base/buf.h"
#include "base/error.h"
#include "proto/capsule.h"
#include "test/unit/cuts.h"

struct run {
    struct capsule_reader reader;
    struct account *account;
    int err;
};

static void on_datagram(void *user, const uint8_t *bytes, size_t len)
{
    struct run *r = user;
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = 31 * sum + bytes[i];
    if (len < 16)
        account_add(r->account, "<%.*s>", (int)len, (const char *)bytes);
    else
        account_add(r->account, "<%zu:%x>", len, sum);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    int err = capsule_reader_feed(&r->reader, data, len);

    if (r->err < 0)
        assert_int_equal(err, r->err); /* stays failed */
    r->err = err;
}

/* Each datagram in <>, then the error's text, or "more" if a capsule is cut. */
static void run(const struct cuts *c, struct account *a)
{
    struct run r = {.account = a};

    capsule_reader_init(&r.reader, on_datagram, &r);
    feed_cuts(c, feed, &r);
    if (r.err < 0)
        account_add(a, "%s", hx_error_text(r.err));
    else if (!capsule_reader_between(&r.reader))
        account_add(a, "more");
}

#define CHECK(bytes, expected) check_every_cut_of(bytes, sizeof(bytes) - 1, expected, run)
#define BAD                    "malformed message"
#define BIG                    "message or queue too big"

static void datagrams_are_read_whole(void **state)
{
    (void)state;
    CHECK("\0\6\0hello", "<hello>");
    CHECK("\0\1\0", "<>");
    CHECK("\0\6\0hello\0\1\0\0\3\0hx", "<hello><><hx>");
    CHECK("\0\6\0hell", "more");
    CHECK("\0\6", "more");
    CHECK("\0", "more");
    CHECK("", "");
}

static void numbers_may_have_any_length(void **state)
{
    (void)state;
    CHECK("\x40\0\x40\x07\x40\0hello", "<hello>");
    CHECK("\x80\0\0\0\x80\0\0\x09\x80\0\0\0hello", "<hello>");
    CHECK("\xc0\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\x0d\xc0\0\0\0\0\0\0\0hello", "<hello>");
}

static void other_types_and_contexts_are_skipped(void **state)
{
    (void)state;
    CHECK("\1\6\0hello\0\3\0hx", "<hx>");
    CHECK("\0\6\2hello\0\3\0hx", "<hx>");
    CHECK("\0\1\2\0\3\0hx", "<hx>");
    CHECK("\1\0\0\3\0hx", "<hx>");
    CHECK("\xff\xff\xff\xff\xff\xff\xff\xff\2xy\0\3\0hx", "<hx>");
    CHECK("\0\x09\xff\xff\xff\xff\xff\xff\xff\xff!\0\3\0hx", "<hx>");
}

static void a_datagram_that_ends_within_its_context_is_malformed(void **state)
{
    (void)state;
    CHECK("\0\0", BAD);
    CHECK("\0\1\x40", BAD);
    CHECK("\0\3\x80\0\0\0\0\3\0hx", BAD);
    CHECK("\0\7\xc0\0\0\0\0\0\0\0\0\3\0hx", BAD);
    CHECK("\0\3\0hx\0\0\0\3\0hx", "<hx>" BAD);
}

static void too_long_a_capsule_ends_it(void **state)
{
    (void)state;
    CHECK("\0\x80\1\0\1", BIG);
    CHECK("\1\x80\1\0\1", BIG);
    CHECK("\0\xff\xff\xff\xff\xff\xff\xff\xff", BIG);
    CHECK("\0\3\0hx\1\xbf\xff\xff\xff\0\3\0hx", "<hx>" BIG);
}

static void too_long_a_datagram_is_skipped(void **state)
{
    static char bytes[4 + CAPSULE_MAX + 16];
    size_t len = 0;
    char expected[64];
    unsigned sum = 0;

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "\0\x45\xdd", 3); /* 1501: the context and 1500 bytes */
    bytes[3] = 0;
    len = 4 + 1500;
    for (int i = 0; i < 1500; i++)
        sum = 31 * sum + 'x';
    snprintf(expected, sizeof expected, "<1500:%x>", sum);
    check_every_cut_of(bytes, len, expected, run);
    memcpy(bytes, "\0\x45\xde", 3); /* 1502 */
    len = 4 + 1501;
    memcpy(bytes + len, "\0\3\0hx", 5);
    check_every_cut_of(bytes, len + 5, "<hx>", run);
    memcpy(bytes, "\0\x80\1\0\0\0", 6); /* 65536 */
    len = 5 + CAPSULE_MAX;
    memcpy(bytes + len, "\0\3\0hx", 5);
    check_every_cut_of(bytes, len + 5, "<hx>", run);
}

static void what_is_written_is_read(void **state)
{
    static const size_t lengths[] = {0, 1, 62, 63, 64, 1499, 1500};
    uint8_t bytes[CAPSULE_DATAGRAM_MAX + 1];
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 65);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct account a = {.len = 0}, b = {.len = 0};
        struct run r = {.account = &a};

        on_datagram(&r, bytes, lengths[i]);
        buf_init(&out, 0);
        assert_int_equal(capsule_write(&out, bytes, lengths[i]), HX_OK);
        assert_true(out.len <= lengths[i] + CAPSULE_HEAD_MAX);
        r.account = &b;
        run(&(struct cuts){buf_data(&out), out.len, out.len, out.len}, &b);
        assert_string_equal(b.text, a.text);
        buf_free(&out);
    }
    buf_init(&out, 100);
    assert_int_equal(capsule_write(&out, bytes, sizeof bytes), HX_ETOOBIG);
    assert_int_equal(capsule_write(&out, bytes, 98), HX_ETOOBIG); /* the head fits, the rest does not */
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

/* RFC 9000, A.1 */
static void numbers_are_those_of_the_rfc(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
        uint64_t value;
    } examples[] = {{{0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}, 8, UINT64_C(151288809941952652)},
                    {{0x9d, 0x7f, 0x3e, 0x7d}, 4, 494878333},
                    {{0x7b, 0xbd}, 2, 15293},
                    {{0x25}, 1, 37}};
    uint8_t out[VARINT_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        assert_int_equal(varint_length(examples[i].bytes[0]), examples[i].len);
        assert_true(varint_read(examples[i].bytes) == examples[i].value);
        assert_int_equal(varint_write(out, examples[i].value), examples[i].len);
        assert_memory_equal(out, examples[i].bytes, examples[i].len);
    }
    assert_true(varint_read((const uint8_t[]){0x40, 0x25}) == 37);
    assert_int_equal(varint_write(out, VARINT_MAX), 8);
    assert_true(varint_read(out) == VARINT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(datagrams_are_read_whole),
                                       cmocka_unit_test(numbers_may_have_any_length),
                                       cmocka_unit_test(other_types_and_contexts_are_skipped),
                                       cmocka_unit_test(a_datagram_that_ends_within_its_context_is_malformed),
                                       cmocka_unit_test(too_long_a_capsule_ends_it),
                                       cmocka_unit_test(too_long_a_datagram_is_skipped),
                                       cmocka_unit_test(what_is_written_is_read),
                                       cmocka_unit_test(numbers_are_those_of_the_rfc)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
