/* client/route.h: which of this host's addresses the way to another one begins with. */
#ifndef HX_CLIENT_ROUTE_H
#define HX_CLIENT_ROUTE_H

#include "proto/endpoint.h"
#include <stdbool.h>

/* Asks the kernel, sends nothing. *source is the address without a port; AF_UNSPEC if the kernel will not tell.
 * False: there is no way to `to` now. */
bool route_source(const struct sockaddr *to, socklen_t len, struct endpoint *source);

#endif
