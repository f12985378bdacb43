#include "test/bench/udtraw.h"
#include "shim/udt/flight.h"
#include "test/bench/measure.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* UDT 4.11, core.cpp: its constants, by their effects. */
#define HANDSHAKE_REPEAT_MS 250 /* a stock client's; ours are those of shim/udt/flight.h */
#define EXPIRY_MS           300 /* m_ullMinExpInt: times the count of expirations since something came */
#define LOOK_MS             50 /* its worker looks at a quiet socket's timers every 100 ms: half of that late */
#define EXPIRATIONS_MAX     16 /* then the peer is dead */
#define SEQUENCE_MASK       0x7FFFFFFFu
#define MESSAGE_WHOLE       0xE0000000u /* first and last packet of its message, in order */

#define INDEX_BITS 17
#define INDEX_MASK ((1u << INDEX_BITS) - 1)
#define ID_BASE    0x20000000u /* no id is 0, and none has bit 31 */
#define ID_MASK    0x1FFFFFFFu

#define OWN_MSS             1400 /* shim/udt/udt.h */
#define OWN_WINDOW          32   /* shim/udt/udt_internal.h */
#define OWN_KEEPALIVE_MS    8000 /* shim/udt/outbound.c and inbound.c, and the two that follow */
#define OWN_QUIET_MS        12000
#define OWN_ECHO_MS         4000
#define STOCK_MSS           1500
#define STOCK_WINDOW        8192
#define ACK_RTT_US          1000
#define ACK_RATE_PER_S      10000 /* packets */
#define ACK_BANDWIDTH_PER_S 100000

/* --- the timer wheel ---------------------------------------------------------------------------------- */

static int32_t number_of(const struct raw_group *g, const struct raw_client *c)
{
    return (int32_t)(c - g->clients);
}

static void disarm(struct raw_group *g, struct raw_client *c)
{
    if (c->slot < 0)
        return;
    if (c->timer_prev >= 0)
        g->clients[c->timer_prev].timer_next = c->timer_next;
    else
        g->wheel[c->slot] = c->timer_next;
    if (c->timer_next >= 0)
        g->clients[c->timer_next].timer_prev = c->timer_prev;
    c->slot = -1;
}

static void arm(struct raw_group *g, struct raw_client *c, int64_t at_ms)
{
    int64_t first_ms = g->wheel_ms + RAW_TICK_MS; /* never the slot that is being run */
    int64_t latest_ms = g->wheel_ms + (int64_t)(RAW_SLOTS - 1) * RAW_TICK_MS;

    if (at_ms < first_ms)
        at_ms = first_ms;
    if (at_ms > latest_ms)
        at_ms = latest_ms;
    disarm(g, c);
    c->due_ms = at_ms;
    c->slot = (int32_t)(at_ms / RAW_TICK_MS % RAW_SLOTS);
    c->timer_prev = -1;
    c->timer_next = g->wheel[c->slot];
    if (c->timer_next >= 0)
        g->clients[c->timer_next].timer_prev = number_of(g, c);
    g->wheel[c->slot] = number_of(g, c);
}

/* --- sending ------------------------------------------------------------------------------------------ */

static uint8_t *put(struct raw_group *g, struct raw_client *c, size_t body_len)
{
    uint8_t *packet = raw_io_put(&g->io, c->socket, PACKET_HEAD + body_len);

    memset(packet, 0, PACKET_HEAD + body_len);
    c->sent_ms = g->now_ms;
    return packet;
}

static uint8_t *put_control(struct raw_group *g, struct raw_client *c, enum packet_type type, size_t body_len)
{
    uint8_t *packet = put(g, c, body_len);

    packet_put_control(packet, type, 0, type == PACKET_HANDSHAKE ? 0 : c->server_id);
    packet_put_word(packet + 8, (uint32_t)(g->now_ms * 1000));
    return packet;
}

static int repeat_ms(const struct raw_client *c)
{
    if (c->kind == RAW_STOCK)
        return HANDSHAKE_REPEAT_MS;
    return c->expirations <= 1 ? FLIGHT_LISTENER_MS : FLIGHT_LONG_MS;
}

static void send_handshake(struct raw_group *g, struct raw_client *c)
{
    uint8_t *body = put_control(g, c, PACKET_HANDSHAKE, HANDSHAKE_SIZE) + PACKET_HEAD;
    bool stock = c->kind == RAW_STOCK;

    packet_put_word(body + HANDSHAKE_VERSION, 4);
    packet_put_word(body + HANDSHAKE_TYPE, 1);
    packet_put_word(body + HANDSHAKE_ISN, c->first_sequence);
    packet_put_word(body + HANDSHAKE_MSS, stock ? STOCK_MSS : OWN_MSS);
    packet_put_word(body + HANDSHAKE_WINDOW, stock ? STOCK_WINDOW : OWN_WINDOW);
    packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)(c->state == RAW_FIRST ? HS_REGULAR : HS_CONCLUSION));
    packet_put_word(body + HANDSHAKE_ID, (uint32_t)c->id);
    packet_put_word(body + HANDSHAKE_COOKIE, c->cookie);
    c->expirations++;
    arm(g, c, g->now_ms + repeat_ms(c));
}

/* The request is one packet, the one before `send_next`. */
static void send_request(struct raw_group *g, struct raw_client *c)
{
    uint8_t *packet = put(g, c, c->request_len);

    packet_put_word(packet, (c->send_next - 1) & SEQUENCE_MASK);
    packet_put_word(packet + 4, MESSAGE_WHOLE | c->messages_sent);
    packet_put_word(packet + 8, (uint32_t)(g->now_ms * 1000));
    packet_put_word(packet + 12, (uint32_t)c->server_id);
    memcpy(packet + PACKET_HEAD, c->request, c->request_len);
}

static void send_ack(struct raw_group *g, struct raw_client *c)
{
    uint8_t *packet = put_control(g, c, PACKET_ACK, ACK_SIZE_FULL), *body = packet + PACKET_HEAD;

    packet_put_word(packet + 4, ++c->acks_sent);
    packet_put_word(body + ACK_SEQUENCE, c->receive_next);
    packet_put_word(body + ACK_RTT, ACK_RTT_US);
    packet_put_word(body + ACK_RTT_VAR, ACK_RTT_US / 2);
    packet_put_word(body + ACK_WINDOW, c->kind == RAW_STOCK ? STOCK_WINDOW : OWN_WINDOW);
    packet_put_word(body + ACK_RATE, ACK_RATE_PER_S);
    packet_put_word(body + ACK_BANDWIDTH, ACK_BANDWIDTH_PER_S);
}

/* Everything from the first missing packet to `last`, which is thrown away as well: losses are rare here. */
static void send_nak(struct raw_group *g, struct raw_client *c, uint32_t last)
{
    uint8_t *body = put_control(g, c, PACKET_NAK, 8) + PACKET_HEAD;

    packet_put_word(body, 0x80000000u | c->receive_next);
    packet_put_word(body + 4, last);
}

static void send_bare(struct raw_group *g, struct raw_client *c, enum packet_type type, uint32_t number)
{
    packet_put_word(put_control(g, c, type, 4) + 4, number);
}

/* --- the life of a client ----------------------------------------------------------------------------- */

static int64_t expiry_ms(const struct raw_client *c)
{
    return c->expiry_from_ms + (int64_t)EXPIRY_MS * c->expirations + LOOK_MS;
}

static void release(struct raw_group *g, struct raw_client *c)
{
    disarm(g, c);
    c->state = RAW_FREE;
    c->generation++;
    g->free_list[g->free_count++] = (uint32_t)number_of(g, c);
}

static void tell(struct raw_group *g, struct raw_client *c, enum raw_event event)
{
    uint16_t generation = c->generation;

    g->handler(g, c, event, NULL, 0);
    if ((event == RAW_CLOSED || event == RAW_FAILED) && c->generation == generation)
        release(g, c);
}

struct raw_client *raw_connect(struct raw_group *g, enum raw_kind kind)
{
    if (g->free_count == 0)
        return NULL;
    uint32_t number = g->free_list[--g->free_count];
    struct raw_client *c = &g->clients[number];
    *c = (struct raw_client){.index = number, .generation = c->generation, .kind = (uint8_t)kind, .slot = -1};
    c->state = RAW_FIRST;
    c->socket = (uint16_t)(number % (uint32_t)g->io.sockets);
    c->id = (int32_t)(ID_BASE | (((uint32_t)c->generation << INDEX_BITS | number) & ID_MASK));
    c->first_sequence = (uint32_t)random() & SEQUENCE_MASK;
    c->heard_ms = c->waits_since_ms = g->now_ms;
    c->begun_us = now_us();
    send_handshake(g, c);
    return c;
}

void raw_ask(struct raw_group *g, struct raw_client *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    /* The analyzer does not see va_start(): NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int len = vsnprintf(c->request, sizeof c->request, format, args);
    va_end(args);
    if (len < 0 || len >= RAW_REQUEST_MAX)
        die("a request of %d bytes", len);
    c->request_len = (uint8_t)len;
    c->unacked = true;
    c->waits_since_ms = g->now_ms;
    c->send_next = (c->send_next + 1) & SEQUENCE_MASK;
    c->messages_sent++;
    send_request(g, c);
    if (expiry_ms(c) < c->due_ms)
        arm(g, c, expiry_ms(c));
}

void raw_end(struct raw_group *g, struct raw_client *c)
{
    if (c->state == RAW_OPEN)
        send_bare(g, c, PACKET_SHUTDOWN, 0);
    release(g, c);
}

void raw_vanish(struct raw_group *g, struct raw_client *c)
{
    release(g, c);
}

/* --- what comes --------------------------------------------------------------------------------------- */

static void take_handshake(struct raw_group *g, struct raw_client *c, const uint8_t *body, size_t len)
{
    int32_t request = len < HANDSHAKE_SIZE ? 0 : (int32_t)packet_word(body + HANDSHAKE_REQUEST);

    if (request == HS_REFUSED && c->state != RAW_OPEN) {
        tell(g, c, RAW_FAILED);
    } else if (request == HS_REGULAR && c->state == RAW_FIRST) {
        c->cookie = packet_word(body + HANDSHAKE_COOKIE);
        c->state = RAW_SECOND;
        c->expirations = 0;
        send_handshake(g, c);
    } else if (request == HS_CONCLUSION && c->state == RAW_SECOND) {
        c->server_id = (int32_t)packet_word(body + HANDSHAKE_ID);
        c->receive_next = packet_word(body + HANDSHAKE_ISN);
        c->send_next = c->first_sequence;
        c->state = RAW_OPEN;
        c->expirations = 1;
        c->expiry_from_ms = g->now_ms;
        arm(g, c, expiry_ms(c));
        tell(g, c, RAW_CONNECTED);
    }
}

static void take_data(struct raw_group *g, struct raw_client *c, const uint8_t *packet, size_t len)
{
    uint32_t sequence = packet_word(packet), ahead = (sequence - c->receive_next) & SEQUENCE_MASK;

    if (ahead == 0) {
        c->receive_next = (sequence + 1) & SEQUENCE_MASK;
        send_ack(g, c);
        g->handler(g, c, RAW_DATA, (const char *)packet + PACKET_HEAD, len - PACKET_HEAD);
    } else if (ahead < OWN_WINDOW) {
        send_nak(g, c, sequence);
    } else {
        send_ack(g, c); /* had it already: the ACK was lost */
    }
}

static void take_ack(struct raw_group *g, struct raw_client *c, const uint8_t *packet, size_t len)
{
    if (len < PACKET_HEAD + ACK_SIZE_SHORT)
        return;
    send_bare(g, c, PACKET_ACK2, packet_word(packet + 4));
    if (packet_word(packet + PACKET_HEAD) == c->send_next)
        c->unacked = false;
}

static void take_keepalive(struct raw_group *g, struct raw_client *c)
{
    if (c->kind == RAW_OWN && g->now_ms - c->sent_ms > OWN_ECHO_MS)
        send_bare(g, c, PACKET_KEEPALIVE, 0);
}

static void take_open(struct raw_group *g, struct raw_client *c, const uint8_t *packet, size_t len)
{
    c->heard_ms = c->expiry_from_ms = g->now_ms;
    c->expirations = 1;
    if (expiry_ms(c) < c->due_ms)
        arm(g, c, expiry_ms(c));
    switch (packet_type(packet)) {
    case PACKET_DATA:
        take_data(g, c, packet, len);
        break;
    case PACKET_ACK:
        take_ack(g, c, packet, len);
        break;
    case PACKET_NAK:
        if (c->unacked)
            send_request(g, c);
        break;
    case PACKET_KEEPALIVE:
        take_keepalive(g, c);
        break;
    case PACKET_SHUTDOWN:
        tell(g, c, RAW_CLOSED);
        break;
    default:
        break;
    }
}

static void take(void *context, int socket, const uint8_t *packet, size_t len)
{
    struct raw_group *g = context;

    if (len < PACKET_HEAD)
        return;
    int32_t id = packet_id(packet);
    struct raw_client *c = &g->clients[(uint32_t)id & INDEX_MASK];
    if (((uint32_t)id & INDEX_MASK) >= g->capacity || c->state == RAW_FREE || c->id != id ||
        c->socket != socket)
        return;
    if (packet_type(packet) == PACKET_HANDSHAKE)
        take_handshake(g, c, packet + PACKET_HEAD, len - PACKET_HEAD);
    else if (c->state == RAW_OPEN)
        take_open(g, c, packet, len);
}

/* --- what is due -------------------------------------------------------------------------------------- */

static bool keepalive_leaves(const struct raw_group *g, const struct raw_client *c)
{
    return c->kind == RAW_STOCK || g->now_ms - c->sent_ms >= OWN_KEEPALIVE_MS ||
           g->now_ms - c->heard_ms >= OWN_QUIET_MS;
}

static void expire(struct raw_group *g, struct raw_client *c)
{
    if (c->expirations > EXPIRATIONS_MAX || (c->unacked && g->now_ms - c->waits_since_ms > RAW_GIVE_UP_MS)) {
        tell(g, c, RAW_FAILED);
        return;
    }
    if (c->unacked) {
        g->resent++;
        send_request(g, c);
    } else if (keepalive_leaves(g, c)) {
        send_bare(g, c, PACKET_KEEPALIVE, 0);
    }
    c->expirations++;
    c->expiry_from_ms = g->now_ms;
    arm(g, c, expiry_ms(c));
}

static void fire(struct raw_group *g, struct raw_client *c)
{
    if (c->state == RAW_OPEN && expiry_ms(c) > g->now_ms) {
        arm(g, c, expiry_ms(c)); /* something came since it was armed */
    } else if (c->state == RAW_OPEN) {
        expire(g, c);
    } else if (g->now_ms - c->waits_since_ms > RAW_GIVE_UP_MS) {
        tell(g, c, RAW_FAILED);
    } else {
        g->handshakes_repeated++;
        send_handshake(g, c);
    }
}

static void run_wheel(struct raw_group *g)
{
    for (; g->wheel_ms <= g->now_ms; g->wheel_ms += RAW_TICK_MS) {
        int32_t *first = &g->wheel[g->wheel_ms / RAW_TICK_MS % RAW_SLOTS];

        while (*first >= 0) {
            struct raw_client *c = &g->clients[*first];

            disarm(g, c);
            fire(g, c);
        }
    }
}

void raw_turn(struct raw_group *g, int wait_ms)
{
    int64_t until_ms = g->wheel_ms - (int64_t)(now_us() / 1e3);

    raw_io_flush(&g->io); /* what the caller has begun between the turns */
    if (until_ms < 0)
        until_ms = 0;
    g->now_ms = (int64_t)(now_us() / 1e3);
    raw_io_receive(&g->io, wait_ms < until_ms ? wait_ms : (int)until_ms, take, g);
    g->now_ms = (int64_t)(now_us() / 1e3);
    run_wheel(g);
    raw_io_flush(&g->io);
}

void raw_open(struct raw_group *g, uint16_t port, uint8_t net, int sockets, uint32_t capacity,
              raw_handler *handler)
{
    memset(g, 0, sizeof *g);
    raw_io_open(&g->io, port, net, sockets);
    g->capacity = capacity;
    g->handler = handler;
    g->clients = calloc(capacity, sizeof *g->clients);
    g->free_list = calloc(capacity, sizeof *g->free_list);
    if (!g->clients || !g->free_list || capacity > RAW_CLIENTS_MAX)
        die("no memory for %u clients", capacity);
    while (g->free_count < capacity) {
        g->clients[g->free_count].slot = -1;
        g->free_list[g->free_count] = capacity - 1 - g->free_count;
        g->free_count++;
    }
    for (int i = 0; i < RAW_SLOTS; i++)
        g->wheel[i] = -1;
    g->now_ms = (int64_t)(now_us() / 1e3);
    g->wheel_ms = g->now_ms / RAW_TICK_MS * RAW_TICK_MS;
    srandom((unsigned)g->now_ms);
}

void raw_close(struct raw_group *g)
{
    raw_io_close(&g->io);
    free(g->clients);
    free(g->free_list);
}
