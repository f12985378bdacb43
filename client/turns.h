/* client/turns.h: how many listeners of a process turn to one nameserver at the same moment. Everything with
 * the engine's lock held.
 *
 * When a nameserver is lost, every listener of the process has lost it. UDT looks at each connecting socket
 * again with every packet, so thousands at once keep the processor busy until their time is over, and all of
 * them begin anew.
 *
 * So may many processes at once do to a nameserver. How many turn to it at a time is learned from it, for
 * each of its names and what it is asked over: one more with each answer, half with each try that nothing
 * answers (AIMD, Chiu and Jain 1989). */
#ifndef HX_CLIENT_TURNS_H
#define HX_CLIENT_TURNS_H

#include "base/host_port.h"
#include <stdbool.h>

/* The least also while it is silent: who has several nameservers goes on to the next one. */
#define TURNS_LEAST 8
#define TURNS_MAX   32

struct turn {                        /* zeroed: none is asked for. All private but `granted` */
    void (*granted)(struct turn *t); /* it was waited for; may not end others */
    struct turns_queue *queue;
    bool waits;
    struct turn *prev, *next;
};

/* True: it is the caller's, until turn_end(). False: granted() will be called, unless turn_end() comes
 * before. `families`: FAMILY_* that are asked over. */
bool turn_take(struct turn *t, const struct host_port *name, int families);
/* Who has a turn was answered, whatever the answer; or by nothing at all, until its time was over. */
void turn_answered(const struct turn *t, bool answered);
void turn_end(struct turn *t); /* fine if there is none */

#endif
