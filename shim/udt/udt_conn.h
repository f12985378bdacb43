/* shim/udt/udt_conn.h: one UDT connection, or one in the making, as the tap knows it.
 *
 *   STARTING ──► CONNECTING ──► OPEN ──► CLOSING ──► (forgotten)
 *                                ▲          │
 *   PENDING_ACCEPT ──────────────┘          └──► LINGERING ──► (forgotten)
 *
 * From every state the connection may go to CLOSING, or be forgotten: conn_table.h has the functions, and
 * udt_conn_enter() is the only one that writes `state`. */
#ifndef HX_SHIM_UDT_UDT_CONN_H
#define HX_SHIM_UDT_UDT_CONN_H

#include "base/keyed_table.h"
#include "shim/udt/early_data.h"
#include "shim/udt/flight.h"
#include "shim/udt/flow.h"
#include "shim/udt/half_close.h"
#include "shim/udt/kept.h"
#include "shim/udt/news.h"
#include "shim/udt/packet.h"
#include "shim/udt/party.h"
#include "shim/udt/resend.h"
#include "shim/udt/shutdown_check.h"
#include "shim/udt/unsent.h"
#include <pthread.h>

enum udt_conn_state {
    UDT_CONN_STARTING, /* UDT::connect() has not returned: what comes is kept until then */
    UDT_CONN_CONNECTING,
    UDT_CONN_PENDING_ACCEPT, /* UDT has answered its handshake, accept() has not returned it */
    UDT_CONN_OPEN,
    UDT_CONN_CLOSING,  /* nothing of it reaches UDT */
    UDT_CONN_LINGERING /* closed; lives on only to answer about the end of the directions */
};

struct udt_conn_peer { /* what a datagram that UDT sends names: the key of the table's second index */
    struct net_address at;
    int32_t id; /* the peer's socket id; 0: not known yet */
};
static_assert(sizeof(struct udt_conn_peer) == 28, "no padding: tables hash all of it");

struct udt_conn {
    int32_t id; /* UDT's socket id on our side */
    struct udt_conn_peer peer;
    struct net_address local; /* by which address and interface of ours it is talked to */
    /* Connecting to a listener: to where its conclusion came; its scope is the interface. */
    struct net_address heard_at;
    enum udt_conn_state state;
    enum udt_party party; /* of a rendezvous: which we are */
    bool rendezvous;
    bool half_closing; /* the exchange of shim/udt/half_close.h runs */
    bool shut;         /* the peer's shutdown has come */
    bool cookie_seen;  /* connecting: the listener's first answer has come */
    bool owes;         /* conn_table.h: a receipt will be due */
    bool due;          /* conn_table.h: it has something to do at a tick */
    bool aging;        /* conn_table.h: its state runs out; oldest first */
    bool by_peer;      /* it is in the table's second index */
    bool resuming;     /* idle_suspension.h */
    bool leaving;      /* UDT has closed it, but it is still suspended */
    bool by_ticket;    /* connected: the listener has taken our ticket */
    bool from_early;   /* accepted: made from an early packet */
    bool unproven;     /* accepted by a ticket: nothing shows yet that it receives at its address */
    bool withheld;     /* unproven: data had to stay here */
    pthread_t starter; /* the thread inside UDT::connect() */
    uint32_t isn;      /* who connects: the initial sequence number, which a listener repeats */
    uint32_t mss_max;  /* of who connects: the largest MSS that either side may announce to the other */
    uint32_t mss;      /* connecting: the peer's, the least it has announced */
    uint32_t window;   /* packets: the peer's handshake window, likewise */
    uint32_t next;     /* the sequence number of UDT's next new packet: the peer can speak of no later one */
    uint32_t secret;   /* of the handshake: the listener's cookie; of a rendezvous the peer's ISN */
    /* of base/clock.h, ms */
    int64_t made_ms, entered_ms; /* the connection; its state, if that runs out */
    int64_t heard_ms, sent_ms;   /* the last datagram of the peer, and to it */
    int64_t active_ms;           /* the last one that was no keepalive, either way */
    int64_t sent_much_ms;        /* when much was on its way, for its buffer */
    int64_t gave_back_ms;        /* when the memory of that buffer was given back */
    int64_t ack2_ms;             /* the last ACK2 of ours */
    uint32_t asked;              /* the number of the last ACK of tap_conn_ask(); 0: none */
    int ack2s;                   /* how many of the first few have left (outbound.c) */
    int64_t prove_ms;            /* by_ticket: the proof is said again then; INT64_MAX: no more */
    int proofs;                  /* so often it was */
    int64_t ack_poll_ms;         /* when UDT must be made to look at its ACK timer; 0: not needed */
    struct half_close half_close;
    struct flight *flight;    /* connecting: its handshakes; else NULL */
    struct early_conn *early; /* of who connects: what it tells ahead of the stream; NULL: nothing */
    struct early_bytes *told; /* accepted, by nobody yet: what the peer has told ahead; NULL: nothing */
    struct resend resend;     /* connected: its data */
    struct flow *flow;        /* of a rendezvous, which may carry bulk; else NULL */
    uint32_t path_changes;    /* net_paths_changes() as it was last */
    struct unsent unsent;     /* of a rendezvous: what was written */
    size_t credit; /* unproven: bytes that may leave, UDT_CONN_AMPLIFICATION for each that has come */
    struct shutdown_check shutdown_check;
    struct kept *stash; /* what came while it was connecting */
    int stash_len;

    unsigned news;           /* readiness.h: told by the next readiness_next() */
    struct udt_conn **queue; /* in which of its queues; NULL: in none */
    struct udt_watch watch;
    struct udt_conn *ready_prev, *ready_next;

    struct udt_conn *owing_prev, *owing_next;

    struct udt_conn *due_prev, *due_next;
    struct udt_conn *aging_prev, *aging_next;

    void *suspended; /* idle_suspension.h: UDT's object, if its worker does not visit it */
    void (*relist)(void *udt);
    struct udt_conn *resume_prev, *resume_next;

    UT_hash_handle hh;      /* by id */
    UT_hash_handle hh_peer; /* by peer, once the peer's id is known */
};

/* What shutdowns and our own packets say in the head's second word, which UDT leaves empty: only who has seen
 * the handshake knows it. 0: nothing. */
static inline uint32_t udt_conn_proof(const struct udt_conn *c)
{
    return c->rendezvous ? c->secret ^ c->isn : c->secret;
}

/* What may be sent to an address that is not proven, for each byte that came from it (RFC 9000, 8.1). */
#define UDT_CONN_AMPLIFICATION 3

/* False: so many bytes must not leave. */
static inline bool udt_conn_spend(struct udt_conn *c, size_t len)
{
    if (!c->unproven)
        return true;
    if (c->credit < len)
        return false;
    c->credit -= len;
    return true;
}

#endif
