/* client/tool/member_lines.h: what a member of a group says, in lines, and how they are shown. Pure. */
#ifndef HX_CLIENT_TOOL_MEMBER_LINES_H
#define HX_CLIENT_TOOL_MEMBER_LINES_H

#include "base/buf.h"
#include <stdbool.h>
#include <stddef.h>

#define MEMBER_LINE_MAX 65536 /* bytes; what is longer goes on as a line of its own */

struct member_lines {
    void (*line)(void *user, const char *text, size_t len); /* without its end */
    void *user;
    struct buf part; /* of a line, whose end has not come */
    bool begun;      /* some of that line was shown before */
};

/* HX_ENOMEM. */
int member_lines_feed(struct member_lines *l, const char *data, size_t len);
/* What has come of a line is shown as one: no more will come, or nothing has for a while. */
void member_lines_flush(struct member_lines *l);

enum member_form {
    MEMBER_EXACT,    /* "NAME: " and its bytes */
    MEMBER_TERMINAL, /* a terminal is not told what to do by them: base/printable.h */
    MEMBER_JSON      /* {"event":"line","name":NAME,"text":TEXT}, and "base64" if that is not exact */
};
/* Adds it to `out`, with its end. HX_ENOMEM. */
int member_line_write(struct buf *out, enum member_form form, const char *name, const char *text, size_t len);

#endif
