/* The head of a SOCKS5 datagram: whatever is cut off, it is none; what is written is read again. */
#include "client/forward/socks_udp.h"
#include "test/unit/cuts.h"

/* "TARGET head", or "none". In memory of its own, so that reading past it is seen. */
static void check(const char *bytes, size_t len, const char *expected)
{
    char text[AUTHORITY_TEXT_MAX], account[AUTHORITY_TEXT_MAX + 32] = "none";
    struct authority target;
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    size_t head = socks_udp_read(copy, len, &target);
    free(copy);
    if (head > 0) {
        authority_format(&target, text);
        snprintf(account, sizeof account, "%s %zu", text, head);
    }
    assert_string_equal(account, expected);
}

/* Whole, and cut at each byte: the data behind the head may be as short as it wants. */
static void check_cut(const char *bytes, size_t head, const char *expected)
{
    for (size_t len = 0; len < head; len++)
        check(bytes, len, "none");
    check(bytes, head, expected);
}

#define CHECK(bytes, expected) check_cut(bytes, sizeof(bytes) - 1, expected)

static void each_type_of_address_is_a_target(void **state)
{
    (void)state;
    CHECK("\0\0\0\x01\xc0\x00\x02\x01\x00\x35", "192.0.2.1:53 10");
    CHECK("\0\0\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb", "[2001:db8::1]:443 22");
    CHECK("\0\0\0\x03\x0bWWW.example\xff\xff", "www.example:65535 18");
    CHECK("\0\0\0\x03\x01x\x00\x01", "x:1 8");
    check("\0\0\0\x01\xc0\x00\x02\x01\x00\x35 data", 15, "192.0.2.1:53 10");
}

static void the_longest_name_is_a_target(void **state)
{
    struct authority a = {.kind = AUTHORITY_NAME, .port = 7}, back;
    uint8_t head[SOCKS_UDP_HEAD_MAX];
    (void)state;
    memset(a.host, 'a', AUTHORITY_HOST_MAX);
    assert_int_equal(socks_udp_write(&a, head), SOCKS_UDP_HEAD_MAX);
    assert_int_equal(socks_udp_read(head, sizeof head, &back), SOCKS_UDP_HEAD_MAX);
    assert_true(authority_matches(&a, &back));
}

static void fragments_are_not_taken(void **state)
{
    (void)state;
    check("\0\0\x01\x01\xc0\x00\x02\x01\x00\x35", 10, "none");
    check("\0\0\x80\x01\xc0\x00\x02\x01\x00\x35", 10, "none");
}

static void what_is_no_host_or_port_is_not_taken(void **state)
{
    (void)state;
    check("\0\0\0\x01\xc0\x00\x02\x01\x00\x00", 10, "none");
    check("\0\0\0\x02\xc0\x00\x02\x01\x00\x35", 10, "none");
    check("\0\0\0\x00\xc0\x00\x02\x01\x00\x35", 10, "none");
    check("\0\0\0\x03\x00\x00\x35", 7, "none");
    check("\0\0\0\x03\x03"
          "a\0b\x00\x35",
          10, "none");
    check("\0\0\0\x03\x03"
          "a b\x00\x35",
          10, "none");
    check("\0\0\0\x03\x05"
          "1.2.3\x00\x35",
          12, "none");
}

static void what_is_written_is_read_again(void **state)
{
    static const char *const texts[] = {"192.0.2.1:53", "[2001:db8::1]:65535", "host.example:1"};
    uint8_t head[SOCKS_UDP_HEAD_MAX];
    struct authority a, back;
    char text[AUTHORITY_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(authority_parse(&a, texts[i]), HX_OK);
        size_t len = socks_udp_write(&a, head);
        assert_int_equal(socks_udp_read(head, len, &back), len);
        authority_format(&back, text);
        assert_string_equal(text, texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_of_address_is_a_target),
        cmocka_unit_test(the_longest_name_is_a_target),
        cmocka_unit_test(fragments_are_not_taken),
        cmocka_unit_test(what_is_no_host_or_port_is_not_taken),
        cmocka_unit_test(what_is_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
