/* client/tcp_race.h: a host's name -> a TCP connection to the first of its addresses that answers
 * (client/eyeballs.h). Everything is called and calls back with the engine's lock held. The first that is
 * connected wins, the others are closed. */
#ifndef HX_CLIENT_TCP_RACE_H
#define HX_CLIENT_TCP_RACE_H

#include "client/eyeballs.h"

struct tcp_race_result {
    int error;     /* HX_OK; HX_ERESOLVE; HX_ETIMEDOUT; HX_EREFUSED; HX_ELIMIT, HX_ESYS */
    bool hopeless; /* HX_ERESOLVE: the name service knows no address; another try will hear the same */
    int fd;        /* connected and non-blocking, now the callee's; -1 after an error */
};

struct tcp_race;
/* Once, unless tcp_race_cancel() comes before; the race is gone when it is called. */
typedef void tcp_race_done_fn(void *user, const struct tcp_race_result *result);

/* `families`: a mask of FAMILY_*. Has no deadline but the kernel's for one connection: the caller has one.
 * HX_OK, or HX_ENOMEM and no callback. Never calls back before it returns. */
int tcp_race_begin(struct tcp_race **out, const struct host_port *name, int families, tcp_race_done_fn *done,
                   void *user);
void tcp_race_cancel(struct tcp_race *r); /* NULL is fine */

#endif
