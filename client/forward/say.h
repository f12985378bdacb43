/* client/forward/say.h: what hx says on standard error. May be called from any thread; each line is one write. */
#ifndef HX_CLIENT_FORWARD_SAY_H
#define HX_CLIENT_FORWARD_SAY_H

#include <stdbool.h>

/* Notes are shown if `verbose`, or on a terminal unless `quiet`; the others always. */
void say_init(bool verbose, bool quiet);
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_always(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2))); /* "hx: ..." */

#endif
