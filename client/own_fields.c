#include "client/own_fields.h"
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

void own_fields(struct peer_fields *out, const struct udt_port *port)
{
    socklen_t len;
    const struct sockaddr *local = udt_port_local(port, &len);
    struct ifaddrs *all;
    struct endpoint bound, it;
    memset(out, 0, sizeof *out);
    if (endpoint_from_sockaddr(&bound, local, len) < 0 || getifaddrs(&all) < 0)
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        socklen_t size = !i->ifa_addr                         ? 0
                         : i->ifa_addr->sa_family == AF_INET  ? sizeof(struct sockaddr_in)
                         : i->ifa_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                              : 0;
        if (size == 0 || !(i->ifa_flags & IFF_RUNNING) || (i->ifa_flags & IFF_LOOPBACK) ||
            endpoint_from_sockaddr(&it, i->ifa_addr, size) < 0 || endpoint_link_local(&it))
            continue;
        it.port = bound.port;
        (void)candidates_add(&out->candidates, &it, CANDIDATE_HOST);
    }
    freeifaddrs(all);
}
