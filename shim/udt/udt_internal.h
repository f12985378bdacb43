/* shim/udt/udt_internal.h: what the three files behind shim/udt/udt.h share: udt_socket.cc (UDT's sockets and
 * their options), udt_stream.cc (one stream), udt_port.cc (the port and its events). C++. */
#ifndef HX_SHIM_UDT_UDT_INTERNAL_H
#define HX_SHIM_UDT_UDT_INTERNAL_H

#include <udt/udt.h>

extern "C" {
#include "base/clock.h"
#include "base/preview.h"
#include "shim/udt/tap.h"
#include "shim/udt/udt.h"
}
#include <atomic>
#include <mutex>
#include <netinet/in.h>
#include <unordered_map>
#include <vector>

class CUDTSocket;

constexpr int UDT_HEADS = 28;        /* of IPv4 and UDP: UDT counts an MSS with them, and buffers without */
constexpr int SMALL_PACKETS = 32;    /* a nameserver's connection (DESIGN, 4.4); also S7's bound */
constexpr int LARGE_PACKETS = 45590; /* a punched connection: 64 MB, taken as they are used */
constexpr int UDP_BUFFER_BYTES = 4 << 20;

enum stream_state { CONNECTING_STREAM, OPEN_STREAM, FAILED_STREAM };

struct flow;
struct udt_told;

struct udt_stream {
    struct stream base; /* first: a struct stream * is a struct udt_stream * */
    struct udt_port *port;
    UDTSOCKET id;
    sockaddr_in6 peer;               /* IPv4 as mapped */
    struct net_address source;       /* what it sends leaves by it; all 0: as the kernel chooses */
    std::atomic<stream_state> state; /* API threads look, the events' thread changes it */
    enum udt_party party;
    /* Asking UDT for bytes that it has not costs an exception: who has read a stream empty asks again only
     * after the next event that bears news. */
    std::atomic<unsigned> news;
    unsigned read_empty_at;        /* `news` before the read that emptied it */
    std::atomic<int> datagram_max; /* udt_stream_set_datagram_max(); 0: as the MSS has it */
    bool rendezvous;
    std::atomic<bool> shut; /* the peer has closed: ask until UDT says so, too */
    int64_t attempt_ms;     /* deadline of this attempt, below UDT's own */
    int64_t deadline_ms;    /* of all attempts */
    uint64_t bytes_read, bytes_written;
    struct udt_watcher watcher; /* of the open stream; on_event NULL: nobody */
    struct udt_heard heard;     /* in its last attempt to connect, once that is over */
    struct early_conn *opening; /* of one that connects: what it tells ahead; NULL: nothing */
    struct udt_told
        *told; /* of an accepted one: what the peer has told ahead; NULL: nothing, or nothing any more */
};

struct udt_port {
    sockaddr_storage local;
    socklen_t local_len;
    sockaddr_in6 udt_name; /* by which UDT knows it: a number of our own */
    /* Bound to the UDP socket, which the sockets of all streams share: the listener, or one that does nothing
     * else. As long as it is open UDT's threads for the port live (UDT4.md, A5). */
    UDTSOCKET port_socket;
    bool started; /* UDT::startup() was called for it */
    bool listening;
    int mss;              /* of all its sockets: a listener's have nothing large to say */
    CUDTSocket *listener; /* once it listens */
    int accepts;          /* connections that wait for accept() */
    struct net_port *net;
    struct tap *tap;
    std::mutex lock; /* streams, connecting, current */
    std::unordered_map<UDTSOCKET, udt_stream *> streams;
    std::vector<udt_stream *> connecting;
    udt_stream *current; /* the stream whose bits are being told, one event at a time */
    unsigned bits;
};

/* udt_socket.cc */
int udt_error(); /* HX_E* of UDT's last error in this thread */
/* All options set; UDT::INVALID_SOCK if it cannot be had. `mss`: the same for all sockets of one port (UDT4.md,
 * A8); what is announced may be less (outbound.c). `flow`: of one that carries bulk; else NULL.
 * Of IPv6, whatever the kernel has: each datagram passes through us, and so addresses that a port of IPv4
 * alone has no form for have one for UDT, such as those of tunnels (shim/net/tunnels.h). */
UDTSOCKET udt_socket(int packets, int mss, struct flow *flow);
bool udt_set_rendezvous(UDTSOCKET id, bool on);
bool udt_set_sharing(UDTSOCKET id, bool on); /* of a port that another socket has in UDT's tables */

/* udt_accept.cc: UDT's own object of a listening socket, valid as long as that is open; and what waits in its
 * queue, or UDT::INVALID_SOCK. */
CUDTSocket *udt_listener(UDTSOCKET id);
UDTSOCKET udt_accept(CUDTSocket *listener);
/* To be called once UDT::listen() has said that there is no memory. */
void udt_forget_queues(CUDTSocket *listener);

/* udt_port_key.cc: gives the port of `port_socket`, just bound with UDT_REUSEADDR off, a number of its own in
 * UDT's tables, and writes it into *name, by which UDT's sockets bind to that port from then on. False: UDT
 * has no such port. */
bool udt_port_key(UDTSOCKET port_socket, sockaddr_in6 *name);

/* udt_closed.cc: to be called after each UDT::close() of a connection. */
void udt_closed(UDTSOCKET id);
/* The same, before UDT::cleanup() and when UDT gets no datagram any more: that waits until the worker has let
 * go of every closed socket, which it looks at 100 ms after the last datagram was (queue.cpp,
 * CRcvQueue::worker()). They seem older now, so that it looks at once. */
void udt_closed_all();

/* udt_early.cc: what is told ahead of a stream (early_data.h). */
/* Of a stream that is going to connect to a listener. False: there is no memory. */
bool udt_early_begin(udt_stream *s, const struct udt_early_bytes *first);
/* Of one that was accepted, whose peer has told this; it is free()d. */
void udt_early_accepted(udt_stream *s, struct early_bytes *told);
void udt_early_end(udt_stream *s);
/* UDT has connected it: the stream gets what was told. False: it does not take it. */
bool udt_early_connected(udt_stream *s);
/* Of one with `told`: bytes that were; 0: none is left. */
ssize_t udt_early_read(udt_stream *s, void *buf, size_t len);
/* Likewise: the stream's own `len` bytes have come. How many are new, now at the front; HX_EPROTO. */
ssize_t udt_early_pass(udt_stream *s, void *buf, size_t len);

/* udt_stream.cc */
ssize_t udt_stream_put(udt_stream *s, const void *buf, size_t len); /* as write() of an open one */
void udt_close_socket(struct udt_port *p, UDTSOCKET id);
/* The port's lock is held, for this and the next two. */
void udt_forget_connecting(struct udt_port *p, udt_stream *s);
int udt_attempt(udt_stream *s, int64_t now_ms);
void udt_stream_init(udt_stream *s, struct udt_port *p);

#endif
