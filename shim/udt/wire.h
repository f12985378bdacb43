/* shim/udt/wire.h: the tap between UDT's threads and the UDP socket (DESIGN, section 4.1). libudt.a is linked
 * with
 * --wrap=recvmsg,sendmsg: every datagram passes here, in before UDT sees it, out after UDT made it. From them
 * wire tells which UDT socket has become readable, writable, connected or closed; when a peer was last heard;
 * it lets the guard judge, paces keepalives, nudges UDT where it would wait, and carries the end of a
 * direction (shim/udt/half_close.h).
 *
 * Ids are UDT's socket ids. All functions are safe from any thread; none calls into UDT; none blocks except
 * wire_conn_closing(). */
#ifndef HX_SHIM_UDT_WIRE_H
#define HX_SHIM_UDT_WIRE_H

#include "base/clock.h"
#include "base/error.h"
#include "shim/udt/half_close.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct wire;

enum wire_bit {
    WIRE_READABLE = 1,     /* UDT has bytes for the application, or the peer's direction has ended */
    WIRE_WRITABLE = 2,     /* the peer has acknowledged something */
    WIRE_CLOSED = 4,       /* the peer's shutdown has come */
    WIRE_HANDSHAKE = 8,    /* a connecting socket took a packet: its state may have changed */
    WIRE_REFUSED = 16,     /* a connecting socket was refused; UDT has not been told */
    WIRE_HALF_CLOSED = 32, /* the peer's application has read everything */
    WIRE_ACCEPT = 64       /* instead of an id: how many more connections accept() has */
};

struct wire_config {
    bool listening;
    uint32_t window_max;       /* packets: what handshakes may announce (shim/udt/filter.h) */
    unsigned rate_per_address; /* listening: new connections a second from one source (base/rate.h); 0:
                                  unlimited */
};

struct wire_stats {           /* datagrams since the start */
    uint64_t taken;           /* given to UDT */
    uint64_t refused;         /* by the guard */
    uint64_t strange;         /* for an id that is none, or not from its peer */
    uint64_t unproven;        /* conclusions without our cookie */
    uint64_t shutdown_checks; /* shutdowns without proof, about which the peer was asked */
    uint64_t over_rate;       /* handshakes above the rate of their source */
    uint64_t keepalives;      /* of UDT's, not sent because the peer had heard from us */
};

/* `fd` is the UDP socket given to UDT; it stays the caller's. HX_OK, HX_ENOMEM, HX_ESYS, HX_ELIMIT: too many
 * ports. */
int wire_create(struct wire **out, int fd, const struct wire_config *config);
/* UDT must have stopped using the descriptor. */
void wire_destroy(struct wire *w);
/* From now on UDT gets no datagram any more: its threads can be ended without a deadlock. */
void wire_deafen(struct wire *w);

/* Readable while events wait. */
int wire_event_fd(const struct wire *w);
/* 1 and one id with all its bits since it was last told, or 0. Each id waits at most once: the queue is
 * bounded by the number of connections. */
int wire_next(struct wire *w, int32_t *id, unsigned *bits);

/* A socket is about to connect. HX_OK, HX_ENOMEM. */
int wire_conn_connecting(struct wire *w, int32_t id, const struct sockaddr *peer, bool rendezvous);
/* UDT::connect() has returned. Before, UDT must not see an answer: its worker would ask for the next
 * handshake to be sent at once, connect() would then note "just sent", and the next one would leave 250 ms
 * later. */
void wire_conn_started(struct wire *w, int32_t id);
/* accept() has returned `id`. *peer is filled (IPv4 as mapped). False: unknown id. */
bool wire_conn_accepted(struct wire *w, int32_t id, struct sockaddr_in6 *peer);
/* UDT says that `id` is connected: payload that came too early is given to UDT again, the peer gets a
 * keepalive so that a rendezvous connects there as well, and the exchange of shim/udt/half_close.h begins if
 * `half_close`. */
void wire_conn_connected(struct wire *w, int32_t id, bool half_close);
/* No datagram for `id` reaches UDT from now on, and none is being worked on (UDT4.md, A3). */
void wire_conn_closing(struct wire *w, int32_t id);
/* UDT has closed it. What the peer may still ask about the end of the directions is answered for a while. */
void wire_conn_remove(struct wire *w, int32_t id);
/* CLOCK_MONOTONIC, ms; 0: unknown id. */
int64_t wire_conn_heard_ms(struct wire *w, int32_t id);

void wire_conn_end(struct wire *w, int32_t id,
                   uint64_t offset);             /* the application has written its last byte */
void wire_conn_read(struct wire *w, int32_t id); /* it has read the peer's last byte */
/* A copy of the state. False: unknown id. */
bool wire_conn_half_close(struct wire *w, int32_t id, struct half_close *out);
/* Removed connections whose peers may still ask. */
int wire_lingering(struct wire *w);

void wire_get_stats(struct wire *w, struct wire_stats *out);

#endif
