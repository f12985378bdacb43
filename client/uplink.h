/* client/uplink.h: by which address and interface of this host leaves what peers wait for.
 *
 * A nameserver tells peers where our packets come from: of which address, or which NAT, they reached it. On a
 * host with several uplinks the way to a peer may begin with another one than the way to the nameserver did,
 * and whatever comes from there is not ours to the peer. So what is sent to both leaves by the uplink at
 * which the nameserver's answer arrived, wherever there is a way from it. */
#ifndef HX_CLIENT_UPLINK_H
#define HX_CLIENT_UPLINK_H

#include "shim/udt/udt.h"
#include <netinet/in.h>

struct uplink {               /* zeroed: not known */
    struct in6_addr address;  /* ours, IPv4 as mapped; unspecified: not known, the kernel shall choose */
    unsigned interface_index; /* of which the address is; 0: routing alone decides by which one */
};

/* Where the answer to udt_connect() arrived. */
void uplink_of(struct uplink *out, struct stream *s);
/* How what is sent to `to` leaves by the uplink, in the form of udt_stream_leave_by(): by its interface, from
 * its address, if the kernel has a way there; else from its address alone. As the kernel chooses, if the
 * address cannot be the source of what goes there (a loopback address: the nameserver is on this host). Asks
 * the kernel, sends nothing. */
void uplink_source(const struct uplink *u, const struct sockaddr *to, socklen_t len,
                   struct sockaddr_in6 *source);

#endif
