/* client/forward/say.h: what hx says on standard error. May be called from any thread; each
 * line is one write. Whatever text it is made of, a terminal is never told what to do by it:
 * all passes base/printable.h. */
#ifndef HX_CLIENT_FORWARD_SAY_H
#define HX_CLIENT_FORWARD_SAY_H

#include "base/printable.h"
#include <stdbool.h>

#define SAY_NAME_MAX 512 /* bytes that hold a file's name as it is said, or its beginning, with NUL */

/* A line on the terminal, in whose place stands what is drawn or said next. say_erase(): nothing does. */
void say_draw(const char *line);
void say_erase(void);

/* Notes are shown if `verbose`, or on a terminal unless `quiet`; the others always. Whoever comes causes many
 * of them: of one `format` SAY_OFTEN a second are shown; the next one says how many were left out, within a
 * second or so if there is none. */
#define SAY_OFTEN 10
void say_init(bool verbose, bool quiet);
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Every one of them: for what the user alone causes. */
void say_note_each(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_always(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2))); /* "hx: ..." */

/* The same, but of each kind. */
enum say_kind {
    SAY_REQUEST, /* what a peer asks for */
    SAY_REFUSED, /* that it was refused, or has failed */
    SAY_PEER,    /* who was turned away */
    SAY_UNKNOWN, /* who has not proven a key */
    SAY_DROPPED, /* datagrams */
    SAY_KINDS
};
void say_often(enum say_kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An error of that sort, "hx: ...". */
void say_error_often(enum say_kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
