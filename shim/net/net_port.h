/* shim/net/net_port.h: one UDP socket, what comes to it, and what leaves by it. Dual-stack where the machine
 * has IPv6. It knows no protocol: demux.h says who gets what comes.
 *
 *                                              ┌─► handler of NET_USER_UDT (shim/udt/worker.c)
 *   socket ─► batch ─┬─► net_port_read ─► demux
 *   extra sockets ───┤                         └─► handlers of further users
 *   tunnels ─────────┘
 *   sockets ◄─ burst ◄─┬─ net_port_hold  ◄─ who sends many of one length to one address (UDT's sender)
 *   sockets ◄──────────┼─ net_port_send  ◄─ everybody else
 *   tunnels ◄──────────┤
 *                      └─ paths: where a canonical address leads
 *
 * Here recvmmsg() and sendmmsg() stand where recvmsg() and sendmsg() would do: the linker leads UDT's calls
 * of those two to shim/udt (--wrap), and everybody else's with them. */
#ifndef HX_SHIM_NET_NET_PORT_H
#define HX_SHIM_NET_NET_PORT_H

#include "base/error.h"
#include "shim/net/demux.h"
#include "shim/net/pktinfo.h"

struct net_port;

struct net_port_config {
    /* NULL: every address, a port of the kernel's choice. Where it is every address, each datagram that comes
     * tells to which one of ours, and by which interface. */
    const struct sockaddr *local;
    int fd; /* above 0: a socket, already bound, of either family, which the port closes; 0: one is made */
    bool batch;     /* one system call reads several datagrams: they are small and from many, ... */
    bool runs;      /* ... or, too, of one length and from one, and the kernel need not cut them (UDP_GRO) */
    bool ipv6_only; /* leave IPv4 at this port to another socket */
    bool burst;     /* what leaves are many full datagrams to one address */
};

/* HX_OK; HX_EADDR: the address cannot be bound (errno says why); HX_ESYS; HX_ENOMEM. */
int net_port_open(struct net_port **out, const struct net_port_config *config);
/* NULL is fine. Closes the socket, unless net_port_disown() was called. */
void net_port_close(struct net_port *p);
/* From now on somebody else closes the descriptor. */
void net_port_disown(struct net_port *p);

int net_port_fd(const struct net_port *p);
int net_port_family(const struct net_port *p); /* AF_INET6: dual-stack; AF_INET on a kernel without IPv6 */
const struct sockaddr *net_port_local(const struct net_port *p, socklen_t *len); /* as bound */
/* Room for at least `bytes` in the socket's receive queue, as far as the kernel's limit or our
 * rights let it. */
void net_port_receive_buffer(struct net_port *p, int bytes);
/* See demux_set(). */
void net_port_set_handler(struct net_port *p, enum net_user user, net_take take, void *context);

/* A further socket of the port, of the same family and bound to the same address, on a port of the kernel's
 * choice. What comes to it is read as what comes to the port's own (struct net_datagram, socket). HX_OK;
 * HX_ELIMIT: there are EXTRA_SOCKETS_MAX; HX_EADDR, HX_ESYS, HX_ENOMEM. */
int net_port_extra_open(struct net_port *p, int *number);
/* Safe whoever reads and sends; paths by it (paths.h) carry nothing any more. Unknown numbers are fine. */
void net_port_extra_close(struct net_port *p, int number);
/* The address it is bound to. False: there is none of this number. */
bool net_port_extra_local(struct net_port *p, int number, struct net_address *out);
/* For whoever waits until the port can be read: readable when an extra socket is, also one that is opened
 * later; -1: there are no descriptors left. */
int net_port_extra_event_fd(const struct net_port *p);

/* The far end of the port's tunnels (tunnels.h), which are opened the first time: the port closes it. One
 * thread at a time. -1: errno. */
int net_port_tunnel_fd(struct net_port *p);
/* Gives their descriptors back, until they are opened again. What still goes there is lost. Fine if there are
 * none. */
void net_port_tunnel_close(struct net_port *p);
bool net_port_has_tunnels(const struct net_port *p); /* it has had some, at least */

/* Reads one datagram into d->parts, without waiting, and gives it to its user's handler. One thread for each
 * port. 1: that says that the caller shall have it; 0: it is done with; -1: errno. */
int net_port_read(struct net_port *p, struct net_datagram *d);
/* Some more are there without a system call. */
bool net_port_waits(const struct net_port *p);
/* More come than are read, and the kernel will soon drop whatever comes. False on a port without batches. */
bool net_port_crowded(const struct net_port *p);
/* Sends one datagram; see pktinfo_send(). To a canonical address it leaves by the peer's path or paths; 0: by
 * one of them at least. -1: errno; EHOSTUNREACH: nobody has that canonical address, or no path leads there;
 * EBADF: there is no such socket. */
int net_port_send(struct net_port *p, const struct net_route *route, const struct iovec *parts,
                  int part_count, int flags);
/* A run of datagrams as one came (struct net_datagram), with one system call if the way takes it so. `to` is
 * on a wire, or tunnelled. How many of them have left. */
int net_port_send_run(struct net_port *p, const struct net_route *route, const struct iovec *run,
                      size_t each);
/* See burst_hold(). False on a port without bursts. */
bool net_port_hold(struct net_port *p, const struct net_route *route, const struct iovec *parts,
                   int part_count);

/* For paths.c: */
struct path_table *net_port_paths(const struct net_port *p);
struct path_memo *net_port_memo(struct net_port *p); /* of the thread that reads */
/* The path in use has this socket, which shall have as much room as the port's own: hundreds that only wait
 * for a first datagram shall not. */
void net_port_extra_carries(struct net_port *p, int number);

#endif
