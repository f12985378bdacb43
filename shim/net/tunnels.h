/* shim/net/tunnels.h: datagrams of a port that travel in byte streams (UDP through TCP, RFC 9298), and not in
 * the network.
 *
 *   net_port_send() to 100::x ─► near end ═══ far end ─► who has the streams: which one is 100::x?
 *             net_port_read() ◄─ near end ═══ far end ◄─ what has come by the stream of 100::x
 *
 * Whoever has a stream gives its other end an address of 100::/64 (base/discard_only.h), by which the port's
 * users know it as they know those in the network. No datagram of the network comes from there: net_port
 * drops it.
 *
 * The two ends are a socketpair(2) of datagrams, a message each: a struct net_address, then the datagram.
 * Where the queue between them is full, a datagram is lost, as in a network. */
#ifndef HX_SHIM_NET_TUNNELS_H
#define HX_SHIM_NET_TUNNELS_H

#include "base/discard_only.h"
#include "base/error.h"
#include "shim/net/net_address.h"
#include <stddef.h>
#include <sys/uio.h>

#define TUNNEL_DATAGRAM_MAX 1500 /* bytes; longer ones are lost: an Ethernet's packet has no room for them */

static inline bool tunnels_lead_to(const struct net_address *a)
{
    return discard_only(a->ip);
}

/* Both are non-blocking, and the caller's. HX_OK; HX_ESYS: errno. */
int tunnels_open(int *near_fd, int *far_fd);

/* The near end, for net_port.c: as recvmsg() of a UDP socket. mh->msg_name has room for a sockaddr_in6, which
 * is of no address of 100::/64 if the message is malformed. -1: errno. */
ssize_t tunnels_receive(int near_fd, struct msghdr *mh);
/* 0: it has left, or is lost. -1: errno; EMSGSIZE. */
int tunnels_send(int near_fd, const struct net_address *to, const struct iovec *parts, int part_count);

/* The far end: a datagram that the port has sent to *to. Its length; -1: errno, EAGAIN: none waits. */
ssize_t tunnels_take(int far_fd, struct net_address *to, uint8_t bytes[TUNNEL_DATAGRAM_MAX]);
/* The port shall have one as from `from`. False: it is lost. */
bool tunnels_give(int far_fd, const struct net_address *from, const void *bytes, size_t len);

#endif
