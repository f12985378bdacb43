/* Deadlines of UDT's waits. It makes them of gettimeofday() or CTimer::getTime() and waits for them on
 * condition variables of the wall clock, which a step of that clock stretches or cuts off: the garbage
 * collector (api.cpp), and blocking calls that hx does not make (core.cpp, queue.cpp). CTimer::getTime() is
 * on udt_clock.h (override_timer.cc), so gettimeofday() and the waits are on it, too. --wrap catches these
 * two in hx's own code as well, which has no use for them: it has clock_now_ms() and clock_wait(). */
#include "shim/udt/overrides.h"
#include <cerrno>
#include <sys/time.h>

extern "C" {
#include "base/clock.h"
#include "shim/udt/udt_clock.h"
}

const bool override_wait = true;

extern "C" {
int __wrap_gettimeofday(timeval *now, void *zone);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const timespec *until);

int __wrap_gettimeofday(timeval *now, void *zone)
{
    int64_t now_ns = udt_clock_ns();

    (void)zone;
    now->tv_sec = now_ns / 1000000000;
    now->tv_usec = now_ns % 1000000000 / 1000;
    return 0;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const timespec *until)
{
    int64_t left_ms = until->tv_sec * 1000 + until->tv_nsec / 1000000 - udt_clock_ns() / 1000000 + 1;

    return clock_wait(cond, mutex, clock_now_ms() + left_ms) ? 0 : ETIMEDOUT;
}
}
