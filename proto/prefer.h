/* proto/prefer.h: the Prefer header field's "wait" (RFC 7240, 4.3). No I/O, no allocation. */
#ifndef HX_PROTO_PREFER_H
#define HX_PROTO_PREFER_H

#include <stddef.h>

/* The seconds of the first well-formed "wait" preference in value[0..len), at most `max`; -1 if there is
 * none. Preferences that are malformed are passed over, as RFC 7240, 2 asks for those that are not
 * understood. */
int prefer_wait(const char *value, size_t len, int max);

#endif
