/* CTimer, UDT's clock. UDT's own reads the wall clock, so that a step of it ends connections or stops a
 * sender for as long as the step; it counts the processor's cycles, which differ between the hosts that a
 * virtual machine moves through; and it learns their frequency by sleeping for 100 ms before main(). Here
 * there is one clock for all of it (udt_clock.h).
 *
 * Members of the class call each other, which --wrap does not catch: together with override_common.cc this
 * stands in for the whole of libudt.a(common.o). */
#include "shim/udt/overrides.h"
#include "shim/udt/sender.h"
#include <algorithm>
#include <udt/udt.h>
#include <unistd.h>
/* common.h needs the above */
#include <udt/common.h>

extern "C" {
#include "base/clock.h"
#include "shim/udt/udt_clock.h"
}

namespace
{
constexpr uint64_t TICKS_PER_US = 1000; /* what rdtsc() counts: nanoseconds */
constexpr uint64_t NOBODY = 0;          /* a time to wait for: nobody waits */
constexpr int64_t WAIT_MS = 10;         /* common.cpp, sleepto() and waitForEvent() */
constexpr int64_t NAP_NS = 1000000; /* the sender wakes up so often at most, and sends what has become due */
constexpr useconds_t SHORT_US = 10; /* common.cpp, sleep() */

uint64_t now_ns()
{
    return static_cast<uint64_t>(udt_clock_ns());
}

void await(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ns)
{
    pthread_mutex_lock(lock);
    (void)clock_wait_ns(cond, lock, ns);
    pthread_mutex_unlock(lock);
}

int64_t nap_ns(uint64_t until)
{
    auto left = static_cast<int64_t>(until - now_ns());

    return std::clamp(left, NAP_NS, WAIT_MS * 1000000);
}
} // namespace

const bool override_timer = true;

pthread_mutex_t CTimer::m_EventLock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t CTimer::m_EventCond = PTHREAD_COND_INITIALIZER;

CTimer::CTimer() : m_ullSchedTime(NOBODY)
{
    pthread_mutex_init(&m_TickLock, nullptr);
    pthread_cond_init(&m_TickCond, nullptr);
}

CTimer::~CTimer()
{
    pthread_cond_destroy(&m_TickCond);
    pthread_mutex_destroy(&m_TickLock);
}

void CTimer::rdtsc(uint64_t &x)
{
    x = now_ns();
}

uint64_t CTimer::getCPUFrequency()
{
    return TICKS_PER_US;
}

uint64_t CTimer::getTime()
{
    return now_ns() / TICKS_PER_US;
}

void CTimer::sleep(uint64_t interval)
{
    sleepto(now_ns() + interval);
}

/* UDT's sender waits here for the time of its next packet. What it holds (sender.c) need not wait as well. It
 * waits for NAP_NS even if the packet is due sooner: what has become due meanwhile leaves at once, and so
 * together. */
void CTimer::sleepto(uint64_t nexttime)
{
    if (sender_holds() && nexttime > now_ns() + SENDER_SPARE_US * TICKS_PER_US)
        sender_flush();
    __atomic_store_n(&m_ullSchedTime, nexttime, __ATOMIC_RELAXED);
    while (now_ns() < __atomic_load_n(&m_ullSchedTime, __ATOMIC_RELAXED))
        await(&m_TickCond, &m_TickLock, nap_ns(__atomic_load_n(&m_ullSchedTime, __ATOMIC_RELAXED)));
    __atomic_store_n(&m_ullSchedTime, NOBODY, __ATOMIC_RELAXED);
}

/* UDT comes here for each packet that it sends without a pause, and then nobody waits. */
void CTimer::interrupt()
{
    if (__atomic_load_n(&m_ullSchedTime, __ATOMIC_RELAXED) == NOBODY)
        return;
    __atomic_store_n(&m_ullSchedTime, now_ns(), __ATOMIC_RELAXED);
    pthread_cond_signal(&m_TickCond);
}

/* The worker comes here before each datagram; the sender is woken if it waits and it is time. */
void CTimer::tick()
{
    uint64_t until = __atomic_load_n(&m_ullSchedTime, __ATOMIC_RELAXED);

    if (until != NOBODY && now_ns() >= until)
        pthread_cond_signal(&m_TickCond);
}

void CTimer::triggerEvent()
{
    pthread_cond_signal(&m_EventCond);
}

void CTimer::waitForEvent()
{
    await(&m_EventCond, &m_EventLock, WAIT_MS * 1000000);
}

void CTimer::sleep()
{
    (void)usleep(SHORT_US);
}
