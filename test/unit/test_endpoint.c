#include "base/error.h"
#include "proto/endpoint.h"
#include "test/unit/cuts.h"
#include <arpa/inet.h>

/* Parsed from memory that ends where the text does. */
static int parse(struct endpoint *out, const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    int err = endpoint_parse(out, copy, len);
    free(copy);
    return err;
}

static void check_text(const char *text, const char *canonical)
{
    struct endpoint e;
    char out[ENDPOINT_TEXT_MAX];

    if (parse(&e, text, strlen(text)) != HX_OK)
        fail_msg("refused: %s", text);
    assert_int_equal(endpoint_format(&e, out), strlen(canonical));
    assert_string_equal(out, canonical);
}

static void endpoints_are_parsed_and_formatted(void **state)
{
    (void)state;
    check_text("192.0.2.1:7000", "192.0.2.1:7000");
    check_text("0.0.0.0:1", "0.0.0.0:1");
    check_text("127.0.0.1:49990", "127.0.0.1:49990");
    check_text("255.255.255.255:65535", "255.255.255.255:65535");
    check_text("[2001:db8::1]:7000", "[2001:db8::1]:7000");
    check_text("[2001:DB8:0:0:0:0:0:1]:7000", "[2001:db8::1]:7000");
    check_text("[2001:db8:0:1:1:1:1:1]:7000", "[2001:db8:0:1:1:1:1:1]:7000"); /* RFC 5952, 4.2.2 */
    check_text("[::]:65535", "[::]:65535");
    check_text("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
               "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void a_mapped_address_is_an_ipv4_address(void **state)
{
    (void)state;
    check_text("[::ffff:192.0.2.1]:7000", "192.0.2.1:7000");
    check_text("[::ffff:c000:201]:7000", "192.0.2.1:7000");
    struct endpoint mapped;
    assert_int_equal(parse(&mapped, "[::ffff:192.0.2.1]:7", 20), HX_OK);
    struct endpoint plain;
    assert_int_equal(parse(&plain, "192.0.2.1:7", 11), HX_OK);
    assert_true(endpoint_equal(&mapped, &plain));
}

static void what_is_no_endpoint_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ":",
        "-",
        "192.0.2.1",
        "192.0.2.1:",
        "192.0.2.1:0",
        "192.0.2.1:07000",
        "192.0.2.1:65536",
        "192.0.2.1:99999",
        "192.0.2.1:100000",
        "192.0.2.1:+1",
        "192.0.2.1:-1",
        "192.0.2.1: 1",
        "192.0.2.1:1 ",
        " 192.0.2.1:1",
        "192.0.2.1:1x",
        "192.0.2.1:1\n",
        "192.0.2:1",
        "192.0.2.256:1",
        "192.0.2.01:1",
        "192.0.2.1.1:1",
        "0x7f.0.0.1:1",
        "localhost:1",
        ":1",
        "[]:1",
        "[:1",
        "]:1",
        "[192.0.2.1]:1",
        "2001:db8::1:7000",
        "[2001:db8::1]",
        "[2001:db8::1]7000",
        "[2001:db8::1]:",
        "[2001:db8::1]:0",
        "[fe80::1%eth0]:1",
        "[fe80::1%1]:1",
        "[2001:db8::1::]:1",
        "[[::1]]:1",
        "[::1:1",
        "::1]:1",
        "[00002001:db8::1]:1",
        "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:100000",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1",
    };

    (void)state;
    struct endpoint e;
    memset(&e, 0x5a, sizeof e);
    struct endpoint before = e;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (parse(&e, texts[i], strlen(texts[i])) != HX_EPROTO)
            fail_msg("accepted: %s", texts[i]);
        assert_memory_equal(&e, &before, sizeof e);
    }
    assert_int_equal(parse(&e, "192.0.2.1\0:1", 12), HX_EPROTO);
    assert_int_equal(parse(&e, "192.0.2.1:1\0", 12), HX_EPROTO);
    assert_int_equal(parse(&e, "\0", 1), HX_EPROTO);
}

static void every_part_of_an_endpoint_is_none(void **state)
{
    static const char text[] = "[2001:db8::1]:7";
    struct endpoint e;

    (void)state;
    for (size_t len = 0; len < strlen(text); len++)
        assert_int_equal(parse(&e, text, len), HX_EPROTO);
    assert_int_equal(parse(&e, text, strlen(text)), HX_OK);
}

static void no_endpoint_is_a_dash(void **state)
{
    struct endpoint none = {0};
    char text[ENDPOINT_TEXT_MAX];

    (void)state;
    assert_int_equal(endpoint_format(&none, text), 1);
    assert_string_equal(text, "-");
    struct sockaddr_storage ss;
    assert_int_equal(endpoint_to_sockaddr(&none, &ss), 0);
}

static void sockaddrs_become_endpoints_and_sockaddrs_again(void **state)
{
    static const char *const texts[] = {"192.0.2.1:7000", "[2001:db8::1]:65535"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct endpoint e, back;
        struct sockaddr_storage ss;
        struct sockaddr_in6 in6;
        assert_int_equal(parse(&e, texts[i], strlen(texts[i])), HX_OK);
        socklen_t len = endpoint_to_sockaddr(&e, &ss);
        assert_int_equal(ss.ss_family, e.family);
        assert_int_equal(endpoint_from_sockaddr(&back, (struct sockaddr *)&ss, len), HX_OK);
        assert_true(endpoint_equal(&e, &back));
        assert_int_equal(endpoint_from_sockaddr(&back, (struct sockaddr *)&ss, len - 1), HX_EINVAL);
        endpoint_to_sockaddr6(&e, &in6);
        assert_int_equal(in6.sin6_family, AF_INET6);
        assert_int_equal(ntohs(in6.sin6_port), e.port);
        assert_int_equal(IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) != 0, i == 0);
        assert_int_equal(endpoint_from_sockaddr(&back, (struct sockaddr *)&in6, sizeof in6), HX_OK);
        assert_true(endpoint_equal(&e, &back));
    }
}

static void other_families_and_short_sockaddrs_are_refused(void **state)
{
    struct sockaddr_storage ss = {.ss_family = AF_UNIX};

    (void)state;
    struct endpoint e;
    assert_int_equal(endpoint_from_sockaddr(&e, (struct sockaddr *)&ss, sizeof ss), HX_EINVAL);
    assert_int_equal(endpoint_from_sockaddr(&e, (struct sockaddr *)&ss, 0), HX_EINVAL);
    assert_int_equal(endpoint_from_sockaddr(&e, NULL, 0), HX_EINVAL);
}

static void endpoints_are_compared_by_what_they_are(void **state)
{
    (void)state;
    struct endpoint a;
    assert_int_equal(parse(&a, "192.0.2.1:1", 11), HX_OK);
    struct endpoint port;
    assert_int_equal(parse(&port, "192.0.2.1:2", 11), HX_OK);
    struct endpoint host;
    assert_int_equal(parse(&host, "192.0.2.2:1", 11), HX_OK);
    struct endpoint v6;
    assert_int_equal(parse(&v6, "[c000:201::]:1", 14), HX_OK); /* the same bytes in front */
    assert_true(endpoint_equal(&a, &a));
    assert_false(endpoint_equal(&a, &port));
    assert_true(endpoint_same_host(&a, &port));
    assert_false(endpoint_equal(&a, &host));
    assert_false(endpoint_same_host(&a, &host));
    assert_false(endpoint_same_host(&a, &v6));
    assert_false(endpoint_equal(&a, &v6));
}

static void only_fe80_10_is_of_one_link(void **state)
{
    static const struct {
        const char *text;
        bool link_local;
    } rows[] = {{"[fe80::1]:1", true},  {"[febf:ffff::1]:1", true}, {"[fec0::1]:1", false},
                {"[fe7f::1]:1", false}, {"[2001:db8::1]:1", false}, {"169.254.0.1:1", false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint e;
        assert_int_equal(endpoint_parse(&e, rows[i].text, strlen(rows[i].text)), HX_OK);
        assert_int_equal(endpoint_link_local(&e), rows[i].link_local);
    }
}

static void parse_fine(struct endpoint *e, const char *text)
{
    assert_int_equal(endpoint_parse(e, text, strlen(text)), HX_OK);
}

static void addresses_that_can_be_nobodys_are_not_punched(void **state)
{
    static const char *const never[] = {
        "0.0.0.0:7000",   "0.1.2.3:7000",   "224.0.0.1:7000",
        "239.9.9.9:7000", "[::]:7000",      "[ff02::1]:7000",
        "240.0.0.1:7000", "254.1.2.3:7000", "255.255.255.255:7000",
        "241.0.0.1:7000", "[100::]:7000",   "[100::ffff:ffff:ffff:ffff]:7000"};
    struct endpoint none = {.family = AF_UNSPEC, .port = 7000}, e;

    (void)state;
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        parse_fine(&e, never[i]);
        assert_false(endpoint_punchable(&e));
    }
    assert_false(endpoint_punchable(&none));
    parse_fine(&e, "192.0.2.1:7000");
    e.port = 0;
    assert_false(endpoint_punchable(&e));
}

static void ordinary_addresses_are_punched(void **state)
{
    static const char *const fine[] = {"192.0.2.1:1",       "127.0.0.1:7000",     "10.0.0.1:65535",
                                       "223.255.255.255:7", "[2001:db8::1]:7000", "[::1]:7000",
                                       "[100:0:0:1::1]:7",  "[101::1]:7000"};
    struct endpoint e;

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        parse_fine(&e, fine[i]);
        assert_true(endpoint_punchable(&e));
    }
}

static void addresses_are_found_in_a_text(void **state)
{
    static const struct {
        const char *text, *found; /* NULL: it begins with none */
    } rows[] = {{"192.0.2.1:7000 host", "192.0.2.1:7000"},
                {"192.0.2.1, and more", "192.0.2.1"},
                {"192.0.2.1.", "192.0.2.1"},
                {"192.0.2.1:7000.", "192.0.2.1:7000"},
                {"192.0.2.1: what", "192.0.2.1"},
                {"192.0.2.1:70000", "192.0.2.1:70000"},
                {"[2001:db8::1]:7000\r\n", "[2001:db8::1]:7000"},
                {"[2001:db8::1]\r\n", "[2001:db8::1]"},
                {"[2001:db8::1]:0", "[2001:db8::1]:0"},
                {"2001:db8::1/64", "2001:db8::1"},
                {"::1", "::1"},
                {"1.2.3", NULL},
                {"fe:ed", NULL},
                {"face", NULL},
                {"1.2.3.4.5", NULL},
                {"", NULL},
                {":::", NULL},
                {"[", NULL},
                {"00000000000000000000000000000000000000000000000000000001.2.3.4", NULL}};
    struct endpoint e;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = rows[i].found ? strlen(rows[i].found) : 0;
        assert_int_equal(endpoint_in_text(&e, rows[i].text, 0, strlen(rows[i].text)), len);
    }
    assert_int_equal(endpoint_in_text(&e, "h:1.2.3.4", 2, 9), 7);
    assert_int_equal(endpoint_in_text(&e, "h1.2.3.4", 1, 8), 0);
    assert_int_equal(endpoint_in_text(&e, "1.2.3.4.5", 2, 9), 0);
    assert_int_equal(endpoint_in_text(&e, "x 1.2.3.4:56", 2, 11), 9);
    assert_true(e.family == AF_INET && e.port == 5);
    assert_int_equal(endpoint_in_text(&e, "[::1]", 0, 5), 5);
    assert_true(endpoint_loopback(&e) && e.port == 0);
}

static void loopback_is_127_8_and_one_address_of_ipv6(void **state)
{
    static const struct {
        const char *text;
        bool loopback;
    } rows[] = {{"127.0.0.1:1", true}, {"127.255.0.1:1", true}, {"[::ffff:127.0.0.1]:1", true},
                {"[::1]:1", true},     {"126.0.0.1:1", false},  {"128.0.0.1:1", false},
                {"[::2]:1", false},    {"[1::1]:1", false}};
    struct endpoint e;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        parse_fine(&e, rows[i].text);
        assert_int_equal(endpoint_loopback(&e), rows[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_parsed_and_formatted),
        cmocka_unit_test(a_mapped_address_is_an_ipv4_address),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
        cmocka_unit_test(every_part_of_an_endpoint_is_none),
        cmocka_unit_test(no_endpoint_is_a_dash),
        cmocka_unit_test(sockaddrs_become_endpoints_and_sockaddrs_again),
        cmocka_unit_test(other_families_and_short_sockaddrs_are_refused),
        cmocka_unit_test(endpoints_are_compared_by_what_they_are),
        cmocka_unit_test(only_fe80_10_is_of_one_link),
        cmocka_unit_test(addresses_that_can_be_nobodys_are_not_punched),
        cmocka_unit_test(ordinary_addresses_are_punched),
        cmocka_unit_test(addresses_are_found_in_a_text),
        cmocka_unit_test(loopback_is_127_8_and_one_address_of_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
