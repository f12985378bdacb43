/* client/forward/permit.h: where hx bind --allow-listen lets peers listen. Pure but for its memory. */
#ifndef HX_CLIENT_FORWARD_PERMIT_H
#define HX_CLIENT_FORWARD_PERMIT_H

#include "client/forward/forward_spec.h"

struct permit;

int permit_create(struct permit **out);
void permit_destroy(struct permit *p);
/* "PORT": on loopback addresses; "ADDR:PORT": on that address or name, as it is written; "*:PORT": wherever
 * the peer wants, on all addresses or on one, which it may not give as a name (sshd_config(5) calls that
 * GatewayPorts=clientspecified). PORT '*' is any, 0 among them. Behind "udp:" of datagrams. Or the absolute
 * path of a Unix socket. HX_EINVAL, HX_ELIMIT, HX_ENOMEM. */
int permit_add(struct permit *p, const char *pattern);
/* Does permit_add() take it? */
bool permit_is_pattern(const char *pattern);
/* Of `listen` the place alone is looked at. NULL as `p` permits nothing. */
bool permit_allows(const struct permit *p, const struct forward_spec *listen);

#endif
