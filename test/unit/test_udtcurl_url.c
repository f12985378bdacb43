/* URLs of udtcurl. */
#include "test/udtcurl/codes.h"
#include "test/udtcurl/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_url(const char *text, const char *host, uint16_t port, const char *authority,
                      const char *target)
{
    struct url u;
    const char *why = "";
    int err = url_parse(&u, text, &why);
    if (err != UC_OK)
        fail_msg("%s: %s", text, why);
    assert_string_equal(u.host, host);
    assert_int_equal(u.port, port);
    assert_string_equal(u.authority, authority);
    assert_string_equal(u.target, target);
    url_free(&u);
}

static void check_refused(const char *text, int code)
{
    struct url u;
    const char *why = NULL;
    int err = url_parse(&u, text, &why);
    if (err != code)
        fail_msg("%s: got %d, expected %d", text, err, code);
    assert_non_null(why);
}

static void port_7000_is_the_default(void **state)
{
    (void)state;
    check_url("udt://example.com/bind?host_id=a", "example.com", 7000, "example.com", "/bind?host_id=a");
    check_url("udt://example.com:/", "example.com", 7000, "example.com", "/");
    check_url("udt://192.0.2.1:65535/", "192.0.2.1", 65535, "192.0.2.1:65535", "/");
    check_url("UDT://192.0.2.1:1/", "192.0.2.1", 1, "192.0.2.1:1", "/");
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    (void)state;
    check_url("udt://[::1]:7001/x", "::1", 7001, "[::1]:7001", "/x");
    check_url("udt://[2001:db8::1]", "2001:db8::1", 7000, "[2001:db8::1]", "/");
    check_refused("udt://::1/", UC_URL);
    check_refused("udt://[::1/", UC_URL);
    check_refused("udt://[v1.x]/", UC_URL);
}

static void a_link_local_address_has_its_zone(void **state)
{
    (void)state;
    check_url("udt://[fe80::1%25eth0]:7001/x", "fe80::1%eth0", 7001, "[fe80::1]:7001", "/x");
    check_url("udt://[fe80::1%eth0.5]/%20", "fe80::1%eth0.5", 7000, "[fe80::1]", "/%20");
    check_url("[fe80::1%255]?%25", "fe80::1%5", 7000, "[fe80::1]", "/?%25");
    check_url("[fe80::1%25]", "fe80::1%25", 7000, "[fe80::1]", "/");
    check_url("udt://[::1]/%25?a=%25eth0", "::1", 7000, "[::1]", "/%25?a=%25eth0");
    check_refused("udt://[fe80::1%]/", UC_URL);
    check_refused("udt://[fe80::1%25eth0/", UC_URL);
    check_refused("udt://[fe80::1%25a b]/", UC_URL);
    check_refused("udt://[fe80::1%250123456789abcdef]/", UC_URL);
    check_refused("udt://fe80%25eth0/", UC_URL);
}

static void an_empty_path_is_a_slash(void **state)
{
    (void)state;
    check_url("udt://h", "h", 7000, "h", "/");
    check_url("udt://h?q=1", "h", 7000, "h", "/?q=1");
    check_url("udt://h:7000#part", "h", 7000, "h:7000", "/");
}

static void a_fragment_is_not_sent(void **state)
{
    (void)state;
    check_url("udt://h/a?b#c?d/e", "h", 7000, "h", "/a?b");
}

static void percent_encoding_is_sent_as_typed(void **state)
{
    (void)state;
    check_url("udt://h/a%20b?c=%2F", "h", 7000, "h", "/a%20b?c=%2F");
}

static void the_scheme_may_be_left_out(void **state)
{
    (void)state;
    check_url("h/x", "h", 7000, "h", "/x");
    check_url("h:7001?u=http://other/", "h", 7001, "h:7001", "/?u=http://other/");
}

static void another_scheme_is_code_1(void **state)
{
    (void)state;
    check_refused("http://h/", UC_SCHEME);
    check_refused("udtx://h/", UC_SCHEME);
    check_refused("ud://h/", UC_SCHEME);
}

static void malformed_urls_are_code_3(void **state)
{
    static const char *const bad[] = {"",
                                      "udt://",
                                      "udt:///x",
                                      "udt://h:0/",
                                      "udt://h:65536/",
                                      "udt://h:99999999999999999999/",
                                      "udt://h:x/",
                                      "udt://h:-1/",
                                      "udt://h /",
                                      "udt://h/a b",
                                      "udt://h/%zz",
                                      "udt://h/%1",
                                      "udt://u@h/",
                                      "udt://u:p@h/",
                                      "udt://h%41/",
                                      "udt://h/\n",
                                      "udt://h/\x80",
                                      "udt://h/<>"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_refused(bad[i], UC_URL);
}

static void a_host_of_255_bytes_fits_and_one_more_does_not(void **state)
{
    char text[300] = "udt://";
    struct url u;
    const char *why;
    (void)state;
    memset(text + 6, 'a', 255);
    assert_int_equal(url_parse(&u, text, &why), UC_OK);
    assert_int_equal(strlen(u.authority), 255);
    url_free(&u);
    strcpy(text + 6 + 255, ":65535");
    assert_int_equal(url_parse(&u, text, &why), UC_OK);
    assert_int_equal(strlen(u.authority), 261);
    url_free(&u);
    memset(text + 6, 'a', 256);
    text[6 + 256] = '\0';
    check_refused(text, UC_URL);
}

static void a_url_above_65536_bytes_is_refused(void **state)
{
    char *text = malloc(URL_MAX + 2);
    struct url u;
    const char *why;
    (void)state;
    assert_non_null(text);
    memset(text, 'a', URL_MAX + 1);
    memcpy(text, "udt://h/", 8);
    text[URL_MAX + 1] = '\0';
    check_refused(text, UC_URL);
    text[URL_MAX] = '\0';
    assert_int_equal(url_parse(&u, text, &why), UC_OK);
    assert_int_equal(strlen(u.target), URL_MAX - 7);
    url_free(&u);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_7000_is_the_default),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(a_link_local_address_has_its_zone),
        cmocka_unit_test(an_empty_path_is_a_slash),
        cmocka_unit_test(a_fragment_is_not_sent),
        cmocka_unit_test(percent_encoding_is_sent_as_typed),
        cmocka_unit_test(the_scheme_may_be_left_out),
        cmocka_unit_test(another_scheme_is_code_1),
        cmocka_unit_test(malformed_urls_are_code_3),
        cmocka_unit_test(a_host_of_255_bytes_fits_and_one_more_does_not),
        cmocka_unit_test(a_url_above_65536_bytes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
