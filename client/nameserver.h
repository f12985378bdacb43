/* client/nameserver.h: one request to a nameserver, and the stream of parts that answers it. Everything is
 * called and calls back with the engine's lock held. */
#ifndef HX_CLIENT_NAMESERVER_H
#define HX_CLIENT_NAMESERVER_H

#include "base/buf.h"
#include "client/approach.h"
#include "client/uplink.h"
#include "proto/attempt_report.h"
#include "proto/multipart.h"
#include "shim/net/net_address.h"

#define NAMESERVER_CONNECT_MS 2500  /* for one attempt at all of its addresses (UDT_CONNECT_MS) */
#define NAMESERVER_ANSWER_MS  10000 /* from the request to the head of its answer; a wait comes on top */
#define NAMESERVER_SILENCE_MS 10000 /* its UDT sends something every 8 s or so: longer, and it is checked */

struct credentials;
struct tracer;
struct nameserver;

struct nameserver_end {
    int error;     /* HX_ECLOSED: broken; HX_EEOF: it said goodbye; HX_ETIMEDOUT; an answer's HX_E*; ... */
    bool answered; /* it has said something: a head */
    bool hopeless; /* HX_ERESOLVE: there is no such name, as far as the name service knows */
    int retry_after_s;    /* -1: it said nothing about that */
    const char *location; /* HX_ELIMIT: who is to be asked instead (client/detour.h), or "" */
    bool tunnelled;       /* it was reached by a tunnel */
    const char *text;     /* the first line of its explanation, or "" */
};

struct nameserver_callbacks {
    void (*on_agreed)(void *user, const struct endpoint *external); /* 200; AF_UNSPEC if it did not tell */
    void (*on_part)(void *user, const struct multipart_part *part);
    /* Once, as the last. Here alone nameserver_close() may be called from a callback. */
    void (*on_end)(void *user, const struct nameserver_end *end);
    void *user;
};

struct nameserver_request {
    const struct host_port *name;     /* copied, as is `bytes` */
    const struct tunnel_place *place; /* copied; where its TCP is (client/approach.h). NULL: nowhere */
    int families;                     /* FAMILY_*: the first address that answers is used (client/race.h) */
    int transports;                   /* TRANSPORT_*; 0: UDP */
    struct udt_port *port;            /* NULL: the newest of the engine */
    const struct buf *bytes;
    struct credentials *credentials; /* what it is told if it asks who this is; NULL: nothing */
    const struct tracer *tracer;     /* who wants to see it all; copied. NULL: nobody */
    int wait_s;                      /* how long the answer may take on top */
};

/* Looks the name up, connects and asks, from its port. HX_OK, or HX_ENOMEM and no
 * callback. Never calls back before it returns. */
int nameserver_open(struct nameserver **out, const struct nameserver_request *request,
                    const struct nameserver_callbacks *callbacks);
/* From now on these are called. */
void nameserver_callbacks(struct nameserver *n, const struct nameserver_callbacks *callbacks);
void nameserver_close(struct nameserver *n); /* NULL is fine; no callback any more */

/* What became of an attempt that it has brought about: it is told, if it has said that it wants to know, on
 * the same connection, which is there already; or as soon as it has said so. Best effort: the other one tells
 * it, too. */
void nameserver_report(struct nameserver *n, const struct attempt_report *r);
/* As nameserver_close(), but what was reported may still arrive: in NAMESERVER_LEAVE_MS. NULL is fine. */
#define NAMESERVER_LEAVE_MS 1000
void nameserver_leave(struct nameserver *n);
/* The library ends: waits at most `ms` for those that are being left. The engine's lock is not held. */
void nameserver_await_left(int ms);

/* Can it still reach us? It is asked for a sign of life, again and again, since questions and answers may be
 * lost; without one its end is told soon, and not after NAMESERVER_SILENCE_MS and this: HX_ETIMEDOUT. */
#define NAMESERVER_CHECK_MS 500 /* or three round trips */
void nameserver_check(struct nameserver *n);

/* The tunnel by which it is reached; NULL: it is reached by UDP, or not connected. */
struct tunnel_user *nameserver_tunnel(const struct nameserver *n);
/* FAMILY_IPV4 or FAMILY_IPV6 once it was connected, also in on_end(); by a tunnel, which is of no family, all
 * those that were asked for. Else 0. */
int nameserver_family(const struct nameserver *n);
/* The port that it is asked from: what it sees is the way to this one. */
struct udt_port *nameserver_port(const struct nameserver *n);
/* Where it is, for what leaves by that port; port 0: it is not connected. */
struct net_address nameserver_server(const struct nameserver *n);
/* Where its answer arrived: peers know us by that. */
const struct uplink *nameserver_uplink(const struct nameserver *n);
/* The interface of a link-local address (RFC 4007) of the nameserver, which its link-local peers are on,
 * too; 0: none. */
uint32_t nameserver_scope(const struct nameserver *n);
/* Does what we send to it still leave from the address that it did when we connected? Peers know
 * us by that. */
bool nameserver_route_holds(const struct nameserver *n);

#endif
