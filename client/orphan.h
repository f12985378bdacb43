/* client/orphan.h: connections that nobody holds any more, closed a little later. The engine's lock is held.
 */
#ifndef HX_CLIENT_ORPHAN_H
#define HX_CLIENT_ORPHAN_H

#include "shim/stream.h"
#include <stdbool.h>

#define ORPHAN_MAX 64

/* Closes `s` at `due_ms`. False: that is past, or too many wait, or no memory: it is still the caller's. */
bool orphan_keep(struct stream *s, int64_t due_ms);

#endif
