/* client/approach.h: the way to a nameserver: UDP, and UDP through TCP (client/tunnel.h) where that does not
 * answer. Everything is called and calls back with the engine's lock held.
 *
 *   0 s   UDP, to all of its addresses (client/race.h)
 *   2 s   beside it the tunnel; as soon as UDP has failed; after a quarter of a second if the tunnel is open already, or
 *         UDP was silent the last time
 *
 * The first of both by which UDT connects carries the connection, and the other one ends. */
#ifndef HX_CLIENT_APPROACH_H
#define HX_CLIENT_APPROACH_H

#include "base/buf.h"
#include "client/race.h"
#include "client/tunnel.h"

#define APPROACH_TCP_AFTER_MS 2000 /* four of UDT's first repetitions, and more than any round trip */

enum { TRANSPORT_UDP = 1, TRANSPORT_TCP = 2, TRANSPORT_ANY = 3 }; /* bits */

struct approach_result {
    int error;             /* HX_OK; what client/race.h and client/tunnel.h say: of UDP, if that was tried */
    bool hopeless;         /* HX_ERESOLVE: another try will hear the same */
    const char *text;      /* what the tunnel's end says; "": nothing. Valid during the call */
    struct stream *stream; /* connected, the callee's, its `user` still to be set; NULL after an error */
    bool asked;            /* `first` was written */
    bool tunnelled;
    int rtt_ms; /* of that connection's handshake, rather too long than too short */
};

struct approach_request {
    const struct host_port *udp;      /* copied */
    const struct tunnel_place *place; /* NULL: no TCP; copied */
    int families, transports;         /* masks of FAMILY_*, TRANSPORT_* */
    struct udt_port *port;            /* that it leaves by */
    int connect_ms;                   /* for UDT, by each way */
    const struct buf *first;          /* as race_begin()'s: told once. NULL: nothing */
    /* Once, unless approach_end() comes before, which it may call itself. */
    void (*on_done)(void *user, const struct approach_result *result);
    /* Later, once: the tunnel that carries the connection has ended, and so has the connection. As above. */
    void (*on_lost)(void *user, const char *text);
    void *user;
};

struct approach;
/* HX_OK, or HX_ENOMEM and no callback. Never calls back before it returns. */
int approach_begin(struct approach **out, const struct approach_request *request);
/* NULL is fine. As long as its connection lives it must be kept. */
void approach_end(struct approach *a);
/* The tunnel that carries the connection; NULL: it is carried by UDP. */
struct tunnel_user *approach_tunnel(struct approach *a);

#endif
