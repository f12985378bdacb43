/* shim/udt/tap.h: what stands between UDT's threads and one UDP port (shim/net). libudt.a is linked with
 * --wrap=recvmsg,sendmsg: every datagram passes here, in before UDT sees it, out after UDT made it. From them
 * the tap tells which UDT socket has become readable, writable, connected or closed, and when a peer was last
 * heard; it lets the filter judge, paces keepalives, makes UDT act where it would wait, and carries the end
 * of a direction (half_close.h).
 *
 * A datagram that comes in, on UDT's receiving thread:
 *
 *   UDT's worker: recvmsg ─► worker.c ─► net_port_read() ─► demux ─► inbound.c ─► filter, or a drop
 *     ▲                         │                                       │
 *     └──── the datagram ◄──────┤          id 0: listener_handshake ◄───┴──► conn_table: what does the state
 *           if it shall pass    │                  │                          of the connection make of it?
 *                               │                  └► answer ─► net_port_send()       │
 *                               │                                                     └► readiness: its news
 *                               └─ before it reads: what was kept (kept.h), what is due (due.c), whom to
 *                                  visit again (idle_suspension.c)
 *
 * A datagram that goes out, on any of UDT's threads:
 *
 *   UDT: sendmsg ─► sender.c ─► outbound.c ─► not sent (a surplus keepalive), or
 *                      │            └► conn_table: pending_accept, sent_ms;  readiness: its news
 *                      └► net_port_hold() or net_port_send()
 *   control.c: our own packets ─► net_port_send()
 *
 * An event, to the thread that polls the port's descriptor, or on UDT's worker to who watches the connection:
 *
 *   readiness ─► tap_next() ─► udt_port.cc ─► udt_port_next() ─► the application
 *       └──────► worker_tell() ─► udt_stream.cc ─► udt_watcher ─► the application
 *
 * UDT's object changes after the datagram was handed over: news of a datagram is told once UDT's worker comes
 * back for the next one.
 *
 * Who includes whom, upwards:
 *
 *   udt_port, udt_stream │ override_*
 *   tap: create, end, connections as the application sees them │ worker, sender: UDT's threads
 *   inbound, outbound, due │ give_back, on sent_use │ idle_suspension
 *   control: packets of our own
 *   tap_parts: struct tap
 *   listener_handshake │ gathering │ conn_table, on readiness, on udt_conn, on kept
 *   drops, on filter │ early_packet, on early_data │ cookie, tickets, half_close, resend, shutdown_check │
 *   flow: on delivery, path_model, receipts and nak_delay, on receipt_packet │ packet, news, party │ shim/net
 *
 * Between two that know of receipts flow.h has the say when UDT's sender sends what: override_pack_data.cc and
 * override_process_data.cc ask and tell it, inbound.c and due.c bring what the peer says, worker.c sends receipts.
 *
 * A peer with several paths (shim/net/paths.h) has one canonical address here: inbound.c puts it in the place
 * of the one that a datagram came from, and the port finds the path for what leaves.
 *
 * Ids are UDT's socket ids. All functions are safe from any thread; none calls into UDT; none blocks except
 * tap_detach(), tap_conn_closing() and tap_conn_watch(), the last only if it ends a watch. */
#ifndef HX_SHIM_UDT_TAP_H
#define HX_SHIM_UDT_TAP_H

#include "base/error.h"
#include "shim/net/net_port.h"
#include "shim/udt/drops.h"
#include "shim/udt/early_data.h"
#include "shim/udt/flight.h"
#include "shim/udt/half_close.h"
#include "shim/udt/news.h"
#include "shim/udt/party.h"
#include "shim/udt/unsent.h"
#include <stdbool.h>
#include <stdint.h>

struct tap;

struct tap_config {
    bool listening;
    uint32_t window_max;       /* packets: what handshakes may announce (shim/udt/filter.h) */
    unsigned rate_per_address; /* listening: new connections a second of one source; 0: unlimited */
};

struct tap_stats {              /* since the start */
    uint64_t drops[DROPS];      /* datagrams that came, by what became of them; [FILTER_PASS]: given to UDT */
    uint64_t shutdowns_checked; /* without proof: the peer was asked */
    uint64_t keepalives_held;   /* of UDT's, not sent because the peer had heard from us */
    uint64_t early_taken;       /* first bytes that came ahead of their stream */
    uint64_t tickets_given, tickets_taken;
};

/* `port` stays the caller's; its descriptor is what UDT gets. HX_OK, HX_ENOMEM, HX_ESYS, HX_ELIMIT: too many
 * ports. */
int tap_create(struct tap **out, struct net_port *port, const struct tap_config *config);
/* NULL is fine. UDT must have stopped using the descriptor. */
void tap_destroy(struct tap *t);
/* From now on UDT gets no datagram any more: its threads can be ended without a deadlock. */
void tap_detach(struct tap *t);
/* UDT has closed the descriptor, whose number may be another's now. UDT has no threads for it. */
void tap_descriptor_closed(struct tap *t);

/* Another rate_per_address from now on, if it listens. */
void tap_set_rate(struct tap *t, unsigned rate_per_address);

/* Readable while news waits. */
int tap_event_fd(const struct tap *t);
/* 1 and one id with all its news since it was last told, or 0. */
int tap_next(struct tap *t, int32_t *id, unsigned *news);

struct flow;

/* A socket is about to connect, and what it sends shall leave by `local`. `flow`: of a rendezvous, and NULL of
 * others; it is held. `party`: likewise. `early`: it tells this ahead; NULL: nothing. HX_OK, HX_ENOMEM. */
int tap_conn_connecting(struct tap *t, int32_t id, const struct sockaddr *peer,
                        const struct net_address *local, struct flow *flow, enum udt_party party,
                        const struct early_conn *early);
/* A ticket of the listener that it is connected to, for the next visit. False: none has come. */
bool tap_conn_ticket(struct tap *t, int32_t id, struct early_ticket *out);
/* UDT::connect() has returned. Before, UDT must not see an answer: its worker would ask for the next
 * handshake to be sent at once, connect() would then note "just sent", and the next one would leave 250 ms
 * later. */
void tap_conn_started(struct tap *t, int32_t id);
/* accept() has returned `id`. *peer is filled (IPv4 as mapped), and *told with what the peer has told
 * ahead, to be free()d; NULL: nothing. False: unknown id. */
bool tap_conn_accepted(struct tap *t, int32_t id, struct sockaddr_in6 *peer, struct early_bytes **told);
/* UDT says that `id` is connected: payload that came too early is given to UDT again, the peer gets a
 * keepalive so that a rendezvous connects there as well, and the exchange of shim/udt/half_close.h begins if
 * `half_close`. */
void tap_conn_connected(struct tap *t, int32_t id, bool half_close);
/* A peer has begun to connect then, as we know now: see udt_port_peer_began(). */
void tap_peer_began(struct tap *t, int64_t since_ms);
/* A copy of what was said and heard while it connects. False: it does not (any more). */
bool tap_conn_flight(struct tap *t, int32_t id, struct flight *out);
/* To which address of ours, and by which interface (its scope), the answer came that showed that a listener
 * has seen our request. False: unknown, or not told. */
bool tap_conn_heard_at(struct tap *t, int32_t id, struct net_address *out);
/* From now on what it sends leaves by `local`. */
void tap_conn_leave_by(struct tap *t, int32_t id, const struct net_address *local);
/* From now on what can be read and written is told by `watch` (news.h) as soon as UDT's worker knows it,
 * and by the port's descriptor only when that does not take it. NULL: no more; it is not running either
 * when this returns. */
void tap_conn_watch(struct tap *t, int32_t id, const struct udt_watch *watch);
/* Of a rendezvous, see unsent.h. */
void tap_conn_written(struct tap *t, int32_t id, const struct unsent_write *w);
/* How many packets more shall be written now. 0: TAP_WRITABLE tells when to ask again. */
uint32_t tap_conn_room(struct tap *t, int32_t id);
/* No datagram for `id` reaches UDT from now on, and none is being worked on (UDT4.md, A3). */
void tap_conn_closing(struct tap *t, int32_t id);
/* UDT has closed it. What the peer may still ask about the end of the directions is answered for a while. */
void tap_conn_remove(struct tap *t, int32_t id);
/* Of base/clock.h, ms; 0: unknown id. */
int64_t tap_conn_heard_ms(struct tap *t, int32_t id);
/* How often in a row what the peer has not acknowledged was sent again, and nothing of it
 * acknowledged. */
int tap_conn_stuck(struct tap *t, int32_t id);
/* resend_anew() */
void tap_conn_resend_anew(struct tap *t, int32_t id);
/* Asks the peer for a sign of life, past UDT and its pacing: a full ACK, which every living UDT answers. */
void tap_conn_ask(struct tap *t, int32_t id);

/* The application has written its last byte, `offset` in all; it has read the peer's last byte. */
void tap_conn_end(struct tap *t, int32_t id, uint64_t offset);
void tap_conn_read(struct tap *t, int32_t id);
/* A copy of the state. False: unknown id. */
bool tap_conn_half_close(struct tap *t, int32_t id, struct half_close *out);
/* Removed connections whose peers may still ask. */
int tap_lingering(struct tap *t);

void tap_get_stats(struct tap *t, struct tap_stats *out);
/* See drops_next(). */
bool tap_next_drop(struct tap *t, struct net_address *from, enum drop *why);

#endif
