/* shim/net/batch.h: datagrams that one system call has brought, handed out one by one, or by the run. */
#ifndef HX_SHIM_NET_BATCH_H
#define HX_SHIM_NET_BATCH_H

#include "shim/net/pktinfo.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define BATCH         16 /* messages at most, each a datagram or a run of them */
#define BATCH_CONTROL (PKTINFO_SPACE + CMSG_SPACE(sizeof(int))) /* bytes of one's control messages */

struct batch;

/* From one address, one behind the other, each of `each` bytes, but the last, which may be shorter. */
struct batch_run {
    uint8_t *bytes;
    size_t len, each;
};

/* `runs`: the kernel shall bring many at once (udp(7), UDP_GRO), if it can. NULL: there is no memory. free()
 * ends it. */
struct batch *batch_create(int fd, bool runs);
/* What has come next, without waiting, and is handed out from here on. False: nothing has, and errno says
 * why. The bytes stay until the batch is asked for more. */
bool batch_look(struct batch *b, int fd, struct batch_run *out);
/* One datagram of it: as recvmsg(), scattered over mh's parts, with its source and its control messages. */
ssize_t batch_next(struct batch *b, struct msghdr *mh);
/* So many bytes of it, whole datagrams: their source and control messages alone, and the bytes are the
 * caller's to read. */
void batch_take(struct batch *b, struct msghdr *mh, size_t len);
/* The next one needs no system call. */
bool batch_waits(const struct batch *b);
/* More come than are read: a quarter of the socket's queue was full when the last ones were taken out
 * of it. */
bool batch_crowded(const struct batch *b);

#endif
