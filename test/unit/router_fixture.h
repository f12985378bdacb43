/* test/unit/router_fixture.h: a router at an address of loopback, for client/portmap_way.h. Brings cmocka. */
#ifndef HX_TEST_ROUTER_FIXTURE_H
#define HX_TEST_ROUTER_FIXTURE_H

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

#include <cmocka.h> /* needs those above */

#define TURN_MS 5000 /* no test needs so long, unless it fails */

static struct gateway gateway = {.address = {.family = AF_INET}, .local = {.family = AF_INET}};
static int udp = -1, ssdp = -1, tcp = -1; /* the router's */
static uint16_t http_port;
static struct sockaddr_in client; /* who was heard last */

static inline int bound(int type, uint16_t port)
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
static inline int router_begins(void **state)
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

static inline int router_ends(void **state)
{
    (void)state;
    close(udp);
    close(ssdp);
    close(tcp);
    udp = -1;
    return 0;
}

static inline struct way *open_way(enum way_kind kind)
{
    struct way *w;
    assert_int_equal(way_open(&w, kind, &gateway), HX_OK);
    return w;
}

static const struct way_request a_request = {.local_port = 4242, .nonce = "abcdefghijk", .lifetime_s = 1200};

static inline ssize_t hear(int fd, uint8_t *data, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    socklen_t len = sizeof client;
    assert_int_equal(poll(&p, 1, TURN_MS), 1);
    return recvfrom(fd, data, size, 0, (struct sockaddr *)&client, &len);
}

static inline void say(int fd, const void *data, size_t len)
{
    assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *)&client, sizeof client), len);
}

/* The way takes what is there, or waits for it. */
static inline void turn(struct way *w)
{
    short events;
    struct pollfd p = {.fd = way_fd(w, &events)};
    p.events = events;
    (void)poll(&p, 1, p.fd < 0 ? 0 : TURN_MS);
    way_step(w, clock_now_ms());
}

static inline bool is_heard(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

static inline void expect_external(const struct way *w, const char *text)
{
    struct endpoint expected;
    assert_int_equal(endpoint_parse(&expected, text, strlen(text)), HX_OK);
    assert_int_equal(w->state, WAY_MAPPED);
    assert_true(endpoint_equal(&w->external, &expected));
}

#endif
