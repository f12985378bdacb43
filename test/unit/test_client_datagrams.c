/* Datagrams beside a stream, through client/api.h, between two processes. */
#include "client/stream_parts.h"
#include "proto/sealed_datagram.h"
#include "shim/net/net_port.h"
#include "test/unit/client_fixture.h"
#include <poll.h>

#define FLOW 7

static char key[HX_KEY_TEXT_MAX];
static enum outcome (*connector_does)(struct hx_stream *s);

static enum outcome forge_and_replay(struct hx_stream *s);

/* What the listener dropped is what was forged. */
static bool counts_are_right(struct hx_stream *s)
{
    struct hx_datagram_counts n;
    bool forging = connector_does == forge_and_replay;
    if (hx_datagram_counts(s, &n) != HX_OK || n.came != n.sent || n.not_sent || n.too_long || n.incomplete ||
        n.unread)
        return false;
    return forging ? n.forged > 0 && n.replayed == 2 : n.forged == 0 && n.replayed == 0;
}

/* Each comes back in its flow, until the stream ends. */
static enum outcome listener(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *l;
    struct hx_stream *s;
    static char bytes[HX_DATAGRAM_MAX];
    char c;
    uint32_t flow;
    ssize_t len, got = HX_EAGAIN;
    (void)hear_fd;
    config.keys = key;
    if (hx_bind(&l, &config, "home") != HX_OK)
        return FAILED_BIND;
    say(say_fd);
    if (hx_accept(l, &s, PATIENCE_MS) != HX_OK)
        return FAILED_ACCEPT;
    if (hx_handshake(s, PATIENCE_MS) != HX_OK)
        return FAILED_PROOF;
    struct pollfd fds[] = {{.fd = hx_datagram_fd(s), .events = POLLIN},
                           {.fd = hx_stream_fd(s), .events = POLLIN}};
    if (hx_write(s, "r", 1, PATIENCE_MS) != 1) /* from now on they are taken */
        return FAILED_BYTES;
    while (got == HX_EAGAIN && poll(fds, 2, PATIENCE_MS) > 0) {
        while ((len = hx_datagram_receive(s, &flow, bytes, sizeof bytes)) >= 0)
            (void)hx_datagram_send(s, flow, bytes, (size_t)len);
        if (fds[1].revents)
            got = hx_read(s, &c, 1, 0);
    }
    if (!counts_are_right(s))
        return FAILED_BYTES;
    if (got != 0 || hx_shutdown(s) != HX_OK || hx_close(s) != HX_OK)
        return FAILED_END;
    hx_listener_close(l);
    hx_cleanup();
    return DONE;
}

static enum outcome connector(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s;
    char c;
    (void)hear_fd;
    (void)say_fd;
    config.keys = key;
    if (hx_connect(&s, &config, "home", PATIENCE_MS) != HX_OK)
        return FAILED_CONNECT;
    if (hx_handshake(s, PATIENCE_MS) != HX_OK || hx_read(s, &c, 1, PATIENCE_MS) != 1)
        return FAILED_PROOF;
    enum outcome outcome = connector_does(s);
    if (outcome == DONE &&
        (hx_shutdown(s) != HX_OK || hx_read(s, &c, 1, PATIENCE_MS) != 0 || hx_close(s) != HX_OK))
        outcome = FAILED_END;
    hx_cleanup();
    return outcome;
}

/* The next one; HX_ETIMEDOUT. */
static ssize_t next(struct hx_stream *s, uint32_t *flow, void *bytes, int patience_ms)
{
    struct pollfd fd = {.fd = hx_datagram_fd(s), .events = POLLIN};
    if (poll(&fd, 1, patience_ms) != 1)
        return HX_ETIMEDOUT;
    return hx_datagram_receive(s, flow, bytes, HX_DATAGRAM_MAX);
}

static enum outcome exchange(struct hx_stream *s)
{
    static const size_t lengths[] = {0, 1, 1000, 1200, 1460, 1461, 1472, 1500, 2400, 9000, HX_DATAGRAM_MAX};
    static uint8_t said[HX_DATAGRAM_MAX + 1], came[HX_DATAGRAM_MAX];
    uint32_t flow = 0;
    for (size_t i = 0; i < sizeof said; i++)
        said[i] = (uint8_t)(i * 31 >> 3);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint32_t number = FLOW + (uint32_t)i;
        said[0] = (uint8_t)i;
        if (hx_datagram_send(s, number, said, lengths[i]) != (ssize_t)lengths[i] ||
            next(s, &flow, came, PATIENCE_MS) != (ssize_t)lengths[i] || flow != number ||
            memcmp(came, said, lengths[i]) != 0)
            return FAILED_BYTES;
    }
    struct hx_datagram_counts n;
    if (hx_datagram_send(s, FLOW, said, sizeof said) != HX_ETOOBIG || hx_datagram_counts(s, &n) != HX_OK ||
        n.too_long != 1 || n.sent != sizeof lengths / sizeof *lengths || n.came != n.sent)
        return FAILED_BYTES;
    return hx_datagram_receive(s, &flow, came, sizeof came) == HX_EAGAIN ? DONE : FAILED_BYTES;
}

/* Sends a copy, changed at `at` (-1: nowhere), `times`. */
static bool send_changed(struct hx_stream *s, const uint8_t *bytes, size_t len, int at, int times)
{
    uint8_t copy[SEALED_BYTES];
    memcpy(copy, bytes, len);
    if (at >= 0)
        copy[at] ^= 1;
    for (int i = 0; i < times; i++) {
        if (agent_send_beside(s->agent, copy, len) < 0)
            return false;
    }
    return true;
}

/* One that is whole, as who listens on the way has it. */
static size_t record(struct hx_stream *s, uint8_t bytes[SEALED_BYTES], const char *text)
{
    pthread_mutex_lock(&s->mutex);
    struct sealed_datagram head = {.flow = FLOW, .pieces = 1};
    size_t len = datagrams_make(s->datagrams, &head, text, strlen(text), bytes);
    pthread_mutex_unlock(&s->mutex);
    return len;
}

static enum outcome forge_and_replay(struct hx_stream *s)
{
    uint8_t bytes[SEALED_BYTES], came[HX_DATAGRAM_MAX];
    uint32_t flow;
    if (hx_datagram_fd(s) < 0)
        return FAILED_BYTES;
    size_t len = record(s, bytes, "once");
    for (int at = 4; at < (int)len; at++) { /* tag, flow, number, pieces, what is sealed, code */
        if (!send_changed(s, bytes, len, at, 1))
            return FAILED_BYTES;
    }
    for (size_t n = 0; n < len; n++) {
        if (n > 0 && !send_changed(s, bytes, n, -1, 1))
            return FAILED_BYTES;
    }
    if (!send_changed(s, bytes, len, -1, 3)) /* the first of them counts */
        return FAILED_BYTES;
    if (hx_datagram_send(s, FLOW, "after", 5) != 5) /* nothing overtakes on loopback */
        return FAILED_BYTES;
    if (next(s, &flow, came, PATIENCE_MS) != 4 || memcmp(came, "once", 4) != 0 || flow != FLOW)
        return FAILED_BYTES;
    return next(s, &flow, came, PATIENCE_MS) == 5 && memcmp(came, "after", 5) == 0 ? DONE : FAILED_BYTES;
}

static void play(enum outcome (*does)(struct hx_stream *s))
{
    connector_does = does;
    struct process l = start(listener);
    assert_true(hear(l.hear));
    struct process c = start(connector);
    assert_int_equal(finish(&c), DONE);
    assert_int_equal(finish(&l), DONE);
}

static void datagrams_of_every_length_come_in_their_flows(void **state)
{
    (void)state;
    play(exchange);
}

static void what_is_forged_cut_or_replayed_does_not_come(void **state)
{
    (void)state;
    play(forge_and_replay);
}

static int set_up(void **state)
{
    return hx_key_generate(key) == HX_OK ? start_nameserver(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_of_every_length_come_in_their_flows),
        cmocka_unit_test(what_is_forged_cut_or_replayed_does_not_come),
    };
    return cmocka_run_group_tests(tests, set_up, stop_nameserver);
}
