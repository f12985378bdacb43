#include "base/clock.h"
#include <errno.h>
#include <time.h>

/* A long wait looks at the clock after each slice: the wait's own clock stands still while
 * the machine sleeps. */
#define SLICE_MS  60000
#define NS_PER_S  1000000000
#define NS_PER_MS 1000000

int64_t clock_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

int64_t clock_wall_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool clock_wait_ns(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ns)
{
    /* POSIX has no condition variable on CLOCK_BOOTTIME */
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ns / NS_PER_S;
    until.tv_nsec += ns % NS_PER_S;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_nsec -= NS_PER_S;
        until.tv_sec++;
    }
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}

bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms == INT64_MAX ? SLICE_MS : deadline_ms - clock_now_ms();

    if (left_ms <= 0)
        return false;
    if (left_ms > SLICE_MS)
        left_ms = SLICE_MS;
    return clock_wait_ns(cond, mutex, left_ms * NS_PER_MS) || deadline_ms == INT64_MAX ||
           clock_now_ms() < deadline_ms;
}
