/* base/utf8.h: characters of UTF-8 (RFC 3629). Pure. */
#ifndef HX_BASE_UTF8_H
#define HX_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES_MAX 4 /* of a character */

/* The character that `text` begins with, of which `len` bytes are there; returns its bytes. 0: it is none. */
size_t utf8_read(uint32_t *out, const char *text, size_t len);

#endif
