/* shim/udt/readiness.h: which connections have news for the application, and the descriptor that is readable
 * while any has. A connection is queued once, whatever the number of its news, so the queues are bounded by
 * the number of connections. The tap's lock guards it; only readiness_signal() is called without.
 *
 * There are two queues: what UDT's worker tells a watcher itself (worker.h), and what is told
 * by the descriptor. */
#ifndef HX_SHIM_UDT_READINESS_H
#define HX_SHIM_UDT_READINESS_H

#include "shim/udt/udt_conn.h"

struct readiness {
    int fd;                 /* an eventfd */
    bool signalled;         /* it is readable */
    struct udt_conn *first; /* the descriptor's queue */
    struct udt_conn *watched;
    int accepts; /* connections that wait for accept() and are not told */
};

/* HX_OK or HX_ESYS. */
int readiness_init(struct readiness *r);
void readiness_end(struct readiness *r);
/* `news`: what has happened (enum tap_news). A connection that waits for accept() is told after that. */
void readiness_tell(struct readiness *r, struct udt_conn *c, unsigned news);
void readiness_forget(struct readiness *r, struct udt_conn *c);
/* From now on `c` has this watcher; none, if `watch->tell` is NULL. */
void readiness_watch(struct readiness *r, struct udt_conn *c, const struct udt_watch *watch);
/* The next connection that has a watcher, and what to tell that; NULL if none waits. */
struct udt_conn *readiness_next_watched(struct readiness *r, unsigned *news);
/* The watcher did not take it: the descriptor shall tell. */
void readiness_refused(struct readiness *r, struct udt_conn *c, unsigned news);
/* The next connection and its news, NULL if none waits; then the descriptor is quiet until
 * the next signal. */
struct udt_conn *readiness_next(struct readiness *r, unsigned *news);
/* True: the descriptor shall become readable, by readiness_signal() once the lock is given back: whoever is
 * woken wants that lock. */
bool readiness_must_signal(struct readiness *r);
void readiness_signal(const struct readiness *r);

#endif
