/* client/probe_inbox.h: probes, and what a relay answers (proto/relay_frame.h), on their way from UDT's
 * receiving threads to the engine's. Only those of a session that somebody has joined are kept, and for a
 * second the last 16 others, for who may join then: anybody else, who knows no tag, costs a comparison and a
 * copy. */
#ifndef HX_CLIENT_PROBE_INBOX_H
#define HX_CLIENT_PROBE_INBOX_H

#include "client/engine.h"
#include "proto/probe.h"
#include "shim/net/net_port.h"

#define PROBE_INBOX_MAX 64 /* that wait; more are dropped, and come again */

struct arrived_probe {
    struct udt_port *port;
    struct net_route from; /* back to where it came from */
    int64_t came_us;       /* of base/clock.h */
    size_t len;
    uint8_t bytes[PROBE_BYTES_MAX];
};

struct probe_member {
    uint8_t tag[PROBE_TAG_BYTES];
    /* Of this tag, to any port; not yet proven. No member may leave in it. */
    void (*on_probe)(struct probe_member *m, const struct arrived_probe *probe);
    void (*on_noted)(struct probe_member *m, unsigned notes); /* see probe_inbox_note() */
    struct probe_member *prev, *next;                         /* private */
    unsigned notes;                                           /* private */
};

/* With the engine's lock held; the first call makes the engine's thread listen. HX_OK, HX_ESYS, HX_ELIMIT. */
int probe_inbox_join(struct probe_member *m);
void probe_inbox_leave(struct probe_member *m); /* fine for one that has not joined, if it is zeroed */
/* From any thread, without the engine's lock: its thread shall call on_noted() with these bits, soon. The
 * member must not leave meanwhile. */
void probe_inbox_note(struct probe_member *m, unsigned note);
/* From now on what comes to `port` is taken, datagrams.h's as well. With the engine's lock held. */
void probe_inbox_listen(struct udt_port *port);

#endif
