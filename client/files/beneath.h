/* client/files/beneath.h: opening what is beneath a directory, and nothing else: no symbolic link is
 * followed, no component leads up or out (openat2(2)). Paths are those of client/files/path.h, checked by the
 * caller; they are refused here, too.
 *
 * Results: a descriptor, closed on exec, the caller's; or -1 and errno: ELOOP a symbolic link, ENXIO neither
 * a file nor a directory, EISDIR, ENOTDIR, EINVAL no path, and those of open(2). */
#ifndef HX_CLIENT_FILES_BENEATH_H
#define HX_CLIENT_FILES_BENEATH_H

#include <sys/stat.h>

int beneath_open(int root, const char *path, int flags);
/* The same on kernels before 5.6, a component at a time. */
int beneath_walk(int root, const char *path, int flags);

enum reach {
    REACH_PLAIN,  /* no symbolic link is followed */
    REACH_INSIDE, /* those that stay beneath the root are: EXDEV if one leads out */
    REACH_ANY,    /* wherever they lead: of a tree that is the user's own */
};
int beneath_reach(int root, const char *path, int flags, enum reach reach);
/* As fstat(2), of anything. */
int beneath_stat(int root, const char *path, struct stat *st, enum reach reach);

/* A regular file, to be read. FIFOs, sockets and devices are told apart before they are opened. */
int beneath_file(int root, const char *path, struct stat *st);
int beneath_file_in_reach(int root, const char *path, struct stat *st, enum reach reach);
/* A directory: O_RDONLY to list it, O_PATH to open beneath it. */
int beneath_directory(int root, const char *path, int flags);

#endif
