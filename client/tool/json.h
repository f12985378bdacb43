/* client/tool/json.h: strings in JSON (RFC 8259) of text that somebody else has chosen. Pure. */
#ifndef HX_CLIENT_TOOL_JSON_H
#define HX_CLIENT_TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_TIMES      6 /* a byte becomes at most so many */
#define JSON_NAME_TIMES 9 /* and in json_name() */

/* The string with its quotes, in ASCII alone: control and format characters reach no terminal as such. What
 * is no UTF-8 becomes U+FFFD. Returns the length; out has JSON_TIMES * strlen(text) + 3 bytes. *exact:
 * nothing was replaced. */
size_t json_string(char *out, const char *text, bool *exact);
/* The same of `len` bytes, which may be any. */
size_t json_bytes(char *out, const char *text, size_t len, bool *exact);
/* "KEY":STRING, and for what is no text its bytes, percent-encoded, behind it: ,"BYTES":"...". Returns the
 * length; out has JSON_NAME_TIMES * strlen(text) bytes, the keys', and 12. */
size_t json_name(char *out, const char *key, const char *text, const char *bytes);

#endif
