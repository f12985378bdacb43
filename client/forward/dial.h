/* client/forward/dial.h: a connection to a target: its name is looked up without blocking the loop, its
 * addresses are tried one after the other; all within DIAL_S. */
#ifndef HX_CLIENT_FORWARD_DIAL_H
#define HX_CLIENT_FORWARD_DIAL_H

#include "client/forward/authority.h"
#include <ev.h>

#define DIAL_S 10.0 /* for the name and all its addresses */

struct dial;

/* Why there is none, as HTTP has it: status, and the error of RFC 9209, 2.3 for the other side's program. */
struct dial_failure {
    const char *status, *error;
    const char *text; /* what the target does or is: "refused the connection" */
};
extern const struct dial_failure dial_internal; /* what fails for want of resources */
/* Of a lookup's `error`; HX_OK: of `cause`, errno of what has not connected to any of its addresses. */
const struct dial_failure *dial_failure_of(int error, int cause);

/* Told once, from the loop, never from within dial_start(); the dial is freed then. `fd`: non-blocking, and
 * the caller's, `why` NULL; or -1. */
typedef void dial_done(void *user, int fd, const struct dial_failure *why);

/* HX_OK, HX_ENOMEM, HX_ESYS. */
int dial_start(struct dial **out, struct ev_loop *loop, const struct authority *target, dial_done *done,
               void *user);
void dial_cancel(struct dial *d); /* done() is not told */

#endif
