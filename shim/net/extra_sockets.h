/* shim/net/extra_sockets.h: further sockets of a port. A number names one, and is not given again. Whoever
 * uses a socket holds it meanwhile: it is closed when it has been removed and nobody holds it any more. */
#ifndef HX_SHIM_NET_EXTRA_SOCKETS_H
#define HX_SHIM_NET_EXTRA_SOCKETS_H

#include "base/error.h"
#include <stdbool.h>

/* Of a port: one attempt of the birthday method, some in use, and one end of its tunnels. */
#define EXTRA_SOCKETS_MAX (256 + 16 + 1)

struct extra_sockets;
struct extra_socket;

/* NULL: there is no memory. */
struct extra_sockets *extra_sockets_create(void);
void extra_sockets_destroy(struct extra_sockets *s); /* NULL is fine; nobody holds one */

/* `fd` is its own now. HX_OK; and on errors the caller closes it: HX_ELIMIT, HX_ENOMEM, HX_ESYS. */
int extra_sockets_add(struct extra_sockets *s, int fd, int *number);
void extra_sockets_remove(struct extra_sockets *s, int number); /* unknown ones are fine */

/* NULL: there is none of this number. */
struct extra_socket *extra_sockets_hold(struct extra_sockets *s, int number);
void extra_sockets_let_go(struct extra_sockets *s, struct extra_socket *it); /* NULL is fine */
int extra_socket_fd(const struct extra_socket *it);
int extra_socket_number(const struct extra_socket *it);

/* For the one thread that reads. */
bool extra_sockets_any(const struct extra_sockets *s);
/* Readable while something has come to one, those that are added later as well. -1: there are no
 * descriptors left. */
int extra_sockets_event_fd(struct extra_sockets *s);
/* One that something may have come to, held; each gets its turn. NULL: nothing has come. */
struct extra_socket *extra_sockets_next(struct extra_sockets *s);
/* The last one that extra_sockets_next() gave has nothing more. */
void extra_sockets_was_empty(struct extra_sockets *s);

#endif
