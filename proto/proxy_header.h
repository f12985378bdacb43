/* proto/proxy_header.h: what a proxy says before the first byte of a TCP connection: whose it is. Version
 * 2, the binary form, alone ("The PROXY protocol", haproxy.org, 2.2). No sockets, no allocation. */
#ifndef HX_PROTO_PROXY_HEADER_H
#define HX_PROTO_PROXY_HEADER_H

#include "proto/endpoint.h"
#include <stddef.h>
#include <stdint.h>

#define PROXY_HEADER_MIN 16               /* signature, version and command, family, length */
#define PROXY_HEADER_MAX (16 + 108 + 108) /* with the longest addresses, those of UNIX sockets */

struct proxy_header {
    struct endpoint source; /* AF_UNSPEC: the connection is the proxy's own, or from no IP address */
    size_t rest;            /* bytes of the header behind what was read, up to 65,535: they are for others */
};

/* The bytes read, once data[0..len) has them: *out is filled. HX_EAGAIN: there must be `*missing` more
 * before more can be said, and none of them is behind the header; never more than PROXY_HEADER_MAX in
 * all. HX_EPROTO: it is none; as early as that can be known. */
int proxy_header_parse(struct proxy_header *out, const uint8_t *data, size_t len, size_t *missing);

#endif
