/* client/resolve.h: the nameserver's "HOST[:PORT]" -> socket addresses. */
#ifndef HX_CLIENT_RESOLVE_H
#define HX_CLIENT_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define RESOLVE_MAX 6 /* addresses of one host that are tried; each costs time while S is away */

struct resolve_list {
    struct {
        struct sockaddr_storage sa;
        socklen_t len;
    } address[RESOLVE_MAX];
    size_t count;
};

/* Parses, then asks the resolver: blocks as getaddrinfo() does. At least one address in its order of
 * preference (RFC 6724), IPv4 and IPv6. HX_OK, HX_EINVAL, HX_ERESOLVE, HX_ENOMEM. */
int resolve_lookup(struct resolve_list *out, const char *text, uint16_t default_port);

#endif
