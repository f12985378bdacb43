#include "test/bench/measure.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    /* The analyzer does not see va_start(): NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

void samples_add(struct samples *s, double value)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 1024;
        s->values = realloc(s->values, s->capacity * sizeof *s->values);
        if (!s->values)
            die("no memory for %zu samples", s->capacity);
    }
    s->values[s->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double samples_percentile(struct samples *s, double share)
{
    if (s->count == 0)
        return 0;
    qsort(s->values, s->count, sizeof *s->values, by_value);
    return s->values[(size_t)((double)(s->count - 1) * share)];
}

void samples_free(struct samples *s)
{
    free(s->values);
    *s = (struct samples){0};
}

double process_cpu_seconds(int pid)
{
    char path[64], line[1024], *after;
    unsigned long user = 0, sys = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f || !fgets(line, sizeof line, f))
        die("process %d is gone", pid);
    fclose(f);
    after = strrchr(line, ')'); /* proc(5): the name may hold anything */
    if (!after || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        die("cannot read %s", path);
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

double process_resident_bytes(int pid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    unsigned long total, resident;
    if (!f || fscanf(f, "%lu %lu", &total, &resident) != 2)
        die("process %d is gone", pid);
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}
