/* client/spare_port.h: a further socket of the engine's port, and where peers see it. Everything is called and calls back
 * with the engine's lock held. */
#ifndef HX_CLIENT_SPARE_PORT_H
#define HX_CLIENT_SPARE_PORT_H

#include "client/engine.h"
#include "proto/endpoint.h"

#define SPARE_PORT_MS 500 /* it takes so long at most */

struct spare_port;

/* Opens the socket and asks the STUN server. on_done() is called once, unless spare_port_cancel() comes before: `socket`
 * (net_port_extra_open()) is the caller's then; 0: there was no answer. HX_OK; HX_ELIMIT, HX_EADDR, HX_ENOMEM, HX_ESYS.
 * Never calls back before it returns. */
int spare_port_begin(struct spare_port **out, struct udt_port *port, const struct endpoint *server,
                     void (*on_done)(void *user, int socket, const struct endpoint *mapped), void *user);
void spare_port_cancel(struct spare_port *s); /* NULL is fine */

#endif
