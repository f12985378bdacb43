/* base/base64.h: base64 with padding (RFC 4648, 4), and base64url without (section 5). Pure. */
#ifndef HX_BASE_BASE64_H
#define HX_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64URL_DIGITS       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define BASE64_SIZE(bytes)     (((bytes) + 2) / 3 * 4 + 1) /* of the text with its NUL */
#define BASE64URL_CHARS(bytes) (((bytes)*8 + 5) / 6)       /* of the text without it */
#define BASE64URL_SIZE(bytes)  (BASE64URL_CHARS(bytes) + 1)

/* out[BASE64_SIZE(len)] becomes a C string. */
void base64_encode(char *out, const void *data, size_t len);
/* out[BASE64URL_SIZE(len)] becomes a C string. */
void base64url_encode(char *out, const void *data, size_t len);
/* `len` bytes from text[0..BASE64URL_CHARS(len)). Only what base64url_encode() writes is read: two texts are
 * never the same bytes. HX_OK, or HX_EPROTO: `out` means nothing. */
int base64url_decode(void *out, size_t len, const char *text);

#endif
