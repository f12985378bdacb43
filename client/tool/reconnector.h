/* client/tool/reconnector.h: a link to the holder of a name that is made again when its path breaks. Used by
 * the commands that connect. Belongs to its loop's thread.
 *
 * The first try must succeed, else it gives up at once, and has said on standard error why. Later on
 * it finds the peer again through the nameserver, less and less often, until it has been without a path for
 * retry_ms. */
#ifndef HX_CLIENT_TOOL_RECONNECTOR_H
#define HX_CLIENT_TOOL_RECONNECTOR_H

#include "client/mux/link.h"
#include "client/tool/args.h"
#include <ev.h>

struct reconnector;

struct reconnector_events {
    void (*up)(void *user, struct link *l); /* requests may be made, until lost() or over() */
    void (*lost)(void *user, int error); /* the link is gone, its streams were told closed(); NULL is fine */
    void (*pong)(void *user, int64_t rtt_us); /* may be NULL */
    /* The last one: HX_OK after reconnector_finish(), else why it gave up, as told on standard error; of
     * HX_ECANCELED, an interruption, nothing was told. */
    void (*over)(void *user, int error);
};

struct reconnector_config {
    const struct args *args; /* name, nameserver, key, times */
    const char *keys;        /* as hx_config.keys; NULL: those of client/tool/keyfile.h. Copied */
    bool once;        /* the name's holder ends in the end, and a name that nobody holds any more is final */
    int64_t retry_ms; /* without a path, after which it gives up; 0: at once; -1: never */
    const struct reconnector_events *events;
    void *user;
};

/* Begins. HX_EAUTH: no key (told); HX_ENOMEM, HX_EINVAL (told). */
int reconnector_create(struct reconnector **out, struct ev_loop *loop,
                       const struct reconnector_config *config);
/* Ends the link in order; over() is told when the peer has everything. Without a link: at once. */
void reconnector_finish(struct reconnector *r);
/* The same for who has had every answer, and has nothing on its way: ends without waiting for the peer, as
 * link_leave(). */
void reconnector_leave(struct reconnector *r);
/* At once; over() is not told. NULL is fine. Not within lost(). */
void reconnector_destroy(struct reconnector *r);
struct link *reconnector_link(struct reconnector *r); /* NULL while it is not up */

#endif
