/* client/forward/lookup.h: a host's addresses, without blocking a loop: getaddrinfo() in a thread
 * of its own. */
#ifndef HX_CLIENT_FORWARD_LOOKUP_H
#define HX_CLIENT_FORWARD_LOOKUP_H

#include "base/error.h"
#include <ev.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LOOKUP_THREADS 16 /* of the process, at once: the resolver may take half a minute; more wait */
#define LOOKUP_MAX     8  /* addresses of one host */

struct lookup;

struct lookup_list {
    size_t count;
    struct {
        struct sockaddr_storage sa;
        socklen_t len;
    } address[LOOKUP_MAX];
};

/* Told once, from the loop, never from within lookup_start(); the lookup is freed when this returns. HX_OK:
 * at least one address, in the resolver's order of preference (RFC 6724). HX_ERESOLVE, HX_ENOMEM, HX_ESYS. */
typedef void lookup_done(void *user, int error, const struct lookup_list *list);

/* HX_OK, HX_ENOMEM, HX_ESYS. Has no deadline but the resolver's: the caller has one. */
int lookup_start(struct lookup **out, struct ev_loop *loop, const char *host, uint16_t port,
                 lookup_done *done, void *user);
/* done() is not told; not from within it. Loop and user may go, the thread ends when the resolver does. */
void lookup_cancel(struct lookup *l);

#endif
