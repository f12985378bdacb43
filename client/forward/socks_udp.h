/* client/forward/socks_udp.h: the head of a datagram to or from a SOCKS5 proxy (RFC 1928, section 7). Pure.
 *
 *   0   reserved (2)
 *   2   fragment      0: it is whole; others are dropped, as the RFC has it for who does not join them
 *   3   type, address, port, as in a request; then the data */
#ifndef HX_CLIENT_FORWARD_SOCKS_UDP_H
#define HX_CLIENT_FORWARD_SOCKS_UDP_H

#include "client/forward/authority.h"

#define SOCKS_UDP_HEAD_MAX (5 + AUTHORITY_HOST_MAX + 2)

/* The length of the head, behind which the data stands; 0: it is none, or of a fragment. */
size_t socks_udp_read(const uint8_t *bytes, size_t len, struct authority *target);
/* Its length. `from` is no path. */
size_t socks_udp_write(const struct authority *from, uint8_t head[SOCKS_UDP_HEAD_MAX]);

#endif
