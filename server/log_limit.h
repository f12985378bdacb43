/* server/log_limit.h: lines of one kind that may be written in a second, and how many were not. Reads no
 * clock and writes nothing. */
#ifndef HX_SERVER_LOG_LIMIT_H
#define HX_SERVER_LOG_LIMIT_H

#include "server/log.h"
#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_LINES 10   /* of one kind in a second, whoever causes them */
#define LOG_LIMIT_DEBUG 1000 /* of one kind at level debug: somebody wants to see them all */
#define LOG_LIMIT_MS    1000
#define LOG_KINDS_MAX   96 /* all kinds beyond are one, "others"; today there are some 80 */

struct log_limit { /* zeroed at the start */
    int64_t since_ms;
    int lines;
    int64_t held; /* not written in this second */
};

/* False: the line is not to be written, and is counted. `most` lines pass in a second. */
static inline bool log_limit_allows(struct log_limit *l, int most, int64_t now_ms)
{
    if (l->held == 0 && (l->lines == 0 || now_ms - l->since_ms >= LOG_LIMIT_MS)) {
        l->since_ms = now_ms;
        l->lines = 0;
    }
    if (l->lines < most) {
        l->lines++;
        return true;
    }
    l->held++;
    return false;
}
/* How many were not written, once their second is over, and begins a new one; 0: none, or not yet. */
static inline int64_t log_limit_over(struct log_limit *l, int64_t now_ms)
{
    int64_t held = l->held;

    if (held == 0 || now_ms - l->since_ms < LOG_LIMIT_MS)
        return 0;
    *l = (struct log_limit){0};
    return held;
}

struct log_kind {
    const char *name;
    enum log_level level; /* the same name at another level is another kind */
    struct log_limit limit;
};

struct log_kinds { /* zeroed at the start */
    struct log_kind of[LOG_KINDS_MAX];
    int count;
    int64_t over_ms; /* when the first second in which lines were held is over; 0: none were held */
};

/* Whether a line of the kind `name` may be written; else it is counted. `name` must live as long as `k`. */
bool log_kinds_allow(struct log_kinds *k, const char *name, enum log_level level, int64_t now_ms);
/* One kind whose lines were held in a second that is over, with their number; begins a new second for it.
 * NULL: no more such kinds. */
const struct log_kind *log_kinds_over(struct log_kinds *k, int64_t now_ms, int64_t *held);

#endif
