/* shim/net/relays.h: peers that are reached through a relay (proto/relay_frame.h).
 *
 *   net_port_send() to ::ffff:241.x ─► the head of its session before it ─► the relay ─► the peer
 *                                          net_port_read() as from 241.x ◄─ head off ◄─ the relay
 *
 * The peer behind a relay has an address of class E (RFC 1112, section 4), which is on no wire: whoever sends
 * to it, or gets something from it, need not know that there is a relay. What is no datagram of a known
 * session goes to the handler of NET_USER_RELAY. All functions are safe from any thread. */
#ifndef HX_SHIM_NET_RELAYS_H
#define HX_SHIM_NET_RELAYS_H

#include "base/error.h"
#include "proto/relay_frame.h"
#include "shim/net/demux.h"
#include "shim/net/pktinfo.h"
#include <string.h>

#define NET_RELAYS_MAX 8192 /* of one port */

struct net_port;

struct net_relay {
    struct net_address server; /* it may be the end of a tunnel (tunnels.h) */
    struct net_address local;  /* as in struct net_route */
    int32_t socket;            /* likewise */
    uint8_t id[RELAY_ID_BYTES];
    bool calling; /* we are RELAY_CALLER */
};

/* *out: where the peer is from now on. HX_OK; HX_ELIMIT: NET_RELAYS_MAX; HX_EINVAL: there is this half of
 * this session already; HX_ENOMEM. */
int net_relay_add(struct net_port *p, const struct net_relay *relay, struct net_address *out);
/* The relay is reached there now. Unknown addresses are fine. */
void net_relay_move(struct net_port *p, const struct net_address *peer, const struct net_address *server,
                    const struct net_address *local);
/* What is still sent there is lost; the address is not given again for a long time. Unknown ones are fine. */
void net_relay_remove(struct net_port *p, const struct net_address *peer);

static inline bool net_relay_is_peer(const struct net_address *a)
{
    static const uint8_t prefix[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 241};

    return memcmp(a->ip, prefix, sizeof prefix) == 0;
}

/* For net_port.c and net_port_send.c. */
struct relays;

struct relays *relays_create(void); /* NULL: there is no memory */
void relays_destroy(struct relays *r);
/* Turns way->to, a peer's address, into the way to its relay. False: there is none. */
bool relays_way(struct relays *r, struct net_route *way, uint8_t head[RELAY_HEAD_BYTES]);

/* The port is a party of a session, at least. */
bool relays_any(const struct relays *r);

enum relays_verdict { RELAYS_OTHER, RELAYS_TAKEN, RELAYS_DROP };
/* RELAYS_TAKEN: *d was a datagram of a session, from its relay, and is now what stood in it, as from the
 * peer. RELAYS_OTHER: it is something else, and stays as it is. RELAYS_DROP: no peer sends such. */
enum relays_verdict relays_take(struct relays *r, struct net_datagram *d);

#endif
