/* base/base64.h: base64 with padding (RFC 4648, 4). Pure. */
#ifndef HX_BASE_BASE64_H
#define HX_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1) /* of the text with its NUL */

/* out[BASE64_SIZE(len)] becomes a C string. */
void base64_encode(char *out, const void *data, size_t len);

#endif
