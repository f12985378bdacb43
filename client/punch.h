/* client/punch.h: attempts to reach a peer through the hole. Everything with the engine's lock held.
 *
 * One attempt per peer address and direction (who calls whom) at a time, in the whole process:
 * rendezvous are told apart by it. A newer one replaces an older one that has not connected, since its peer
 * has asked anew. No identity is checked: whoever answers from the address is taken for the peer. Those with
 * a session (client/agent.h) are told apart by that.
 *
 * Whoever knows the name can make a listener punch. So each host has a share of the attempts
 * (base/fair_share.h), and a rate: what one host asks for costs its own attempts alone. Under many networks
 * at once, a peer is reached if its packets come before PUNCH_MAX others have asked. */
#ifndef HX_CLIENT_PUNCH_H
#define HX_CLIENT_PUNCH_H

#include "client/agent.h"
#include "client/prepared_channel.h"
#include "proto/attempt_report.h"
#include "shim/udt/udt.h"
#include <stdbool.h>
#include <stdint.h>

#define PUNCH_MAX        256   /* attempts at once that others asked for, and as many of our own */
#define PUNCH_HOST_MAX   32    /* of them towards one host */
#define PUNCH_HOST_RATE  50    /* a second towards one host, in bursts of RATE_BURST_S seconds' worth */
#define PUNCH_RATE       1000  /* a second in all, and at once: each costs half a millisecond */
#define PUNCH_DEFAULT_MS 10000 /* stop early: it may be aimed at anybody (UDT4.md, S26) */

struct punch_result {
    /* HX_OK; HX_EPUNCH; HX_ECANCELED: a newer attempt to the same address, in the same direction, has
     * replaced it; HX_ELIMIT: it gave way to others; HX_ETIMEDOUT: punch_give_up() */
    int error;
    struct stream *stream;          /* connected, now the callee's; NULL after an error */
    struct agent *agent;            /* of its paths, likewise; NULL: it has the one address */
    struct secure_channel *channel; /* of its bytes, likewise; NULL: it has not begun, or there are no keys */
    const struct endpoint *peer;    /* where it was tried first, or reached */
    const char *name;
    int64_t elapsed_ms;
    /* HX_EPUNCH, HX_ETIMEDOUT: what came from the peer all the same, or what both NATs are; with an agent:
     * which kind of path; else "" */
    const char *text;
    const struct attempt_report *report; /* for the nameserver; NULL: without a session it takes none */
    sa_family_t seen_family;             /* of the connection to it by which the two were introduced */
};

struct punch_request {
    struct udt_port *port;     /* the one that the nameserver sees: the peer was told the way to this one */
    struct uplink uplink;      /* likewise */
    struct net_address server; /* where the nameserver is, for what it relays (client/agent.h) */
    int relay_after_ms;
    uint32_t scope_id; /* the interface, if the peer's address is link-local (RFC 4007); else of no use */
    int families;      /* FAMILY_* of client/race.h that may be used; only with a session */
    struct candidates peer;        /* with a session all of them are tried, else the first one */
    const struct session *session; /* copied; NULL, or not given: the peer, or the nameserver, has none */
    struct endpoint own_external;  /* where the nameserver sees us; AF_UNSPEC: it has not told */
    struct nat_mapping own_mapping, peer_mapping; /* with a session: as each was told of the other */
    const char *name;                             /* the peer's, copied */
    const struct keyring *keys; /* of the proof, which begins meanwhile; live until on_done; may be NULL */
    struct prepared_channel *prepared; /* with these; taken if it is needed, and as long-lived; NULL: none */
    int timeout_ms;                    /* 0: PUNCH_DEFAULT_MS; cut to UDT_RENDEZVOUS_MS */
    bool ours;                         /* the application asked for it: it gives way to nobody */
    bool calling;                      /* our part: of the two, one calls, and one is called */
    void (*on_done)(void *user, const struct punch_result *result); /* once; may begin other punches */
    void *user;
};

/* HX_OK; HX_ELIMIT: too many are under way, or that host asks too often; HX_EADDR: nobody can have that
 * address; HX_ENOMEM, HX_ESYS. After an error on_done is not called. */
int punch_begin(const struct punch_request *request);
/* "you are both behind 198.51.100.10", if the nameserver sees both at one IPv4 address, and that is not this
 * host's own: a NAT's. Else "". Returns `text`. */
#define PUNCH_BOTH_MAX 48
const char *punch_both_behind(const struct endpoint *own, const struct endpoint *peer,
                              char text[PUNCH_BOTH_MAX]);
/* Ends all attempts of `user`, who has no more time: on_done tells HX_ETIMEDOUT. */
void punch_give_up(const void *user);
/* Ends all attempts of `user` without calling on_done. */
void punch_cancel(const void *user);

#endif
