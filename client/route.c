#include "client/route.h"
#include "base/error.h"
#include <errno.h>
#include <unistd.h>

/* What connect() says when the routing table has no way, or this host has no address of that family. */
static bool no_way(int error)
{
    return error == ENETUNREACH || error == EHOSTUNREACH || error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

bool route_source(const struct sockaddr *to, socklen_t len, struct endpoint *source)
{
    struct sockaddr_storage own;
    socklen_t own_len = sizeof own;
    struct sockaddr_storage plain;
    struct endpoint e;
    *source = (struct endpoint){.family = AF_UNSPEC};
    if (endpoint_from_sockaddr(&e, to, len) == HX_OK && e.family == AF_INET) { /* also as mapped */
        len = endpoint_to_sockaddr(&e, &plain);
        to = (struct sockaddr *)&plain;
    }
    int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return !no_way(errno);
    bool way = connect(fd, to, len) == 0 || !no_way(errno);
    if (way && getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
        endpoint_from_sockaddr(source, (struct sockaddr *)&own, own_len) == HX_OK)
        source->port = 0;
    close(fd);
    return way;
}
