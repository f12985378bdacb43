/* client/tool/json.h: strings in JSON (RFC 8259) of text that somebody else has chosen. Pure. */
#ifndef HX_CLIENT_TOOL_JSON_H
#define HX_CLIENT_TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_TIMES 6 /* a byte becomes at most so many */

/* The string with its quotes, in ASCII alone: control and format characters reach no terminal as such. What
 * is no UTF-8 becomes U+FFFD. Returns the length; out has JSON_TIMES * strlen(text) + 3 bytes. *exact:
 * nothing was replaced. */
size_t json_string(char *out, const char *text, bool *exact);

#endif
