/* server/tcp_proxied.h: TCP connections from a proxy that has not said yet whose they are
 * (proto/proxy_header.h). They are no connections of the server's until then: so few of them wait, and for
 * so short a time, that they need no other limit. */
#ifndef HX_SERVER_TCP_PROXIED_H
#define HX_SERVER_TCP_PROXIED_H

#include "base/timers.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define TCP_PROXIED_MS  2000
#define TCP_PROXIED_MAX 1024 /* that wait; one more takes the place of the one that has waited longest */

struct loop;

struct tcp_proxied_events { /* the descriptor is the receiver's from then on */
    /* The header was read, and nothing behind it. `source`: whose connection it is; the proxy's own for
     * its own. */
    void (*known)(void *user, int fd, const struct sockaddr *source, socklen_t len, int64_t now_ms);
    /* There was none. `proxy`: who has connected. */
    void (*failed)(void *user, int fd, const struct sockaddr *proxy, socklen_t len, const char *reason,
                   int64_t now_ms);
};

struct tcp_proxied { /* the owner sets the first part; the rest is private and zeroed at the start */
    struct loop *loop;
    struct timers *timers;
    const struct tcp_proxied_events *events;
    void *user;
    struct tcp_proxied_conn *waiting; /* the one that has waited longest first */
    size_t count;
};

/* Takes `fd`, which is non-blocking, in any case. The events may come before this returns. HX_OK;
 * HX_ENOMEM or HX_ESYS: it is closed. */
int tcp_proxied_add(struct tcp_proxied *set, int fd, const struct sockaddr *proxy, socklen_t len,
                    int64_t now_ms);
/* Closes those that wait. Before the loop ends. */
void tcp_proxied_end(struct tcp_proxied *set);

#endif
