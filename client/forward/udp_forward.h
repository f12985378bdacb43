/* client/forward/udp_forward.h: the side of -L udp: and -R udp: that listens: UDP sockets, and a flow
 * (flow_client.h) for each client that says something there. Belongs to its loop's thread.
 *
 * What the link does not take is lost, and all is while there is no link. */
#ifndef HX_CLIENT_FORWARD_UDP_FORWARD_H
#define HX_CLIENT_FORWARD_UDP_FORWARD_H

#include "client/forward/flow_client.h"
#include "client/forward/forward_spec.h"

struct udp_forward;

/* Listens, and says on standard error where. `flows`: of the link, shared with others; outlives it. Errors as
 * forward_create(); may block as that does. */
int udp_forward_create(struct udp_forward **out, struct flows *flows, const struct forward_spec *spec,
                       char error[FORWARD_ERROR_MAX]);
/* The same for who has no link to ask over, as with forward_listen(). Says nothing. */
int udp_forward_listen(struct udp_forward **out, struct flows *flows, const struct forward_spec *spec,
                       char error[FORWARD_ERROR_MAX]);
/* As forward_places(). */
void udp_forward_places(const struct udp_forward *u, char text[FORWARD_PLACES_MAX]);
/* `stream`: of the link, for flows_join(). */
void udp_forward_set_announce(struct udp_forward *u, flow_announce *announce, void *user,
                              struct hx_stream *stream);
/* As forward_set_link(). */
void udp_forward_set_link(struct udp_forward *u, struct link *l);
void udp_forward_destroy(struct udp_forward *u); /* NULL is fine */

#endif
