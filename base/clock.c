#include "base/clock.h"
#include <errno.h>
#include <time.h>

/* A long wait looks at the clock after each slice: the wait's own clock stands still while
 * the machine sleeps. */
#define SLICE_MS 60000

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

bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms == INT64_MAX ? SLICE_MS : deadline_ms - clock_now_ms();

    if (left_ms <= 0)
        return false;
    if (left_ms > SLICE_MS)
        left_ms = SLICE_MS;
    /* POSIX has no condition variable on CLOCK_BOOTTIME */
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += left_ms / 1000;
    until.tv_nsec += left_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until) != ETIMEDOUT ||
           deadline_ms == INT64_MAX || clock_now_ms() < deadline_ms;
}
