/* client/files/source.h: a file that is to be sent. What has bytes beyond the size that it says (files of
 * /proc say 0), or ends before it (those of /sys say 4096), is read to its end at once, into memory, and that
 * is what is sent. */
#ifndef HX_CLIENT_FILES_SOURCE_H
#define HX_CLIENT_FILES_SOURCE_H

#include "client/files/beneath.h"

#define SOURCE_UNSIZED_MAX (64 * 1024 * 1024) /* bytes of such a file */

/* As beneath_file_in_reach() (client/files/beneath.h); st->st_size is the number of its bytes. EFBIG: more
 * than the bound; and the errors of read(2). */
int source_open(int root, const char *path, struct stat *st, enum reach reach);
/* The size is not that of what can be read. -1: errno. */
int source_is_unsized(int fd, const struct stat *st);

#endif
