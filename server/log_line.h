/* server/log_line.h: one line of the log, in either format. Writes nothing, and knows no limit but its own
 * length:
 *
 *   logfmt  ts=2026-01-31T12:00:00.000Z level=info event=bound conn=7 name=alice
 *   json    {"ts":"2026-01-31T12:00:00.000Z","level":"info","event":"bound","conn":7,"name":"alice"}
 *
 * Values come from peers. Whatever is not plain is quoted and escaped: no value ends its line or its field,
 * and a line of JSON is a whole object in UTF-8, whatever bytes come. */
#ifndef HX_SERVER_LOG_LINE_H
#define HX_SERVER_LOG_LINE_H

#include "server/log.h"
#include <stdbool.h>
#include <stddef.h>

#define LOG_LINE_END_MAX 2 /* bytes kept for the line's end */

struct log_line { /* private but for `text` and `len`, once it has ended */
    char text[LOG_LINE_MAX];
    size_t len;
    bool full; /* a field did not fit: no further ones, or the line would mislead */
    bool any;  /* there is a field before */
    enum log_format format;
};

/* `prefix` stands before the line; "": nothing. */
void log_line_begin(struct log_line *l, enum log_format format, const char *prefix);
/* All of a field or nothing. `key` is plain, `number` is of log_num(). */
void log_line_text(struct log_line *l, const char *key, const char *value);
void log_line_number(struct log_line *l, const char *key, const char *number);
void log_line_end(struct log_line *l);

#endif
