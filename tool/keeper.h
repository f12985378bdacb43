/* tool/keeper.h: a link to the holder of a name that is made again when its path breaks. Used by the commands
 * that connect. Belongs to its loop's thread.
 *
 * The first try must succeed, else the keeper gives up at once, and has said on standard error why. Later on
 * it finds the peer again through the nameserver, less and less often, until it has been without a path for
 * retry_ms. */
#ifndef HX_TOOL_KEEPER_H
#define HX_TOOL_KEEPER_H

#include "tool/args.h"
#include "tool/link.h"
#include <ev.h>

struct keeper;

struct keeper_events {
    void (*up)(void *user, struct link *l); /* requests may be made, until lost() or over() */
    void (*lost)(void *user, int error); /* the link is gone, its streams were told closed(); NULL is fine */
    void (*pong)(void *user, int64_t rtt_us); /* may be NULL */
    /* The last one: HX_OK after keeper_finish(), else why it gave up, as told on standard error; of
     * HX_ECANCELED, an interruption, nothing was told. */
    void (*over)(void *user, int error);
};

struct keeper_config {
    const struct args *args; /* name, nameserver, key, times */
    int64_t retry_ms;        /* without a path, after which it gives up; 0: at once; -1: never */
    const struct keeper_events *events;
    void *user;
};

/* Begins. HX_EAUTH: no key (told); HX_ENOMEM, HX_EINVAL (told). */
int keeper_create(struct keeper **out, struct ev_loop *loop, const struct keeper_config *config);
/* Ends the link in order; over() is told when the peer has everything. Without a link: at once. */
void keeper_finish(struct keeper *k);
/* At once; over() is not told. NULL is fine. Not within lost(). */
void keeper_destroy(struct keeper *k);
struct link *keeper_link(struct keeper *k); /* NULL while it is not up */

#endif
