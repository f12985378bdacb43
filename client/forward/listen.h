/* client/forward/listen.h: the listening sockets of a forward: TCP, or one Unix socket. */
#ifndef HX_CLIENT_FORWARD_LISTEN_H
#define HX_CLIENT_FORWARD_LISTEN_H

#include "client/forward/forward_spec.h"
#include "proto/endpoint.h"
#include <sys/types.h>

#define LISTEN_MAX      4   /* addresses of one forward: both loopback addresses, or all that a name has */
#define LISTEN_BACKLOG  128 /* connections that the kernel holds */
#define LISTEN_TEXT_MAX (ENDPOINT_TEXT_MAX + AUTHORITY_PATH_MAX)

struct listen_socket {
    int fd;                            /* non-blocking */
    struct endpoint endpoint;          /* TCP's */
    char path[AUTHORITY_PATH_MAX + 1]; /* of a Unix socket, else "" */
    dev_t device;                      /* of its file, which may no longer be the one at that path */
    ino_t inode;
};

/* All addresses that the spec means, with one and the same port; those of a family that this host does not
 * have are left out. Returns how many sockets are the caller's, or HX_EADDR, and `error` says why.
 *
 * A Unix socket has mode 0600. The file of one that another hx of this user has left behind, and nobody
 * listens at, is replaced; whatever else is there stays, and is an error. */
int listen_open(struct listen_socket out[LISTEN_MAX], const struct forward_spec *spec,
                char error[FORWARD_ERROR_MAX]);
/* A Unix socket's file goes, too, if it is still ours. */
void listen_close(struct listen_socket *s);
/* "127.0.0.1:80", "/run/x.sock" */
void listen_format(const struct listen_socket *s, char text[LISTEN_TEXT_MAX]);
/* The same, `udp` of datagrams, as one more of those that `places` has already, which begins as "". */
void listen_append(const struct listen_socket *s, bool udp, char places[FORWARD_PLACES_MAX]);

/* listen_open() of a path. */
int listen_open_unix(struct listen_socket *out, const char *path, char error[FORWARD_ERROR_MAX]);

#endif
