/* proto/proxy_header.h: what a proxy says before the first byte of a TCP connection: whose it is. Version
 * 2, the binary form, alone ("The PROXY protocol", haproxy.org, 2.2). No sockets, no allocation. */
#ifndef HX_PROTO_PROXY_HEADER_H
#define HX_PROTO_PROXY_HEADER_H

#include "proto/endpoint.h"
#include <stddef.h>
#include <stdint.h>

#define PROXY_HEADER_MIN 16 /* signature, version and command, family, length */
#define PROXY_HEADER_MAX \
    536 /* the least that TCP carries in one segment (RFC 1122, 4.2.2.6), which the header fits */

struct proxy_header {
    struct endpoint source; /* AF_UNSPEC: the connection is the proxy's own, or from no IP address */
};

/* The bytes of the header, once data[0..len) has all of it: *out is filled. HX_EAGAIN: there must be
 * `*missing` more before more can be said, and none of them is behind the header. HX_EPROTO: it is none;
 * as early as that can be known. HX_ETOOBIG: it is longer than PROXY_HEADER_MAX. */
int proxy_header_parse(struct proxy_header *out, const uint8_t *data, size_t len, size_t *missing);

#endif
