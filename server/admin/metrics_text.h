/* server/admin/metrics_text.h: writes Prometheus' text format, version 0.0.4. Pure. */
#ifndef HX_SERVER_ADMIN_METRICS_TEXT_H
#define HX_SERVER_ADMIN_METRICS_TEXT_H

#include "base/buf.h"
#include <stdint.h>

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_text {
    struct buf *out;
    int err; /* HX_OK, or what buf_append() said first */
};

struct metrics_label { /* `name` NULL: there is none */
    const char *name, *value;
};

struct metrics_histogram {
    const double *le;       /* of each class but the last, which has the rest */
    const uint64_t *counts; /* of each class alone */
    int classes;
    double sum;
};

static inline struct metrics_text metrics_text_begin(struct buf *out)
{
    return (struct metrics_text){.out = out};
}
void metrics_text_family(struct metrics_text *t, const char *name, const char *type, const char *help);
void metrics_text_count(struct metrics_text *t, const char *name, struct metrics_label a,
                        struct metrics_label b, uint64_t value);
void metrics_text_real(struct metrics_text *t, const char *name, struct metrics_label a, double value);
void metrics_text_histogram(struct metrics_text *t, const char *name, struct metrics_label a,
                            const struct metrics_histogram *h);

#endif
