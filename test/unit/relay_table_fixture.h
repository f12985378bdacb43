/* test/unit/relay_table_fixture.h: a table of the relay's, a session of two parties, and a clock that is
 * moved. */
#ifndef HX_TEST_RELAY_TABLE_FIXTURE_H
#define HX_TEST_RELAY_TABLE_FIXTURE_H

#include "base/error.h"
#include "secure/mac.h"
#include "server/relay_table.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

static struct relay_table *table;
static struct session session;
static uint8_t id[MAC_KEY_BYTES], keys[RELAY_HALVES][MAC_KEY_BYTES];
static struct relay_place places[RELAY_HALVES]; /* where UDT's handshakes came from */
static int64_t now;
static enum relay_half asker;
static uint64_t number;
static struct relay_frame answer;

static inline struct relay_place place(const char *ip, uint16_t port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct relay_place p = {.port = NULL};

    assert_int_equal(inet_pton(AF_INET, ip, &sin.sin_addr), 1);
    net_address_from(&p.route.to, (struct sockaddr *)&sin);
    return p;
}

static inline void derive(void)
{
    assert_int_equal(mac_derive(session.key, sizeof session.key, "hx relay id", id), HX_OK);
    assert_int_equal(
        mac_derive(session.key, sizeof session.key, "hx relay of the caller", keys[RELAY_CALLER]), HX_OK);
    assert_int_equal(
        mac_derive(session.key, sizeof session.key, "hx relay of the called", keys[RELAY_CALLED]), HX_OK);
}

static inline int add(void)
{
    const struct net_address at[] = {places[RELAY_CALLER].route.to, places[RELAY_CALLED].route.to};

    return relay_table_add(table, &session, at, asker, now);
}

/* The session of this number, of two who are at their own addresses. */
static inline int add_session(int n)
{
    memset(&session, 0, sizeof session);
    memcpy(session.key, &n, sizeof n);
    derive();
    return add();
}

static inline void begin(const struct relay_limits *limits)
{
    now = NOW;
    number = 0;
    asker = RELAY_CALLER;
    places[RELAY_CALLER] = place("192.0.2.2", 4002);
    places[RELAY_CALLED] = place("192.0.2.1", 4001);
    assert_int_equal(relay_table_create(&table, limits), HX_OK);
    assert_int_equal(add_session(1), HX_OK);
}

static inline int set_up(void **state)
{
    (void)state;
    begin(&(struct relay_limits){.rate = 0});
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    relay_table_destroy(table);
    return 0;
}

static inline uint64_t count(enum relay_counter which)
{
    uint64_t all[RELAY_COUNTERS];

    relay_table_counters(table, all);
    return all[which];
}

static inline void write_open(uint8_t bytes[RELAY_CONTROL_BYTES], enum relay_half half, const uint8_t *cookie)
{
    struct relay_frame f = {.kind = RELAY_OPEN, .half = half};

    f.number = ++number;
    memcpy(f.session, id, sizeof f.session);
    if (cookie)
        memcpy(f.cookie, cookie, sizeof f.cookie);
    relay_frame_write_control(&f, bytes);
    assert_int_equal(mac_compute(keys[half], bytes, RELAY_SAID_BYTES, bytes + RELAY_SAID_BYTES), HX_OK);
}

/* False: it is not answered. The answer is authentic, of the question's length, and to its half. */
static inline bool says(const uint8_t bytes[RELAY_CONTROL_BYTES], const struct relay_place *from)
{
    uint8_t out[RELAY_CONTROL_BYTES];
    struct relay_frame f;

    assert_int_equal(relay_frame_read(&f, bytes, RELAY_CONTROL_BYTES), HX_OK);
    if (!relay_table_control(table, &f, bytes, from, now, out))
        return false;
    assert_int_equal(relay_frame_read(&answer, out, sizeof out), HX_OK);
    assert_true(mac_right(keys[f.half], out, RELAY_SAID_BYTES, out + RELAY_SAID_BYTES));
    assert_int_equal(answer.half, f.half);
    assert_true(answer.number == f.number);
    assert_memory_equal(answer.session, id, RELAY_ID_BYTES);
    return true;
}

static inline bool open_from(enum relay_half half, const struct relay_place *from, const uint8_t *cookie)
{
    uint8_t bytes[RELAY_CONTROL_BYTES];

    write_open(bytes, half, cookie);
    return says(bytes, from);
}

static inline void opens(enum relay_half half)
{
    assert_true(open_from(half, &places[half], NULL));
    assert_int_equal(answer.kind, RELAY_OPENED);
}

#endif
