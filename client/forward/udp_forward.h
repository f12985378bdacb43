/* client/forward/udp_forward.h: -L udp:, the side that listens: UDP sockets, and a flow (flows.h) for each
 * client that says something there. Belongs to its loop's thread.
 *
 * Nothing is queued but the first UDP_FORWARD_FIRST datagrams of a flow, until the other side has answered.
 * What the link does not take is lost, and all is while there is no link. */
#ifndef HX_CLIENT_FORWARD_UDP_FORWARD_H
#define HX_CLIENT_FORWARD_UDP_FORWARD_H

#include "client/forward/flows.h"
#include "client/forward/forward_spec.h"
#include "client/mux/link.h"

#define UDP_FORWARD_FIRST       8
#define UDP_FORWARD_FIRST_BYTES (1024 * 1024) /* of all flows */

struct udp_forward;

/* Listens, and says on standard error where. `flows`: of the link, shared with others; outlives it. Errors as
 * forward_create(); may block as that does. */
int udp_forward_create(struct udp_forward **out, struct flows *flows, const struct forward_spec *spec,
                       int timeout_s, char error[FORWARD_ERROR_MAX]);
/* As forward_set_link(). */
void udp_forward_set_link(struct udp_forward *u, struct link *l);
void udp_forward_destroy(struct udp_forward *u); /* NULL is fine */

#endif
