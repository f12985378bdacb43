/* client/files/directory.h: making directories beneath another one. HX_ESYS: errno, as in
 * client/files/beneath.h. */
#ifndef HX_CLIENT_FILES_DIRECTORY_H
#define HX_CLIENT_FILES_DIRECTORY_H

#include "client/files/listing.h"

/* HX_OK: it is there now, made with `mode` (the owner may enter and write until it gets its attributes; the
 * umask holds) or it was; EEXIST: something else is there. Its parent must exist. *made tells which. */
int directory_make(int root, const char *path, unsigned mode, bool *made);
/* What is in it is whole: takes from its permissions what `mode` has not, and sets its time. Returns a
 * descriptor, the caller's, for disk_sync() (client/files/disk.h): it is not on the disk before. */
int directory_settle(int root, const char *path, unsigned mode, int64_t mtime_ns);
/* Both. */
int directory_set_attributes(int root, const char *path, unsigned mode, int64_t mtime_ns);

#endif
