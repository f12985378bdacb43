/* shim/udt/tap_parts.h: what one tap is made of. Its functions are in the headers that stand above this one
 * (tap.h has the order); whoever calls one of those with a struct tap holds tap.lock, unless it says
 * otherwise. */
#ifndef HX_SHIM_UDT_TAP_PARTS_H
#define HX_SHIM_UDT_TAP_PARTS_H

#include "shim/net/net_port.h"
#include "shim/udt/conn_table.h"
#include "shim/udt/gathering.h"
#include "shim/udt/listener_handshake.h"
#include "shim/udt/readiness.h"
#include "shim/udt/tap.h"
#include <pthread.h>

#define TAP_TICK_MS 10 /* UDT's own clock (SYN interval): its worker must come round this often */

struct tap {
    pthread_mutex_t lock;
    struct net_port *port;
    struct conn_table conns;
    struct readiness ready;
    struct listener_handshake *listener; /* NULL: nobody can connect to this port */
    struct kept *replay;                 /* given to UDT before anything from the socket */
    struct kept *unmatched;              /* first_handshake.h: by paths that are not known */
    int unmatched_len;
    uint32_t window_max;
    struct drops drops;
    uint64_t shutdowns_checked, keepalives_held, early_taken, tickets_given, tickets_taken;

    /* UDT's worker, the thread that receives (worker.c) */
    bool detached;       /* it gets nothing any more */
    bool busy;           /* it is working on a datagram */
    bool telling;        /* it, or UDT's sender, is inside of a watcher, ... */
    int32_t told;        /* ... that of this connection */
    pthread_cond_t idle; /* it has come back from either */
    int wake_fd;         /* readable: it shall not wait for a datagram */
    int64_t tick_ms;     /* the next tick */
    /* Its own, without the lock: */
    int64_t now_ms;             /* just before it reads: the time of what is there by then */
    int unsignalled;            /* datagrams since it has last signalled */
    unsigned unreported;        /* packets of data since a receipt could leave */
    int64_t streams_us;         /* until then bulk is about to come (flow_streams_us()) */
    struct gathering gathering; /* but for gathering_forget() */
    int handshakes;             /* of what came lately, in HANDSHAKES_ALL (worker.c) */
    void *receive_queue;        /* UDT's, with the port's ring (give_back.h); from before its worker is */
    int64_t give_back_ms;       /* when the ring's memory may be given back; INT64_MAX: it was */
    int ring_most;              /* packets that were in the ring since it was looked at last */
    bool ring_filled;           /* some have come since */
    /* What is told once it is back: */
    int accepts;     /* connections made by the datagram that it works on */
    int32_t current; /* whose that datagram is */
    unsigned current_news;
    bool current_owes; /* it is data, of which a receipt may have to tell */
};

/* Gives the lock back; then the event descriptor becomes readable if news waits, except on UDT's worker: that
 * signals when it has no more datagrams (worker.c), so that under load one signal tells of much. */
void tap_unlock(struct tap *t);
/* UDT's worker, if it waits for a datagram. */
void tap_wake(struct tap *t);

/* Without the lock: */
/* HX_OK; HX_ELIMIT: too many ports. From then on tap_of() finds it, until tap_delist(). */
int tap_enlist(struct tap *t);
void tap_delist(struct tap *t);
struct tap *tap_of(int fd);    /* whose port has this descriptor; NULL: none's */
void tap_serve(struct tap *t); /* this thread is the port's worker */
bool tap_on_worker(const struct tap *t);
struct tap *tap_served(void); /* the port whose worker this thread is; NULL: none's */

#endif
