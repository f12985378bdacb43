/* client/files/share_items.h: inside of client/files/share.h: where a path of a share leads. A share is a
 * directory, or some files and directories from wherever, each under its base name: then nothing else of the
 * directories that they are in can be reached. */
#ifndef HX_CLIENT_FILES_SHARE_ITEMS_H
#define HX_CLIENT_FILES_SHARE_ITEMS_H

#include "client/files/walk.h"

struct share;
struct share_items;

void share_items_free(struct share_items *items); /* NULL is fine */

/* As source_open(), and what fstat(2) says of anything; the share itself may be no directory of the system.
 * Links are followed within the directory that is shared, never beside a file that is. */
int share_file(const struct share *s, const char *path, enum reach reach, struct stat *st);
int share_stat(const struct share *s, const char *path, enum reach reach, struct stat *st);
/* As link_read(). */
int share_link(const struct share *s, const char *path, char target[PATH_TEXT_MAX], struct stat *st);

/* A walk (client/files/walk.h) from a directory of the share. */
struct share_walk;
struct share_walk_how {
    enum links links; /* what is done with symbolic links */
    bool flat;        /* only what is directly in it */
};
/* HX_ESYS, HX_ENOMEM; *st: of that directory. */
int share_walk_create(struct share_walk **out, const struct share *s, const char *path,
                      const struct share_walk_how *how, struct stat *st);
int share_walk_next(struct share_walk *w, struct file_entry *e);
void share_walk_destroy(struct share_walk *w); /* NULL is fine */

#endif
