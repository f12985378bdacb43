/* base/printable.h: text from somebody else, as a terminal may show it. What a terminal obeys or hides
 * becomes visible: control characters, bytes that are no text in this locale, line separators, and
 * format characters (those that turn the direction of what follows, or have no width). The locale is
 * that of the environment (LC_ALL, LC_CTYPE, LANG), whatever setlocale(3) was told: ASCII if there is no
 * such one. Any thread. */
#ifndef HX_BASE_PRINTABLE_H
#define HX_BASE_PRINTABLE_H

#include <stddef.h>

#define PRINTABLE_TIMES 8 /* a byte becomes at most so many: '$'\377'' */

/* Of a line that is said: each such byte becomes \ooo (octal), or \n, \t and the like. Returns the length;
 * what does not fit into `size` (at least 1) bytes with the NUL is left out, characters whole. */
size_t printable_text(char *out, size_t size, const char *text);
/* Of a file's name: as ls(1) writes it to a terminal, 'so that' a shell takes it back: plain if it may be, in
 * single quotes, or with $'\n' in it. The same otherwise; a name that does not fit ends with "...". */
size_t printable_name(char *out, size_t size, const char *name);
/* The columns that text of the two above takes. */
int printable_columns(const char *text);
/* The part of such text that fits into `columns` and ends with it. */
const char *printable_tail(const char *text, int columns);

#endif
