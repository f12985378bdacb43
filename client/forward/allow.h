/* client/forward/allow.h: the targets that hx bind --allow names, and the connections to them. */
#ifndef HX_CLIENT_FORWARD_ALLOW_H
#define HX_CLIENT_FORWARD_ALLOW_H

#include "client/forward/authority.h"
#include "client/mux/mux.h"
#include <ev.h>

struct allow;

int allow_create(struct allow **out);
void allow_destroy(struct allow *a);
/* "HOST:PORT", "[IPV6]:PORT"; '*' as HOST or PORT means any; behind "udp:" it is one of datagrams. Or the
 * absolute path of a Unix socket. HX_EINVAL, HX_ELIMIT, HX_ENOMEM. */
int allow_add(struct allow *a, const char *target);
/* What a CONNECT asks for is compared as it is written (host names without regard to case): the name is
 * resolved only after it was allowed. NULL as `a` allows nothing. */
bool allow_permits(const struct allow *a, const struct authority *target);
bool allow_permits_udp(const struct allow *a, const struct authority *target);
/* Is that a pattern? */
bool allow_is_pattern(const char *target);

/* Answers a CONNECT request of the peer `who` (for the log; outlives the stream): resolves without blocking
 * the loop, connects (10 s), relays. Owns `s` at once. */
void dial_request(struct ev_loop *loop, const struct allow *a, const char *who, struct mux_stream *s,
                  const struct mux_message *request);

#endif
