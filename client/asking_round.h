/* client/asking_round.h: what has come of asking each of several nameservers once for a peer, and what to
 * make of that. Pure. */
#ifndef HX_CLIENT_ASKING_ROUND_H
#define HX_CLIENT_ASKING_ROUND_H

#include "client/nameserver.h"

struct asking_round { /* zeroed: none was asked */
    int asked;        /* counted by the caller */
    bool not_found;   /* one does not know the name */
    bool denied;      /* one does not allow it */
    bool soft;        /* one may answer the next time */
    int retry_after_s;
};

/* One has not told of the peer. False: it has said what no other one would say otherwise. */
bool asking_round_take(struct asking_round *r, const struct nameserver_end *end);
/* All were asked, `last` the last. HX_OK: asking again may help, after `retry_after_s`; else why it may
 * not. */
int asking_round_over(const struct asking_round *r, const struct nameserver_end *last);

#endif
