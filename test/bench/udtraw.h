/* test/bench/udtraw.h: clients of UDT made of datagrams alone, so that one thread can be 100,000 of them.
 * They do what UDT 4.11 does on the wire: two handshakes with the server's cookie, ACK and ACK2, keepalives,
 * resending, shutdown. Left out: what the small answers of a nameserver never need (light ACKs, congestion
 * control, packets of full size). One request at a time for each client. One thread. */
#ifndef HX_BENCH_UDTRAW_H
#define HX_BENCH_UDTRAW_H

#include "test/bench/udtraw_io.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_CLIENTS_MAX (1 << 17)
#define RAW_REQUEST_MAX 96 /* bytes of one request */
#define RAW_TICK_MS     10
#define RAW_SLOTS       4096 /* of the timer wheel: 41 s, above every wait here */
#define RAW_GIVE_UP_MS  10000

enum raw_kind {
    RAW_OWN,  /* as shim/udt: MSS 1400, window 32, a keepalive in 8 s, its flights of handshakes */
    RAW_STOCK /* as UDT 4.11: MSS 1500, window 8192, keepalives at 0.3, 0.9, 1.8... s of silence */
};

enum raw_state { RAW_FREE, RAW_FIRST, RAW_SECOND, RAW_OPEN };

enum raw_event {
    RAW_CONNECTED,
    RAW_DATA,   /* the bytes of one packet, in order */
    RAW_CLOSED, /* the server's shutdown; the client is freed when the handler returns */
    RAW_FAILED  /* refused, or RAW_GIVE_UP_MS without progress; freed likewise */
};

struct raw_client {
    uint32_t index; /* in its group; the caller may keep what it knows of it in an array of its own */
    uint8_t kind, state, request_len;
    uint8_t expirations; /* UDT's m_iEXPCount; of a handshake: how often it was said */
    uint16_t socket;     /* its index modulo the group's sockets */
    bool unacked;        /* the request has not been acknowledged */
    uint16_t generation; /* in the id, so that late datagrams of an earlier client are nobody's */
    int32_t id, server_id;
    uint32_t cookie, first_sequence;
    uint32_t send_next, receive_next; /* sequence numbers */
    uint32_t acks_sent, messages_sent;
    int32_t slot, timer_prev, timer_next; /* in the wheel; -1: none */
    int64_t due_ms;                       /* the armed time */
    int64_t heard_ms, sent_ms;
    int64_t expiry_from_ms; /* UDT's m_ullLastRspTime */
    int64_t waits_since_ms; /* for the handshake or an acknowledgement */
    double begun_us;        /* the caller's */
    uint32_t tag;           /* the caller's */
    char request[RAW_REQUEST_MAX];
};

struct raw_group;
/* May begin, ask of and end clients. */
typedef void raw_handler(struct raw_group *g, struct raw_client *c, enum raw_event event, const char *bytes,
                         size_t len);

struct raw_group {
    struct raw_io io;
    struct raw_client *clients;
    uint32_t *free_list, free_count, capacity;
    int32_t wheel[RAW_SLOTS]; /* the first of each slot; -1: none */
    int64_t now_ms, wheel_ms; /* the next tick */
    raw_handler *handler;
    uint64_t resent, handshakes_repeated; /* datagrams that a loss has cost */
};

/* Up to `capacity` clients on `sockets` UDP sockets, each on an address of its own in 127.`net`.0.0/16, that
 * talk to 127.0.0.1:port. Ends the process if that cannot be had. */
void raw_open(struct raw_group *g, uint16_t port, uint8_t net, int sockets, uint32_t capacity,
              raw_handler *handler);
void raw_close(struct raw_group *g);

/* Begins to connect. NULL: all are in use. */
struct raw_client *raw_connect(struct raw_group *g, enum raw_kind kind);
/* `format` makes at most RAW_REQUEST_MAX - 1 bytes. The client is connected, its last request
 * acknowledged. */
void raw_ask(struct raw_group *g, struct raw_client *c, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sends the shutdown and frees. */
void raw_end(struct raw_group *g, struct raw_client *c);
/* Frees without a word, as a crashed client does. */
void raw_vanish(struct raw_group *g, struct raw_client *c);

/* Takes what comes and what is due, and sends what that made; waits at most `wait_ms` for something
 * to come. */
void raw_turn(struct raw_group *g, int wait_ms);

#endif
