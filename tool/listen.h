/* tool/listen.h: the listening TCP sockets of a forward. */
#ifndef HX_TOOL_LISTEN_H
#define HX_TOOL_LISTEN_H

#include "proto/endpoint.h"
#include "tool/forward_spec.h"

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
