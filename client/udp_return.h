/* client/udp_return.h: while a nameserver is reached through TCP: does UDP reach it again? A STUN question to
 * each of its addresses, now and then, and when the network has changed. Everything is called and calls back
 * with the engine's lock held. */
#ifndef HX_CLIENT_UDP_RETURN_H
#define HX_CLIENT_UDP_RETURN_H

#include "base/host_port.h"
#include "client/engine.h"

#define UDP_RETURN_MS 30000 /* between two times that it is asked, from the beginning on */

struct udp_return;

/* `port`: that is asked from; `name`: copied; `families`: a mask of FAMILY_*. on_answer() comes each time
 * that it has answered, from the address `server`, and may call udp_return_end(). HX_OK, HX_ENOMEM. Never
 * calls back before it returns. */
int udp_return_begin(struct udp_return **out, struct udt_port *port, const struct host_port *name,
                     int families, void (*on_answer)(void *user, const struct net_address *server),
                     void *user);
void udp_return_end(struct udp_return *r); /* NULL is fine */

#endif
