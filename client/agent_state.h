/* client/agent_state.h: the inside of an agent, for agent*.c alone. */
#ifndef HX_CLIENT_AGENT_STATE_H
#define HX_CLIENT_AGENT_STATE_H

#include "base/token_bucket.h"
#include "client/agent.h"
#include "client/hard_nat.h"
#include "client/hard_turns.h"
#include "client/nat.h"
#include "client/path_mtu.h"
#include "client/probe_inbox.h"
#include "secure/mac.h"
#include "shim/net/paths.h"
#include <stdatomic.h>

enum agent_note { AGENT_NOTE_PROVEN = 1, AGENT_NOTE_WAKE = 2 };

#define AGENT_REPLAY_MAX 1024 /* requests that may overtake each other */

struct agent_keys {
    bool set;
    uint8_t out[MAC_KEY_BYTES], in[MAC_KEY_BYTES];
    uint64_t newest;                      /* request of the peer; */
    uint64_t seen[AGENT_REPLAY_MAX / 64]; /* bit number % AGENT_REPLAY_MAX: it has come */
};

struct agent_way {
    struct net_path at;
    bool linked; /* shim/net knows it, and takes what comes by it for the peer's */
    bool spent;  /* and what UDT may send there counts as to an unvalidated one */
    bool opens;  /* agent_hops() first, before anything else leaves */
    bool spare;  /* by our further port, to a peer whose NAT takes what comes unasked */
    int early;   /* so many requests have left by it with early bytes */
    struct path_mtu mtu;
};

struct agent_hard {
    struct nat_mapping own, peer; /* as told, or supposed: agent_as_told() */
    enum hard_nat_method method;
    int guesses;              /* hard_nat_suppose()'s, that were made */
    int64_t suppose_ms;       /* the first is made; 0: there is none */
    struct endpoint seen;     /* where the nameserver sees the peer: nobody else is asked so often */
    struct net_address local; /* by which address of ours, as what the nameserver gets */
    bool peer_public;         /* no NAT is in front of the peer */
    struct hard_turn turn;
    bool begun;
    struct nat_count *count; /* how far our NAT has gone is being asked */
    bool counted;            /* that has been done, for this method */
    bool one_nat;            /* both are behind one, which counts for both */
    bool held;               /* the called has had its time to open sockets there */
    bool again;              /* the two have met before: there is no need to wait for less */
    bool helped;             /* they have met since it began: what is told next begins another one */
    int gone;                /* steps since the peer was told */
    uint16_t own_at_begin, peer_at_begin; /* the last ports then */
    int64_t told_ms;                      /* what is done now was told then */
    int64_t heard_ms;                     /* when the peer was, by any path; 0: not yet */
    int64_t begun_ms, say_ms, due_ms;     /* INT64_MAX: nothing is to be done (any more) */
    int round;
    uint16_t port; /* OPEN_SOCKETS: that is asked by all */
    uint32_t seed;
    int64_t sent;     /* SPRAY */
    int asked;        /* by all methods of this session: HARD_NAT_MOST in HARD_NAT_MOST_MS, ... */
    int64_t asked_ms; /* ... which have begun then */
    int sockets[HARD_NAT_SOCKETS], socket_count;
    bool moved; /* a NAT that counts has gone on by them */
    /* A further port, where nothing has come by this one: something on the way keeps the pair of addresses
     * for itself. */
    struct spare_port *spare_asked; /* where peers see it */
    int spare;                      /* its socket; 0: none */
    bool spare_said; /* the peer knows it: asked by it before, its NAT may take the pair of addresses */
    bool spare_used;
    struct endpoint spare_at, peer_spare; /* AF_UNSPEC: not known */
    int64_t spare_due_ms;                 /* it is opened, or then used; INT64_MAX: neither */
};

#define AGENT_RELAYS 2

/* What the nameserver relays for the two. */
struct agent_relay {
    bool offered;
    int after_ms;           /* -1: it is not wanted */
    struct session session; /* of the last introduction */
    struct net_address server, local;
    int64_t first_ms;                       /* the first introduction */
    int64_t told_ms, due_ms;                /* the last one; INT64_MAX: nothing is to be begun */
    int64_t direct_ms;                      /* since when another path works; 0: none does */
    bool over;                              /* this connection has had its time */
    struct relay_party *list[AGENT_RELAYS]; /* NULL: none */
    bool begun;
    enum relay_state state; /* of the last that was begun or has changed */
    enum relay_reason reason;
};

struct agent {
    struct probe_member member; /* first: a pointer to it is one to the whole */
    struct engine_member engine;
    struct nat_watch nat;
    struct timer timer;
    struct agent *prev, *next;
    struct agent_callbacks callbacks;
    struct udt_port *port;
    struct uplink uplink;
    uint32_t scope_id;
    struct endpoint external; /* where the nameserver has seen us to begin with; AF_UNSPEC: not known */
    bool seen_there;          /* and so has the peer */
    struct session session;
    int families;
    bool calling;
    bool connected; /* UDT is */
    bool ended;     /* nobody is told anything; it waits for AGENT_LINGER_MS */
    bool canceled;  /* the library has ended */
    bool suspect;   /* the path in use is checked, or lost; */
    bool lost;      /* as was seen last */
    enum agent_reach told_reach;
    struct net_peer *peer;
    struct path_choice choice;
    struct agent_way ways[PATH_CHOICE_MAX]; /* the paths of `choice`, by their place */
    int applied;                            /* the place of what shim/net uses; -1: it seeks */
    struct net_path told_path;              /* the one that was in use last */
    struct agent_hard hard;
    struct agent_relay relay;
    atomic_bool beside;     /* what is not UDT's was sent that was longer than any path carries for sure */
    int64_t mtu_checked_ms; /* since that is so */
    int fitted;             /* the longest datagram, as UDT and shim/net were told */
    uint64_t number;        /* of our last request */
    int64_t connected_ms;
    int64_t moved_ms; /* when the peer said last that its paths are lost */
    bool unheard;     /* the nameserver has told of the peer anew, and no request of its has come since */
    int introductions;
    struct token_bucket told;        /* what agent_told() takes of */
    struct agent_keys given, proven; /* from the nameserver; from the two alone */
    bool peer_proven;                /* the peer has used the latter: the former are void */
    uint8_t early[PROBE_EARLY_MAX];  /* what our stream will say first */
    size_t early_len;
    pthread_mutex_t mutex; /* of `secret`, which any thread gives */
    uint8_t secret[AGENT_SECRET_BYTES];
    atomic_bool awake; /* it looks at the traffic soon, without being told */
};

/* agent.c: time has passed, or something has come: asks, chooses, tells, and sets the timer. */
void agent_turn(struct agent *a);

/* agent_paths.c */
/* The place of the path that a datagram has come by; -1: it is none. */
int agent_way_of(const struct agent *a, const struct net_route *from);
/* Has the peer been heard by any that is not relayed? */
bool agent_heard(const struct agent *a);
/* A path to `remote`, new or not: its place; -1: there is no room. Not linked yet. */
int agent_add_way(struct agent *a, const struct net_path *at, enum path_rank rank);
/* Whether anything may leave by it: it has answered, or is at the host where the nameserver sees the peer.
 * Else whoever knows the session's key can name anybody's address, or put it on a request of its own. */
bool agent_way_proven(const struct agent *a, int at);
/* There is no such path any more. */
void agent_drop_way(struct agent *a, int at);
/* What was told about the peer. */
void agent_add_candidates(struct agent *a, const struct candidates *c);
/* What UDT sends leaves there, too. */
void agent_link(struct agent *a, int at);
/* If that may be: somebody else may be there. */
void agent_link_candidate(struct agent *a, int at);
/* It has answered. */
void agent_way_answers(struct agent *a, int at);
/* Where the peer has never been heard is not a way that the connection's datagrams take. */
void agent_unlink_silent(struct agent *a);
/* Nor does UDT go on to ask there when we do not any more, unless it is proven. */
void agent_unlink_unproven(struct agent *a);
/* The peer's request has come by this address and interface of ours. Where no path works, as after the
 * default route has moved, ours may have to leave by them, too. */
void agent_answers_by(struct agent *a, int at, const struct net_address *local);
/* The kernel shall choose by which address of ours it leaves. */
void agent_reset_locals(struct agent *a);

/* agent_probes.c */
int agent_make_keys(struct agent *a); /* from the session. HX_ENOMEM */
void agent_take_secret(struct agent *a);
void agent_send_request(struct agent *a, int at);
/* A request of `len` bytes: a->number. -1: errno. */
int agent_send_padded(struct agent *a, int at, int len);
/* To where there may be a path. */
void agent_send_to(struct agent *a, const struct net_route *route);
void agent_take_probe(struct agent *a, const struct arrived_probe *arrived);

/* agent_hard.c */
void agent_hard_told(struct agent *a, const struct nat_mapping *own, const struct nat_mapping *peer,
                     const struct endpoint *seen);
void agent_hard_turn(struct agent *a, int64_t now_ms); /* until a->hard.due_ms */
/* What was told, where it may be supposed to be another one. */
struct nat_mapping agent_as_told(const struct nat_mapping *m);
/* How many routers the packet `n` to the peer, by the path `at` (-1: a socket that is none yet), may pass,
 * so that it opens our NAT alone; 0: all. */
int agent_hops(const struct agent *a, int at, int n);
/* What there is to know before paths are added. */
void agent_hard_end(struct agent *a);                      /* the sockets that are no paths are closed */
void agent_hard_forget(struct agent *a);                   /* all of them are */
bool agent_uses_socket(const struct agent *a, int socket); /* as a path */

/* agent_search.c */
#define AGENT_SEARCH_ROUND 2    /* the round, from 0 on, from which on a run of ports is looked for */
#define AGENT_SEARCH_MS    8000 /* the sockets of a method that has not helped are closed */
/* What the next round of the method says. */
void agent_search_say(struct agent *a);
/* HARD_NAT_SPRAY_PORTS: the ports whose turn it is, from so long after the beginning on. */
void agent_search_spray(struct agent *a, int64_t now_ms);
int agent_search_spray_after_ms(const struct agent *a);
/* The port that all of our sockets ask: where both are hard, one that the peer is about to get. */
uint16_t agent_search_port(const struct agent *a, const struct endpoint *seen);
/* The peer asks one of our next ports; to a host that was asked before, the port's own socket has an earlier
 * one. */
bool agent_search_by_next_port(const struct agent *a, enum hard_nat_method m);
/* The caller's NAT has been taken for a hard one late: by the port that it has for the called, it may have
 * knocked at the called's, a plain Linux gateway. If that port was asked, all that leaves the called's from
 * then on would leave by another one. So only the ports of the caller's further sockets are asked, and once
 * they are there. */
bool agent_search_knocked(const struct agent *a);
/* Those, before anything else takes them: one, or as many as lead to the one that the peer asks. */
void agent_search_take_ports(struct agent *a);

/* agent_spare.c */
/* What is begun from now on leaves by another port, if it is our NAT that has given this one another
 * outside. */
void agent_leave_port(struct agent *a);
/* By the port's own socket the peer sees us there. */
void agent_seen_as(struct agent *a, const struct endpoint *seen);
/* Something was told of the peer: it may know our further port by now, or we may need one. */
void agent_spare_expect(struct agent *a);
/* The peer's further port; NULL: it has none. */
void agent_spare_told(struct agent *a, const struct endpoint *peer);
/* What the peer was told of us: is our further port among it? */
void agent_spare_said(struct agent *a, const struct candidates *own);
/* No path works: perhaps both NATs have forgotten. At a plain Linux gateway the first packet to arrive
 * then takes the pair of addresses, so that the peer shall be told of a further port at once. */
void agent_spare_lost(struct agent *a);
void agent_spare_turn(struct agent *a, int64_t now_ms); /* until a->hard.spare_due_ms */
void agent_spare_end(struct agent *a);                  /* peers are not told of the further port any more */

/* agent_relay.c */
/* The nameserver has introduced the two, and may relay what they have to say to each other in this
 * session. */
void agent_relay_offered(struct agent *a, const struct session *session, const struct net_address *server);
/* When it is worth another call. */
int64_t agent_relay_turn(struct agent *a, int64_t now_ms);
/* What is sent through the relay may not get there. */
void agent_relay_check(struct agent *a);
void agent_relay_network_changed(struct agent *a);
void agent_relay_end(struct agent *a);
bool agent_way_relayed(const struct agent *a, int at);
/* The path to the peer of this address (shim/net/relays.h), which has said something there; -1: there is
 * none. */
int agent_relay_way(struct agent *a, const struct net_address *peer);
/* Of a relayed path. */
const struct net_address *agent_relay_server(const struct agent *a, int at);

/* agent_mtu.c */
void agent_fit_way(struct agent *a, int at); /* a new one */
/* What UDT and shim/net are told is true for the path in use. */
void agent_fit(struct agent *a);
/* Asks what the path in use carries. When it is worth another call. */
int64_t agent_mtu_turn(struct agent *a, int64_t now_ms);

#endif
