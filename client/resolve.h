/* client/resolve.h: the nameserver's "HOST[:PORT]" -> socket addresses. */
#ifndef HX_CLIENT_RESOLVE_H
#define HX_CLIENT_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define RESOLVE_HOST_MAX 255 /* RFC 1035, 2.3.4 */
#define RESOLVE_MAX      6   /* addresses of one host that are tried; each costs time while S is away */

struct resolve_name {
    char host[RESOLVE_HOST_MAX + 1];
    uint16_t port;
};

/* "HOST", "HOST:PORT", "IPV6", "[IPV6]", "[IPV6]:PORT"; the port is decimal, 1 to 65535, `default_port` if
 * there is none. HX_OK or HX_EINVAL; pure. */
int resolve_parse(struct resolve_name *out, const char *text, uint16_t default_port);

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
