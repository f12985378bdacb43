/* test/unit/tap_fixture.h: the tap with one connection, datagram by datagram. The test is UDT as well as the
 * network: it says what came and what leaves, and looks at what UDT would have got. Brings cmocka. */
#ifndef HX_TEST_TAP_FIXTURE_H
#define HX_TEST_TAP_FIXTURE_H

#include "shim/udt/due.h"
#include "shim/udt/filter.h"
#include "shim/udt/inbound.h"
#include "shim/udt/outbound.h"
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define WINDOW_MAX 8192
#define ID         11
#define PEER_ID    22
#define ISN        777  /* ours */
#define PEER_ISN   4711 /* a party of a rendezvous has its own */
#define COOKIE     0xC00C1E
#define NOW_MS     1000
#define OLD_MS     (NOW_MS + SHUTDOWN_CHECK_AGE_MS)

struct world {
    struct net_port *port;
    struct tap *tap;
    struct udt_conn *conn;
    struct net_address peer;  /* its own: nobody listens there */
    struct net_address local; /* where datagrams come to */
    int fd;
    uint8_t head[PACKET_HEAD], body[HANDSHAKE_SIZE]; /* the last datagram, as UDT would get it */
};

static inline void put_handshake(struct world *w, int32_t to, enum packet_request request, int32_t from,
                                 uint32_t window, uint32_t isn)
{
    memset(w->body, 0, sizeof w->body);
    packet_put_control(w->head, PACKET_HANDSHAKE, 0, to);
    packet_put_word(w->body + HANDSHAKE_VERSION, 4);
    packet_put_word(w->body + HANDSHAKE_TYPE, 1);
    packet_put_word(w->body + HANDSHAKE_ISN, isn);
    packet_put_word(w->body + HANDSHAKE_MSS, FILTER_MSS_OURS);
    packet_put_word(w->body + HANDSHAKE_WINDOW, window);
    packet_put_word(w->body + HANDSHAKE_REQUEST, (uint32_t)request);
    packet_put_word(w->body + HANDSHAKE_ID, (uint32_t)from);
}

static inline bool taken_at(struct world *w, size_t body_len, int64_t now_ms)
{
    struct net_route route = {.to = w->peer, .local = w->local};

    return inbound_take(w->tap, &route, w->head, w->body, &body_len, now_ms);
}

static inline bool taken(struct world *w, size_t body_len)
{
    return taken_at(w, body_len, NOW_MS);
}

static inline bool handshake_taken(struct world *w, enum packet_request request, int32_t from,
                                   uint32_t window, uint32_t isn)
{
    put_handshake(w, ID, request, from, window, isn);
    return taken(w, HANDSHAKE_SIZE);
}

static inline bool shutdown_taken_at(struct world *w, uint32_t proof, int64_t now_ms)
{
    memset(w->body, 0, sizeof w->body);
    packet_put_control(w->head, PACKET_SHUTDOWN, 0, ID);
    packet_put_word(w->head + 4, proof);
    return taken_at(w, 4, now_ms);
}

static inline bool shutdown_taken(struct world *w)
{
    return shutdown_taken_at(w, 0, NOW_MS);
}

/* The next packet of this type that has left past UDT; the world is its own peer. */
static inline bool left(struct world *w, enum packet_type type, uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE])
{
    while (recv(w->fd, packet, PACKET_HEAD + HANDSHAKE_SIZE, MSG_DONTWAIT) >= PACKET_HEAD) {
        if (packet_type(packet) == type)
            return true;
    }
    return false;
}

/* What the application is told, all at once. */
static inline unsigned told(struct world *w)
{
    unsigned bits, all = 0;
    int32_t id;

    while (tap_next(w->tap, &id, &bits)) {
        assert_int_equal(id, ID);
        all |= bits;
    }
    return all;
}

/* The window that UDT reads in an ACK which announces `window`. */
static inline uint32_t ack_window(struct world *w, uint32_t window)
{
    memset(w->body, 0, sizeof w->body);
    packet_put_control(w->head, PACKET_ACK, 0, ID);
    packet_put_word(w->body + ACK_SEQUENCE, ISN);
    packet_put_word(w->body + ACK_WINDOW, window);
    assert_true(taken(w, ACK_SIZE_FULL));
    return packet_word(w->body + ACK_WINDOW);
}

/* Without the connection. */
static inline struct world *open_port(bool listening)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct net_port_config net = {.local = (struct sockaddr *)&loopback};
    struct tap_config config = {.window_max = WINDOW_MAX, .listening = listening};
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    assert_int_equal(net_port_open(&w->port, &net), HX_OK);
    w->fd = net_port_fd(w->port);
    socklen_t len;
    net_address_from(&w->peer, net_port_local(w->port, &len));
    assert_int_equal(tap_create(&w->tap, w->port, &config), HX_OK);
    return w;
}

static inline int open_world(void **state)
{
    struct world *w = open_port(false);
    struct udt_conn_peer peer = {.at = w->peer};

    w->conn = udt_conn_add(&w->tap->conns, ID, &peer, UDT_CONN_CONNECTING, WINDOW_MAX, NOW_MS);
    assert_non_null(w->conn);
    *state = w;
    return 0;
}

static inline bool leaves(struct world *w, size_t body_len)
{
    struct net_route route = {.to = w->peer};

    return outbound_leave(w->tap, &route, w->head, w->body, body_len, NOW_MS);
}

static inline void request(struct world *w, enum packet_request what, uint32_t cookie)
{
    put_handshake(w, 0, what, ID, WINDOW_MAX, ISN);
    packet_put_word(w->body + HANDSHAKE_COOKIE, cookie);
    assert_true(leaves(w, HANDSHAKE_SIZE));
}

static inline int open_rendezvous(void **state)
{
    int err = open_world(state);
    struct world *w = *state;

    w->conn->rendezvous = true;
    request(w, HS_RENDEZVOUS, 0);
    return err;
}

/* A client's connect whose request has left. */
static inline int open_connect(void **state)
{
    int err = open_world(state);

    request(*state, HS_REGULAR, 0);
    return err;
}

/* And which is connected. */
static inline int open_connected(void **state)
{
    int err = open_connect(state);
    struct world *w = *state;

    assert_true(handshake_taken(w, HS_REGULAR, PEER_ID, 100, ISN));
    request(w, HS_CONCLUSION, COOKIE);
    assert_true(handshake_taken(w, HS_CONCLUSION, PEER_ID, 100, ISN));
    tap_conn_connected(w->tap, ID, false);
    told(w);
    return err;
}

static inline int close_world(void **state)
{
    struct world *w = *state;

    tap_destroy(w->tap);
    net_port_close(w->port);
    free(w);
    return 0;
}

#define CONNECTED(name)  cmocka_unit_test_setup_teardown(name, open_connected, close_world)
#define RENDEZVOUS(name) cmocka_unit_test_setup_teardown(name, open_rendezvous, close_world)
#define CONNECT(name)    cmocka_unit_test_setup_teardown(name, open_connect, close_world)

#endif
