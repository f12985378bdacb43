/* client/forward/remote.h: the connecting side of -R: has the other side listen (client/forward/reverse.h),
 * and connects from here what comes there. Belongs to its loop's thread.
 *
 * With each link it asks anew, and again and again while the place is taken: a link of ours may hold it that
 * is dead and not yet known to be so; with the default --keepalive that is known within REMOTE_PATIENCE_MS.
 * What the other side refuses for good is the end of it, and so is a place that is still taken
 * REMOTE_PATIENCE_MS after it was first asked for. One that was had before is never given up. */
#ifndef HX_CLIENT_FORWARD_REMOTE_H
#define HX_CLIENT_FORWARD_REMOTE_H

#include "client/forward/forward_spec.h"
#include "client/mux/link.h"
#include <ev.h>

#define REMOTE_CONNECTIONS_MAX 256 /* of one listener there */
#define REMOTE_PATIENCE_MS     30000
#define REMOTE_AGAIN_S         1.0  /* until a place that is taken is asked for again, */
#define REMOTE_LATER_S         10.0 /* or so long after REMOTE_PATIENCE_MS */

struct remote;

struct remote_config {
    struct ev_loop *loop;
    const char *name;           /* of the other side */
    struct flows *flows;        /* of the link; outlives it */
    void (*failed)(void *user); /* it cannot listen there: that was told on standard error */
    void *user;
};

/* HX_OK; HX_EINVAL, HX_ENOMEM: `error` says why, in one line. */
int remote_create(struct remote **out, const struct remote_config *config, const char *text,
                  char error[FORWARD_ERROR_MAX]);
/* As forward_set_link(). */
void remote_set_link(struct remote *r, struct link *l);
/* Resets its connections, and ends the listener there. NULL is fine; the link may live on or not. */
void remote_destroy(struct remote *r);

#endif
