/* client/stun.h: questions to STUN servers: Binding transactions (RFC 8489, 6). Everything is called and calls
 * back with the engine's lock held.
 *
 *   stun_ask ──► net_port_send ──────────────► NAT ──► server
 *   on_done ◄── the engine's thread ◄── port ◄── NAT ◄────┘
 *
 * A question leaves by the port that is asked about: what the answer tells is the mapping of that very port.
 * The port is the engine's own (udt_port_net()), whose answers arrive on UDT's receiving thread, or one of
 * client/stun_port.h. An answer counts if its transaction id, 96 random bits, and its source are right;
 * whatever else comes costs a comparison. */
#ifndef HX_CLIENT_STUN_H
#define HX_CLIENT_STUN_H

#include "client/engine.h"
#include "proto/endpoint.h"
#include "shim/net/net_port.h"

/* RFC 8489, 6.2.1, begins with 500 ms, for a client that knows nothing of the network and may send many. We
 * send few, of some 90 bytes on the wire, and somebody waits for what they tell: within 3 s this gives five
 * tries instead of three. */
#define STUN_RTO_MS        100  /* until the first repetition; twice as long until each further one */
#define STUN_RTO_MAX_MS    1600 /* 16 RTO, as RFC 8489 waits in the end (Rm) */
#define STUN_QUESTIONS_MAX 128  /* under way in the process */

struct stun_transaction;

struct stun_answer {
    /* HX_OK; HX_ETIMEDOUT; HX_EREFUSED: an ICMP error says that it cannot be reached, or nothing listens
     * there; HX_EREJECTED: an error response */
    int error;
    int sent;       /* datagrams, the repetitions too */
    int64_t rtt_us; /* since the first one was sent; with one sent alone a round trip */
    /* The rest only with HX_OK. */
    struct endpoint mapped; /* whence the server saw the question come */
    struct endpoint local;  /* our address that the answer came to, with the port's own number */
    struct endpoint other;  /* the server's other address and port (RFC 5780); AF_UNSPEC: it has not both */
    uint16_t other_port;    /* a second port at the address that was asked; 0: it has none */
};

struct stun_question {
    /* That it leaves by; must stay until the answer, which stun_take_answer() must get. */
    struct net_port *port;
    int socket;                  /* of the port: 0 its own, else the number of an extra one */
    struct endpoint server;      /* where it goes */
    struct net_address source;   /* our address and interface that it leaves by; zeroed: the kernel chooses */
    uint32_t scope;              /* the interface of a link-local server (RFC 4007); else 0 */
    struct endpoint answered_by; /* whence the answer comes; AF_UNSPEC: from the server */
    bool change_ip,
        change_port;        /* RFC 5780, 4.4: it shall come from the server's other address, other port */
    uint16_t response_port; /* RFC 5780, 4.6: it shall come to this port of our external address; 0: back */
    /* RFC 5780, 4.5: `server` is a mapping of ours, and the question itself shall come back to some port of
     * ours. The answer then has no more than `error`, `sent` and `rtt_us`. */
    bool hairpin;
    /* So long shall the packet be, with the heads of IP and UDP, a multiple of 4; it is not cut on its way.
     * 0: as it is */
    int packet_bytes;
    int rto_ms;     /* 0: STUN_RTO_MS */
    int timeout_ms; /* from now on */
    /* Once, unless stun_cancel() comes before; the transaction is gone when it is called. */
    void (*on_done)(void *user, const struct stun_answer *a);
    void *user;
};

/* Sends the question, and again until it is answered. HX_OK; HX_ELIMIT: too many are under way; HX_ENOMEM,
 * HX_ESYS (no randomness). Never calls back before it returns. */
int stun_ask(struct stun_transaction **out, const struct stun_question *q);
void stun_cancel(struct stun_transaction *t); /* NULL is fine */

/* The handler of NET_USER_STUN of the ports of this process. From any thread, without the engine's lock. */
bool stun_take_answer(void *unused, struct net_datagram *d);
/* An ICMP error has come for what left by `port` to `server`: its question is over. */
void stun_refused(const struct net_port *port, const struct net_address *server);

#endif
