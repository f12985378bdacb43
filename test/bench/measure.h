/* test/bench/measure.h: clocks, percentiles, and what the kernel says of a process. */
#ifndef HX_BENCH_MEASURE_H
#define HX_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

struct samples { /* zeroed: none */
    double *values;
    size_t count, capacity;
};

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
double now_us(void); /* CLOCK_MONOTONIC */
void samples_add(struct samples *s, double value);
/* The value below which `share` (0..1) of them are; 0 if there are none. */
double samples_percentile(struct samples *s, double share);
void samples_free(struct samples *s);

/* User and system time of the process so far, in seconds. */
double process_cpu_seconds(int pid);
double process_resident_bytes(int pid);

#endif
