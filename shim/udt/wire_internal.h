/* shim/udt/wire_internal.h: what wire.c (the tap), wire_conn.c (the table), wire_in.c and wire_out.c (what a
 * datagram says) share. Everything below is guarded by wire.lock unless said otherwise. */
#ifndef HX_SHIM_UDT_WIRE_INTERNAL_H
#define HX_SHIM_UDT_WIRE_INTERNAL_H

#include "base/hash.h"
#include "base/rate.h"
#include "shim/udt/cookie.h"
#include "shim/udt/filter.h"
#include "shim/udt/resend.h"
#include "shim/udt/shutdown_check.h"
#include "shim/udt/wire.h"
#include <pthread.h>
#include <stdatomic.h>
/* base/hash.h comes before uthash.h, whose hash it replaces */
#include <uthash.h>
#include <utlist.h>

#define WIRE_KEEPALIVE_MS 6500  /* one datagram in this time keeps a stock peer: UDT gives up after 46 s */
#define WIRE_QUIET_MS     10000 /* a peer silent for longer is asked, as often as UDT sends keepalives then */
#define WIRE_ECHO_MS      6000 /* a keepalive is answered if we sent nothing for this long: both stay in step */
#define WIRE_UNHEARD_MS   2000  /* a stock peer that has heard ours says its next keepalive sooner */
#define WIRE_ASKED_MS     500   /* who is asked answers with a keepalive, at most this often */
#define WIRE_TICK_MS      10    /* UDT's own clock (SYN interval): its worker must come round this often */
#define WIRE_NUDGE_MS     12    /* UDT's ACK timer, 10 ms from its last ACK, and our clock's coarseness */
#define WIRE_STASH_MAX    32    /* datagrams kept for one connecting rendezvous */
#define WIRE_UNADOPTED_MS 10000 /* UDT drops a connection that nobody accepts; so do we */
#define WIRE_LINGER_MS    3000  /* a removed connection answers its peer's questions for this long */

enum wire_state {
    WIRE_STARTING, /* UDT::connect() has not returned: what comes is kept until then */
    WIRE_CONNECTING,
    WIRE_UNADOPTED, /* UDT has answered its handshake, accept() has not returned it */
    WIRE_OPEN,
    WIRE_CLOSING, /* nothing of it reaches UDT */
    WIRE_GONE     /* closed; lives on only to answer about the end of the directions */
};

/* A datagram kept to be given to UDT (again). */
struct wire_packet {
    struct wire_packet *prev, *next;
    struct sockaddr_in6 from;
    size_t body_len;
    bool judged; /* goes to UDT as it is: our own NAK */
    uint8_t head[PACKET_HEAD];
    uint8_t body[];
};

struct wire_peer { /* what a datagram that UDT sends names: the key of the second table */
    uint8_t address[16];
    uint16_t port; /* network byte order */
    uint16_t zero;
    int32_t id; /* the peer's socket id; 0: not known yet */
};

struct wire_conn {
    int32_t id;
    struct wire_peer peer;
    enum wire_state state;
    bool rendezvous, queued, by_peer, half_closing;
    bool shut;         /* the peer's shutdown has come */
    bool cookie_seen;  /* connecting: the listener's first answer has come */
    pthread_t starter; /* the thread inside UDT::connect() */
    unsigned bits;     /* told by the next wire_next() */
    uint32_t isn;      /* connecting: our initial sequence number, which a listener must repeat */
    uint32_t mss;      /* connecting: the peer's, the least it has announced */
    uint32_t window;   /* packets: the peer's handshake window, likewise */
    uint32_t next;     /* the sequence number of UDT's next new packet: the peer can speak of no later one */
    uint32_t secret;   /* of the handshake: the listener's cookie; of a rendezvous the peer's ISN */
    int64_t heard_ms, sent_ms;
    int64_t nudge_ms; /* when UDT must be made to look at its ACK timer; 0: not needed */
    int64_t since_ms; /* when it entered its state; for the lists of unadopted and gone ones */
    struct half_close half_close;
    struct resend resend; /* of a rendezvous */
    struct shutdown_check shutdown_check;
    struct wire_packet *stash;
    int stash_len;
    struct wire_conn *ready_prev, *ready_next; /* queue of wire_next() */
    struct wire_conn *aging_prev, *aging_next; /* unadopted or gone, oldest first */
    struct wire_conn *due_prev, *due_next;     /* those with something to do at a tick */
    bool due, aging;
    int64_t active_ms; /* when something other than a keepalive came or went */
    void *parked;      /* UDT's object if its worker does not visit it (shim/udt/wire_park.h) */
    bool unparking;    /* it waits on wire.unpark */
    bool leaving;      /* removed, but still parked */
    struct wire_conn *unpark_prev, *unpark_next;
    UT_hash_handle hh;      /* by id */
    UT_hash_handle hh_peer; /* by peer, once the peer's id is known */
};

/* What only a listener's port has. */
struct wire_door {
    struct cookie cookie;
    struct rate handshakes;  /* first ones, whose source may be forged: generous */
    struct rate connections; /* those whose cookie has proven their source */
    uint32_t offered;        /* packets: the window of the handshake that UDT works on */
    uint32_t secret;         /* its cookie */
};

struct wire {
    pthread_mutex_t lock;
    pthread_cond_t idle; /* UDT's worker has come back from a datagram */
    int fd, family;
    int event_fd, wake_fd;
    bool deaf;
    bool busy;       /* UDT's worker is working on a datagram */
    int accept;      /* connections that wait for accept() and are not told */
    int accept_made; /* likewise, made by the datagram that UDT works on: told once UDT is done */
    bool signalled;  /* the event descriptor is readable */
    uint32_t window_max;
    int32_t current; /* the id whose datagram UDT works on, and what is told of it once UDT is done */
    unsigned current_bits;
    int64_t tick_ms;          /* the next tick */
    int unsignalled;          /* datagrams since the worker has last signalled; the worker's own */
    struct wire_batch *batch; /* likewise; NULL: datagrams are read one by one */
    struct wire_burst *burst; /* UDT's sender's own; NULL: each datagram leaves by itself */
    struct wire_conn *by_id, *by_peer;
    struct wire_conn *ready, *aging, *due, *unpark;
    struct wire_packet *replay; /* given to UDT before anything from the socket */
    int gone;
    struct wire_door *door; /* NULL: nobody can connect to this port */
    struct wire_stats stats;
};

/* wire_conn.c */
/* Gives the lock back; then the event descriptor becomes readable if events wait. */
void wire_unlock(struct wire *w);
struct wire_conn *wire_find(struct wire *w, int32_t id);
struct wire_conn *wire_find_peer(struct wire *w, const struct sockaddr *sa, int32_t peer_id);
struct wire_conn *wire_find_rendezvous(struct wire *w, const struct wire_peer *from);
struct wire_conn *wire_add(struct wire *w, int32_t id, const struct wire_peer *peer, enum wire_state state,
                           int64_t now_ms);
void wire_set_peer_id(struct wire *w, struct wire_conn *c, int32_t peer_id);
void wire_tell(struct wire *w, struct wire_conn *c, unsigned bits);
void wire_free_all(struct wire *w);
void wire_forget(struct wire *w, struct wire_conn *c); /* out of every list and table, and freed */
void wire_peer_from(struct wire_peer *out, const struct sockaddr *sa);
bool wire_peer_is(const struct wire_peer *a, const struct wire_peer *b); /* address and port */
/* Sends to `peer`, past UDT; a full socket buffer loses it, as the network may. */
void wire_send(struct wire *w, const struct wire_peer *peer, const uint8_t *packet, size_t len);
/* Sends a control packet to the peer of `c`, past UDT. `info`: the head's second word; `body` NULL: empty. */
void wire_send_control(struct wire *w, struct wire_conn *c, enum packet_type type, uint32_t info,
                       const uint8_t *body, size_t body_len, int64_t now_ms);
/* What shutdowns and our own packets say in the head's second word, which UDT leaves empty. 0: nothing. */
uint32_t wire_proof(const struct wire_conn *c);
void wire_send_half_close(struct wire *w, struct wire_conn *c, bool asked, int64_t now_ms);
/* Asks the peer for a sign of life; a stock one ignores that, and sends keepalives by itself often enough. */
void wire_ask(struct wire *w, struct wire_conn *c, int64_t now_ms);

/* wire_due.c: from now on the worker looks at `c` at each tick until nothing of it is due. */
void wire_due(struct wire *w, struct wire_conn *c);
void wire_tick(struct wire *w, int64_t now_ms);

/* wire_park.c */
void wire_signal(struct wire *w); /* as wire_unlock(), but at once even on the worker */
bool wire_on_worker(const struct wire *w);
void wire_serve(struct wire *w);                       /* this thread is the port's worker */
void wire_unpark(struct wire *w, struct wire_conn *c); /* at the worker's next turn */
void wire_unpark_all(struct wire *w);                  /* now; on the worker's thread */

/* wire.c */
void wire_wake(struct wire *w); /* the worker, if it waits for a datagram */

/* wire_batch.c: as recvmsg(), without waiting; one system call brings many. free() ends it. */
struct wire_batch *wire_batch_create(void);
ssize_t wire_batch_next(struct wire_batch *b, int fd, struct msghdr *mh);

/* wire_burst.c: on UDT's sender alone, one thread for each port. free() ends it. */
struct wire_burst *wire_burst_create(int fd);
/* True: the datagram is held, and leaves with the next wire_burst_flush() on this thread at the latest. */
bool wire_burst_hold(struct wire_burst *b, const struct msghdr *mh);

/* wire_in.c: true if UDT shall get the datagram. */
bool wire_take(struct wire *w, const struct sockaddr *from, uint8_t *head, uint8_t *body, size_t body_len,
               int64_t now_ms);
struct wire_packet *wire_packet_make(const struct wire_peer *from, const uint8_t *head, const uint8_t *body,
                                     size_t body_len);

/* wire_door.c: handshakes that ask a listener for a connection. wire_door_take(): true if UDT shall get it.
 */
int wire_door_open(struct wire *w, unsigned rate_per_address, int64_t now_ms);
void wire_door_close(struct wire *w);
bool wire_door_take(struct wire *w, const struct wire_peer *from, uint8_t *body, int64_t now_ms);

/* wire_out.c: true if the datagram shall leave; a shutdown gets its proof, and a handshake to an IPv4 peer its
 * address. */
bool wire_leave(struct wire *w, const struct sockaddr *to, uint8_t *head, uint8_t *body, size_t body_len,
                int64_t now_ms);

#endif
