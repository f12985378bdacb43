/* shim/net/burst.h: datagrams of one length from one address to one, and a shorter one behind them, leave
 * with one system call: the kernel cuts them apart (udp(7), UDP_SEGMENT), at the end of its way instead of
 * the beginning. They are held until whoever sends them would wait for anything, which it says by
 * burst_flush(). One thread for each port. */
#ifndef HX_SHIM_NET_BURST_H
#define HX_SHIM_NET_BURST_H

#include "shim/net/pktinfo.h"
#include <stddef.h>
#include <sys/uio.h>

#define BURST           43   /* datagrams: 64 at most (udp(7)), and in all what one datagram may have */
#define BURST_BYTES_MAX 1500 /* of each */

struct burst;

/* NULL: there is no memory. free() ends it. `fd`: a socket of `family`, as all that it is used with. */
struct burst *burst_create(int fd, int family);
/* True: the datagram is held, and leaves by `fd`, which route->socket tells, with the next burst_flush() of
 * this thread at the latest. False: whoever asks must send it, after a burst_flush(). */
bool burst_hold(struct burst *b, int fd, const struct net_route *route, const struct iovec *parts,
                int part_count);
/* Of this thread, whatever the port. */
bool burst_holds(void);
/* Whether any thread does, or is sending what it has held. */
bool burst_held_by_any(void);
void burst_flush(void);
/* The next two shall not be sent apart. */
void burst_pair(void);

#endif
