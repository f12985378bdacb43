/* proto/pcp: requests as RFC 6887 has them, answers believed only as far as they go. */
#include "base/error.h"
#include "proto/pcp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define MAP_BYTES 60

static struct endpoint at(const char *text)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static struct pcp_request a_request(void)
{
    struct pcp_request r = {.opcode = PCP_MAP, .client = at("192.168.1.7:4242"), .lifetime_s = 1200};
    memcpy(r.nonce, "abcdefghijkl", PCP_NONCE_BYTES);
    return r;
}

/* RFC 6887, 7.2 and 11.1: figures 3 and 10. */
static const uint8_t answer[MAP_BYTES] = {
    2,    0x81, 0,    0,    0,   0,   0x02, 0x58, 0,   0,   0x10, 0x20, 0,   0,  0,   0,
    0,    0,    0,    0,    0,   0,   0,    0, /* 600 s, epoch 4128 */
    'a',  'b',  'c',  'd',  'e', 'f', 'g',  'h',  'i', 'j', 'k',  'l',  17,  0,  0,   0,
    0x10, 0x92, 0x1b, 0x58, /* 7000 */
    0,    0,    0,    0,    0,   0,   0,    0,    0,   0,   0xff, 0xff, 198, 51, 100, 7};

/* In memory of its own, so that reading past it is seen. */
static int read_copy(struct pcp_response *out, const struct pcp_request *r, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    int err = pcp_read(out, r, copy, len);
    free(copy);
    return err;
}

static int read_changed(const struct pcp_request *r, size_t where, uint8_t what)
{
    uint8_t changed[MAP_BYTES];
    struct pcp_response out;
    memcpy(changed, answer, sizeof changed);
    changed[where] = what;
    return read_copy(&out, r, changed, sizeof changed);
}

static void a_map_request_is_as_the_rfc_has_it(void **state)
{
    static const uint8_t expected[MAP_BYTES] = {
        2,    1,    0, 0, 0,   0,   0x04, 0xb0, 0,   0,   0,   0,   0,   0,   0,    0,    0,  0, 0xff, 0xff,
        192,  168,  1, 7, 'a', 'b', 'c',  'd',  'e', 'f', 'g', 'h', 'i', 'j', 'k',  'l',  17, 0, 0,    0,
        0x10, 0x92, 0, 0, 0,   0,   0,    0,    0,   0,   0,   0,   0,   0,   0xff, 0xff, 0,  0, 0,    0};
    uint8_t bytes[PCP_REQUEST_MAX];
    struct pcp_request r = a_request();
    (void)state;
    assert_int_equal(pcp_write(bytes, &r), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    r.external = at("198.51.100.7:7000");
    assert_int_equal(pcp_write(bytes, &r), sizeof expected);
    assert_memory_equal(bytes + 42, answer + 42, 18); /* port and address */
}

static void an_announce_request_is_the_header_alone(void **state)
{
    uint8_t bytes[PCP_REQUEST_MAX];
    struct pcp_request r = {.opcode = PCP_ANNOUNCE, .client = at("192.168.1.7:4242")};
    (void)state;
    assert_int_equal(pcp_write(bytes, &r), 24);
    assert_int_equal(bytes[0], 2);
    assert_int_equal(bytes[1], 0);
    assert_memory_equal(bytes + 20, "\xc0\xa8\x01\x07", 4);
}

static void a_mapping_is_read(void **state)
{
    struct pcp_request r = a_request();
    struct pcp_response out;
    struct endpoint external = at("198.51.100.7:7000");
    (void)state;
    assert_int_equal(read_copy(&out, &r, answer, sizeof answer), HX_OK);
    assert_int_equal(out.result, 0);
    assert_int_equal(out.lifetime_s, 600);
    assert_int_equal(out.epoch_s, 4128);
    assert_true(endpoint_equal(&out.external, &external));
}

static void an_answer_that_is_cut_is_none(void **state)
{
    struct pcp_request r = a_request();
    struct pcp_response out;
    (void)state;
    for (size_t len = 0; len < sizeof answer; len++)
        assert_int_equal(read_copy(&out, &r, answer, len), HX_EPROTO);
}

/* RFC 6887, 8.3: whole words, and at most 1,100 bytes. */
static void an_answer_of_a_length_that_there_is_not_is_none(void **state)
{
    struct pcp_request r = a_request();
    struct pcp_response out;
    uint8_t longer[PCP_MESSAGE_MAX + 4] = {0};
    (void)state;
    memcpy(longer, answer, sizeof answer);
    for (size_t len = MAP_BYTES; len <= sizeof longer; len++)
        assert_int_equal(read_copy(&out, &r, longer, len),
                         len % 4 == 0 && len <= PCP_MESSAGE_MAX ? HX_OK : HX_EPROTO);
}

static void what_answers_another_request_is_none(void **state)
{
    struct pcp_request r = a_request();
    (void)state;
    assert_int_equal(read_changed(&r, 0, 1), HX_EPROTO);    /* version */
    assert_int_equal(read_changed(&r, 1, 0x01), HX_EPROTO); /* a request */
    assert_int_equal(read_changed(&r, 1, 0x82), HX_EPROTO); /* PEER */
    assert_int_equal(read_changed(&r, 24, 'x'), HX_EPROTO); /* nonce */
    assert_int_equal(read_changed(&r, 36, 6), HX_EPROTO);   /* TCP */
    assert_int_equal(read_changed(&r, 41, 0), HX_EPROTO);   /* internal port */
    assert_int_equal(read_changed(&r, 2, 9), HX_OK);        /* reserved */
}

static void a_refusal_is_read_with_and_without_what_it_refuses(void **state)
{
    struct pcp_request r = a_request();
    struct pcp_response out;
    uint8_t refusal[MAP_BYTES];
    (void)state;
    memcpy(refusal, answer, sizeof refusal);
    refusal[3] = 2; /* NOT_AUTHORIZED */
    assert_int_equal(read_copy(&out, &r, refusal, sizeof refusal), HX_OK);
    assert_int_equal(out.result, 2);
    assert_int_equal(out.external.family, AF_UNSPEC);
    assert_int_equal(read_copy(&out, &r, refusal, 24), HX_OK);
    assert_int_equal(out.result, 2);
}

static void a_server_of_nat_pmp_alone_is_told(void **state)
{
    static const uint8_t natpmp[] = {0, 0x81, 0, 1, 0, 0, 0, 5};
    struct pcp_request r = a_request();
    struct pcp_response out;
    (void)state;
    assert_int_equal(read_copy(&out, &r, natpmp, sizeof natpmp), HX_OK);
    assert_int_equal(out.result, PCP_UNSUPPORTED);
    for (size_t len = 0; len < sizeof natpmp; len++)
        assert_int_equal(read_copy(&out, &r, natpmp, len), HX_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_request_is_as_the_rfc_has_it),
        cmocka_unit_test(an_announce_request_is_the_header_alone),
        cmocka_unit_test(a_mapping_is_read),
        cmocka_unit_test(an_answer_that_is_cut_is_none),
        cmocka_unit_test(an_answer_of_a_length_that_there_is_not_is_none),
        cmocka_unit_test(what_answers_another_request_is_none),
        cmocka_unit_test(a_refusal_is_read_with_and_without_what_it_refuses),
        cmocka_unit_test(a_server_of_nat_pmp_alone_is_told),
    };
    return cmocka_run_group_tests_name("pcp", tests, NULL, NULL);
}
