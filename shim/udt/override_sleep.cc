/* CTimer::sleepto(): UDT's sender waits here for the time of its next packet. What it holds (sender.c) need not
 * wait as well. */
#include "shim/udt/overrides.h"
#include "shim/udt/sender.h"
#include <udt/udt.h>
/* common.h needs the above */
#include <udt/common.h>

const bool override_sleep = true;

extern "C" {
void __real__ZN6CTimer7sleeptoEm(CTimer *timer, uint64_t until);
void __wrap__ZN6CTimer7sleeptoEm(CTimer *timer, uint64_t until);

void __wrap__ZN6CTimer7sleeptoEm(CTimer *timer, uint64_t until)
{
    uint64_t now;

    CTimer::rdtsc(now);
    if (sender_holds() && until > now + SENDER_SPARE_US * CTimer::getCPUFrequency())
        sender_flush();
    __real__ZN6CTimer7sleeptoEm(timer, until);
}
}
