/* client/tunnel.h: UDP through TCP to a nameserver (RFC 9298), for where UDP does not reach it. Everything is
 * called and calls back with the engine's lock held.
 *
 *   UDT, relay ─► net_port_send(100::n) ─► far end (shim/net/tunnels.h) ─► capsules ─► dial ─► TCP, TLS, proxies ─► S
 *        net_port_read() ◄───────────────── far end ◄──────────────────── capsules ◄─ dial ◄──────────────────────┘
 *
 * Seen from a UDP port there is one tunnel to each place, whoever uses it, and the nameserver is at the
 * address that tunnel_server() tells.
 *
 *   DIALING ── TCP is open ──► UPGRADING ── 101 ──► OPEN
 *      └──────────────┬─────────────┴────────────────┘ it failed, it broke, nobody uses it any more
 *                     ▼
 *                   ENDED */
#ifndef HX_CLIENT_TUNNEL_H
#define HX_CLIENT_TUNNEL_H

#include "base/host_port.h"
#include "client/engine.h"
#include "shim/net/net_address.h"
#include <netinet/in.h>

#define TUNNEL_OPEN_MS   6000 /* from the beginning to the answer 101: TCP, a proxy, TLS, and a slow way */
#define TUNNEL_LINGER_MS 3000 /* without a user: the next one may come, and last words leave */

struct tunnel_place {
    struct host_port tcp; /* where TCP is */
    uint16_t udp_port;    /* of the nameserver's */
    bool tls;
    bool udp_unwanted; /* whoever uses it stays with it when UDP gets through again */
};

bool tunnel_same_place(const struct tunnel_place *a, const struct tunnel_place *b);

struct tunnel_user { /* zeroed but for the first three; its owner's memory */
    void (*on_open)(struct tunnel_user *u);
    /* The last one, and the user has left. HX_ERESOLVE, HX_EREFUSED, HX_ETIMEDOUT: no way to it;
     * HX_EREJECTED: it has no tunnels, `text` says why; HX_EEOF, HX_ECLOSED: it was open; other ones
     * of client/dial.h. */
    void (*on_end)(struct tunnel_user *u, int error, const char *text);
    void *owner;
    /* The rest is private. */
    struct tunnel *tunnel;
    bool told; /* of on_open() */
    struct tunnel_user *prev, *next;
};

/* `port`: whose datagrams go through it; `families`: a mask of FAMILY_* to reach the place by. HX_OK;
 * HX_ENOMEM, HX_ESYS, HX_ELIMIT. Never calls back before it returns. */
int tunnel_use(struct tunnel_user *u, struct udt_port *port, const struct tunnel_place *place, int families);
/* That to the nameserver at this address, by which some other user knows it. HX_OK; HX_ENOTFOUND: there is no
 * such tunnel, or it is not open. */
int tunnel_use_server(struct tunnel_user *u, const struct udt_port *port, const struct net_address *server);
void tunnel_leave(struct tunnel_user *u); /* again is fine */
/* Of a user's tunnel: where it leads, and by which families. */
const struct tunnel_place *tunnel_place(const struct tunnel_user *u, int *families);
/* Where the nameserver is, for what leaves by that port. Of a user, once on_open() has come. */
const struct sockaddr_in6 *tunnel_server(const struct tunnel_user *u);
/* Whether there is an open tunnel from this port to this place. */
bool tunnel_is_open(const struct udt_port *port, const struct tunnel_place *place);
/* Nothing has come through it for too long: it ends, and who needs it dials anew. */
void tunnel_suspect(struct tunnel_user *u);

#endif
