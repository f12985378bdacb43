/* client/files/repeats.h: which of many names are there already. Pure. */
#ifndef HX_CLIENT_FILES_REPEATS_H
#define HX_CLIENT_FILES_REPEATS_H

#include "base/error.h"
#include <stddef.h>

#define REPEATS_NONE ((size_t)-1)

/* before[i]: the last one before names[i] that is the same, or REPEATS_NONE; NULL is the same as none.
 * HX_ENOMEM. */
int repeats_find(size_t *before, const char *const *names, size_t count);

#endif
