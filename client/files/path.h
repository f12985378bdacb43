/* client/files/path.h: paths of shared files: how they are written in requests, and which ones are
 * no paths. Pure.
 *
 * A path here is relative, its components are parted by one '/', none is "." or "..", each has 1 to 255
 * bytes, there are at most 64; "" is the shared directory itself. Written, every byte that is not unreserved
 * (RFC 3986, 2.3) is percent-encoded; '/' only parts components, and an encoded one is refused, as is NUL. */
#ifndef HX_CLIENT_FILES_PATH_H
#define HX_CLIENT_FILES_PATH_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_NAME_MAX    255   /* bytes of a component: NAME_MAX of Linux */
#define PATH_DEPTH_MAX   64    /* components */
#define PATH_TEXT_MAX    4096  /* bytes of a path with its NUL: PATH_MAX of Linux */
#define PATH_ENCODED_MAX 12285 /* bytes, escaped; with "/files/" it fits into a field of client/mux/mux.h */

/* HX_EINVAL: no path; HX_ETOOBIG: a bound above is passed. */
int path_check(const char *path);
int path_decode(char out[PATH_TEXT_MAX], const char *encoded, size_t len);
/* A path as people write it: "//", "./" and a '/' at the end say nothing; *slash: one was at the end, or ".".
 * HX_EINVAL: it is absolute, or has "..". HX_ETOOBIG. */
int path_clean(char out[PATH_TEXT_MAX], const char *written, bool *slash);
/* Returns the length; HX_ETOOBIG. Checks nothing else. */
int path_encode(char out[PATH_ENCODED_MAX + 1], const char *path);
/* The last component of a path as written, "" of one that names a directory itself (".", "a/..", "a/.").
 * HX_ETOOBIG. */
int path_written_leaf(char out[PATH_NAME_MAX + 1], const char *written);
/* "directory/name", without the '/' if one of them is "". HX_ETOOBIG. `out` may be `directory`. */
int path_join(char out[PATH_TEXT_MAX], const char *directory, const char *name);
/* Points at the last component. */
const char *path_leaf(const char *path);
/* As path_leaf(); copies what stands before it, "" if nothing does. */
const char *path_split(char directory[PATH_TEXT_MAX], const char *path);

/* ".NAME.hx-part-ID": where a file of that name, size and time is received; NAME may be cut. The ID lets only
 * the same file be taken up again. HX_ENOMEM. */
int path_part_name(char out[PATH_NAME_MAX + 1], const char *name, int64_t size, int64_t mtime_ns);
/* Such a name. It is neither listed, read nor written for a peer. */
bool path_is_part(const char *name);

#endif
