/* shim/net/batch.h: datagrams that one system call has brought, handed out one by one. */
#ifndef HX_SHIM_NET_BATCH_H
#define HX_SHIM_NET_BATCH_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#define BATCH 16 /* datagrams at most */

struct batch;

/* NULL: there is no memory. free() ends it. */
struct batch *batch_create(void);
/* As recvmsg(), without waiting: scatters one datagram over mh's parts. */
ssize_t batch_next(struct batch *b, int fd, struct msghdr *mh);
/* The next one needs no system call. */
bool batch_waits(const struct batch *b);
/* More come than are read: a quarter of the socket's queue was full when the last ones were taken out
 * of it. */
bool batch_crowded(const struct batch *b);

#endif
