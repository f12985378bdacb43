/* server/tunnel.h: UDP through TCP (RFC 9298): who carries whose datagrams to the server's own UDP ports.
 * Knows neither connections nor TCP; server/conn_tunnel.c does.
 *
 *   TCP ─► conn ─► tunnel_take(): capsules ─► datagrams from 100::x ─► UDT, STUN, relay
 *   TCP ◄─ conn ◄─ give() ◄──────────────── datagrams to 100::x ◄──── of the UDP port
 *
 * Each tunnel has an address of 100::/64 of its own, by which UDT's connections through it are known, as the
 * peers of others are by theirs: 100::SOURCE:NUMBER, the latter never given twice. SOURCE is a keyed hash of
 * whom limits count the TCP connection to: rates (base/rate.h) are those of a source, whatever tunnels it
 * opens, and tell nobody who it is. */
#ifndef HX_SERVER_TUNNEL_H
#define HX_SERVER_TUNNEL_H

#include "proto/endpoint.h"
#include "proto/upgrade.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TUNNEL_PORTS_MAX      16     /* UDP ports of the server */
#define TUNNEL_QUEUE_BYTES    262144 /* of one, that its peer has not taken; above, datagrams are lost */
#define TUNNEL_TURN_DATAGRAMS 256    /* taken from one UDP port in one turn */

struct counters;
struct loop;
struct tunnel;
struct tunnel_member;
struct tunnels;
struct udt_port;

/* HX_OK or HX_ENOMEM. *counters stays the caller's. */
int tunnels_create(struct tunnels **out, struct counters *counters);
/* Those of which a tunnel is are gone. NULL is fine. */
void tunnels_destroy(struct tunnels *t);
/* From now on tunnels may lead to this port. HX_OK; HX_ESYS with errno; HX_ELIMIT. */
int tunnels_add_port(struct tunnels *t, struct udt_port *port);
bool tunnels_has_port(const struct tunnels *t);
/* Datagrams are carried from now on. HX_OK or HX_ENOMEM. */
int tunnels_begin(struct tunnels *t, struct loop *loop);

struct tunnel_owner {
    /* The port has sent this datagram to the peer. */
    void (*give)(void *owner, const uint8_t *bytes, size_t len);
    void *owner;
};

/* `source`: whom limits count its TCP connection to. HX_OK; HX_EREJECTED: it may not lead there;
 * HX_ENOMEM. */
int tunnel_open(struct tunnel **out, struct tunnels *t, const struct upgrade_target *target,
                const struct endpoint *source, const struct tunnel_owner *owner);
/* Bytes of the TCP connection. HX_OK; HX_EPROTO, HX_ETOOBIG: these are no capsules. */
int tunnel_take(struct tunnel *tn, const void *bytes, size_t len);
const struct endpoint *tunnel_address(const struct tunnel *tn);
/* Connections that have come by it. */
size_t tunnel_members(const struct tunnel *tn);
/* Nothing is carried any more, and its members are told. NULL is fine. */
void tunnel_close(struct tunnel *tn);

/* A connection whose peer has an address of 100::/64 has come: NULL: its tunnel is gone, or there is no
 * memory. When the tunnel closes over() is called, once. */
struct tunnel_member *tunnel_member_join(struct tunnels *t, const struct endpoint *peer,
                                         void (*over)(void *member), void *member);
void tunnel_member_leave(struct tunnel_member *m); /* NULL is fine */

/* Whom limits count a connection of `peer` to: who has the tunnel, as long as it is open or has members; else
 * `peer`. */
const struct endpoint *tunnels_source(const struct tunnels *t, const struct endpoint *peer);

#endif
