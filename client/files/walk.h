/* client/files/walk.h: walks a directory tree, an entry a call, a directory before what is in it. Follows no
 * symbolic link unless told to; holds one descriptor for every level it is deep. */
#ifndef HX_CLIENT_FILES_WALK_H
#define HX_CLIENT_FILES_WALK_H

#include "client/files/beneath.h"
#include "client/files/links.h"
#include "client/files/listing.h"
#include <sys/stat.h>

struct walk;

/* Takes `fd` (a directory, O_RDONLY) over, also when it fails. HX_ENOMEM, HX_ESYS. */
int walk_create(struct walk **out, int fd);
/* From now on directories are named, and not gone into. */
void walk_flat(struct walk *w);
/* Symbolic links are told as 'l', with their text. */
void walk_copies_links(struct walk *w);
/* What they lead to is told instead, if it is in reach. `base`: where the walk begins beneath `root`, which
 * outlives it. */
void walk_follows_links(struct walk *w, int root, const char *base, enum reach reach);
/* HX_OK: *e is the next entry, valid until the next call; paths are relative to where the walk began.
 * HX_EEOF: that was all. Of what has a part's name (client/files/path.h): 's', SKIP_PART. */
int walk_next(struct walk *w, struct file_entry *e);
void walk_destroy(struct walk *w); /* NULL is fine */

/* `type` 'f', 'd' or 's', of a link and a device, too, `why`, and the rest, but the path. */
void file_entry_from(struct file_entry *e, const struct stat *st);
/* For futimens(): leaves the time of the last access alone. */
void file_times(struct timespec times[2], int64_t mtime_ns);

#endif
