/* shim/udt/early_data.h: the first bytes of a stream, told ahead of it. Who connects to a listener says
 * them beside its handshakes (early_packet.h), and the listener's owner may read them as soon as it has
 * accepted: a round trip is saved. They are a preview alone (base/preview.h). The stream carries the same
 * bytes all the same, so that nothing is lost by a listener that ignores them or by a datagram that does
 * not come. */
#ifndef HX_SHIM_UDT_EARLY_DATA_H
#define HX_SHIM_UDT_EARLY_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EARLY_BYTES_MAX  1024 /* of one stream: with its head a datagram fits 1,200 bytes */
#define EARLY_TICKET_MAX 32

struct early_bytes { /* zeroed: none */
    size_t len;
    uint8_t bytes[EARLY_BYTES_MAX];
};

struct early_ticket { /* which a listener gave at an earlier visit (tickets.h); zeroed: none */
    size_t len;
    uint8_t bytes[EARLY_TICKET_MAX];
};

/* What who connects tells, and how often. A datagram is spent for each time that it is told; who hears
 * nothing of the peer is soon quiet. */
#define EARLY_UNHEARD_MAX 3
struct early_conn {
    struct early_bytes own;
    struct early_ticket ticket; /* told with it */
    struct early_ticket next;   /* given by this listener, for the next visit */
    int left;                   /* times that it may be told */
};

void early_conn_heard(struct early_conn *e); /* the peer was */
/* True: it is told now. */
bool early_conn_take(struct early_conn *e);

#endif
