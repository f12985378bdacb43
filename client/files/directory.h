/* client/files/directory.h: making directories beneath another one. HX_ESYS: errno, as in
 * client/files/beneath.h. */
#ifndef HX_CLIENT_FILES_DIRECTORY_H
#define HX_CLIENT_FILES_DIRECTORY_H

#include "client/files/listing.h"

/* HX_OK: it is there now, made with `mode` (the owner may enter and write until it gets its attributes; the
 * umask holds) or it was; EEXIST: something else is there. Its parent must exist. */
int directory_make(int root, const char *path, unsigned mode);
/* What is in it is whole: takes from its permissions what `mode` has not, sets its time, and has it
 * on the disk. */
int directory_set_attributes(int root, const char *path, unsigned mode, int64_t mtime_ns);

#endif
