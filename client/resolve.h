/* client/resolve.h: a host's name -> socket addresses of one family, looked up in the background. Everything
 * is called and calls back with the engine's lock held.
 *
 * The lookup is getaddrinfo() in a thread of its own: what people write for a host is whatever this machine's
 * name service knows (nsswitch.conf: files, mDNS, myhostname, resolved), of which a DNS library such as
 * c-ares knows but a part. A lookup that hangs is left behind: nobody waits for its thread. */
#ifndef HX_CLIENT_RESOLVE_H
#define HX_CLIENT_RESOLVE_H

#include "base/host_port.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define RESOLVE_MAX      6    /* addresses of one host and family that are tried at once */
#define RESOLVE_MS       5000 /* for one lookup; glibc asks again after 5 s (resolv.conf(5), timeout) */
#define RESOLVE_JOBS_MAX 16   /* lookups at once in the process, the ones left behind counted */

struct resolve_list {
    struct {
        struct sockaddr_storage sa;
        socklen_t len;
    } address[RESOLVE_MAX];
    size_t count;
};

struct resolve_result {
    int error;      /* HX_OK; HX_ERESOLVE; HX_ENOMEM */
    bool temporary; /* nobody could say: another try may succeed. Else there is no such address */
    /* At least one, in the order of preference (RFC 6724); of many first the best ones, then others. NULL
     * after an error. */
    const struct resolve_list *list;
};

struct resolve;
/* Once, unless resolve_cancel() comes before; `r` is gone when it is called. */
typedef void resolve_done_fn(void *user, const struct resolve_result *result);

/* `family`: AF_INET or AF_INET6; `name` is copied. Lookups of the same name share one thread. HX_OK, or
 * HX_ENOMEM and no callback. Never calls back before it returns. */
int resolve_begin(struct resolve **out, const struct host_port *name, int family, resolve_done_fn *done,
                  void *user);
void resolve_cancel(struct resolve *r); /* NULL is fine */

#endif
