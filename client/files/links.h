/* client/files/links.h: what is done with symbolic links: they are left out, copied as links, or what they
 * lead to is copied instead.
 *
 * A link is copied only if it cannot lead out of the tree that it is in (as rsync --safe-links): its text is
 * relative, goes up at its beginning only, and no further than the tree's top. So links that lead over other
 * such links stay inside, too. */
#ifndef HX_CLIENT_FILES_LINKS_H
#define HX_CLIENT_FILES_LINKS_H

#include "client/files/path.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum links { LINKS_LEAVE, LINKS_COPY, LINKS_FOLLOW };

/* `path`: the link's, in the tree. Pure. */
bool link_is_safe(const char *path, const char *target);
/* The text of the link `path` beneath `root`, and lstat(2) of it. HX_ESYS: EINVAL, it is none. */
int link_read(int root, const char *path, char target[PATH_TEXT_MAX], struct stat *st);
/* A link of that text and time beneath `root`, on the disk; takes the place of a file or link. HX_ESYS:
 * EISDIR, EEXIST (of another kind), and the errors of client/files/beneath.h. */
int link_make(int root, const char *path, const char *target, int64_t mtime_ns);

#endif
