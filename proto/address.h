/* proto/address.h: what an address is good for, whoever has it. */
#ifndef HX_PROTO_ADDRESS_H
#define HX_PROTO_ADDRESS_H

#include "proto/endpoint.h"

enum address_class {
    ADDRESS_UNUSABLE, /* for peers: unspecified, loopback, of one link alone, multicast, reserved */
    ADDRESS_PRIVATE,  /* means something inside one network: RFC 1918, RFC 6598 (a carrier's), RFC 4193 */
    ADDRESS_GLOBAL
};

enum address_class address_class(const struct endpoint *e); /* the port is of no interest */

/* Whoever has it is near: it is of one network or of one link, or (IPv4) of this host. */
bool address_is_near(const struct endpoint *e);

#endif
