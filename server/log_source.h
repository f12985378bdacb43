/* server/log_source.h: lines about what one source does wrong that may be written in a second, of all kinds
 * together, and how many were not. A source is what base/rate.h has for one. Reads no clock and writes
 * nothing. */
#ifndef HX_SERVER_LOG_SOURCE_H
#define HX_SERVER_LOG_SOURCE_H

#include "base/rate.h"
#include "proto/endpoint.h"
#include "server/log_limit.h"

#define LOG_SOURCE_SETS 64 /* a power of two; which set is a source's, nobody outside can choose */
#define LOG_SOURCE_WAYS 8  /* sources of a set; further ones in the same second share one limit, "others" */

struct log_source {
    uint8_t key[RATE_KEY_BYTES];
    size_t key_len; /* 0: nobody, or the others */
    struct log_limit limit;
    const char *last; /* kind that was held */
};

struct log_sources { /* zeroed at the start */
    struct log_source of[LOG_SOURCE_SETS][LOG_SOURCE_WAYS];
    struct log_source others;
    int64_t over_ms; /* when the first second in which lines were held is over; 0: none were held */
};

/* Whether a line of the kind `kind` about `source` may be written; else it is counted. `kind` must live as
 * long as `s`. */
bool log_sources_allow(struct log_sources *s, const struct endpoint *source, const char *kind,
                       int64_t now_ms);
/* One source whose lines were held in a second that is over, with their number; begins a new second for it.
 * NULL: no more such sources. */
const struct log_source *log_sources_over(struct log_sources *s, int64_t now_ms, int64_t *held);
/* As --log-addresses has it; NULL: it is not to be told. */
const char *log_source_text(char text[ENDPOINT_TEXT_MAX], const struct log_source *source);

#endif
