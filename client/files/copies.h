/* client/files/copies.h: hx cp of one source or several, each by a struct files of its own. Single files are
 * on their way side by side, up to COPIES_AT_ONCE: many small ones take the time of their bytes and not a
 * round trip each. A directory has the connection to itself. Belongs to its loop's thread. */
#ifndef HX_CLIENT_FILES_COPIES_H
#define HX_CLIENT_FILES_COPIES_H

#include "client/files/files.h"

#define COPIES_AT_ONCE FILES_JOBS

struct copies;

struct copies_config {
    /* Of each of them: `local` (a download's) or `remote` (an upload's) is where they all go, `into` it if
     * there are several. done(): all are over. */
    struct files_config each;
    const char *const *sources; /* as `local` or `remote`; their strings outlive the copies */
    size_t count;               /* 1 or more */
};

/* As files_create(). A source that cannot be had is reported, and costs only itself if there are others; so
 * does one that would take the place of an earlier one. */
int copies_create(struct copies **out, const struct copies_config *config);
void copies_destroy(struct copies *c); /* as files_destroy() */
void copies_attach(struct copies *c, struct mux *m);
void copies_detach(struct copies *c);
/* Of all together. total is known once all sources are listed; name, busy_with: of one of them. */
void copies_state(struct copies *c, struct files_state *out);

#endif
