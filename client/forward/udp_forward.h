/* client/forward/udp_forward.h: -L udp:, the side that listens: UDP sockets, and a flow (flows.h) for each client that
 * says something there. Belongs to its loop's thread.
 *
 * Nothing is queued: what the link does not take is lost. But the first datagrams of a flow wait until the other side
 * has answered, UDP_FORWARD_FIRST of them; and without a link all are dropped. */
#ifndef HX_CLIENT_FORWARD_UDP_FORWARD_H
#define HX_CLIENT_FORWARD_UDP_FORWARD_H

#include "client/forward/flows.h"
#include "client/forward/forward_spec.h"
#include "client/mux/link.h"

#define UDP_FORWARD_FIRST 8

struct udp_forward;

/* Listens, and says on standard error where. `flows`: of the link, shared with others; outlives it. HX_OK;
 * HX_EINVAL, HX_EADDR, HX_ENOMEM: `error` says why, in one line. May block to resolve an ADDR that is a name. */
int udp_forward_create(struct udp_forward **out, struct flows *flows, const struct forward_spec *spec,
                       int timeout_s, char error[FORWARD_ERROR_MAX]);
/* As forward_set_link(). */
void udp_forward_set_link(struct udp_forward *u, struct link *l);
void udp_forward_destroy(struct udp_forward *u); /* NULL is fine */

#endif
