#include "shim/net/net_address.h"
#include "base/ipv4_mapped.h"
#include <string.h>

void net_address_from(struct net_address *out, const struct sockaddr *sa)
{
    memset(out, 0, sizeof *out);
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;

        memcpy(out->ip, &sin6->sin6_addr, 16);
        out->port = sin6->sin6_port;
        if (IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr))
            out->scope = sin6->sin6_scope_id;
    } else {
        const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;

        ipv4_map(out->ip, &sin->sin_addr);
        out->port = sin->sin_port;
    }
}

void net_address_to_sockaddr6(const struct net_address *a, struct sockaddr_in6 *out)
{
    memset(out, 0, sizeof *out);
    out->sin6_family = AF_INET6;
    out->sin6_port = a->port;
    memcpy(&out->sin6_addr, a->ip, 16);
    out->sin6_scope_id = a->scope;
}

bool net_address_to(const struct net_address *a, int family, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *sin = (struct sockaddr_in *)out;

    memset(out, 0, sizeof *out);
    if (family == AF_INET6) {
        net_address_to_sockaddr6(a, (struct sockaddr_in6 *)out);
        *len = sizeof(struct sockaddr_in6);
        return true;
    }
    sin->sin_family = AF_INET;
    sin->sin_port = a->port;
    memcpy(&sin->sin_addr, a->ip + IPV4_MAPPED_PREFIX, 4);
    *len = sizeof *sin;
    return net_address_is_ipv4(a);
}

bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool net_address_is_ipv4(const struct net_address *a)
{
    return ipv4_mapped(a->ip);
}
