#include "base/error.h"
#include "proto/probe.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct probe request = {.kind = PROBE_REQUEST,
                                     .flags = PROBE_CALLER | PROBE_MOVED,
                                     .tag = {1, 2, 3, 4, 5, 6, 7, 8},
                                     .number = 0x0102030405060708};

static struct probe answer_to(const char *seen)
{
    struct probe p = request;
    p.kind = PROBE_ANSWER;
    p.flags = PROBE_PROVEN;
    assert_int_equal(endpoint_parse(&p.seen, seen, strlen(seen)), HX_OK);
    return p;
}

static void check_equal(const struct probe *a, const struct probe *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->flags, b->flags);
    assert_memory_equal(a->tag, b->tag, sizeof a->tag);
    assert_true(a->number == b->number);
    assert_true(a->seen.family == b->seen.family);
    if (a->seen.family != AF_UNSPEC)
        assert_true(endpoint_equal(&a->seen, &b->seen));
    assert_int_equal(a->early_len, b->early_len);
    if (a->early_len > 0)
        assert_memory_equal(a->early, b->early, a->early_len);
}

static void what_is_written_is_read(void **state)
{
    const struct probe all[] = {request, answer_to("192.0.2.7:40000"), answer_to("[2001:db8::7]:1")};
    static const size_t lengths[] = {PROBE_BYTES, PROBE_BYTES + 1, 1280, PROBE_BYTES_MAX};
    uint8_t bytes[PROBE_BYTES_MAX];
    struct probe back;
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            probe_write(&all[i], bytes, lengths[k]);
            assert_true(probe_is(bytes, lengths[k]));
            assert_int_equal(probe_read(&back, bytes, lengths[k]), HX_OK);
            check_equal(&all[i], &back);
        }
    }
}

static const uint8_t early[PROBE_EARLY_MAX] = "the first bytes of a stream";

static void early_bytes_are_carried_whatever_the_padding(void **state)
{
    static const size_t sizes[] = {1, 27, PROBE_EARLY_MAX}, paddings[] = {0, 1, 400};
    struct probe all[] = {request, answer_to("[2001:db8::7]:1")}, back;
    uint8_t bytes[PROBE_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < 27; i++) {
        struct probe *p = &all[i % 2];
        p->early = early;
        p->early_len = sizes[i / 2 % 3];
        size_t len = PROBE_BYTES + p->early_len + paddings[i / 9];
        probe_write(p, bytes, len);
        assert_int_equal(probe_read(&back, bytes, len), HX_OK);
        check_equal(p, &back);
    }
}

/* At each byte, and in its length's two bytes. */
static void early_bytes_that_are_cut_or_too_many_are_refused(void **state)
{
    struct probe p = request, back;
    uint8_t bytes[PROBE_BYTES_MAX];
    (void)state;
    p.early = early;
    p.early_len = 40;
    probe_write(&p, bytes, PROBE_BYTES + 40);
    for (size_t len = PROBE_BYTES; len < PROBE_BYTES + 40; len++) {
        uint8_t *copy = malloc(len); /* memory that ends where the probe does */
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        assert_int_equal(probe_read(&back, copy, len), HX_EPROTO);
        free(copy);
    }
    probe_write(&p, bytes, PROBE_BYTES_MAX);
    for (unsigned len = 0; len <= UINT16_MAX; len += len < 600 ? 1 : 1021) {
        bytes[46] = (uint8_t)(len >> 8);
        bytes[47] = (uint8_t)len;
        assert_int_equal(probe_read(&back, bytes, PROBE_BYTES_MAX),
                         len <= PROBE_EARLY_MAX ? HX_OK : HX_EPROTO);
    }
}

/* A change of the layout is a change of the protocol. */
static void the_layout_is_what_the_header_says(void **state)
{
    static const uint8_t expected[PROBE_BYTES - PROBE_CODE_BYTES] = {
        0xE8, 0x68, 0x78, 0x50, 2,    PROBE_PROVEN,
        0x9c, 0x40, 1,    2,    3,    4,
        5,    6,    7,    8,    1,    2,
        3,    4,    5,    6,    7,    8,
        0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0xff, 0xff,
        192,  0,    2,    7};
    const struct probe p = answer_to("192.0.2.7:40000");
    uint8_t bytes[PROBE_BYTES];
    (void)state;
    probe_write(&p, bytes, sizeof bytes);
    assert_memory_equal(bytes, expected, sizeof expected);
    struct probe with = p;
    uint8_t longer[PROBE_BYTES + 300] = {0};
    with.early = early;
    with.early_len = 300;
    probe_write(&with, longer, sizeof longer);
    assert_memory_equal(longer, expected, 46);
    assert_int_equal(longer[46], 300 >> 8);
    assert_int_equal(longer[47], 300 & 255);
    assert_memory_equal(longer + 48, early, 300);
}

static void a_probe_cut_at_any_byte_is_none(void **state)
{
    const struct probe p = answer_to("192.0.2.7:40000");
    uint8_t bytes[PROBE_BYTES];
    struct probe back;
    (void)state;
    probe_write(&p, bytes, sizeof bytes);
    for (size_t len = 0; len < PROBE_BYTES; len++) {
        uint8_t *copy = malloc(len ? len : 1); /* memory that ends where the probe does */
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        assert_false(probe_is(copy, len));
        assert_int_equal(probe_read(&back, copy, len), HX_EPROTO);
        free(copy);
    }
}

static void what_no_peer_of_ours_would_say_is_refused(void **state)
{
    const struct probe p = answer_to("192.0.2.7:40000");
    uint8_t bytes[PROBE_BYTES_MAX + 1];
    struct probe back;
    (void)state;
    probe_write(&p, bytes, PROBE_BYTES);
    bytes[6] = bytes[7] = 0; /* port 0 */
    assert_int_equal(probe_read(&back, bytes, PROBE_BYTES), HX_EPROTO);
    for (int kind = 0; kind < 256; kind++) {
        probe_write(&request, bytes, PROBE_BYTES);
        bytes[4] = (uint8_t)kind;
        bytes[7] = 1;
        int expected = kind == PROBE_REQUEST || kind == PROBE_ANSWER ? HX_OK : HX_EPROTO;
        assert_int_equal(probe_read(&back, bytes, PROBE_BYTES), expected);
    }
    probe_write(&request, bytes, PROBE_BYTES_MAX);
    bytes[PROBE_BYTES_MAX] = 0;
    assert_int_equal(probe_read(&back, bytes, PROBE_BYTES_MAX + 1), HX_EPROTO);
    bytes[3] ^= 1;
    assert_false(probe_is(bytes, PROBE_BYTES));
    assert_int_equal(probe_read(&back, bytes, PROBE_BYTES), HX_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(early_bytes_are_carried_whatever_the_padding),
        cmocka_unit_test(early_bytes_that_are_cut_or_too_many_are_refused),
        cmocka_unit_test(the_layout_is_what_the_header_says),
        cmocka_unit_test(a_probe_cut_at_any_byte_is_none),
        cmocka_unit_test(what_no_peer_of_ours_would_say_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
