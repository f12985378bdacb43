/* server/log_limit.h: lines of one kind that may be written in a second, and how many were not. Pure. */
#ifndef HX_SERVER_LOG_LIMIT_H
#define HX_SERVER_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_LINES 10 /* of one kind in a second, whoever causes them */
#define LOG_LIMIT_MS    1000

struct log_limit { /* zeroed at the start */
    int64_t since_ms;
    int lines;
    int64_t held; /* not written in this second */
};

/* False: the line is not to be written, and is counted. */
static inline bool log_limit_allows(struct log_limit *l, int64_t now_ms)
{
    if (l->held == 0 && (l->lines == 0 || now_ms - l->since_ms >= LOG_LIMIT_MS)) {
        l->since_ms = now_ms;
        l->lines = 0;
    }
    if (l->lines < LOG_LIMIT_LINES) {
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

#endif
