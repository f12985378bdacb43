/* client/datagrams.h: datagrams of the application's own beside a stream, sealed with what its two ends alone
 * can derive from their TLS. They come in UDT's receiving threads, where those that prove nothing are
 * dropped; the others wait for whoever reads, and what there is no room for is lost, as datagrams are. */
#ifndef HX_CLIENT_DATAGRAMS_H
#define HX_CLIENT_DATAGRAMS_H

#include "client/agent.h"
#include "client/hx.h"
#include "proto/sealed_datagram.h"
#include "secure/tls.h"
#include "shim/net/net_port.h"

struct datagrams;

/* TLS is proven. HX_OK, HX_ENOMEM. */
int datagrams_create(struct datagrams **out, const struct tls *tls, bool connecting);
void datagrams_destroy(struct datagrams *d); /* NULL is fine */
/* One thread at a time, as for the next two. What is too long for a packet of the path leaves in pieces.
 * HX_OK; HX_ETOOBIG: above HX_DATAGRAM_MAX; HX_EAGAIN: it was dropped here; HX_ENOMEM. */
int datagrams_send(struct datagrams *d, struct agent *a, uint32_t flow, const void *data, size_t len);
/* The next piece, of SEALED_MAX bytes of data at most, as it leaves: its length; 0: out of memory. Tag and
 * number of *head are set here. */
size_t datagrams_make(struct datagrams *d, struct sealed_datagram *head, const void *data, size_t len,
                      uint8_t out[SEALED_BYTES]);
void datagrams_counts(struct datagrams *d, struct hx_datagram_counts *out);
/* Its length, and at most `size` bytes of it; HX_EAGAIN: none waits. */
ssize_t datagrams_receive(struct datagrams *d, uint32_t *flow, void *buf, size_t size);
int datagrams_fd(struct datagrams *d);
/* The handler of NET_USER_SEALED of every port. */
bool datagrams_take(void *unused, struct net_datagram *datagram);

#endif
