/* shim/udt/udt.h: UDT 4.11 streams for C. Every UDT number and quirk stops here: above it there are streams,
 * events and HX_E* codes.
 *
 * A port is one UDP socket with UDT's threads on it. Its descriptor becomes readable when events wait;
 * whoever polls it calls udt_port_next() until that returns 0. Events of one port are taken by one thread;
 * streams may be read and written by others. A port lives as long as the process (UDT4.md, A5). */
#ifndef HX_SHIM_UDT_UDT_H
#define HX_SHIM_UDT_UDT_H

#include "base/clock.h"
#include "shim/net/net_port.h"
#include "shim/stream.h"
#include "shim/udt/party.h"
#include <netinet/in.h>
#include <stdbool.h>

#define UDT_MSS_BYTES \
    1400 /* announced to whoever may be a stock UDT: IPv6's 48 header bytes still fit 1500 */
#define UDT_MSS_MAX_BYTES 1500  /* ... and to a peer with a canonical address: an Ethernet's packet */
#define UDT_CONNECT_MS    2500  /* one attempt; UDT's own timer would fire at 3000 (UDT4.md, A2) */
#define UDT_RENDEZVOUS_MS 28000 /* likewise, UDT's own at 30000 */
#define UDT_DEFAULT_PORT  7000

struct net_port;
struct udt_port;

struct udt_port_config {
    const struct sockaddr *local; /* NULL: every address, a port of the kernel's choice */
    socklen_t local_len;
    int fd;         /* above 0: the socket, which is bound there and closed with the port; 0: one is made */
    int backlog;    /* > 0: accept connections, at most this many waiting; 0: a client's port */
    bool runs;      /* with a backlog: net_port.h */
    bool ipv6_only; /* of every address of IPv6: leave IPv4 to another port */
    unsigned rate_per_address; /* new connections a second from one source, bursts of 4 s; 0: unlimited */
    /* Gets STUN messages before UDT could see them, on UDT's receiving thread, from before udt_port_open()
     * returns; a listener's port also the requests of RFC 3489 (shim/net/demux.h). It returns false, and must
     * not wait. NULL: they are dropped. */
    net_take stun;
    void *stun_context;
};

enum udt_event_type {
    UDT_EV_ACCEPTED,  /* a new stream, now the caller's; its first bytes may already wait: read it */
    UDT_EV_READABLE,  /* bytes, or the end of the peer's direction, wait */
    UDT_EV_WRITABLE,  /* the peer acknowledged something, unacked() went down; or there is room to write */
    UDT_EV_CLOSED,    /* the peer closed; what came before may still be read */
    UDT_EV_CONNECTED, /* a connect or rendezvous has succeeded */
    UDT_EV_CONNECT_FAILED, /* it has not: `error` says why; the stream is still the caller's to close */
    UDT_EV_TICKET,         /* udt_stream_ticket() has one */
    UDT_EV_HALF_CLOSED /* the answer to udt_stream_half_close(): the peer's application has read everything */
};

struct udt_event {
    enum udt_event_type type;
    int id;    /* UDT's socket id, for logs */
    int error; /* CONNECT_FAILED: HX_ETIMEDOUT or HX_EREFUSED */
    struct stream *stream;
};

/* Makes the UDP socket (dual-stack where the machine has IPv6) and starts UDT on it. HX_OK; HX_EADDR: the
 * address cannot be bound (errno says why); HX_ESYS; HX_ENOMEM. */
int udt_port_open(struct udt_port **out, const struct udt_port_config *config);
/* Another rate_per_address from now on; from any thread. */
void udt_port_set_rate(struct udt_port *p, unsigned rate_per_address);
/* The address it is bound to. */
const struct sockaddr *udt_port_local(const struct udt_port *p, socklen_t *len);
int udt_port_fd(const struct udt_port *p);
/* Its sockets, for who has a use of them beside UDT: paths of peers (shim/net/paths.h), handlers of further
 * users (shim/net/demux.h). The port's, and valid as long as it is. */
struct net_port *udt_port_net(const struct udt_port *p);
/* What was counted since the start, a row each: "datagrams_taken", "dropped_mss", ... A new reason to drop a
 * datagram is a new row, and needs no change elsewhere. Returns how many rows are filled. */
#define UDT_COUNTERS_MAX 64
struct udt_counter {
    char name[32];
    uint64_t value;
};
int udt_port_stats(const struct udt_port *p, struct udt_counter rows[UDT_COUNTERS_MAX]);
/* Whose datagrams the filter does not let through to UDT: handshakes, and what comes of connected peers. A
 * source (IP address) is told once a minute, and 64 of them at most. 1: *out is filled; 0: there is none. It
 * makes no descriptor readable: ask once a second or so. */
struct udt_drop {
    struct sockaddr_in6 peer; /* IPv4 as mapped */
    const char *rule;         /* of the filter: "mss", "ack", ... */
};
int udt_port_next_drop(struct udt_port *p, struct udt_drop *out);
/* Fills *ev and returns 1, or returns 0 if nothing waits. Deadlines of connects are looked at, too. */
int udt_port_next(struct udt_port *p, struct udt_event *ev);
/* Milliseconds until udt_port_next() should be called even if the descriptor stays quiet; -1: no such
 * time. */
int udt_port_timeout_ms(const struct udt_port *p);
/* Waits (at most `ms`) until datagrams that were handed to UDT have left, then ends UDT in this process.
 * Streams must have been closed. Nothing of this header may be called afterwards. */
void udt_shutdown(int ms);

/* Begins to connect; the end is told by UDT_EV_CONNECTED or _CONNECT_FAILED, at most `timeout_ms` later.
 * `user` is set before any event can come. HX_OK; HX_EADDR: no such address on this port's family; HX_ENOMEM;
 * HX_ESYS. */
int udt_connect(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
                int timeout_ms, void *user);
/* The same from both sides at once, through the hole. Large windows: the stream will carry data. Only
 * one rendezvous with one peer address at a time for each `party`: who says it meets only the other one,
 * or a peer that says nothing. `source`: what is sent leaves by it, see udt_stream_leave_by(); NULL: as
 * the kernel chooses. `peer` may be a canonical address (shim/net/paths.h): then the port sends by the peer's
 * paths, whatever `source` says, and takes what comes by them. */
int udt_rendezvous(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
                   const struct sockaddr_in6 *source, int timeout_ms, enum udt_party party, void *user);
/* To a listener the first bytes of a stream may be told ahead of it (early_data.h), in datagrams beside
 * the handshakes: then its owner has them as soon as it accepts, a round trip sooner. Whether they arrive
 * is not told: the stream carries them too, and a listener that does not know of this reads them there.
 * They are as proven as the client's address is. Where the stream's own bytes are not what was told ahead
 * the listener's stream ends, HX_ECLOSED. */
#define UDT_EARLY_BYTES_MAX 1024
struct udt_early_bytes {
    const void *bytes; /* what the stream begins with: the caller need not write it; NULL if len is 0 */
    size_t len;        /* at most UDT_EARLY_BYTES_MAX */
    /* If the listener has given one: then it needs no other proof that we are where we seem to be, and the
     * first bytes leave with the first handshake. One that does not hold costs nothing. ticket_len 0: none */
    const void *ticket;
    size_t ticket_len; /* at most UDT_TICKET_MAX */
};
#define UDT_TICKET_MAX 32
/* As without early data; `early` NULL: so it is. A listener is told once it has proven that we are where we
 * seem to be. */
int udt_connect_early(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
                      int timeout_ms, const struct udt_early_bytes *early, void *user);
/* What the listener has given for the next visit from the same IP address (UDT_EV_TICKET): it is taken once,
 * and by that listener until it starts anew. Returns its length; 0: none. */
size_t udt_stream_ticket(struct stream *s, uint8_t out[UDT_TICKET_MAX]);
/* To which address of ours (IPv4 as mapped, port 0) and by which interface (its scope id, whatever the
 * address) the answer came that completed an udt_connect(): one that only who has seen our request can give.
 * False: not told. */
bool udt_stream_heard_at(struct stream *s, struct sockaddr_in6 *out);
/* From now on what the stream sends leaves by an address of ours and an interface, in the same form; each may
 * be left to the kernel (unspecified, 0). Where the host has it no more, the kernel chooses. */
void udt_stream_leave_by(struct stream *s, const struct sockaddr_in6 *source);

/* The most bytes that a datagram of the stream may have, UDT's head included and those of IP and UDP not:
 * what is written from now on is cut so. What was written before stays as it was cut, also when it is sent
 * again. From any thread, in any state; the handshake's MSS is a limit as well, and UDT_DATAGRAM_MIN_BYTES
 * is the least. A stock peer acknowledges each packet that is shorter than the MSS. To a canonical address
 * it begins with UDT_DATAGRAM_BASE_BYTES (RFC 8899, 5.1.2; RFC 9000, 14), to others with what the MSS
 * allows. */
#define UDT_DATAGRAM_MIN_BYTES  512
#define UDT_DATAGRAM_BASE_BYTES 1200
void udt_stream_set_datagram_max(struct stream *s, int bytes);

/* The same of all streams of this port to this address. Those that begin later begin with the base. */
void udt_port_set_datagram_max(struct udt_port *p, const struct sockaddr_in6 *peer, int bytes);
/* A peer with paths (shim/net/paths.h) is known to have begun its rendezvous then (of base/clock.h, ms).
 * A handshake of its that has come since, before its path or our own rendezvous was there, counts all
 * the same; one of a second ago or more does not. An older one may be of an attempt that it has given
 * up. */
void udt_port_peer_began(struct udt_port *p, int64_t since_ms);
/* How often in a row one of them has sent again what was not acknowledged, and nothing of it was. */
int udt_port_stuck(struct udt_port *p, const struct sockaddr_in6 *peer);
/* The way to this peer works again: what it has not acknowledged is repeated at once. */
void udt_port_resend_anew(struct udt_port *p, const struct sockaddr_in6 *peer);

/* What came from the peer's address for a stream that connects, or whose connect has failed. */
struct udt_heard {
    uint64_t came, dropped; /* datagrams; how many of them the filter did not let through to UDT */
    const char *rule;       /* by which rule of the filter the last one was dropped; NULL: none */
};
void udt_stream_heard(struct stream *s, struct udt_heard *out);

/* Who is told of UDT_EV_READABLE and UDT_EV_WRITABLE by UDT's receiving thread itself, a wake-up earlier than
 * by the port's descriptor. */
struct udt_watcher {
    /* No lock is held. It must wait for nothing, and may use the stream alone, but not close it. False: not
     * now; then udt_port_next() tells the event. */
    bool (*on_event)(void *user, const struct udt_event *ev);
    void *user;
};
/* Of an open stream. NULL: there is none any more; it is not running either when this returns. */
void udt_stream_watch(struct stream *s, const struct udt_watcher *watcher);

/* How many of `most` bytes write() would take now; more than one datagram are whole ones. What it takes
 * leaves soon: how much may wait to leave is bounded by what the path takes in a few milliseconds
 * (unsent.h). 0: UDT_EV_WRITABLE tells when there is room. */
size_t udt_stream_room(struct stream *s, size_t most);
/* UDT has no half-close; between hx programs one is made with custom control packets that stock UDT ignores.
 * After this nothing more may be written; the peer's read says HX_EEOF once it has read everything, and then
 * UDT_EV_HALF_CLOSED comes. HX_OK or HX_ECLOSED. */
int udt_stream_half_close(struct stream *s);
/* The peer has ended its direction; maybe not all of it has come. */
bool udt_stream_peer_has_ended(struct stream *s);
/* If all of an ended direction was read, the peer hears of it now, not with the next read,
 * which says HX_EEOF. */
void udt_stream_note_end(struct stream *s);
/* The peer's UDT has everything that was written. Known for a moment after the peer has closed, too. */
bool udt_stream_all_acknowledged(struct stream *s);
/* Packets of what was written that have not left this host even once; 0 also if the connection is no more.
 * It may count too many for a moment. */
int udt_stream_unsent(struct stream *s);
/* What is known of both directions' ends. */
struct udt_half_close {
    bool peer_speaks;    /* the peer is an hx program: half_close() will be answered */
    bool sent_confirmed; /* the peer's application has read all that we wrote */
    bool received_all;   /* we have read all that the peer wrote, and its end */
    bool peer_done;      /* the peer knows that both directions are complete: closing loses nothing */
};
void udt_stream_half_close_state(struct stream *s, struct udt_half_close *out);

#endif
