/* server/loop_times.h: how long the turns of the loop take: so long whoever comes meanwhile waits. Counted in
 * classes, as Prometheus has them. No clock, no lock. */
#ifndef HX_SERVER_LOOP_TIMES_H
#define HX_SERVER_LOOP_TIMES_H

#include <stdint.h>

/* The longest of each class, in microseconds; the last class has those that are longer. */
#define LOOP_TIMES_MAP(X) \
    X(20)                 \
    X(50)                 \
    X(100)                \
    X(200) X(500) X(1000) X(2000) X(5000) X(10000) X(20000) X(50000) X(100000) X(200000) X(500000) X(1000000)
enum loop_times_class {
#define LOOP_TIMES_CLASS(us) LOOP_TIMES_##us,
    LOOP_TIMES_MAP(LOOP_TIMES_CLASS)
#undef LOOP_TIMES_CLASS
        LOOP_TIMES_LONGER,
    LOOP_TIMES_CLASSES
};

struct loop_times { /* zeroed at the start */
    uint64_t of[LOOP_TIMES_CLASSES];
    uint64_t us; /* all of them together */
};

void loop_times_add(struct loop_times *t, int64_t us);
/* INT64_MAX for the last one. */
int64_t loop_times_most_us(int which);
/* `share` of the turns between the two, `before` and `now`, took no longer, in milliseconds; within a class
 * they are taken for even. 0 where there was none. */
double loop_times_quantile_ms(const struct loop_times *before, const struct loop_times *now, double share);

#endif
