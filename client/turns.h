/* client/turns.h: how many listeners of a process turn to one nameserver at the same moment. Everything with
 * the engine's lock held.
 *
 * When a nameserver is lost, every listener of the process has lost it. UDT looks at each connecting socket
 * again with every packet, so thousands at once keep the processor busy until their time is over, and all of
 * them begin anew. */
#ifndef HX_CLIENT_TURNS_H
#define HX_CLIENT_TURNS_H

#include "base/host_port.h"
#include <stdbool.h>

#define TURNS_MAX 32 /* for each name of a nameserver */

struct turn {                        /* zeroed: none is asked for. All private but `granted` */
    void (*granted)(struct turn *t); /* it was waited for; may not end others */
    const struct host_port *name;
    bool waits;
    struct turn *prev, *next;
};

/* True: it is the caller's, until turn_end(). False: granted() will be called, unless turn_end() comes
 * before. `name` must stay until then. */
bool turn_take(struct turn *t, const struct host_port *name);
void turn_end(struct turn *t); /* fine if there is none */

#endif
