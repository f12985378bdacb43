/* proto/host_id.h: the names that hosts bind. 1 to 255 bytes, each a tchar of RFC 9110, 5.6.2, or '@'. */
#ifndef HX_PROTO_HOST_ID_H
#define HX_PROTO_HOST_ID_H

#include <stdbool.h>
#include <stddef.h>

#define HOST_ID_MAX 255 /* bytes after percent-decoding, without the NUL */

/* True if name[0..len) is a host_id. The empty name is none. */
bool host_id_valid(const char *name, size_t len);
/* Writes `name` percent-encoded for a query (RFC 3986, 3.4) into out[cap], NUL-terminated. Returns the
 * length, or HX_ETOOBIG (3 * HOST_ID_MAX + 1 bytes always suffice), or HX_EINVAL if `name` is no host_id. */
int host_id_encode(const char *name, char *out, size_t cap);

#endif
