/* client/hard_turns.h: who of this process may have many sockets open, or send many probes, for one peer
 * behind a hard NAT (client/hard_nat.h): one at a time. Others wait, in a queue of bounded size in which no
 * host keeps others out (base/fair_share.h). The next one is of the host whose turn is longest ago.
 * Everything with the engine's lock held. */
#ifndef HX_CLIENT_HARD_TURNS_H
#define HX_CLIENT_HARD_TURNS_H

#include "base/fair_share.h"
#include "proto/endpoint.h"

#define HARD_TURNS_WAITING 16
#define HARD_TURNS_OF_HOST 4 /* a whole carrier's customers may be one host to us */

struct hard_turn {                        /* zeroed: none is asked for. All private but `granted` */
    void (*granted)(struct hard_turn *t); /* it was waited for; may not end others */
    struct fair_share_member waits;
};

bool hard_turn_has(const struct hard_turn *t);
/* For a peer at `host`. True: it is its turn, until hard_turn_end(). False: granted() will be called, unless
 * hard_turn_end() comes before, or too many others: then it waits no more. */
bool hard_turn_take(struct hard_turn *t, const struct endpoint *host);
void hard_turn_end(struct hard_turn *t); /* fine if there is none */
/* Somebody waits: whoever has the turn takes less time. */
bool hard_turns_wanted(void);

#endif
