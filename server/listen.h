/* server/listen.h: the addresses of --listen. */
#ifndef HX_SERVER_LISTEN_H
#define HX_SERVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct server_listen {
    struct sockaddr_storage address;
    socklen_t len;
    bool any; /* ":PORT" or the default: every address of every family that the machine has */
    int fd;   /* above 0: the socket is there already (server/inherited.h) */
};

struct server_listen listen_any(uint16_t port);
/* "ADDR:PORT", "[V6]:PORT", "[V6]", ":PORT", "ADDR" and a bare IPv6 address, all numeric.
 * HX_OK or HX_EINVAL. */
int listen_parse(struct server_listen *out, const char *text);
/* Makes it an address of this family alone (AF_INET, AF_INET6). HX_OK; HX_EINVAL: it is one of the other. */
int listen_restrict(struct server_listen *l, int family);
/* Whether list[which], every address of IPv6, must leave IPv4 alone: another one has that port there. */
bool listen_ipv6_only(const struct server_listen *list, size_t count, size_t which);

#endif
