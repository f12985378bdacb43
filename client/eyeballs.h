/* client/eyeballs.h: a host's name -> attempts to connect to its addresses, in the order and at the times of
 * RFC 8305 (happy eyeballs), whatever connects. Everything is called and calls back with the engine's lock
 * held.
 *
 * Both families are looked up at once. IPv6 begins, unless IPv4 has its answer EYEBALLS_RESOLUTION_MS
 * earlier; the next address, of the other family in turn, begins when the one before has failed or
 * EYEBALLS_ATTEMPT_MS later. */
#ifndef HX_CLIENT_EYEBALLS_H
#define HX_CLIENT_EYEBALLS_H

#include "client/engine.h"
#include "client/resolve.h"

#define EYEBALLS_RESOLUTION_MS 50  /* RFC 8305, 8: Resolution Delay */
#define EYEBALLS_ATTEMPT_MS    250 /* RFC 8305, 8: Connection Attempt Delay; as UDT repeats first */
#define EYEBALLS_MAX           (2 * RESOLVE_MAX) /* attempts */

enum { FAMILY_IPV4 = 1, FAMILY_IPV6 = 2, FAMILY_ANY = 3 }; /* bits */

struct eyeballs_callbacks {
    /* HX_OK: an attempt to connect to this address has begun; an error: it cannot. Ends nothing. */
    int (*attempt)(void *user, const struct sockaddr *to, socklen_t len);
    /* No attempt runs, and none will begin. HX_ERESOLVE, `hopeless`: the name service knows no address,
     * another try will hear the same; else why the last one has failed. May call eyeballs_end(). */
    void (*lost)(void *user, int error, bool hopeless);
    void *user;
};

struct eyeballs;
/* `families`: a mask of FAMILY_*; `name` is copied. HX_OK, or HX_ENOMEM and no callback. Never calls back
 * before it returns. */
int eyeballs_begin(struct eyeballs **out, const struct host_port *name, int families,
                   const struct eyeballs_callbacks *callbacks);
/* One of the attempts has failed: the next one begins. May call back. */
void eyeballs_failed(struct eyeballs *e, int error);
/* Why the last of those that have failed did; HX_ERESOLVE: none has. */
int eyeballs_error(const struct eyeballs *e);
void eyeballs_end(struct eyeballs *e); /* NULL is fine */

#endif
