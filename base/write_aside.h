/* base/write_aside.h: files that are there whole or not at all, whoever else reads or writes them: they
 * are written beside their place under another name, and then get theirs by link() or rename(). */
#ifndef HX_BASE_WRITE_ASIDE_H
#define HX_BASE_WRITE_ASIDE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/uio.h>

/* Makes the directories above `path`, as far as they are missing, for their owner alone (the XDG Base
 * Directory Specification's 0700). False: errno, and which one in failed[]. */
bool write_aside_parents(const char *path, char failed[PATH_MAX]);
/* Writes the pieces into a new file of mode 0600 beside `path`; its name goes to made[], in errors, too.
 * `sync`: they are on the disk when it returns. False: errno (ENAMETOOLONG: made[] is too short), and
 * there is no such file. */
bool write_aside(char made[PATH_MAX], const char *path, const struct iovec *pieces, int count, bool sync);

#endif
