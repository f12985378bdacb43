#include "base/error.h"
#include "test/unit/stun_messages.h"

#define HEAD(type, len) type len "\x21\x12\xa4\x42" ID
#define SOFTWARE        "\x80\x22\x00\x0btest vector "

/* Bytes with their length; a string literal may hold NULs. */
struct bytes {
    const uint8_t *data;
    size_t len;
};
#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* RFC 5769, 2.1: with ICE's PRIORITY, which no nameserver knows. */
#define SAMPLE_REQUEST                                                                 \
    HEAD("\x00\x01", "\x00\x58")                                                       \
    "\x80\x22\x00\x10STUN test client"                                                 \
    "\x00\x24\x00\x04\x6e\x00\x01\xff"                                                 \
    "\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"                                 \
    "\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59   "                          \
    "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49" \
    "\xc1\xb5\x71\xa2"                                                                 \
    "\x80\x28\x00\x04\xe5\x7a\x3b\xcf"
/* 2.2 */
#define SAMPLE_IPV4                                                                             \
    HEAD("\x01\x01", "\x00\x3c")                                                                \
    SOFTWARE "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"                                 \
             "\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53" \
             "\xf0\x6b\xe7\xd7"                                                                 \
             "\x80\x28\x00\x04\xc0\x7d\x4c\x96"
#define INTEGRITY_LENGTH 51 /* where the low byte of its MESSAGE-INTEGRITY's length is */
/* 2.3 */
#define SAMPLE_IPV6                                                                                    \
    HEAD("\x01\x01", "\x00\x48")                                                                       \
    SOFTWARE                                                                                           \
    "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9" \
    "\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41" \
    "\x80\x28\x00\x04\xc8\xfb\x0b\x4c"

static void the_standards_sample_request_is_read(void **state)
{
    struct bytes b = BYTES(SAMPLE_REQUEST);
    struct stun_request r;

    (void)state;
    assert_true(stun_is_message(b.data, b.len));
    assert_int_equal(read_request(&r, b.data, b.len), HX_OK);
    assert_memory_equal(r.id, b.data + 4, STUN_ID_BYTES);
    assert_true(r.fingerprint && !r.classic && !r.change_ip && !r.change_port && !r.wants_other_port);
    assert_int_equal(r.unknown_count, 1);
    assert_int_equal(r.unknown[0], 0x0024);
}

static void the_standards_sample_responses_are_read(void **state)
{
    struct bytes four = BYTES(SAMPLE_IPV4), six = BYTES(SAMPLE_IPV6);
    struct stun_response r;

    (void)state;
    assert_int_equal(read_response(&r, four.data, four.len), HX_OK);
    assert_memory_equal(r.id, four.data + 4, STUN_ID_BYTES);
    assert_int_equal(r.error, 0);
    check_endpoint(&r.mapped, "192.0.2.1:32853");
    check_endpoint(&r.other, "-");
    check_endpoint(&r.origin, "-");
    assert_int_equal(read_response(&r, six.data, six.len), HX_OK);
    check_endpoint(&r.mapped, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

/* A cut message does not say its own length, and one that does is cut in an attribute, or lacks its
 * FINGERPRINT, or is whole. */
static void a_message_that_is_cut_anywhere_is_refused(void **state)
{
    struct bytes all[] = {BYTES(SAMPLE_REQUEST), BYTES(SAMPLE_IPV4), BYTES(SAMPLE_IPV6)};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t len = 0; len < all[i].len; len++) {
            struct stun_request request;
            struct stun_response response;
            uint8_t copy[128];

            assert_int_equal(read_request(&request, all[i].data, len), HX_EPROTO);
            assert_int_equal(read_response(&response, all[i].data, len), HX_EPROTO);
            if (len < STUN_HEAD_BYTES || len % 4 != 0)
                continue;
            memcpy(copy, all[i].data, len);
            copy[3] = (uint8_t)(len - STUN_HEAD_BYTES); /* now it lies about nothing but its attributes */
            (void)read_request(&request, copy, len);
            (void)read_response(&response, copy, len);
        }
    }
}

static void a_flipped_bit_is_found_by_the_fingerprint(void **state)
{
    struct bytes b = BYTES(SAMPLE_IPV4);
    struct stun_response r;
    uint8_t copy[sizeof(SAMPLE_IPV4)];

    (void)state;
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        size_t byte = bit / 8;

        /* These make it another attribute, or a part of the one before: a message without FINGERPRINT. */
        if ((byte >= b.len - 8 && byte < b.len - 6) || byte == INTEGRITY_LENGTH)
            continue;
        memcpy(copy, b.data, b.len);
        copy[byte] ^= (uint8_t)(1 << bit % 8);
        if (read_response(&r, copy, b.len) != HX_EPROTO)
            fail_msg("bit %zu", bit);
    }
}

static void a_fingerprint_that_is_not_last_is_refused(void **state)
{
    struct stun_request r = request();
    uint8_t bytes[64];

    (void)state;
    r.fingerprint = true;
    size_t len = stun_write_request(&r, bytes, sizeof bytes);
    assert_int_equal(len, 28);
    assert_int_equal(read_request(&r, bytes, len), HX_OK);
    memcpy(bytes + len, (uint8_t[]){0x80, 0x22, 0, 0}, 4);
    bytes[3] = (uint8_t)(len + 4 - STUN_HEAD_BYTES);
    assert_int_equal(read_request(&r, bytes, len + 4), HX_EPROTO);
}

static void requests_are_written_and_read_as_the_same(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 16; bits++) {
        struct stun_request r = request(), back;
        uint8_t bytes[64];

        r.change_ip = bits & 1;
        r.change_port = bits & 2;
        r.wants_other_port = bits & 4;
        r.fingerprint = bits & 8;
        size_t len = stun_write_request(&r, bytes, sizeof bytes);
        assert_in_range(len, STUN_HEAD_BYTES, STUN_REQUEST_MAX);
        assert_true(stun_is_message(bytes, len));
        assert_int_equal(read_request(&back, bytes, len), HX_OK);
        assert_memory_equal(&back, &r, sizeof r);
        for (size_t room = 0; room < len; room++)
            assert_int_equal(stun_write_request(&r, bytes, room), 0);
    }
}

static void what_is_no_binding_request_is_none(void **state)
{
    static const char *const types[] = {"\x00\x11", "\x01\x01", "\x01\x11", "\x00\x03", "\x00\x00"};
    struct stun_request r = request();
    uint8_t bytes[STUN_HEAD_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_int_equal(stun_write_request(&r, bytes, sizeof bytes), STUN_HEAD_BYTES);
        memcpy(bytes, types[i], 2);
        assert_int_equal(read_request(&r, bytes, sizeof bytes), HX_EPROTO);
    }
}

static void attributes_of_a_wrong_length_are_refused(void **state)
{
    struct bytes bad[] = {BYTES(HEAD("\x00\x01", "\x00\x04") "\x00\x03\x00\x00"),
                          BYTES(HEAD("\x00\x01", "\x00\x08") "\x00\x03\x00\x03\0\0\0\0"),
                          BYTES(HEAD("\x00\x01", "\x00\x08") "\x80\x22\x00\x05\0\0\0\0"),
                          BYTES(HEAD("\x00\x01", "\x00\x08") "\x80\x22\xff\xff\0\0\0\0"),
                          BYTES(HEAD("\x00\x01", "\x00\x04") "\x80\x28\x00\x00")};
    struct bytes bad_response[] = {
        BYTES(HEAD("\x01\x01", "\x00\x00")), /* maps nothing */
        BYTES(HEAD("\x01\x01", "\x00\x08") "\x00\x20\x00\x04\x00\x01\x12\x34"),
        BYTES(HEAD("\x01\x01", "\x00\x0c") "\x00\x20\x00\x08\x00\x02\x12\x34\1\2\3\4"),
        BYTES(HEAD("\x01\x01", "\x00\x0c") "\x00\x20\x00\x08\x00\x03\x12\x34\1\2\3\4"),
        BYTES(HEAD("\x01\x11", "\x00\x00")), /* which error? */
        BYTES(HEAD("\x01\x11", "\x00\x08") "\x00\x09\x00\x04\x00\x00\x02\x00"),
        BYTES(HEAD("\x01\x11", "\x00\x08") "\x00\x09\x00\x04\x00\x00\x04\x64"),
        BYTES(HEAD("\x01\x11", "\x00\x04") "\x00\x09\x00\x00"),
        /* an attribute that must be understood, and is not */
        BYTES(
            HEAD("\x01\x01", "\x00\x10") "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x7f\x00\x00")};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct stun_request r;

        if (read_request(&r, bad[i].data, bad[i].len) != HX_EPROTO)
            fail_msg("request %zu", i);
    }
    for (size_t i = 0; i < sizeof bad_response / sizeof *bad_response; i++) {
        struct stun_response r;

        if (read_response(&r, bad_response[i].data, bad_response[i].len) != HX_EPROTO)
            fail_msg("response %zu", i);
    }
}

/* RFC 8489, 14: "only the first occurrence needs to be processed"; and MAPPED-ADDRESS is what a server says
 * that knows no other, or what a NAT has rewritten. */
static void the_first_of_two_attributes_counts_and_the_masked_address_before_the_plain_one(void **state)
{
    struct bytes b = BYTES(HEAD("\x01\x01", "\x00\x24") "\x00\x01\x00\x08\x00\x01\x00\x09\x0a\x00\x00\x09"
                                                        "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
                                                        "\x00\x20\x00\x08\x00\x01\xff\xff\xff\xff\xff\xff");
    struct bytes plain =
        BYTES(HEAD("\x01\x01", "\x00\x0c") "\x00\x01\x00\x08\x00\x01\x80\x55\xc0\x00\x02\x01");
    struct bytes change =
        BYTES(HEAD("\x00\x01", "\x00\x10") "\x00\x03\x00\x04\0\0\0\x02\x00\x03\x00\x04\0\0\0\x06");
    struct stun_response r;
    struct stun_request q;

    (void)state;
    assert_int_equal(read_response(&r, b.data, b.len), HX_OK);
    check_endpoint(&r.mapped, "192.0.2.1:32853");
    assert_int_equal(read_response(&r, plain.data, plain.len), HX_OK);
    check_endpoint(&r.mapped, "192.0.2.1:32853");
    assert_int_equal(read_request(&q, change.data, change.len), HX_OK);
    assert_true(q.change_port && !q.change_ip);
}

static void what_follows_a_message_integrity_is_skipped(void **state)
{
    struct bytes b =
        BYTES(HEAD("\x00\x01", "\x00\x20") "\x00\x08\x00\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                           "\x00\x03\x00\x04\0\0\0\x06");
    struct stun_request r;

    (void)state;
    assert_int_equal(read_request(&r, b.data, b.len), HX_OK);
    assert_true(!r.change_ip && !r.change_port);
}

static void a_request_can_be_made_longer(void **state)
{
    static uint8_t bytes[STUN_PADDED_MAX + 4];
    struct stun_request r = request(), back;

    (void)state;
    r.wants_other_port = true;
    size_t bare = stun_write_request(&r, bytes, sizeof bytes);
    for (size_t padding = 4; bare + padding <= STUN_PADDED_MAX + 4; padding += 4) {
        r.padding = (uint16_t)padding;
        size_t len = stun_write_request(&r, bytes, sizeof bytes);
        assert_int_equal(len, bare + padding);
        assert_int_equal(read_request(&back, bytes, len), len <= STUN_PADDED_MAX ? HX_OK : HX_ETOOBIG);
        assert_int_equal(back.unknown_count, 0);
        assert_int_equal(stun_write_request(&r, bytes, len - 1), 0);
    }
}

/* A message with `at` bytes becomes one of `len`, by an attribute that may be ignored. */
static void lengthen(uint8_t *bytes, size_t at, size_t len)
{
    size_t rest = len - at - 4, body = len - STUN_HEAD_BYTES;

    memset(bytes + at, 0, len - at);
    memcpy(bytes + at, (uint8_t[]){0x80, 0x22, (uint8_t)(rest >> 8), (uint8_t)rest}, 4);
    bytes[2] = (uint8_t)(body >> 8);
    bytes[3] = (uint8_t)body;
}

static void a_message_above_the_limit_is_refused(void **state)
{
    static uint8_t bytes[STUN_PADDED_MAX + 4];
    struct stun_request r = request(), back;
    struct stun_response s = {.mapped = endpoint("192.0.2.1:7")}, t;

    (void)state;
    (void)stun_write_request(&r, bytes, sizeof bytes);
    lengthen(bytes, STUN_HEAD_BYTES, STUN_PADDED_MAX);
    assert_int_equal(read_request(&back, bytes, STUN_PADDED_MAX), HX_OK);
    lengthen(bytes, STUN_HEAD_BYTES, STUN_PADDED_MAX + 4);
    assert_int_equal(read_request(&back, bytes, STUN_PADDED_MAX + 4), HX_ETOOBIG);
    r.fingerprint = false; /* it would be the last attribute */
    size_t len = stun_write_response(&r, &s, bytes, STUN_MAX);
    lengthen(bytes, len, STUN_MAX);
    assert_int_equal(read_response(&t, bytes, STUN_MAX), HX_OK);
    check_endpoint(&t.mapped, "192.0.2.1:7");
    lengthen(bytes, len, STUN_MAX + 4);
    assert_int_equal(read_response(&t, bytes, STUN_MAX + 4), HX_ETOOBIG);
}

static void unknown_attributes_are_named_once_and_not_without_end(void **state)
{
    uint8_t bytes[STUN_HEAD_BYTES + 4 * 2 * (STUN_UNKNOWN_MAX + 4)], answer[256];
    struct stun_request r = request();

    (void)state;
    (void)stun_write_request(&r, bytes, sizeof bytes);
    for (size_t i = 0; i < 2 * (STUN_UNKNOWN_MAX + 4); i++)
        memcpy(bytes + STUN_HEAD_BYTES + 4 * i, (uint8_t[]){0x7f, (uint8_t)(i / 2), 0, 0}, 4);
    bytes[3] = sizeof bytes - STUN_HEAD_BYTES;
    assert_int_equal(read_request(&r, bytes, sizeof bytes), HX_OK);
    assert_int_equal(r.unknown_count, STUN_UNKNOWN_MAX);
    for (int i = 0; i < STUN_UNKNOWN_MAX; i++)
        assert_int_equal(r.unknown[i], 0x7f00 + i);
    struct stun_response error = {.error = STUN_UNKNOWN_ATTRIBUTE}, back;
    size_t len = stun_write_response(&r, &error, answer, stun_answer_room(sizeof bytes, true));
    assert_int_equal(len, 20 + 8 + 4 + 2 * STUN_UNKNOWN_MAX);
    assert_int_equal(read_response(&back, answer, len), HX_OK);
    assert_int_equal(back.error, STUN_UNKNOWN_ATTRIBUTE);
    assert_memory_equal(back.id, r.id, sizeof r.id);
}

/* RFC 5780's PADDING would make answers longer than questions, RESPONSE-PORT send them where nobody asked. */
static void padding_and_another_port_to_answer_to_are_unknown(void **state)
{
    struct bytes b =
        BYTES(HEAD("\x00\x01", "\x00\x10") "\x00\x26\x00\x04\0\0\0\0\x00\x27\x00\x04\x12\x34\0\0");
    struct stun_request r;

    (void)state;
    assert_int_equal(read_request(&r, b.data, b.len), HX_OK);
    assert_true(r.unknown_count == 2 && r.unknown[0] == 0x26 && r.unknown[1] == 0x27);
}

static void classic_requests_are_told_by_their_exact_shape(void **state)
{
    uint8_t bare[STUN_HEAD_BYTES] = {0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    uint8_t change[STUN_CLASSIC_MAX] = {0,  1,  0,  8,  1,  2,  3, 4, 5, 6, 7, 8, 9, 10,
                                        11, 12, 13, 14, 15, 16, 0, 3, 0, 4, 0, 0, 0, 6};
    struct stun_request r;

    (void)state;
    assert_true(stun_is_classic_request(bare, sizeof bare));
    assert_int_equal(read_request(&r, bare, sizeof bare), HX_OK);
    assert_true(r.classic && !r.change_ip && !r.change_port);
    assert_memory_equal(r.id, bare + 4, STUN_ID_BYTES);
    assert_int_equal(read_request(&r, change, sizeof change), HX_OK);
    assert_true(r.classic && r.change_ip && r.change_port);
    for (size_t i = 0; i < sizeof change; i++) {
        if (i >= 4 && i < STUN_HEAD_BYTES)
            continue;
        for (int bit = 0; bit < 8; bit++) {
            bool is_flag = i == sizeof change - 1 && (bit == 1 || bit == 2);

            change[i] ^= (uint8_t)(1 << bit);
            assert_int_equal(stun_is_classic_request(change, sizeof change), is_flag);
            change[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_false(stun_is_classic_request(change, sizeof change - 4));
    assert_false(stun_is_classic_request(bare, sizeof bare - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_sample_request_is_read),
        cmocka_unit_test(the_standards_sample_responses_are_read),
        cmocka_unit_test(a_message_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(a_flipped_bit_is_found_by_the_fingerprint),
        cmocka_unit_test(a_fingerprint_that_is_not_last_is_refused),
        cmocka_unit_test(requests_are_written_and_read_as_the_same),
        cmocka_unit_test(what_is_no_binding_request_is_none),
        cmocka_unit_test(attributes_of_a_wrong_length_are_refused),
        cmocka_unit_test(the_first_of_two_attributes_counts_and_the_masked_address_before_the_plain_one),
        cmocka_unit_test(what_follows_a_message_integrity_is_skipped),
        cmocka_unit_test(a_request_can_be_made_longer),
        cmocka_unit_test(a_message_above_the_limit_is_refused),
        cmocka_unit_test(unknown_attributes_are_named_once_and_not_without_end),
        cmocka_unit_test(padding_and_another_port_to_answer_to_are_unknown),
        cmocka_unit_test(classic_requests_are_told_by_their_exact_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
