/* server/log.h: lines on standard error, one event a line, in logfmt or JSON (server/log_line.h):
 * ts=2026-01-31T12:00:00.000Z level=info event=bound conn=7 peer=192.0.2.1:4711 name=alice
 * Values come from peers: whatever is not plain is quoted and escaped, so that no name can forge a line. */
#ifndef HX_SERVER_LOG_H
#define HX_SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_format { LOG_LOGFMT, LOG_JSON };

struct endpoint;

#define LOG_LINE_MAX 4096 /* bytes of one line with its end; a longer one is cut between two fields */
#define LOG_NUM_MAX  24   /* bytes of a 64-bit decimal with sign and NUL */

/* Lines above this level are not written; LOG_INFO until it is set. */
void log_set_level(enum log_level level);
/* HX_OK; HX_EINVAL: none of error, warn, info, debug. */
int log_level_parse(enum log_level *out, const char *text);
/* LOG_LOGFMT until it is set. */
void log_set_format(enum log_format format);
/* HX_OK; HX_EINVAL: neither logfmt nor json. */
int log_format_parse(enum log_format *out, const char *text);
/* Lines go to `fd` from now on; it stays the caller's. A line that nobody makes room for is dropped at once,
 * and the next one says how many were (dropped=N): a stuck reader never blocks the writer. Before, lines go
 * to standard error as it is. If it is the journal's ($JOURNAL_STREAM), each line has its priority. */
void log_open(int fd);
/* Tests take the lines through this; NULL: standard error again. `line` ends in LF and is no string. Lines
 * are counted from 0 again. */
void log_set_sink(void (*sink)(void *user, const char *line, size_t len), void *user);
/* Whether lines of this level are written. */
bool log_wants(enum log_level level);

/* After `event` come key and value, both const char *, as often as wanted. A key whose value is NULL is left
 * out. Nothing is evaluated but `level`, `kind` and `event` if the line is not written.
 *
 * Of each event at most LOG_LIMIT_LINES lines a second are written; then one `not_logged` tells how many
 * there were more. Whoever comes causes most events: without that they could fill the disk. */
#define log_event(level, event, ...) log_event_kind((level), (event), (event), ##__VA_ARGS__)
/* The same for an event of which each `kind`, a string that lives for ever, has that many lines
 * of its own. */
#define log_event_kind(level, kind, event, ...) \
    log_event_of((level), (kind), (const struct endpoint *)0, (event), ##__VA_ARGS__)
/* The same for what somebody does wrong: LOG_LIMIT_LINES lines a second of one source, whatever their kinds;
 * then one `not_logged` tells whose lines there were more, and how many. `source`: a const struct endpoint
 * *, or NULL. */
#define log_event_of(level, kind, source, event, ...)                                                    \
    (log_admits((level), (kind), (source)) ? log_write((level), (event), ##__VA_ARGS__, (const char *)0) \
                                           : (void)0)
/* For what the operator alone causes: every line is written. */
#define log_always(level, event, ...) \
    (log_wants(level) ? log_write((level), (event), ##__VA_ARGS__, (const char *)0) : (void)0)

/* The time in milliseconds of base/clock.h by which lines are counted; tells of those that were too many in a
 * second that is over. Once in each turn of the loop. */
void log_turn(int64_t now_ms);
/* When log_turn() has something to tell; -1: never. */
int64_t log_next_ms(void);
/* Tells of those that were too many without waiting for the end of their second: the program ends. */
void log_end(void);

/* For the macros above. */
bool log_admits(enum log_level level, const char *kind, const struct endpoint *source);
void log_write(enum log_level level, const char *event, ...) __attribute__((sentinel));
/* Formats into `text` and returns it. */
const char *log_num(char text[LOG_NUM_MAX], int64_t value);
extern const char log_number_follows[];
/* For a value alone: it is two arguments, since JSON writes numbers otherwise than text. */
#define LOG_NUM(value) LOG_NUM_IF(true, (value))
/* Left out, and not evaluated, unless `given`. */
#define LOG_NUM_IF(given, value) \
    log_number_follows, (given) ? log_num((char[LOG_NUM_MAX]){0}, (value)) : (const char *)0

#endif
