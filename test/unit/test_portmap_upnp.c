/* client/portmap_upnp against a router of the test's own. */
#include "test/unit/router_fixture.h"

/* One request over TCP, told as text; the way steps meanwhile. */
static int http_hear(struct way *w, char *text, size_t size)
{
    struct pollfd p = {.fd = tcp, .events = POLLIN};
    assert_int_equal(poll(&p, 1, TURN_MS), 1);
    int fd = accept(tcp, NULL, NULL);
    size_t len = 0;
    assert_true(fd >= 0);
    for (;;) {
        way_step(w, clock_now_ms());
        ssize_t got = recv(fd, text + len, size - 1 - len, MSG_DONTWAIT);
        if (got > 0)
            len += (size_t)got;
        text[len] = '\0';
        const char *body = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        if (body && (!length || strlen(body + 4) >= (size_t)atoi(length + strlen("Content-Length: "))))
            return fd;
        assert_true(got != 0);
    }
}

static void http_say(struct way *w, int fd, const char *status, const char *body)
{
    dprintf(fd, "HTTP/1.1 %s\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n%s", status,
            strlen(body), body);
    turn(w);
    close(fd);
}

static void tell_location(const char *host)
{
    char text[256];
    int len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nLOCATION: http://%s:%hu/d.xml\r\n\r\n", host,
                       http_port);
    say(ssdp, text, (size_t)len);
}

static const char description[] = "<root><device><serviceList><service><serviceType>urn:schemas-upnp-org:"
                                  "service:WANIPConnection:1</serviceType>"
                                  "<controlURL>/ctl</controlURL></service></serviceList></device></root>";
static const char address_reply[] =
    "<Envelope><Body><u:GetExternalIPAddressResponse><NewExternalIPAddress>198.51.100.7"
    "</NewExternalIPAddress></u:GetExternalIPAddressResponse></Body></Envelope>";
static const char fault[] =
    "<Envelope><Body><Fault><detail><UPnPError><errorCode>%d</errorCode></UPnPError></detail>"
    "</Fault></Body></Envelope>";

static struct way *upnp_searched(void)
{
    uint8_t data[1024];
    char host[INET_ADDRSTRLEN];
    struct way *w = open_way(WAY_UPNP);
    way_probe(w, clock_now_ms());
    ssize_t len = hear(ssdp, data, sizeof data - 1);
    data[len] = '\0';
    assert_int_equal(strncmp((char *)data, "M-SEARCH * HTTP/1.1\r\n", 21), 0);
    inet_ntop(AF_INET, gateway.address.address, host, sizeof host);
    tell_location("192.0.2.66");
    tell_location(host);
    turn(w);
    return w;
}

static struct way *upnp_offered(void)
{
    char text[4096];
    struct way *w = upnp_searched();
    int fd = http_hear(w, text, sizeof text);
    assert_int_equal(strncmp(text, "GET /d.xml HTTP/1.1\r\n", 21), 0);
    http_say(w, fd, "200 OK", description);
    fd = http_hear(w, text, sizeof text);
    assert_non_null(strstr(text, "#GetExternalIPAddress\""));
    http_say(w, fd, "200 OK", address_reply);
    assert_int_equal(w->state, WAY_OFFERED);
    return w;
}

static void upnp_searches_maps_and_gives_back(void **state)
{
    char text[4096];
    struct way_request over = a_request;
    struct way *w = upnp_offered();
    (void)state;
    way_map(w, &a_request, clock_now_ms());
    int fd = http_hear(w, text, sizeof text);
    assert_int_equal(strncmp(text, "POST /ctl HTTP/1.1\r\n", 20), 0);
    assert_non_null(strstr(text, "<NewExternalPort>4242</NewExternalPort>"));
    assert_non_null(strstr(text, "<NewInternalClient>127.0.0.1</NewInternalClient>"));
    assert_non_null(strstr(text, "<NewLeaseDuration>1200</NewLeaseDuration>"));
    http_say(w, fd, "200 OK", "<AddPortMappingResponse/>");
    expect_external(w, "198.51.100.7:4242");
    over.external = w->external;
    over.lifetime_s = 0;
    way_map(w, &over, clock_now_ms());
    fd = http_hear(w, text, sizeof text);
    assert_non_null(strstr(text, "#DeletePortMapping\""));
    http_say(w, fd, "200 OK", "<DeletePortMappingResponse/>");
    assert_int_equal(w->state, WAY_MAPPED);
    way_close(w);
}

static void upnp_takes_another_port_where_somebody_has_that_one(void **state)
{
    char text[4096], conflict[sizeof fault + 8];
    struct way *w = upnp_offered();
    (void)state;
    snprintf(conflict, sizeof conflict, fault, UPNP_CONFLICT);
    way_map(w, &a_request, clock_now_ms());
    http_say(w, http_hear(w, text, sizeof text), "500 Internal Server Error", conflict);
    int fd = http_hear(w, text, sizeof text);
    const char *port = strstr(text, "<NewExternalPort>");
    assert_non_null(port);
    uint16_t external = (uint16_t)atoi(port + strlen("<NewExternalPort>"));
    assert_true(external >= 1024);
    http_say(w, fd, "200 OK", "<AddPortMappingResponse/>");
    assert_int_equal(w->state, WAY_MAPPED);
    assert_int_equal(w->external.port, external);
    way_close(w);
}

static void upnp_gives_up_where_all_ports_are_somebodys(void **state)
{
    char text[4096], conflict[sizeof fault + 8];
    struct way *w = upnp_offered();
    (void)state;
    snprintf(conflict, sizeof conflict, fault, UPNP_CONFLICT);
    way_map(w, &a_request, clock_now_ms());
    for (int i = 0; i < 3; i++)
        http_say(w, http_hear(w, text, sizeof text), "500 Internal Server Error", conflict);
    assert_int_equal(w->state, WAY_REFUSED);
    way_close(w);
}

static void upnp_wants_no_mapping_that_would_outlive_us(void **state)
{
    char text[4096], permanent[sizeof fault + 8];
    struct way *w = upnp_offered();
    (void)state;
    snprintf(permanent, sizeof permanent, fault, UPNP_ONLY_PERMANENT);
    way_map(w, &a_request, clock_now_ms());
    http_say(w, http_hear(w, text, sizeof text), "500 Internal Server Error", permanent);
    assert_int_equal(w->state, WAY_REFUSED);
    way_close(w);
}

static void upnp_takes_no_description_without_an_end(void **state)
{
    char text[4096];
    struct way *w = upnp_searched();
    int fd = http_hear(w, text, sizeof text);
    (void)state;
    dprintf(fd, "HTTP/1.1 200 OK\r\n\r\n");
    memset(text, ' ', sizeof text);
    for (size_t sent = 0; w->state == WAY_ASKING && sent < 4 * UPNP_DESCRIPTION_MAX; sent += sizeof text) {
        (void)!send(fd, text, sizeof text, MSG_NOSIGNAL);
        way_step(w, clock_now_ms());
    }
    assert_int_equal(w->state, WAY_REFUSED);
    close(fd);
    way_close(w);
}

static void upnp_takes_no_description_that_ends_early(void **state)
{
    char text[4096];
    struct way *w = upnp_searched();
    int fd = http_hear(w, text, sizeof text);
    (void)state;
    dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n%s", description);
    close(fd);
    while (w->state == WAY_ASKING)
        turn(w);
    assert_int_equal(w->state, WAY_REFUSED);
    way_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upnp_searches_maps_and_gives_back),
        cmocka_unit_test(upnp_takes_another_port_where_somebody_has_that_one),
        cmocka_unit_test(upnp_gives_up_where_all_ports_are_somebodys),
        cmocka_unit_test(upnp_wants_no_mapping_that_would_outlive_us),
        cmocka_unit_test(upnp_takes_no_description_without_an_end),
        cmocka_unit_test(upnp_takes_no_description_that_ends_early),
    };
    return cmocka_run_group_tests_name("portmap upnp", tests, router_begins, router_ends);
}
