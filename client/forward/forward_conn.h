/* client/forward/forward_conn.h: what forward.c (listeners, the link) and forward_conn.c (one connection)
 * know of each other; for no one else. */
#ifndef HX_CLIENT_FORWARD_FORWARD_CONN_H
#define HX_CLIENT_FORWARD_FORWARD_CONN_H

#include "client/forward/forward.h"
#include "client/forward/listen.h"
#include <sys/queue.h>

struct conn;

struct forward_listener {
    ev_io acceptable;
    struct listen_socket socket;
};

struct forward {
    struct ev_loop *loop;
    struct forward_spec spec;
    struct link *link;          /* NULL while there is none */
    forward_announce *announce; /* instead of a link, or NULL */
    void *announcer;
    struct flow_owner way; /* how flows are asked for; .flows NULL: SOCKS clients get no UDP */
    struct forward_listener *listeners;
    int listener_count;
    bool paused;    /* nothing is accepted now */
    ev_timer again; /* for those who wait although there is a link, and for what is paused */
    TAILQ_HEAD(conn_list, conn) conns;
    int count, waiting; /* of conns */
};

/* Takes `fd` over. */
void conn_start(struct forward *f, int fd);
/* Of those who wait, as many as the link takes. Not from within its callbacks. */
void conn_ask_all(struct forward *f);
/* Is there a way to ask the other side? */
bool conn_may_ask(const struct forward *f);
/* Resets it. */
void conn_abort(struct conn *c);

/* A connection has ended. */
void forward_has_room(struct forward *f);
/* A connection waits. */
void forward_try_again(struct forward *f);

#endif
