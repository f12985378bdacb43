/* shim/net/pktinfo.h: which address of ours a datagram was sent to, and by which one a datagram shall leave,
 * and by which interface (ip(7), IP_PKTINFO; RFC 3542, 6.1). On a host with several addresses the kernel
 * would choose by the route, and who asked one address would be answered by another, which neither it nor the
 * NAT before it takes. */
#ifndef HX_SHIM_NET_PKTINFO_H
#define HX_SHIM_NET_PKTINFO_H

#include "shim/net/net_address.h"

/* From where to where a datagram goes. */
struct net_route {
    struct net_address to;
    struct net_address local; /* without port; address, interface, or both may be left to the kernel (0) */
    int32_t socket;           /* of the port's sockets: 0 its own, else the number of an extra one */
    uint8_t whole;            /* not to be cut on its way (DF), nor here: where it is too long it is lost */
    uint8_t hops; /* over IPv4 it gets no further than so many routers (TTL); 0: as the kernel has it */
    uint16_t wants_answer; /* to a canonical address (paths.h): whoever is alive there answers it */
};
static_assert(sizeof(struct net_route) == 56, "no padding: routes are compared as bytes");

#define PKTINFO_SPACE CMSG_SPACE(sizeof(struct in6_pktinfo)) /* of an IPv4 socket's it is less */

/* From now on each datagram that comes to the socket tells which. False: errno. */
bool pktinfo_ask(int fd, int family);
/* What becomes of datagrams that are longer than the kernel believes that their way carries: it cuts them
 * into IP's fragments; or (`whole`) they leave as they are, and are lost if that is true (ip(7),
 * IP_PMTUDISC_PROBE). Who finds out for himself what a way carries cannot have them cut, nor believe ICMP,
 * which anybody can forge. */
void pktinfo_whole(int fd, int family, bool whole);
/* Whether the address is the unspecified one, without an interface: nothing is known, and the
 * kernel shall choose. */
bool pktinfo_any(const struct net_address *local);
/* What mh's control messages tell, or the unspecified address and no interface (0). *local has port 0. */
void pktinfo_read(struct msghdr *mh, struct net_address *local, uint32_t *interface);
/* Writes a control message of at most PKTINFO_SPACE bytes, and returns its length with padding; 0 where the
 * kernel shall choose. */
size_t pktinfo_write(void *control, int family, const struct net_address *local);
/* Likewise of at most HOPS_SPACE bytes, for an IPv4 address, mapped ones too. It comes before
 * pktinfo_write()'s. */
#define HOPS_SPACE CMSG_SPACE(sizeof(int))
size_t pktinfo_write_hops(void *control, uint8_t hops);
/* Likewise of at most SEGMENT_SPACE bytes: the kernel shall cut what is sent into datagrams of `each` bytes
 * (udp(7), UDP_SEGMENT); 0: it is one. */
#define SEGMENT_SPACE CMSG_SPACE(sizeof(uint16_t))
size_t pktinfo_write_segment(void *control, size_t each);
/* Sends one datagram. The last `pktinfo_len` bytes of mh's control messages are pktinfo_write()'s: what may
 * not leave so (a broadcast address that was asked, an address or an interface that is gone) leaves by the
 * kernel's choice. `flags`: of send(2). -1: errno. */
int pktinfo_send(int fd, struct msghdr *mh, size_t pktinfo_len, int flags);

#endif
