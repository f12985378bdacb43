/* shim/net/net_port_state.h: the inside of a port, for net_port.c and net_port_send.c alone. */
#ifndef HX_SHIM_NET_NET_PORT_STATE_H
#define HX_SHIM_NET_NET_PORT_STATE_H

#include "shim/net/batch.h"
#include "shim/net/burst.h"
#include "shim/net/extra_sockets.h"
#include "shim/net/net_port.h"
#include "shim/net/path_table.h"
#include "shim/net/refused_runs.h"
#include "shim/net/relays.h"
#include "shim/net/tunnels.h"
#include <pthread.h>
#include <stdatomic.h>

struct net_port {
    int fd, family;
    bool disowned;
    bool ipv6_only;
    atomic_bool whole; /* what the socket was told last about datagrams that are too long for the way */
    bool tells_local;  /* to which address of ours a datagram was sent */
    int receive_bytes; /* that were asked for; 0: the kernel's choice */
    struct sockaddr_storage local;
    socklen_t local_len;
    struct batch *batch; /* NULL: datagrams are read one by one */
    struct demux demux;
    struct path_table *paths;
    struct relays *relays;
    struct extra_sockets *extra;
    pthread_mutex_t refused_lock;
    struct refused_runs refused; /* those that net_port_send_run() was asked to send */
    atomic_int tunnels; /* the number of their near end, which is read as an extra socket; 0: not opened */
    int far_fd;         /* their far end */
    /* Of the thread that reads: */
    uint8_t tunnelled[TUNNEL_DATAGRAM_MAX];
    struct path_memo reading;
    struct fragments *fragments; /* NULL: no piece of a datagram has come yet */
    int extra_turn;              /* so many datagrams of extra sockets may be read in a row */
    /* Of the thread that sends bursts: */
    struct burst *burst; /* NULL: each datagram leaves by itself */
    struct path_memo sending;
    struct extra_socket *held; /* what the burst leaves by; NULL: the port's own socket */
};

#endif
