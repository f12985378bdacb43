/* client/forward/listen.h: the listening TCP sockets of a forward. */
#ifndef HX_CLIENT_FORWARD_LISTEN_H
#define HX_CLIENT_FORWARD_LISTEN_H

#include "client/forward/forward_spec.h"
#include "proto/endpoint.h"

#define LISTEN_MAX 4 /* addresses of one forward: both loopback addresses, or all that a name has */

struct listen_socket {
    int fd; /* non-blocking */
    struct endpoint endpoint;
};

/* All addresses that the spec means, with one and the same port; those of a family that this host does not
 * have are left out. Returns how many sockets are the caller's, or HX_EADDR, and `error` says why. */
int listen_open(struct listen_socket out[LISTEN_MAX], const struct forward_spec *spec,
                char error[FORWARD_ERROR_MAX]);

#endif
