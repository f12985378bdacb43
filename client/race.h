/* client/race.h: a host's name -> a UDT connection to the first of its addresses that answers
 * (client/eyeballs.h). Everything is called and calls back with the engine's lock held. The first that is
 * connected wins, the others are closed. */
#ifndef HX_CLIENT_RACE_H
#define HX_CLIENT_RACE_H

#include "base/buf.h"
#include "client/engine.h"
#include "client/eyeballs.h"

struct race_result {
    int error;     /* HX_OK; HX_ERESOLVE; HX_ETIMEDOUT; HX_EREFUSED; HX_EADDR, HX_ENOMEM, HX_ESYS */
    bool hopeless; /* HX_ERESOLVE: the name service knows no address; another try will hear the same */
    struct stream *stream; /* connected, now the callee's, its `user` still to be set; NULL after an error */
    bool asked;            /* `first` was written */
};

struct race;
/* Once, unless race_cancel() comes before; the race is gone when it is called. */
typedef void race_done_fn(void *user, const struct race_result *result);

/* All connections leave from `port`. `families`: a mask of FAMILY_*. `connect_ms`: from the first address on.
 * `first`: what the winner is told first; it must live as long as the race. The first of the addresses is
 * told ahead of the connection (shim/udt/udt.h), with a ticket if there is one; no other, for what it asks
 * for shall be done once. NULL: nothing. HX_OK, or HX_ENOMEM and no callback. Never calls back before it
 * returns. */
int race_begin(struct race **out, const struct host_port *name, int families, struct udt_port *port,
               int connect_ms, const struct buf *first, race_done_fn *done, void *user);
void race_cancel(struct race *r); /* NULL is fine */

#endif
