/* client/families_asked.h: over which address families a nameserver is asked for a peer, where it says that the
 * peer has only the other one (409). Pure.
 *
 *   all of ours ─► the other one alone ─► all of ours, for a peer that the nameserver's relay alone leads to */
#ifndef HX_CLIENT_FAMILIES_ASKED_H
#define HX_CLIENT_FAMILIES_ASKED_H

#include <stdbool.h>

struct families_asked {
    int all, now;   /* masks of FAMILY_* (client/race.h) */
    bool narrowed;  /* to the other one */
    bool relayed;   /* a peer of the other one will do: FAMILIES_RELAYED goes with the question */
    bool may_relay; /* the nameserver's relay is wanted */
};

#define FAMILIES_RELAYED "Relay: only\r\n" /* proto/request.h */

void families_asked_init(struct families_asked *f, int all, bool may_relay);
/* It said so, asked over `family`; or the other one does not lead there. False: there is nothing else. */
bool families_asked_next(struct families_asked *f, int family);

#endif
