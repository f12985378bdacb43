/* client/files/between.h: hx cp from one peer to another, through this host: what one GET brings goes out
 * as the body of a PUT, with the sum that the source made of it, by which the destination verifies the
 * whole. Nothing is kept here but the plan and what is on its way, which the windows of both connections
 * bound. Outlives the connections. Belongs to its loop's thread. */
#ifndef HX_CLIENT_FILES_BETWEEN_H
#define HX_CLIENT_FILES_BETWEEN_H

#include "client/files/copies.h"

enum between_side { BETWEEN_FROM, BETWEEN_TO, BETWEEN_SIDES };

struct between;

struct between_config {
    struct copies_config copies; /* each.remote is the destination, as of an upload; each.local is not used */
    const char *names[BETWEEN_SIDES]; /* of the peers; the same one twice is fine */
};

/* HX_EINVAL: the destination is no path, which was reported; HX_ENOMEM. */
int between_create(struct between **out, const struct between_config *config);
void between_destroy(struct between *b); /* as files_destroy() */
/* A connection to that side, until between_detach(), as files_attach() and files_detach(). */
void between_attach(struct between *b, enum between_side side, struct mux *m);
void between_detach(struct between *b, enum between_side side);
void between_state(struct between *b, struct files_state *out);

#endif
