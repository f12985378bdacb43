/* base/percent.h: percent-encoded text (RFC 3986, 2.1). Pure. */
#ifndef HX_BASE_PERCENT_H
#define HX_BASE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The byte that text[0..len) begins with, which is "%XX". -1: it is none, or NUL, which would end
 * a C string. */
int percent_byte(const char *text, size_t len);
/* Decodes text[0..len) into out, which may be `text` itself and has room for len + 1. Returns the bytes
 * without the NUL behind them. HX_EPROTO: a '%' without two hex digits, or "%00". */
ssize_t percent_decode(char *out, const char *text, size_t len);
/* Encodes the C string `text`: what is unreserved (RFC 3986, 2.3) or in `also` stays as it is. Returns the
 * bytes without the NUL. HX_ETOOBIG: out[cap] does not hold it; the content is then undefined. */
ssize_t percent_encode(char *out, size_t cap, const char *text, const char *also);

#endif
