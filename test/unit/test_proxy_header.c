/* What a proxy says before a connection, at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "proto/proxy_header.h"
#include <stdlib.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
/* 203.0.113.10:40001 to 192.0.2.1:7000 */
#define IPV4 "\xcb\x00\x71\x0a\xc0\x00\x02\x01\x9c\x41\x1b\x58"
#define IPV6                                     \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x10" \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x9c\x41\x1b\x58"
#define MAPPED                                     \
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\x00\x71\x0a" \
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01\x9c\x41\x1b\x58"

/* `text` is a string literal: its NUL is not of the header. */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Asks at each length as a reader does: it never reads more than is said to be missing. Returns what the
 * parser says at last, with `len` bytes there at most; `*used`: how many it has asked for until then. */
static int parse(struct proxy_header *h, const uint8_t *data, size_t len, size_t *used)
{
    size_t missing = 1;
    int result = HX_EAGAIN;

    *used = 0;
    for (size_t have = 0; have <= len; have++) {
        uint8_t *copy = malloc(have ? have : 1); /* reading past it is seen */
        assert_non_null(copy);
        memcpy(copy, data, have);
        size_t before = missing;
        result = proxy_header_parse(h, copy, have, &missing);
        free(copy);
        *used = have;
        if (result != HX_EAGAIN)
            break;
        assert_true(missing > 0);
        assert_true(have == 0 || missing == before - 1 || have == PROXY_HEADER_MIN);
    }
    return result;
}

static void check_source_before(const uint8_t *data, size_t len, size_t rest, const char *expected)
{
    struct proxy_header h;
    char text[ENDPOINT_TEXT_MAX];
    size_t used;

    assert_int_equal(parse(&h, data, len, &used), len);
    assert_int_equal(used, len);
    assert_int_equal(h.rest, rest);
    endpoint_format(&h.source, text);
    assert_string_equal(text, expected);
}

static void check_source(const uint8_t *data, size_t len, const char *expected)
{
    check_source_before(data, len, 0, expected);
}

static void check_refused(const uint8_t *data, size_t len, int error, size_t after)
{
    struct proxy_header h;
    size_t used;

    assert_int_equal(parse(&h, data, len, &used), error);
    assert_int_equal(used, after);
}

static void the_source_is_read_at_every_cut(void **state)
{
    (void)state;
    check_source(BYTES(SIGNATURE "\x21\x11\x00\x0c" IPV4), "203.0.113.10:40001");
    check_source(BYTES(SIGNATURE "\x21\x21\x00\x24" IPV6), "[2001:db8::10]:40001");
    check_source(BYTES(SIGNATURE "\x21\x21\x00\x24" MAPPED), "203.0.113.10:40001");
    check_source(BYTES(SIGNATURE "\x21\x12\x00\x0c" IPV4), "203.0.113.10:40001");
}

static void what_follows_the_addresses_is_told_however_long_it_is(void **state)
{
    (void)state;
    check_source_before(BYTES(SIGNATURE "\x21\x11\x00\x13" IPV4), 7, "203.0.113.10:40001");
    check_source_before(BYTES(SIGNATURE "\x21\x21\x00\x2b" IPV6), 7, "[2001:db8::10]:40001");
    check_source_before(BYTES(SIGNATURE "\x21\x11\xff\xff" IPV4), 0xffff - 12, "203.0.113.10:40001");
    check_source_before(BYTES(SIGNATURE "\x20\x00\xff\xff"), 0xffff, "-");
}

static void the_proxys_own_connections_have_no_source(void **state)
{
    (void)state;
    check_source(BYTES(SIGNATURE "\x20\x00\x00\x00"), "-"); /* a health check */
    check_source_before(BYTES(SIGNATURE "\x20\x11\x00\x0c"), 12, "-");
    check_source_before(BYTES(SIGNATURE "\x20\x11\x00\x03"), 3, "-"); /* nobody looks at them */
    check_source(BYTES(SIGNATURE "\x21\x00\x00\x00"), "-");
    check_source_before(BYTES(SIGNATURE "\x21\x00\x00\x07"), 7, "-");
}

static void a_source_that_is_a_unix_socket_is_none(void **state)
{
    uint8_t bytes[PROXY_HEADER_MIN + 216] = SIGNATURE "\x21\x31\x00\xd8";

    (void)state;
    check_source(bytes, sizeof bytes, "-");
}

static void what_is_no_header_is_refused_at_its_first_wrong_byte(void **state)
{
    (void)state;
    check_refused(BYTES("GET / HTTP/1.1\r\n\r\n"), HX_EPROTO, 1);
    check_refused(BYTES("PROXY TCP4 203.0.113.10 192.0.2.1 40001 7000\r\n"), HX_EPROTO, 1);
    check_refused(BYTES("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), HX_EPROTO, 5);
    for (size_t i = 0; i < 12; i++) {
        uint8_t bytes[16] = SIGNATURE "\x21\x11\x00";
        bytes[i] ^= 0x20;
        check_refused(bytes, sizeof bytes, HX_EPROTO, i + 1);
    }
    check_refused(BYTES(SIGNATURE "\x11\x11\x00\x0c" IPV4), HX_EPROTO, 13); /* version 1 */
    check_refused(BYTES(SIGNATURE "\x22\x11\x00\x0c" IPV4), HX_EPROTO, 13); /* no such command */
    check_refused(BYTES(SIGNATURE "\x21\x41\x00\x0c" IPV4), HX_EPROTO, 14); /* no such family */
    check_refused(BYTES(SIGNATURE "\x21\x13\x00\x0c" IPV4), HX_EPROTO, 14); /* no such protocol */
}

static void addresses_that_are_cut_short_are_refused(void **state)
{
    (void)state;
    check_refused(BYTES(SIGNATURE "\x21\x11\x00\x0b" IPV4), HX_EPROTO, 16);
    check_refused(BYTES(SIGNATURE "\x21\x21\x00\x23" IPV6), HX_EPROTO, 16);
    check_refused(BYTES(SIGNATURE "\x21\x31\x00\xd7"), HX_EPROTO, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_source_is_read_at_every_cut),
        cmocka_unit_test(what_follows_the_addresses_is_told_however_long_it_is),
        cmocka_unit_test(the_proxys_own_connections_have_no_source),
        cmocka_unit_test(a_source_that_is_a_unix_socket_is_none),
        cmocka_unit_test(what_is_no_header_is_refused_at_its_first_wrong_byte),
        cmocka_unit_test(addresses_that_are_cut_short_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
