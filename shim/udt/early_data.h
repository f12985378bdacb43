/* shim/udt/early_data.h: the first bytes of a stream, told ahead of it. Who connects says them beside its
 * handshakes (early_packet.h), and the other side may read them before the connection is there: a round trip
 * is saved. They are a preview alone. The stream carries the same bytes all the same, so that nothing is lost
 * by a peer that ignores them or by a datagram that does not come; the stream's own are compared with what
 * was read already, and dropped. No I/O. */
#ifndef HX_SHIM_UDT_EARLY_DATA_H
#define HX_SHIM_UDT_EARLY_DATA_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EARLY_BYTES_MAX  1024 /* of one stream: with its head a datagram fits 1,200 bytes */
#define EARLY_TICKET_MAX 32

struct early_bytes { /* zeroed: none */
    size_t len;
    uint8_t bytes[EARLY_BYTES_MAX];
};

/* The stream's first `len` bytes are known. True: they are more than before. False: nothing new, too many, or
 * not what was said before; *e is as it was. */
bool early_bytes_grow(struct early_bytes *e, const uint8_t *bytes, size_t len);

/* What its own application says ahead, and to whom it must be told how often. A datagram is spent for each
 * time that it is told; who hears nothing of the peer is soon quiet. */
#define EARLY_UNHEARD_MAX 3

struct early_ticket { /* which a listener gave at an earlier visit (tickets.h); zeroed: none */
    size_t len;
    uint8_t bytes[EARLY_TICKET_MAX];
};

struct early_conn {
    struct early_bytes own, peers;
    struct early_ticket ticket;
    int left; /* times that it may be told */
};

void early_conn_heard(struct early_conn *e); /* the peer was */
/* True: it is told now. */
bool early_conn_take(struct early_conn *e);

/* The reader's side. */
struct early_preview { /* zeroed: none */
    struct early_bytes told;
    size_t read;   /* of them, by the application */
    size_t passed; /* of them, that have come in the stream as well */
};

/* Returns how many bytes were put into `buf`; 0: there are none, the stream is to be read. */
size_t early_preview_read(struct early_preview *p, uint8_t *buf, size_t len);
/* The stream's next `len` bytes have come. Returns how many of them are new, moved to the front of `buf`;
 * HX_EPROTO: they are not what was told ahead. Everything that was told must have been read. */
ssize_t early_preview_pass(struct early_preview *p, uint8_t *buf, size_t len);
/* Nothing of it is left to read or to compare. */
bool early_preview_done(const struct early_preview *p);

#endif
