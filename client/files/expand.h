/* client/files/expand.h: what the patterns among the sources of a download mean, as the peer sees it
 * (client/files/glob.h). Outlives the connections that it is done over. Belongs to its loop's thread. */
#ifndef HX_CLIENT_FILES_EXPAND_H
#define HX_CLIENT_FILES_EXPAND_H

#include "client/files/links.h"
#include "client/mux/mux.h"
#include <stddef.h>

struct expand;

struct expand_config {
    char *const *sources; /* as the user wrote them, without "NAME:"; outlive it */
    size_t count;
    enum links links;
    void (*link)(void *user, const char *path);                       /* as files_config's, and the next */
    void (*report)(void *user, const char *path, const char *reason); /* of what matches nothing, too */
    void (*old)(void *user); /* the peer knows no patterns: they are taken for names */
    void (*done)(void *user);
    void *user;
};

/* Some source may be a pattern. */
bool expand_is_needed(char *const *sources, size_t count);
int expand_create(struct expand **out, const struct expand_config *config); /* HX_ENOMEM */
/* A connection, until expand_detach(); its streams have been told closed() by then. */
void expand_attach(struct expand *e, struct mux *m);
void expand_detach(struct expand *e);
/* After done(): what is to be copied, sorted within each pattern; *failed: what could not be had. */
const char *const *expand_paths(const struct expand *e, size_t *count, size_t *failed);
void expand_destroy(struct expand *e); /* NULL is fine. Detached, or with its streams reset */

#endif
