/* shim/net/paths.h: a peer that is reached by whichever path is best now.
 *
 * Whoever sends to a peer of this kind knows one address of it, the canonical one: ::ffff:240.a.b.c, of class
 * E (RFC 1112, section 4), which is on no wire. The port sends what goes there by the peer's paths. A path is
 * an address of the peer, an address or interface of ours, and one of the port's sockets.
 *
 *   SEEKING   what is small leaves by every path: handshakes, acknowledgements. What is large leaves by the
 *             path that was in use, else by the one last heard, else by the first one.
 *   IN USE    everything leaves by one path.
 *
 * A peer begins with SEEKING. All functions are safe from any thread and wait for nothing; those that take a
 * peer may not run while net_peer_destroy() takes it. A peer ends before its port. */
#ifndef HX_SHIM_NET_PATHS_H
#define HX_SHIM_NET_PATHS_H

#include "base/error.h"
#include "shim/net/fragments.h"
#include "shim/net/pktinfo.h"
#include <stddef.h>
#include <string.h>

#define NET_PATHS_MAX   16   /* of one peer */
#define NET_PEERS_MAX   4096 /* of one port */
#define NET_SMALL_BYTES 128  /* of a datagram: what is small leaves by every path of a peer that is sought */

struct net_port;
struct net_peer;

struct net_path {
    struct net_address remote;
    struct net_address local; /* address, interface, or both may be left to the kernel (struct net_route) */
    int32_t socket;           /* 0: the port's own; else the number of an extra one (net_port.h) */
};
static_assert(sizeof(struct net_path) == 52, "no padding: paths are compared as bytes");

struct net_peer_view {
    struct net_path used; /* remote.port 0: none yet, or it was removed */
    bool seeking;
    struct net_path heard; /* by which the last datagram came that is the peer's; remote.port 0: none yet */
    /* Of base/clock.h, ms; 0: never. */
    int64_t heard_ms, sent_ms;
    int64_t unanswered_ms; /* the first datagram since heard_ms that wants an answer (struct net_route) */
    uint64_t sent, came;   /* datagrams; one that leaves by several paths counts once */
};

/* HX_OK; HX_ENOMEM; HX_ELIMIT: NET_PEERS_MAX. */
int net_peer_create(struct net_peer **out, struct net_port *p);
/* NULL is fine. What still goes to its address is dropped from now on; the address is not given again for a
 * long time. */
void net_peer_destroy(struct net_peer *peer);
const struct net_address *net_peer_address(const struct net_peer *peer);

/* One that is there already stays as it is. While the peer is sought, whoever is at path->remote gets all that
 * is small, the last such datagram at once: it must be somebody who may. HX_OK; HX_EINVAL: no port, or itself a canonical address; HX_ENOMEM; HX_ELIMIT:
 * NET_PATHS_MAX. */
int net_peer_add(struct net_peer *peer, const struct net_path *path);
/* If it was the one in use, the peer is sought. */
void net_peer_remove(struct net_peer *peer, const struct net_path *path);
/* From now on everything leaves by `path`, which is added if need be (errors as above). `rtt_us`: its round
 * trip, for whoever asks net_paths_changes(); 0: not measured. */
int net_peer_use(struct net_peer *peer, const struct net_path *path, int64_t rtt_us);
/* The path in use is being checked. */
void net_peer_seek(struct net_peer *peer);
void net_peer_view(struct net_peer *peer, struct net_peer_view *out);

/* Longer datagrams to it leave in pieces of at most `bytes` bytes, which its port puts together if it was
 * told the same tag (fragments.h). Before this is called nothing is cut, and no pieces are taken. UDT's first
 * handshakes say the tag, too: two hosts may have several sessions at once, over the same paths. */
void net_peer_fit(struct net_peer *peer, const uint8_t tag[FRAGMENT_TAG_BYTES], int bytes);
/* What it was called with last; 0: never. */
int net_peer_fits(const struct net_peer *peer);

/* The tag of the peer of this canonical address. False: there is no such peer, or it was told none. */
bool net_paths_tag(struct net_port *p, const struct net_address *canonical, uint8_t tag[FRAGMENT_TAG_BYTES]);

/* For whoever reads a port and knows what a datagram says. */

static inline bool net_paths_is_canonical(const struct net_address *a)
{
    static const uint8_t prefix[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 240};

    return memcmp(a->ip, prefix, sizeof prefix) == 0;
}
/* Whether `from` (what came from from->to, to from->local, by from->socket) is a path of the peer of this
 * canonical address. One at a time, as the next one: those who ask hold the lock of the port's tap. */
bool net_paths_has(struct net_port *p, const struct net_address *canonical, const struct net_route *from);
/* And what came there is the peer's. */
void net_paths_heard(struct net_port *p, const struct net_address *canonical, const struct net_route *from,
                     int64_t now_ms);
/* How often its packets have begun to take another path than before. 0: never; or there is no such peer.
 * *rtt_us: that of the last of them, as net_peer_use() was told. */
uint32_t net_paths_changes(struct net_port *p, const struct net_address *canonical, int64_t *rtt_us);
/* The canonical addresses of all peers that have this path, the newest first, at most `max`. How many. */
int net_paths_of(struct net_port *p, const struct net_route *from, struct net_address *out, int max);

#endif
