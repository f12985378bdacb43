/* client/stun_port.h: UDP ports for questions alone, each with mappings of its own in the NAT. Everything with
 * the engine's lock held. */
#ifndef HX_CLIENT_STUN_PORT_H
#define HX_CLIENT_STUN_PORT_H

#include "shim/net/net_port.h"

struct stun_port;

/* A port of the kernel's choice, of AF_INET or AF_INET6 alone. HX_OK; HX_EADDR, HX_ESYS, HX_ENOMEM,
 * HX_ELIMIT. */
int stun_port_open(struct stun_port **out, int family);
/* NULL is fine. Its questions must be over. */
void stun_port_close(struct stun_port *p);
struct net_port *stun_port_net(struct stun_port *p);

#endif
