/* client/route.h: the kernel's routes (rtnetlink(7)): by which interface, from which of this host's
 * addresses. Asks the kernel, sends nothing. */
#ifndef HX_CLIENT_ROUTE_H
#define HX_CLIENT_ROUTE_H

#include "proto/endpoint.h"
#include <stdbool.h>

struct route_question {
    struct endpoint to;       /* ports are of no interest */
    struct endpoint from;     /* AF_UNSPEC: as the kernel chooses */
    unsigned interface_index; /* that it shall leave by; 0: as the kernel chooses */
};

struct route_way {
    bool local; /* to this host itself */
    unsigned interface_index;
    struct endpoint source;  /* without a port; AF_UNSPEC: not told */
    struct endpoint gateway; /* likewise; AF_UNSPEC: a neighbour, or not told */
};

/* How what is sent so would leave: the same answer as long as the routes stay. With a source IPv6 takes the
 * interface for a wish, and the way tells another one; without one it is a must. False: there is no such way,
 * or the kernel does not tell. */
bool route_ask(const struct route_question *q, struct route_way *way);
/* *source is the address without a port; AF_UNSPEC if the kernel will not tell.
 * False: there is no way to `to` now. */
bool route_source(const struct sockaddr *to, socklen_t len, struct endpoint *source);

#endif
