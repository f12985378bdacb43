/* test/unit/udt_fixture.h: UDT's ports on loopback, all in one process and one thread. Brings cmocka. */
#ifndef HX_TEST_UDT_FIXTURE_H
#define HX_TEST_UDT_FIXTURE_H

#include "base/clock.h"
#include "shim/udt/udt.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define WAIT_MS 20000 /* for what comes: how long it takes is the machine's affair */

static struct udt_port *server, *left, *right;

static struct udt_port *open_port(int backlog)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct udt_port_config config = {
        .local = (struct sockaddr *)&loopback, .local_len = sizeof loopback, .backlog = backlog};
    struct udt_port *p;

    assert_int_equal(udt_port_open(&p, &config), HX_OK);
    return p;
}

static inline int open_all(void **state)
{
    (void)state;
    server = open_port(2048);
    left = open_port(0);
    right = open_port(0);
    return 0;
}

static inline int close_all(void **state)
{
    (void)state;
    udt_shutdown(2000);
    return 0;
}

/* Waits for one event of these types at the port; others are passed over. */
static struct udt_event await_either(struct udt_port *p, enum udt_event_type one, enum udt_event_type other)
{
    int64_t deadline_ms = clock_now_ms() + WAIT_MS;
    struct udt_event ev = {0};

    while (clock_now_ms() < deadline_ms) {
        struct pollfd fd = {.fd = udt_port_fd(p), .events = POLLIN};
        int timeout_ms = udt_port_timeout_ms(p);

        while (udt_port_next(p, &ev)) {
            if (ev.type == one || ev.type == other)
                return ev;
        }
        poll(&fd, 1, timeout_ms >= 0 && timeout_ms < 100 ? timeout_ms : 100);
    }
    fail_msg("no event of type %d or %d within %d ms", one, other, WAIT_MS);
    abort(); /* fail_msg() does not return, which analyzers do not know */
}

static struct udt_event await(struct udt_port *p, enum udt_event_type type)
{
    return await_either(p, type, type);
}

static inline struct stream *connect_to(struct udt_port *from, struct udt_port *to, struct stream **accepted)
{
    socklen_t len;
    const struct sockaddr *address = udt_port_local(to, &len);
    struct stream *s;

    assert_int_equal(udt_connect(&s, from, address, len, WAIT_MS, NULL), HX_OK);
    assert_ptr_equal(await(from, UDT_EV_CONNECTED).stream, s);
    *accepted = await(to, UDT_EV_ACCEPTED).stream;
    return s;
}

/* By rendezvous: `left` and `right`, as after an introduction. */
static inline void rendezvous(struct stream **a, struct stream **b)
{
    socklen_t len;
    const struct sockaddr *address = udt_port_local(right, &len);

    assert_int_equal(udt_rendezvous(a, left, address, len, NULL, WAIT_MS, UDT_PARTY_UNSAID, NULL), HX_OK);
    address = udt_port_local(left, &len);
    assert_int_equal(udt_rendezvous(b, right, address, len, NULL, WAIT_MS, UDT_PARTY_UNSAID, NULL), HX_OK);
    await(left, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
}

/* Reads exactly `len` bytes, or until the end of the stream. */
static inline size_t read_all(struct udt_port *p, struct stream *s, char *buf, size_t len)
{
    int64_t deadline_ms = clock_now_ms() + WAIT_MS;
    size_t got = 0;

    while (got < len && clock_now_ms() < deadline_ms) {
        ssize_t n = stream_read(s, buf + got, len - got);
        struct pollfd fd = {.fd = udt_port_fd(p), .events = POLLIN};
        struct udt_event ev;

        if (n > 0) {
            got += (size_t)n;
            continue;
        }
        if (n != HX_EAGAIN)
            break;
        poll(&fd, 1, 100);
        while (udt_port_next(p, &ev))
            ;
    }
    return got;
}

static inline uint64_t counter(struct udt_port *p, const char *name)
{
    struct udt_counter rows[UDT_COUNTERS_MAX];
    int n = udt_port_stats(p, rows);

    for (int i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    }
    fail_msg("no counter %s", name);
    return 0;
}

#endif
