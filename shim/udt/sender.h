/* shim/udt/sender.h: UDT's threads where they send: --wrap=sendmsg, pthread_cond_wait. C and C++. */
#ifndef HX_SHIM_UDT_SENDER_H
#define HX_SHIM_UDT_SENDER_H

#include <stdbool.h>
#include <sys/uio.h>

#define SENDER_SPARE_US 20 /* a longer pause is worth sending what is held */

#ifdef __cplusplus
extern "C" {
#endif

/* Whether this thread holds full packets, to send them at once (shim/net/burst.h); sends them. */
bool sender_holds(void);
void sender_flush(void);

/* Whether this thread, which is not UDT's sender, sends by itself: it holds nothing, for it waits nowhere. */
void sender_at_once(bool on);

struct net_port;
struct net_route;
/* True: UDT's packet, `parts` being its head and its body, is one of a burst and is held. */
bool sender_hold(struct net_port *port, const struct net_route *route, const struct iovec parts[2]);

#ifdef __cplusplus
}
#endif

#endif
