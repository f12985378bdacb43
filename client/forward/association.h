/* client/forward/association.h: UDP ASSOCIATE of SOCKS5 (RFC 1928, section 7): a UDP port for one client, and
 * a flow (flow_client.h) for each target that it names. Belongs to the link's thread.
 *
 * It lives as long as the connection that asked for it. Datagrams count only from the host of that
 * connection, and from the port that was announced, else the first one that spoke. What a target says comes
 * with its address. */
#ifndef HX_CLIENT_FORWARD_ASSOCIATION_H
#define HX_CLIENT_FORWARD_ASSOCIATION_H

#include "client/forward/flow_client.h"

struct association;

/* `tcp_fd`: that connection. `hint`: what its request said. `way`: how flows are asked for. *at: where the
 * port is. HX_OK; HX_EINVAL: it is no TCP; HX_ESYS, HX_ENOMEM. */
int association_create(struct association **out, int tcp_fd, const struct authority *hint,
                       const struct flow_owner *way, struct endpoint *at);
void association_destroy(struct association *a); /* NULL is fine */

#endif
