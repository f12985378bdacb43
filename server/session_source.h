/* server/session_source.h: sessions with a random ID and key, from the kernel's randomness. One system call
 * serves several of them. */
#ifndef HX_SERVER_SESSION_SOURCE_H
#define HX_SERVER_SESSION_SOURCE_H

#include "proto/session.h"
#include <stddef.h>

#define SESSION_SOURCE_BYTES 256 /* getrandom(2): so many come whole, whatever signals do */

struct session_source { /* zeroed at the start; private */
    uint8_t bytes[SESSION_SOURCE_BYTES];
    size_t left;
};

/* HX_OK; HX_ESYS: the kernel has no randomness. */
int session_source_draw(struct session_source *s, struct session *out);

#endif
