#include "base/error.h"
#include "proto/nameserver_name.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct nameserver_name names[NAMESERVERS_MAX];

static void assert_name(int i, const char *host, unsigned udp, unsigned tcp, bool tls)
{
    assert_string_equal(names[i].udp.host, host);
    assert_string_equal(names[i].tcp.host, host);
    assert_int_equal(names[i].udp.port, udp);
    assert_int_equal(names[i].tcp.port, tcp);
    assert_int_equal(names[i].tls, tls);
}

static void assert_one(const char *text, const char *host, unsigned udp, unsigned tcp, bool tls)
{
    assert_int_equal(nameserver_names_parse(names, text, 7000), 1);
    assert_name(0, host, udp, tcp, tls);
}

static void a_host_has_udp_and_tcp_at_one_port(void **state)
{
    (void)state;
    assert_one("ns.example", "ns.example", 7000, 7000, false);
    assert_one("ns.example:7001", "ns.example", 7001, 7001, false);
    assert_one("[2001:db8::1]:1", "2001:db8::1", 1, 1, false);
    assert_one("https", "https", 7000, 7000, false);
    assert_one("UDT://ns.example:7001/", "ns.example", 7001, 7001, false);
    assert_one("udt://[2001:db8::1]:1", "2001:db8::1", 1, 1, false);
    assert_one("http:80", "http", 80, 80, false);
}

static void a_url_says_where_tcp_is(void **state)
{
    (void)state;
    assert_one("https://ns.example", "ns.example", 7000, 443, true);
    assert_one("http://ns.example", "ns.example", 7000, 80, false);
    assert_one("https://ns.example:8443", "ns.example", 7000, 8443, true);
    assert_one("http://192.0.2.1:8080/", "192.0.2.1", 7000, 8080, false);
    assert_one("HTTPS://[2001:db8::1]", "2001:db8::1", 7000, 443, true);
    assert_one("https://2001:db8::1", "2001:db8::1", 7000, 443, true);
}

static void a_url_may_say_where_udp_is(void **state)
{
    (void)state;
    assert_one("https://ns.example?udp=7001", "ns.example", 7001, 443, true);
    assert_one("https://ns.example:8443/?udp=1", "ns.example", 1, 8443, true);
    assert_one("http://[2001:db8::1]:8080?udp=65535", "2001:db8::1", 65535, 8080, false);
}

static void what_is_neither_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "https://",
                                        "http:///",
                                        "https://:443",
                                        "https://ns.example:0",
                                        "https://ns.example:65536",
                                        "https://ns.example:",
                                        "https://ns.example//",
                                        "https://ns.example/path",
                                        "https://ns.example#x",
                                        "https://anna@ns.example",
                                        "https://ns%2eexample",
                                        "https://ns example",
                                        "https://ns.example?",
                                        "https://ns.example?udp=",
                                        "https://ns.example?udp=0",
                                        "https://ns.example?udp=7000/",
                                        "https://ns.example?udp=65536",
                                        "https://ns.example?tcp=1",
                                        "https://ns.example?udp=1?udp=2",
                                        "https:/ns.example",
                                        "ftp://ns.example",
                                        "socks5://ns.example",
                                        "ns.example/",
                                        "ns.example:7000/",
                                        "https://https://ns.example"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(nameserver_names_parse(names, texts[i], 7000), HX_EINVAL);
}

static void several_stand_with_commas_in_both_forms(void **state)
{
    (void)state;
    assert_int_equal(nameserver_names_parse(names, "a,https://b,http://c:8080/?udp=1,[::1]:2", 7000), 4);
    assert_name(0, "a", 7000, 7000, false);
    assert_name(1, "b", 7000, 443, true);
    assert_name(2, "c", 1, 8080, false);
    assert_name(3, "::1", 2, 2, false);
    assert_int_equal(nameserver_names_parse(names, "a,b,c,d,e,f,g,h", 7000), 8);
    assert_int_equal(nameserver_names_parse(names, "a,b,c,d,e,f,g,h,i", 7000), HX_EINVAL);
    assert_int_equal(nameserver_names_parse(names, "a,", 7000), HX_EINVAL);
    assert_int_equal(nameserver_names_parse(names, ",a", 7000), HX_EINVAL);
    assert_int_equal(nameserver_names_parse(names, "a,,b", 7000), HX_EINVAL);
}

static void the_longest_host_is_taken_and_no_longer_one(void **state)
{
    char host[HOST_PORT_HOST_MAX + 2], text[512];
    (void)state;
    memset(host, 'h', sizeof host);
    host[HOST_PORT_HOST_MAX] = '\0';
    snprintf(text, sizeof text, "https://%s:65535/?udp=65535", host);
    assert_one(text, host, 65535, 65535, true);
    host[HOST_PORT_HOST_MAX] = 'h';
    host[HOST_PORT_HOST_MAX + 1] = '\0';
    snprintf(text, sizeof text, "https://%s", host);
    assert_int_equal(nameserver_names_parse(names, text, 7000), HX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_has_udp_and_tcp_at_one_port),
        cmocka_unit_test(a_url_says_where_tcp_is),
        cmocka_unit_test(a_url_may_say_where_udp_is),
        cmocka_unit_test(what_is_neither_is_refused),
        cmocka_unit_test(several_stand_with_commas_in_both_forms),
        cmocka_unit_test(the_longest_host_is_taken_and_no_longer_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
