/* client/portmap_*: the three protocols against a router of the test's own, at an address of loopback. */
#include "base/clock.h"
#include "base/error.h"
#include "client/portmap_way.h"
#include "client/upnp.h"
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define TURN_MS 5000 /* no test needs so long, unless it fails */

static struct gateway gateway = {.address = {.family = AF_INET}, .local = {.family = AF_INET}};
static int udp = -1, ssdp = -1, tcp = -1; /* the router's */
static uint16_t http_port;
static struct sockaddr_in client; /* who was heard last */

static int bound(int type, uint16_t port)
{
    struct endpoint e = gateway.address;
    struct sockaddr_storage sa;
    e.port = port;
    socklen_t len = endpoint_to_sockaddr(&e, &sa);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (bind(fd, (struct sockaddr *)&sa, len) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Other tests may do the same at the same time: an address that nobody else has. */
static int router_begins(void **state)
{
    static const uint8_t own[4] = {127, 0, 0, 1};
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;
    (void)state;
    memcpy(gateway.local.address, own, 4);
    gateway.interface_index = 1;
    for (int i = 0; i < 20 && udp < 0; i++) {
        gateway.address.address[0] = 127;
        assert_int_equal(getrandom(gateway.address.address + 1, 2, 0), 2);
        gateway.address.address[3] = 9;
        udp = bound(SOCK_DGRAM, PCP_PORT);
    }
    ssdp = bound(SOCK_DGRAM, UPNP_SSDP_PORT);
    tcp = bound(SOCK_STREAM, 0);
    assert_true(udp >= 0 && ssdp >= 0 && tcp >= 0);
    assert_int_equal(listen(tcp, 8), 0);
    assert_int_equal(getsockname(tcp, (struct sockaddr *)&sa, &len), 0);
    http_port = ntohs(sa.sin_port);
    return 0;
}

static int router_ends(void **state)
{
    (void)state;
    close(udp);
    close(ssdp);
    close(tcp);
    udp = -1;
    return 0;
}

static struct way *open_way(enum way_kind kind)
{
    struct way *w;
    assert_int_equal(way_open(&w, kind, &gateway), HX_OK);
    return w;
}

static const struct way_request a_request = {.local_port = 4242, .nonce = "abcdefghijk", .lifetime_s = 1200};

static ssize_t hear(int fd, uint8_t *data, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    socklen_t len = sizeof client;
    assert_int_equal(poll(&p, 1, TURN_MS), 1);
    return recvfrom(fd, data, size, 0, (struct sockaddr *)&client, &len);
}

static void say(int fd, const void *data, size_t len)
{
    assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *)&client, sizeof client), len);
}

/* The way takes what is there, or waits for it. */
static void turn(struct way *w)
{
    short events;
    struct pollfd p = {.fd = way_fd(w, &events)};
    p.events = events;
    (void)poll(&p, 1, p.fd < 0 ? 0 : TURN_MS);
    way_step(w, clock_now_ms());
}

static bool is_heard(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

static void expect_external(const struct way *w, const char *text)
{
    struct endpoint expected;
    assert_int_equal(endpoint_parse(&expected, text, strlen(text)), HX_OK);
    assert_int_equal(w->state, WAY_MAPPED);
    assert_true(endpoint_equal(&w->external, &expected));
}

/* --- PCP ------------------------------------------------------------------------------------------------- */

/* The answer to a request that was heard: it has the same layout. */
static void pcp_grant(uint8_t data[60], const char *external, uint16_t port, uint32_t lifetime_s)
{
    uint32_t lifetime = htonl(lifetime_s);
    port = htons(port);
    data[1] |= 0x80;
    data[3] = 0;
    memcpy(data + 4, &lifetime, 4);
    memset(data + 8, 0, 16);
    memcpy(data + 42, &port, 2);
    memset(data + 44, 0, 10);
    memset(data + 54, 0xff, 2);
    assert_int_equal(inet_pton(AF_INET, external, data + 56), 1);
}

static struct way *pcp_asked(uint8_t data[64])
{
    struct way *w = open_way(WAY_PCP);
    way_map(w, &a_request, clock_now_ms());
    assert_int_equal(hear(udp, data, 64), 60);
    return w;
}

static struct way *pcp_granted(const char *external, uint16_t port, uint32_t lifetime_s)
{
    uint8_t data[64];
    struct way *w = pcp_asked(data);
    pcp_grant(data, external, port, lifetime_s);
    say(udp, data, 60);
    turn(w);
    return w;
}

static void pcp_maps_renews_and_gives_back(void **state)
{
    uint8_t data[64];
    struct way_request again = a_request;
    struct way *w = pcp_granted("198.51.100.7", 7000, 600);
    (void)state;
    expect_external(w, "198.51.100.7:7000");
    assert_int_equal(w->lifetime_s, 600);
    again.external = w->external;
    way_map(w, &again, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 60);
    assert_memory_equal(data + 42, "\x1b\x58", 2); /* the same port */
    pcp_grant(data, "198.51.100.8", 7001, 100000);
    say(udp, data, 60);
    turn(w);
    expect_external(w, "198.51.100.8:7001");
    assert_int_equal(w->lifetime_s, a_request.lifetime_s); /* longer is no promise to us */
    again.lifetime_s = 0;
    way_map(w, &again, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 60);
    assert_memory_equal(data + 4, "\0\0\0", 4);
    pcp_grant(data, "0.0.0.0", 0, 0);
    say(udp, data, 60);
    turn(w);
    assert_int_equal(w->state, WAY_MAPPED);
    way_close(w);
}

static void an_external_address_that_nobody_can_reach_is_a_refusal(void **state)
{
    static const struct {
        const char *external;
        uint16_t port;
        uint32_t lifetime_s;
        enum way_state state;
    } cases[] = {{"0.0.0.0", 7000, 600, WAY_REFUSED},     {"198.51.100.7", 0, 600, WAY_REFUSED},
                 {"127.0.0.1", 7000, 600, WAY_REFUSED},   {"224.0.0.1", 7000, 600, WAY_REFUSED},
                 {"169.254.0.1", 7000, 600, WAY_REFUSED}, {"198.51.100.7", 7000, 0, WAY_REFUSED},
                 {"10.0.0.1", 7000, 600, WAY_MAPPED},     {"100.64.0.1", 7000, 600, WAY_MAPPED}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct way *w = pcp_granted(cases[i].external, cases[i].port, cases[i].lifetime_s);
        assert_int_equal(w->state, cases[i].state);
        way_close(w);
    }
}

static void pcp_asks_again_twice_as_late_and_takes_a_late_answer(void **state)
{
    uint8_t data[64];
    struct way *w = pcp_asked(data);
    int64_t due_ms = way_due_ms(w);
    (void)state;
    way_step(w, due_ms - 1);
    assert_false(is_heard(udp));
    way_step(w, due_ms);
    assert_int_equal(hear(udp, data, sizeof data), 60);
    assert_int_equal(way_due_ms(w), due_ms + 2 * WAY_REPEAT_MS);
    pcp_grant(data, "198.51.100.7", 7000, 600);
    say(udp, data, 60);
    turn(w);
    expect_external(w, "198.51.100.7:7000");
    say(udp, data, 60); /* the answer to the first one: nobody waits for it */
    assert_int_equal(way_due_ms(w), INT64_MAX);
    way_close(w);
}

static void a_router_that_floods_takes_its_turn_and_is_understood_all_the_same(void **state)
{
    static const uint8_t noise[1200];
    uint8_t data[64];
    struct way *w = pcp_asked(data);
    (void)state;
    for (int i = 0; i < 40; i++)
        say(udp, noise, sizeof noise);
    pcp_grant(data, "198.51.100.7", 7000, 600);
    say(udp, data, 60);
    way_step(w, clock_now_ms());
    assert_int_equal(w->state, WAY_ASKING); /* it did not take them all at once */
    for (int i = 0; i < 3; i++)
        turn(w);
    expect_external(w, "198.51.100.7:7000");
    way_close(w);
}

static void nobody_who_listens_is_a_refusal(void **state)
{
    (void)state;
    close(udp);
    for (enum way_kind kind = WAY_PCP; kind <= WAY_NATPMP; kind++) {
        struct way *w = open_way(kind);
        way_map(w, &a_request, clock_now_ms());
        turn(w);
        assert_int_equal(w->state, WAY_REFUSED);
        way_close(w);
    }
    udp = bound(SOCK_DGRAM, PCP_PORT);
    assert_true(udp >= 0);
}

static void pcp_hears_a_refusal(void **state)
{
    static const uint8_t natpmp[] = {0, 0x81, 0, 1, 0, 0, 0, 5};
    uint8_t data[64];
    struct way *w = pcp_asked(data);
    (void)state;
    say(udp, natpmp, sizeof natpmp);
    turn(w);
    assert_int_equal(w->state, WAY_REFUSED);
    way_close(w);
}

static void pcp_is_probed_without_a_mapping(void **state)
{
    uint8_t data[64];
    struct way *w = open_way(WAY_PCP);
    (void)state;
    way_probe(w, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 24);
    data[1] |= 0x80;
    data[3] = 0;
    say(udp, data, 24);
    turn(w);
    assert_int_equal(w->state, WAY_OFFERED);
    way_close(w);
}

/* --- NAT-PMP --------------------------------------------------------------------------------------------- */

static const uint8_t address_answer[] = {0, 128, 0, 0, 0, 0, 0, 9, 198, 51, 100, 7};
static const uint8_t mapping_answer[] = {0, 129, 0, 0, 0, 0, 0, 9, 0x10, 0x92, 0x1b, 0x58, 0, 0, 0x02, 0x58};

static void natpmp_asks_for_the_address_and_then_maps(void **state)
{
    static const uint8_t expected[] = {0, 1, 0, 0, 0x10, 0x92, 0x10, 0x92, 0, 0, 0x04, 0xb0};
    uint8_t data[64];
    struct way *w = open_way(WAY_NATPMP);
    (void)state;
    way_probe(w, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 2);
    say(udp, address_answer, sizeof address_answer);
    turn(w);
    assert_int_equal(w->state, WAY_OFFERED);
    way_map(w, &a_request, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), sizeof expected);
    assert_memory_equal(data, expected, sizeof expected);
    say(udp, address_answer, sizeof address_answer); /* late, to a repetition */
    turn(w);
    assert_int_equal(w->state, WAY_ASKING);
    say(udp, mapping_answer, sizeof mapping_answer);
    turn(w);
    expect_external(w, "198.51.100.7:7000");
    assert_int_equal(w->lifetime_s, 600);
    way_map(w, &a_request, clock_now_ms()); /* renewed: the address may be another one */
    assert_int_equal(hear(udp, data, sizeof data), 2);
    way_close(w);
}

static void natpmp_repeats_what_was_lost(void **state)
{
    uint8_t data[64];
    struct way *w = open_way(WAY_NATPMP);
    (void)state;
    way_probe(w, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 2);
    for (int i = 0; i < 100 && !is_heard(udp); i++) {
        int64_t wait_ms = way_due_ms(w) - clock_now_ms();
        assert_true(wait_ms <= WAY_REPEAT_MS + 1);
        (void)poll(NULL, 0, wait_ms > 0 ? (int)wait_ms : 0);
        way_step(w, clock_now_ms());
    }
    assert_true(is_heard(udp));
    assert_int_equal(hear(udp, data, sizeof data), 2);
    way_close(w);
}

static void natpmp_hears_refusals_and_lies(void **state)
{
    static const uint8_t refused[] = {0, 128, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0};
    static const uint8_t pcp_alone[] = {2, 128, 0, 1, 0, 0, 0, 0};
    static const uint8_t *const answers[] = {refused, pcp_alone};
    static const size_t lengths[] = {sizeof refused, sizeof pcp_alone};
    uint8_t data[64], other[sizeof mapping_answer];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct way *w = open_way(WAY_NATPMP);
        way_probe(w, clock_now_ms());
        assert_int_equal(hear(udp, data, sizeof data), 2);
        say(udp, answers[i], lengths[i]);
        turn(w);
        assert_int_equal(w->state, WAY_REFUSED);
        way_close(w);
    }
    struct way *w = open_way(WAY_NATPMP);
    way_map(w, &a_request, clock_now_ms());
    assert_int_equal(hear(udp, data, sizeof data), 2);
    for (size_t len = 0; len < sizeof address_answer; len++) /* cut short */
        say(udp, address_answer, len);
    turn(w);
    assert_int_equal(w->state, WAY_ASKING);
    say(udp, address_answer, sizeof address_answer);
    turn(w);
    assert_int_equal(hear(udp, data, sizeof data), 12);
    memcpy(other, mapping_answer, sizeof other);
    other[9]++; /* of a port that is not ours */
    say(udp, other, sizeof other);
    turn(w);
    assert_int_equal(w->state, WAY_ASKING);
    way_close(w);
}

/* --- UPnP ------------------------------------------------------------------------------------------------ */

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
        cmocka_unit_test(pcp_maps_renews_and_gives_back),
        cmocka_unit_test(an_external_address_that_nobody_can_reach_is_a_refusal),
        cmocka_unit_test(pcp_asks_again_twice_as_late_and_takes_a_late_answer),
        cmocka_unit_test(a_router_that_floods_takes_its_turn_and_is_understood_all_the_same),
        cmocka_unit_test(pcp_hears_a_refusal),
        cmocka_unit_test(nobody_who_listens_is_a_refusal),
        cmocka_unit_test(pcp_is_probed_without_a_mapping),
        cmocka_unit_test(natpmp_asks_for_the_address_and_then_maps),
        cmocka_unit_test(natpmp_repeats_what_was_lost),
        cmocka_unit_test(natpmp_hears_refusals_and_lies),
        cmocka_unit_test(upnp_searches_maps_and_gives_back),
        cmocka_unit_test(upnp_takes_another_port_where_somebody_has_that_one),
        cmocka_unit_test(upnp_gives_up_where_all_ports_are_somebodys),
        cmocka_unit_test(upnp_wants_no_mapping_that_would_outlive_us),
        cmocka_unit_test(upnp_takes_no_description_without_an_end),
        cmocka_unit_test(upnp_takes_no_description_that_ends_early),
    };
    return cmocka_run_group_tests_name("portmap ways", tests, router_begins, router_ends);
}
