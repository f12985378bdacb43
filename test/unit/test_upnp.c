/* client/upnp: what a gateway says is believed only where it speaks of itself. */
#include "base/error.h"
#include "client/upnp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct endpoint at(const char *text)
{
    struct endpoint e;
    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static int search_says(const char *location, struct upnp_url *out)
{
    char text[1024];
    struct endpoint gateway = at("192.168.1.1:1");
    int len =
        snprintf(text, sizeof text,
                 "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLocation: %s \r\nST: x\r\n\r\n", location);
    return upnp_read_search(out, text, (size_t)len, &gateway);
}

static void expect_url(const char *location, const char *where, const char *path)
{
    struct upnp_url url;
    struct endpoint expected = at(where);
    assert_int_equal(search_says(location, &url), HX_OK);
    assert_true(endpoint_equal(&url.at, &expected));
    assert_string_equal(url.path, path);
}

static void a_search_finds_where_the_gateway_describes_itself(void **state)
{
    (void)state;
    expect_url("http://192.168.1.1:5000/rootDesc.xml", "192.168.1.1:5000", "/rootDesc.xml");
    expect_url("HTTP://192.168.1.1/a?b=c", "192.168.1.1:80", "/a?b=c");
    expect_url("http://192.168.1.1", "192.168.1.1:80", "/");
}

static void a_url_that_leads_elsewhere_is_none(void **state)
{
    static const char *const urls[] = {"http://192.168.1.2:5000/x",
                                       "http://router.lan/x",
                                       "https://192.168.1.1/x",
                                       "ftp://192.168.1.1/x",
                                       "http://192.168.1.1:0/x",
                                       "http://192.168.1.1:65536/x",
                                       "/x",
                                       "",
                                       "http://[::1]/x",
                                       "http://user@192.168.1.1/x",
                                       "http://192.168.1.1.evil.example/x",
                                       "http://192.168.1.1/a b",
                                       "http://192.168.1.1/a\"b",
                                       "http://192.168.1.1/\x01"};
    struct upnp_url url;
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        assert_int_equal(search_says(urls[i], &url), HX_EPROTO);
}

static void a_search_that_is_cut_or_refused_finds_nothing(void **state)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1/";
    struct endpoint gateway = at("192.168.1.1:1");
    struct upnp_url url;
    (void)state;
    for (size_t len = 0; len < strlen("HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1"); len++) {
        char *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, whole, len);
        assert_int_equal(upnp_read_search(&url, copy, len, &gateway), HX_EPROTO);
        free(copy);
    }
    assert_int_equal(upnp_read_search(&url, "HTTP/1.1 404 No\r\nLOCATION: http://192.168.1.1/", 47, &gateway),
                     HX_EPROTO);
    assert_int_equal(
        upnp_read_search(&url, "NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.1.1/", 49, &gateway),
        HX_EPROTO);
}

static int describe(struct upnp_service *out, const char *base, const char *type, const char *control)
{
    char text[4096];
    struct upnp_url from = {.at = at("192.168.1.1:5000"), .path = "/d"};
    int len =
        snprintf(text, sizeof text,
                 "<?xml version=\"1.0\"?><root "
                 "xmlns=\"urn:schemas-upnp-org:device-1-0\">%s<device><deviceList><device>"
                 "<serviceList><service><serviceType>urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1"
                 "</serviceType><controlURL>/common</controlURL></service>"
                 "<service><serviceType>%s</serviceType><serviceId>x</serviceId><controlURL>%s</controlURL>"
                 "<eventSubURL>/e</eventSubURL><SCPDURL>/s</SCPDURL></service></serviceList></device>"
                 "</deviceList></device></root>",
                 base, type, control);
    return upnp_read_description(out, text, (size_t)len, &from);
}

#define WAN_IP "urn:schemas-upnp-org:service:WANIPConnection:1"

static void expect_service(const char *base, const char *control, const char *where, const char *path)
{
    struct upnp_service s;
    struct endpoint expected = at(where);
    assert_int_equal(describe(&s, base, WAN_IP, control), HX_OK);
    assert_true(endpoint_equal(&s.control.at, &expected));
    assert_string_equal(s.control.path, path);
    assert_string_equal(s.type, WAN_IP);
}

static void a_description_has_the_connection_with_its_control_url(void **state)
{
    struct upnp_service s;
    (void)state;
    expect_service("", "/ctl/IPConn", "192.168.1.1:5000", "/ctl/IPConn");
    expect_service("", "ctl/IPConn", "192.168.1.1:5000", "/ctl/IPConn");
    expect_service("", "http://192.168.1.1:81/ctl", "192.168.1.1:81", "/ctl");
    expect_service("<URLBase>http://192.168.1.1:82/</URLBase>", "/ctl", "192.168.1.1:82", "/ctl");
    assert_int_equal(describe(&s, "", "urn:schemas-upnp-org:service:WANPPPConnection:1", "/ppp"), HX_OK);
    assert_string_equal(s.control.path, "/ppp");
}

static void a_description_that_leads_elsewhere_is_none(void **state)
{
    struct upnp_service s;
    (void)state;
    assert_int_equal(describe(&s, "", WAN_IP, "http://192.168.1.2/ctl"), HX_EPROTO);
    assert_int_equal(describe(&s, "", WAN_IP, "http://evil.example/ctl"), HX_EPROTO);
    assert_int_equal(describe(&s, "<URLBase>http://192.168.1.2/</URLBase>", WAN_IP, "/ctl"), HX_EPROTO);
    assert_int_equal(describe(&s, "", WAN_IP, ""), HX_EPROTO);
    assert_int_equal(describe(&s, "", WAN_IP, "/a b"), HX_EPROTO);
    assert_int_equal(describe(&s, "", WAN_IP, "/a&#13;&#10;b"), HX_EPROTO);
    assert_int_equal(describe(&s, "", "urn:schemas-upnp-org:service:Layer3Forwarding:1", "/ctl"), HX_EPROTO);
}

static void any_piece_of_a_description_is_taken_without_harm(void **state)
{
    static const char text[] =
        "<?xml version=\"1.0\"?><root><URLBase>http://192.168.1.1/</URLBase><device><serviceList>"
        "<service><serviceType>" WAN_IP "</serviceType><controlURL><![CDATA[/c]]></controlURL>"
        "</service></serviceList></device></root>";
    struct upnp_url from = {.at = at("192.168.1.1:5000"), .path = "/d"};
    struct upnp_service s;
    (void)state;
    for (size_t len = 0; len < sizeof text; len++) {
        char *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, text, len);
        int err = upnp_read_description(&s, copy, len, &from);
        assert_true(err == HX_OK || err == HX_EPROTO);
        free(copy);
    }
}

static void an_action_is_a_post_with_its_length(void **state)
{
    struct upnp_service s = {.control = {.at = at("192.168.1.1:5000"), .path = "/ctl"}, .type = WAN_IP};
    struct buf out;
    (void)state;
    buf_init(&out, 0);
    assert_int_equal(upnp_write_action(&out, &s, "DeletePortMapping",
                                       (const struct upnp_argument[]){{"NewProtocol", "UDP"}, {NULL, NULL}}),
                     HX_OK);
    assert_int_equal(buf_append(&out, "", 1), HX_OK);
    const char *text = buf_data(&out), *body = strstr(text, "\r\n\r\n") + 4;
    assert_int_equal(strncmp(text, "POST /ctl HTTP/1.1\r\nHost: 192.168.1.1:5000\r\n", 44), 0);
    assert_non_null(strstr(text, "\r\nSOAPAction: \"" WAN_IP "#DeletePortMapping\"\r\n"));
    assert_int_equal(atoi(strstr(text, "Content-Length: ") + strlen("Content-Length: ")), strlen(body));
    assert_non_null(
        strstr(body, "<u:DeletePortMapping xmlns:u=\"" WAN_IP "\"><NewProtocol>UDP</NewProtocol>"));
    buf_free(&out);
}

static void values_are_read_from_answers_and_errors(void **state)
{
    static const char answer[] =
        "<?xml version=\"1.0\"?><s:Envelope><s:Body><u:GetExternalIPAddressResponse xmlns:u=\"x\">"
        "<NewExternalIPAddress>198.51.100.7</NewExternalIPAddress>"
        "</u:GetExternalIPAddressResponse></s:Body></s:Envelope>";
    static const char error[] =
        "<s:Envelope><s:Body><s:Fault><faultcode>s:Client</faultcode><detail><UPnPError>"
        "<errorCode>718</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>";
    char value[UPNP_VALUE_MAX];
    (void)state;
    assert_true(upnp_read_value(answer, strlen(answer), "NewExternalIPAddress", value));
    assert_string_equal(value, "198.51.100.7");
    assert_false(upnp_read_value(answer, strlen(answer), "errorCode", value));
    assert_true(upnp_read_value(error, strlen(error), "errorCode", value));
    assert_string_equal(value, "718");
    assert_false(upnp_read_value("", 0, "errorCode", value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_finds_where_the_gateway_describes_itself),
        cmocka_unit_test(a_url_that_leads_elsewhere_is_none),
        cmocka_unit_test(a_search_that_is_cut_or_refused_finds_nothing),
        cmocka_unit_test(a_description_has_the_connection_with_its_control_url),
        cmocka_unit_test(a_description_that_leads_elsewhere_is_none),
        cmocka_unit_test(any_piece_of_a_description_is_taken_without_harm),
        cmocka_unit_test(an_action_is_a_post_with_its_length),
        cmocka_unit_test(values_are_read_from_answers_and_errors),
    };
    return cmocka_run_group_tests_name("upnp", tests, NULL, NULL);
}
