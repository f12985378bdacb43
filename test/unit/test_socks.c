#include "client/forward/socks.h"
#include "test/unit/cuts.h"

struct run {
    struct socks socks;
    struct account *account;
    size_t taken;
};

/* As the program reads: never more than is wanted. */
static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    while (len > 0 && socks_want(&r->socks) > 0) {
        size_t n = socks_want(&r->socks) < len ? socks_want(&r->socks) : len;
        socks_feed(&r->socks, (const uint8_t *)data, n);
        for (size_t i = 0; i < r->socks.out_len; i++)
            account_add(r->account, "%02x", r->socks.out[i]);
        if (r->socks.out_len > 0)
            account_add(r->account, " ");
        data += n;
        len -= n;
        r->taken += n;
    }
}

static void run(const struct cuts *c, struct account *a)
{
    struct run r = {.account = a};
    char text[AUTHORITY_TEXT_MAX];
    socks_init(&r.socks);
    feed_cuts(c, feed, &r);
    if (r.socks.state == SOCKS_DONE) {
        authority_format(&r.socks.target, text);
        account_add(a, r.socks.udp ? "udp " : "");
        account_add(a, "%s taken=%zu", text, r.taken);
    } else if (r.socks.state == SOCKS_FAILED) {
        account_add(a, "failed");
        assert_true(strlen(r.socks.reason) > 0);
    } else {
        account_add(a, "waits");
    }
}

#define CHECK(bytes, expected) check_every_cut_of(bytes, sizeof(bytes) - 1, expected, run)
#define HELLO                  "\x05\x01\x00"

static void an_ipv4_address_is_a_target(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50", "0500 192.0.2.1:80 taken=13");
}

static void an_ipv6_address_is_a_target(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
          "0500 [2001:db8::1]:443 taken=25");
}

static void a_name_is_a_target_in_lower_case(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x01\x00\x03\x0bWWW.example\xff\xff", "0500 www.example:65535 taken=21");
}

static void an_address_given_as_a_name_is_that_address(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x01\x00\x03\x03::1\x00\x16", "0500 [::1]:22 taken=13");
    CHECK(HELLO "\x05\x01\x00\x03\x09"
                "127.0.0.1\x00\x16",
          "0500 127.0.0.1:22 taken=19");
}

static void what_follows_the_request_is_not_taken(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50GET / HTTP/1.1\r\n", "0500 127.0.0.1:80 taken=13");
}

static void a_name_of_255_bytes_is_taken(void **state)
{
    char bytes[3 + 5 + 255 + 2] = HELLO "\x05\x01\x00\x03\xff";
    char expected[300];
    (void)state;
    memset(bytes + 8, 'a', 255);
    bytes[8 + 255] = 0;
    bytes[8 + 256] = 7;
    size_t len = (size_t)snprintf(expected, sizeof expected, "0500 ");
    memset(expected + len, 'a', 255);
    snprintf(expected + len + 255, sizeof expected - len - 255, ":7 taken=265");
    check_every_cut_of(bytes, sizeof bytes, expected, run);
}

static void no_authentication_is_chosen_among_255_methods(void **state)
{
    char bytes[2 + 255];
    (void)state;
    memset(bytes, 2, sizeof bytes);
    bytes[0] = 5;
    bytes[1] = (char)255;
    check_every_cut_of(bytes, sizeof bytes, "05ff failed", run);
    bytes[2 + 254] = 0;
    check_every_cut_of(bytes, sizeof bytes, "0500 waits", run);
}

static void who_insists_on_authentication_is_told_no(void **state)
{
    (void)state;
    CHECK("\x05\x01\x02", "05ff failed");
    CHECK("\x05\x00", "05ff failed");
    CHECK("\x05\x02\x01\x02\x05\x01", "05ff failed");
}

static void bind_is_not_supported(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", "0500 05070001000000000000 failed");
    CHECK(HELLO "\x05\x00\x00\x01", "0500 05070001000000000000 failed");
}

static void unknown_types_of_addresses_are_not_supported(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x01\x00\x02\x7f", "0500 05080001000000000000 failed");
    CHECK(HELLO "\x05\x01\x00\x00", "0500 05080001000000000000 failed");
    CHECK(HELLO "\x05\x01\x00\xff", "0500 05080001000000000000 failed");
}

static void what_cannot_be_a_host_is_a_general_failure(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x01\x00\x03\x00\x00\x50", "0500 05010001000000000000 failed");
    CHECK(HELLO "\x05\x01\x00\x03\x04"
                "a\0bc\x00\x50",
          "0500 05010001000000000000 failed");
    CHECK(HELLO "\x05\x01\x00\x03\x04"
                "a:80\x00\x50",
          "0500 05010001000000000000 failed");
    CHECK(HELLO "\x05\x01\x00\x03\x04"
                "a\r\nb\x00\x50",
          "0500 05010001000000000000 failed");
    CHECK(HELLO "\x05\x01\x00\x03\x01*\x00\x50", "0500 05010001000000000000 failed");
    CHECK(HELLO "\x05\x01\x00\x03\x05[::1]\x00\x50", "0500 05010001000000000000 failed");
    CHECK(HELLO "\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x00", "0500 05010001000000000000 failed"); /* port 0 */
}

static void who_speaks_something_else_is_told_nothing(void **state)
{
    (void)state;
    CHECK("\x04\x01\x00\x50\x7f\x00\x00\x01\x00", "failed");
    CHECK("GET / HTTP/1.1\r\n\r\n", "failed");
    CHECK("CONNECT a:80 HTTP/1.1\r\n\r\n", "failed");
    CHECK("\x16\x03\x01\x02", "failed");
    CHECK("\x00", "failed");
    CHECK(HELLO "\x04\x01\x00\x01", "0500 failed");
}

static void half_a_request_waits(void **state)
{
    (void)state;
    CHECK("\x05", "waits");
    CHECK(HELLO, "0500 waits");
    CHECK(HELLO "\x05\x01\x00\x03\x0bwww.exampl", "0500 waits");
    CHECK(HELLO "\x05\x01\x00\x01\x7f\x00\x00\x01\x00", "0500 waits");
}

static void each_reply_has_its_code(void **state)
{
    struct socks s;
    (void)state;
    socks_init(&s);
    for (int reply = SOCKS_SUCCEEDED; reply <= SOCKS_TYPE_NOT_SUPPORTED; reply++) {
        const uint8_t expected[] = {5, (uint8_t)reply, 0, 1, 0, 0, 0, 0, 0, 0};
        socks_answer(&s, (enum socks_reply)reply);
        assert_int_equal(s.out_len, sizeof expected);
        assert_memory_equal(s.out, expected, sizeof expected);
    }
}

static void udp_associate_says_where_it_will_send_from_or_zeros(void **state)
{
    (void)state;
    CHECK(HELLO "\x05\x03\x00\x01\x7f\x00\x00\x01\x00\x50", "0500 udp 127.0.0.1:80 taken=13");
    CHECK(HELLO "\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00", "0500 udp 0.0.0.0:0 taken=13");
    CHECK(HELLO "\x05\x03\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x00", "0500 udp [::]:0 taken=25");
    CHECK(HELLO "\x05\x03\x00\x03\x00\x00\x50", "0500 udp :0 taken=10");
}

static void the_port_that_is_bound_is_told_over_both_families(void **state)
{
    static const uint8_t four[] = {5, 0, 0, 1, 192, 0, 2, 1, 0x12, 0x34};
    static const uint8_t six[] = {5, 0, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0,    0,
                                  0, 0, 0, 0, 0,    0, 0,   0,    9, 0xff, 0xfe};
    struct socks s;
    struct endpoint e;
    (void)state;
    socks_init(&s);
    assert_int_equal(endpoint_parse(&e, "192.0.2.1:4660", 14), HX_OK);
    socks_answer_at(&s, SOCKS_SUCCEEDED, &e);
    assert_int_equal(s.out_len, sizeof four);
    assert_memory_equal(s.out, four, sizeof four);
    assert_int_equal(endpoint_parse(&e, "[2001:db8::9]:65534", 19), HX_OK);
    socks_answer_at(&s, SOCKS_SUCCEEDED, &e);
    assert_int_equal(s.out_len, sizeof six);
    assert_memory_equal(s.out, six, sizeof six);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_address_is_a_target),
        cmocka_unit_test(an_ipv6_address_is_a_target),
        cmocka_unit_test(a_name_is_a_target_in_lower_case),
        cmocka_unit_test(an_address_given_as_a_name_is_that_address),
        cmocka_unit_test(what_follows_the_request_is_not_taken),
        cmocka_unit_test(a_name_of_255_bytes_is_taken),
        cmocka_unit_test(no_authentication_is_chosen_among_255_methods),
        cmocka_unit_test(who_insists_on_authentication_is_told_no),
        cmocka_unit_test(bind_is_not_supported),
        cmocka_unit_test(udp_associate_says_where_it_will_send_from_or_zeros),
        cmocka_unit_test(the_port_that_is_bound_is_told_over_both_families),
        cmocka_unit_test(unknown_types_of_addresses_are_not_supported),
        cmocka_unit_test(what_cannot_be_a_host_is_a_general_failure),
        cmocka_unit_test(who_speaks_something_else_is_told_nothing),
        cmocka_unit_test(half_a_request_waits),
        cmocka_unit_test(each_reply_has_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
