/* Proxies' URLs and no_proxy. */
#include "base/error.h"
#include "proto/proxy_url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_url(const char *text, const char *host, unsigned port, const char *credentials)
{
    struct proxy_url url;
    assert_int_equal(proxy_url_parse(&url, text), HX_OK);
    assert_string_equal(url.at.host, host);
    assert_int_equal(url.at.port, port);
    assert_string_equal(url.credentials, credentials);
}

static void assert_no_url(const char *text)
{
    struct proxy_url url;
    assert_int_equal(proxy_url_parse(&url, text), HX_EINVAL);
}

static void a_proxy_is_a_host_with_or_without_scheme_and_port(void **state)
{
    (void)state;
    assert_url("proxy.example", "proxy.example", PROXY_DEFAULT_PORT, "");
    assert_url("proxy.example:3128", "proxy.example", 3128, "");
    assert_url("http://proxy.example:3128", "proxy.example", 3128, "");
    assert_url("HTTP://proxy.example:3128/", "proxy.example", 3128, "");
    assert_url("http://[2001:db8::1]:8080", "2001:db8::1", 8080, "");
    assert_url("http://192.0.2.1/", "192.0.2.1", PROXY_DEFAULT_PORT, "");
}

static void credentials_are_percent_decoded(void **state)
{
    (void)state;
    assert_url("http://anna:secret@proxy:3128", "proxy", 3128, "anna:secret");
    assert_url("anna:secret@proxy", "proxy", PROXY_DEFAULT_PORT, "anna:secret");
    assert_url("http://anna@proxy:3128", "proxy", 3128, "anna:");
    assert_url("http://an%6Ea:p%40ss%3aw%2Frd%25@proxy:3128", "proxy", 3128, "anna:p@ss:w/rd%");
    assert_url("http://anna:p@ss@proxy:3128", "proxy", 3128, "anna:p@ss");
    assert_url("http://anna:@proxy:3128", "proxy", 3128, "anna:");
}

static void what_is_no_url_of_an_http_proxy_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "http://",
                                        "http:///",
                                        "https://proxy:3128",
                                        "socks5://proxy:1080",
                                        "socks5h://proxy",
                                        "http://proxy:0",
                                        "http://proxy:65536",
                                        "http://proxy:x",
                                        "http://proxy/path",
                                        "http://pro xy",
                                        "http://proxy\r\nX: y",
                                        "http://anna:%zz@proxy",
                                        "http://anna:%00@proxy",
                                        "http://anna:%4@proxy",
                                        "http://anna:secret@"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_no_url(texts[i]);
}

static void credentials_and_hosts_that_are_too_long_are_refused(void **state)
{
    char text[1024], letters[PROXY_CREDENTIALS_MAX + 2];
    struct proxy_url url;
    (void)state;
    for (size_t len = PROXY_CREDENTIALS_MAX - 2; len <= PROXY_CREDENTIALS_MAX; len++) {
        memset(letters, 'x', len);
        letters[len] = '\0';
        snprintf(text, sizeof text, "http://%s@proxy", letters); /* a colon is added */
        assert_int_equal(proxy_url_parse(&url, text), len < PROXY_CREDENTIALS_MAX ? HX_OK : HX_EINVAL);
        letters[0] = ':';
        snprintf(text, sizeof text, "http://%s@proxy", letters);
        assert_int_equal(proxy_url_parse(&url, text), HX_OK);
        snprintf(text, sizeof text, "http://%sx%s", letters + 1, letters + 1);
        assert_int_equal(proxy_url_parse(&url, text), HX_EINVAL);
    }
}

static void no_proxy_names_domains_and_all_below_them(void **state)
{
    (void)state;
    assert_true(no_proxy_names("example.com", "example.com"));
    assert_true(no_proxy_names("example.com", "ns.example.com"));
    assert_true(no_proxy_names(".example.com", "example.com"));
    assert_true(no_proxy_names(".example.com", "ns.example.com"));
    assert_true(no_proxy_names("Example.COM.", "ns.eXample.com"));
    assert_true(no_proxy_names("example.com", "ns.example.com."));
    assert_false(no_proxy_names("example.com", "nonexample.com"));
    assert_false(no_proxy_names("ns.example.com", "example.com"));
    assert_false(no_proxy_names("example.co", "example.com"));
    assert_false(no_proxy_names("", "example.com"));
    assert_false(no_proxy_names(" , .,", "example.com"));
    assert_false(no_proxy_names("127.0.0.1", "example.com"));
}

static void no_proxy_is_a_list_or_an_asterisk(void **state)
{
    (void)state;
    assert_true(no_proxy_names("*", "example.com"));
    assert_true(no_proxy_names("*", "192.0.2.1"));
    assert_false(no_proxy_names("*.com", "example.com"));
    assert_true(no_proxy_names("localhost,example.com", "example.com"));
    assert_true(no_proxy_names(" localhost ,\texample.com ", "example.com"));
    assert_true(no_proxy_names("localhost example.com", "localhost"));
    assert_false(no_proxy_names("localhost,example.org", "example.com"));
}

static void no_proxy_names_addresses_and_networks(void **state)
{
    (void)state;
    assert_true(no_proxy_names("192.0.2.1", "192.0.2.1"));
    assert_false(no_proxy_names("192.0.2.1", "192.0.2.10"));
    assert_true(no_proxy_names("10.0.0.0/8", "10.9.8.7"));
    assert_false(no_proxy_names("10.0.0.0/8", "11.0.0.1"));
    assert_true(no_proxy_names("192.0.2.128/25", "192.0.2.200"));
    assert_false(no_proxy_names("192.0.2.128/25", "192.0.2.100"));
    assert_true(no_proxy_names("0.0.0.0/0", "192.0.2.1"));
    assert_false(no_proxy_names("0.0.0.0/0", "2001:db8::1"));
    assert_false(no_proxy_names("192.0.2.0/33", "192.0.2.1"));
    assert_false(no_proxy_names("192.0.2.1/", "192.0.2.1"));
    assert_false(no_proxy_names("192.0.2.1/x", "192.0.2.1"));
    assert_true(no_proxy_names("::1", "::1"));
    assert_true(no_proxy_names("[::1]", "::1"));
    assert_true(no_proxy_names("2001:db8::/32", "2001:db8:1::2"));
    assert_false(no_proxy_names("2001:db8::/32", "2001:db9::1"));
    assert_true(no_proxy_names("2001:db8::1/128", "2001:DB8::1"));
    assert_false(no_proxy_names("0.2.1", "192.0.2.1")); /* it is no domain */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_is_a_host_with_or_without_scheme_and_port),
        cmocka_unit_test(credentials_are_percent_decoded),
        cmocka_unit_test(what_is_no_url_of_an_http_proxy_is_refused),
        cmocka_unit_test(credentials_and_hosts_that_are_too_long_are_refused),
        cmocka_unit_test(no_proxy_names_domains_and_all_below_them),
        cmocka_unit_test(no_proxy_is_a_list_or_an_asterisk),
        cmocka_unit_test(no_proxy_names_addresses_and_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
