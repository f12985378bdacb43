#include "base/error.h"
#include "base/host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_parsed(const char *text, const char *host, unsigned port)
{
    struct host_port name;
    assert_int_equal(host_port_parse(&name, text, 7000), HX_OK);
    assert_string_equal(name.host, host);
    assert_int_equal(name.port, port);
}

static void assert_refused(const char *text)
{
    struct host_port name;
    assert_int_equal(host_port_parse(&name, text, 7000), HX_EINVAL);
}

static void a_host_alone_gets_the_default_port(void **state)
{
    (void)state;
    assert_parsed("ns.example.org", "ns.example.org", 7000);
    assert_parsed("192.0.2.1", "192.0.2.1", 7000);
    assert_parsed("[2001:db8::1]", "2001:db8::1", 7000);
}

static void a_port_after_the_host_is_taken(void **state)
{
    (void)state;
    assert_parsed("ns.example.org:1", "ns.example.org", 1);
    assert_parsed("192.0.2.1:65535", "192.0.2.1", 65535);
    assert_parsed("[2001:db8::1]:7001", "2001:db8::1", 7001);
}

static void an_ipv6_address_without_brackets_has_no_port(void **state)
{
    (void)state;
    assert_parsed("2001:db8::1", "2001:db8::1", 7000);
    assert_parsed("::1", "::1", 7000);
}

static void ports_out_of_range_or_not_decimal_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"h:",   "h:0",    "h:65536", "h:99999999999999999999",
                                      "h:-1", "h:+1",   "h:07",    "h:7x",
                                      "h: 7", "[::1]:", "[::1]:x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(bad[i]);
}

static void texts_that_are_no_host_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ":7000", "[]:7000", "[::1", "[::1]7000", "a b", "udt://h", "h/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(bad[i]);
}

static void a_host_of_256_bytes_is_refused_and_one_of_255_is_not(void **state)
{
    (void)state;
    char text[HOST_PORT_HOST_MAX + 2];
    memset(text, 'a', sizeof text);
    text[HOST_PORT_HOST_MAX + 1] = '\0';
    assert_refused(text);
    text[HOST_PORT_HOST_MAX] = '\0';
    assert_parsed(text, text, 7000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_alone_gets_the_default_port),
        cmocka_unit_test(a_port_after_the_host_is_taken),
        cmocka_unit_test(an_ipv6_address_without_brackets_has_no_port),
        cmocka_unit_test(ports_out_of_range_or_not_decimal_are_refused),
        cmocka_unit_test(texts_that_are_no_host_are_refused),
        cmocka_unit_test(a_host_of_256_bytes_is_refused_and_one_of_255_is_not),
    };
    return cmocka_run_group_tests_name("host port", tests, NULL, NULL);
}
