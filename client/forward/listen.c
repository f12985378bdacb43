#include "client/forward/listen.h"
#include "base/descriptors.h"
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIES_MAX 8 /* for a port of the kernel's choice that is free on all addresses */

static int listen_on(const struct sockaddr *sa, socklen_t len, bool udp)
{
    int on = 1;
    int type = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = descriptors_spare(socket(sa->sa_family, type, 0));
    if (fd < 0)
        return -1;
    if (!udp) /* there two could have one port, and one of them nothing */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sa->sa_family == AF_INET6) /* IPv4 has a socket of its own */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, sa, len) == 0 && (udp || listen(fd, LISTEN_BACKLOG) == 0))
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

static void close_all(const struct listen_socket *sockets, int count)
{
    for (int i = 0; i < count; i++)
        close(sockets[i].fd);
}

/* False: errno. *port is the one that all get once the first has it. */
static bool open_one(struct listen_socket *out, const struct addrinfo *a, uint16_t *port, bool udp)
{
    struct endpoint e;
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    *out = (struct listen_socket){.fd = -1};
    if (endpoint_from_sockaddr(&e, a->ai_addr, a->ai_addrlen) != HX_OK) {
        errno = EAFNOSUPPORT;
        return false;
    }
    e.port = *port;
    len = endpoint_to_sockaddr(&e, &sa);
    out->fd = listen_on((const struct sockaddr *)&sa, len, udp);
    if (out->fd < 0)
        return false;
    len = sizeof sa;
    if (getsockname(out->fd, (struct sockaddr *)&sa, &len) == 0)
        (void)endpoint_from_sockaddr(&out->endpoint, (const struct sockaddr *)&sa, len);
    *port = out->endpoint.port;
    return true;
}

/* The number of sockets, or -1 and errno, which `at` is about. */
static int open_all(struct listen_socket *out, const struct addrinfo *found, uint16_t port, bool udp,
                    struct endpoint *at)
{
    int count = 0;
    int cause = EADDRNOTAVAIL;
    for (const struct addrinfo *a = found; a && count < LISTEN_MAX; a = a->ai_next) {
        if (open_one(&out[count], a, &port, udp)) {
            count++;
            continue;
        }
        cause = errno;
        (void)endpoint_from_sockaddr(at, a->ai_addr, a->ai_addrlen);
        at->port = port;
        if (cause == EADDRNOTAVAIL || cause == EAFNOSUPPORT)
            continue;
        close_all(out, count); /* half of them could be taken for the whole, and another's for ours */
        count = 0;
        break;
    }
    errno = cause;
    return count > 0 ? count : -1;
}

int listen_open(struct listen_socket out[LISTEN_MAX], const struct forward_spec *spec,
                char error[FORWARD_ERROR_MAX])
{
    if (*spec->path)
        return listen_open_unix(out, spec->path, error);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *where = spec->anywhere ? "*" : *spec->address ? spec->address : "localhost";
    if (spec->anywhere) /* getaddrinfo() without a name: all addresses with this flag, else loopback ones */
        hints.ai_flags |= AI_PASSIVE;
    int rc = getaddrinfo(*spec->address ? spec->address : NULL, "0", &hints, &found);
    if (rc != 0) {
        snprintf(error, FORWARD_ERROR_MAX, "cannot listen on %.100s: %s", where, gai_strerror(rc));
        return HX_EADDR;
    }
    struct endpoint at = {.family = AF_UNSPEC};
    char text[ENDPOINT_TEXT_MAX];
    int count = -1;
    for (int i = 0; i < TRIES_MAX && count < 0; i++) {
        count = open_all(out, found, spec->port, spec->udp, &at);
        if (spec->port != 0 || errno != EADDRINUSE)
            break;
    }
    int cause = errno;
    if (count < 0) {
        endpoint_format(&at, text);
        snprintf(error, FORWARD_ERROR_MAX, "cannot listen on %s: %s%s", text, strerror(cause),
                 cause == EADDRINUSE ? ": choose another port, or stop who uses it" : "");
    }
    freeaddrinfo(found);
    return count > 0 ? count : HX_EADDR;
}

static_assert(FORWARD_PLACES_MAX > LISTEN_MAX * (sizeof AUTHORITY_UDP + ENDPOINT_TEXT_MAX) &&
                  FORWARD_PLACES_MAX > LISTEN_TEXT_MAX,
              "TCP has several, a path is one");

void listen_append(const struct listen_socket *s, bool udp, char places[FORWARD_PLACES_MAX])
{
    char one[LISTEN_TEXT_MAX];
    size_t len = strlen(places);
    listen_format(s, one);
    snprintf(places + len, FORWARD_PLACES_MAX - len, "%s%s%s", len > 0 ? "," : "", udp ? AUTHORITY_UDP : "",
             one);
}
