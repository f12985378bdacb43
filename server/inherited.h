/* server/inherited.h: sockets that who has started us has opened (sd_listen_fds(3): $LISTEN_FDS of them,
 * from descriptor 3 on, for the process $LISTEN_PID, with names in $LISTEN_FDNAMES). They stay open while
 * the process is replaced: what comes meanwhile waits in them, and nobody is refused. */
#ifndef HX_SERVER_INHERITED_H
#define HX_SERVER_INHERITED_H

#include "server/config.h"

#define INHERITED_FIRST 3       /* descriptor */
#define INHERITED_ADMIN "admin" /* the name of --admin's */

/* UDP sockets take the place of all of --listen, TCP sockets of --listen-tcp, and those that are called
 * "admin", of TCP or Unix, of --admin. Without any nothing changes. The environment no longer has them
 * afterwards. HX_OK; HX_EINVAL, with `error` set: one is of no use, or does not fit the other options. */
int inherited_take(struct server_config *c, char error[CONFIG_ERROR_MAX]);

#endif
