/* client/forward/forward.h: listeners: -L (one target) and -D (SOCKS5, any target that the other side
 * allows), at TCP ports or Unix sockets. Each accepted connection becomes a CONNECT request of the link.
 * Belongs to its loop's thread.
 *
 * Without a link, connections wait FORWARD_WAIT_S for one, FORWARD_WAITING_MAX of them; the others are
 * reset. A connection that the other side refuses is reset, or hears so in SOCKS; notes on standard
 * error say why. Unix sockets know no reset: what breaks there ends. */
#ifndef HX_CLIENT_FORWARD_FORWARD_H
#define HX_CLIENT_FORWARD_FORWARD_H

#include "client/forward/flow_client.h"
#include "client/forward/forward_spec.h"
#include "client/mux/link.h"
#include <ev.h>

#define FORWARD_CONNECTIONS_MAX 256  /* of one forward; more wait in the kernel's queue */
#define FORWARD_WAITING_MAX     64   /* for a link */
#define FORWARD_WAIT_S          10.0 /* for a link, and for a SOCKS client to say what it wants */
#define FORWARD_ANSWER_S        15.0 /* for the other side's answer: it has 10 s to connect */

struct forward;

/* Tells the other side of a connection, for which forward_take() or forward_refuse() is called then. Returns
 * its number, which is no other one's; 0: not now. */
typedef uint32_t forward_announce(void *user, const struct authority *target);

/* Listens, and says on standard error where. HX_OK; HX_EINVAL, HX_EADDR, HX_ENOMEM: `error` says why, in one
 * line. May block to resolve an ADDR that is a name. */
int forward_create(struct forward **out, struct ev_loop *loop, enum forward_kind kind, const char *text,
                   char error[FORWARD_ERROR_MAX]);
/* The same for who has no link to ask over, as the other side is its client: that one is told of connections,
 * see forward_set_announce(). Says nothing. */
int forward_listen(struct forward **out, struct ev_loop *loop, const struct forward_spec *spec,
                   char error[FORWARD_ERROR_MAX]);
/* Where it listens: "127.0.0.1:80,[::1]:80". */
void forward_places(const struct forward *f, char text[FORWARD_PLACES_MAX]);
void forward_set_announce(struct forward *f, forward_announce *announce, void *user);
/* So that SOCKS clients may associate a UDP port; `flows`: of the link, shared with others; outlives `f`. The
 * second is for who has no link to ask over. */
void forward_set_flows(struct forward *f, struct flows *flows);
void forward_announce_flows(struct forward *f, struct flows *flows, flow_announce *announce,
                            struct hx_stream *stream);
/* The other side has connected: `s`, its request, is answered, and leads there. False: the client is gone;
 * `s` is the caller's. */
bool forward_take(struct forward *f, uint32_t number, struct mux_stream *s);
/* It could not: status and error as in the answer to a CONNECT. False: the client is gone. */
bool forward_refuse(struct forward *f, uint32_t number, const char *status, const char *error);
/* NULL: there is none (any more); told when a link is up, and before the loop goes on when it is down. */
void forward_set_link(struct forward *f, struct link *l);
/* Resets its connections. NULL is fine; the link may live on or not. */
void forward_destroy(struct forward *f);

#endif
