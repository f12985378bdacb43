/* client/delayed_close.h: connections that nobody holds any more, closed a little later. The engine's lock is
 * held. */
#ifndef HX_CLIENT_DELAYED_CLOSE_H
#define HX_CLIENT_DELAYED_CLOSE_H

#include "shim/stream.h"
#include <stdbool.h>

#define DELAYED_CLOSE_MAX 64

/* Closes `s` at `due_ms`. False: that is past, or too many wait, or no memory: it is still the caller's. */
bool delayed_close(struct stream *s, int64_t due_ms);

#endif
