/* client/agent.h: the paths to one peer, for a session that the nameserver has given to both (RFC 8445 calls
 * who does this an agent). It knows where the peer may be reached, asks there, and tells shim/net which way
 * the connection takes; UDT knows the peer by agent_address() alone. Everything is called and calls back with
 * the engine's lock held, unless said otherwise.
 *
 *   candidates ─► paths ─► probe_inbox: requests and answers ─► path_choice ─► net_peer_use()
 *                   ▲                       │
 *                   └── where an authentic request came from
 *
 * The first key is the session's. Once both sides have proven that they share one of their own, probes are
 * proven by what only they can derive, and the nameserver can steer nothing more. */
#ifndef HX_CLIENT_AGENT_H
#define HX_CLIENT_AGENT_H

#include "client/path_choice.h"
#include "client/relay_party.h"
#include "client/uplink.h"
#include "proto/candidates.h"
#include "proto/nat_mapping.h"
#include "proto/peer_fields.h"
#include "proto/session.h"
#include "shim/udt/udt.h"

#define AGENT_SECRET_BYTES 32
/* So long after an introduction the nameserver still knows that it may relay for the two
 * (server/relay_table.h). */
#define AGENT_OFFER_MS  25000
#define AGENT_LINGER_MS 5000 /* UDT's last words about a connection still need its paths */

struct agent;

struct agent_path {
    struct endpoint remote; /* where the peer is reached */
    /* "lan", "ipv6", "direct", "mapped", "predicted", "birthday" (client/hard_nat.h); "relayed": `remote` is
     * the relay's */
    const char *kind;
    int64_t rtt_us; /* 0: not measured */
};

enum agent_reach {
    AGENT_DIRECT,  /* or not known yet */
    AGENT_LOST,    /* no path works: whoever can shall have both told anew of each other (agent_told()) */
    AGENT_RELAYED, /* likewise, now and then, since there may be a better path */
};

struct agent_callbacks {
    void (*path_changed)(void *user); /* see agent_path() */
    /* Also without a change: relayed, and this host's network is another one. */
    void (*reach_changed)(void *user, enum agent_reach reach);
    /* What the peer's stream will say first has come ahead of it, in an authentic probe: perhaps not for
     * the first time. To be copied. It may call agent_say_early(), and nothing else of this header. */
    void (*early)(void *user, const uint8_t *bytes, size_t len);
    void *user;
    /* A limit of the nameserver's relay keeps the two back, or does not let them in. */
    void (*relay_limited)(void *user, enum relay_reason reason);
};

struct agent_config {
    struct udt_port *port;
    const struct session *session;
    int families;                 /* FAMILY_* of client/race.h: of the others no candidate is tried */
    bool calling;                 /* we have asked for the peer's name */
    struct uplink uplink;         /* by which the nameserver is reached */
    struct net_address server;    /* where, if it relays; port 0: not known */
    int relay_after_ms;           /* the relay is tried so much later than other ways; -1: never */
    uint32_t scope_id;            /* of a link-local peer (RFC 4007) */
    struct candidates candidates; /* the peer's */
    struct nat_mapping own, peer; /* as each has told the other one */
    struct endpoint external;     /* where the nameserver sees us; AF_UNSPEC: not known */
    const uint8_t *early;         /* see agent_say_early() */
    size_t early_len;
    struct agent_callbacks callbacks; /* see agent_watch() */
};

/* Begins to ask. HX_OK; HX_EADDR: no candidate can be reached; HX_ELIMIT: too many sessions; HX_ENOMEM,
 * HX_ESYS. */
int agent_begin(struct agent **out, const struct agent_config *config);
/* Gives up its timers and callbacks at once, and its paths AGENT_LINGER_MS later if UDT has connected, else
 * at once, too: attempts may come and go quickly. NULL is fine. */
void agent_end(struct agent *a);
/* The agent of a session that was given before, and has not ended, at whatever port; NULL: there is none. Who
 * connects to a name of its own process has two, one of which is `calling`. */
struct agent *agent_find(const uint8_t id[SESSION_BYTES], bool calling);
/* Whose callbacks are called. */
void agent_watch(struct agent *a, const struct agent_callbacks *callbacks);

/* The peer shall know early what our stream will say first: until both sides are proven it is copied into the
 * requests of who calls, and of who is called into the answers to those that had the caller's. More than
 * PROBE_EARLY_MAX bytes: nothing is said. */
void agent_say_early(struct agent *a, const uint8_t *bytes, size_t len);

/* What UDT is told to connect to. */
void agent_address(const struct agent *a, struct sockaddr_in6 *out);
/* UDT has connected. */
void agent_connected(struct agent *a);
/* What another introduction of the two tells. */
struct agent_news {
    const struct candidates *peer;
    const struct nat_mapping *peer_mapping;
    const struct peer_fields *own; /* what the peer was told of us */
    const struct uplink *uplink; /* by which the nameserver is reached now, so that the peer sees us there, */
    struct net_address server;   /* and where, if it relays; port 0: not known */
    const struct session *session; /* which it may relay; NULL: none */
};
/* The nameserver tells of the peer anew; one that does it all the time is not followed. */
void agent_told(struct agent *a, const struct agent_news *news);
/* The peer was not reached. */
void agent_failed(struct agent *a);
/* This host's addresses or routes have changed. */
void agent_network_changed(struct agent *a);
/* The path in use, or the one that the peer was heard on last. False: none yet. */
bool agent_path(const struct agent *a, struct agent_path *out);
/* What has been tried, for people. */
struct agent_tried {
    struct nat_mapping own, peer;
    bool hopeless;     /* nothing but what all do has been tried: hard_nat.h */
    bool heard;        /* a request or an answer of the peer has come, by any path */
    int64_t told_ms;   /* when that was told */
    uint64_t probes;   /* requests */
    int introductions; /* of the two by the nameserver */
    struct {
        bool offered; /* the nameserver has */
        bool wanted;  /* by us */
        bool begun;
        enum relay_state state;
        enum relay_reason reason;
    } relay;
};
void agent_tried(const struct agent *a, struct agent_tried *out);
const struct session *agent_session(const struct agent *a);
struct udt_port *agent_port(const struct agent *a);

/* From any thread, without the engine's lock; agent_end() must not run meanwhile. */
/* Both sides have proven themselves, and have this in common. */
void agent_prove(struct agent *a, const uint8_t secret[AGENT_SECRET_BYTES]);
/* The application has written something: is the path still there? Cheap, if it was heard on lately. */
void agent_wake(struct agent *a);
/* A datagram that is none of UDT's, by the way that UDT's take. -1: it did not leave; errno. */
int agent_send_beside(struct agent *a, const uint8_t *bytes, size_t len);
/* Bytes of such a datagram that pass in one packet, as far as is known. */
int agent_datagram_room(const struct agent *a);

#endif
