/* shim/udt/udt_clock.h: UDT's clock: CLOCK_MONOTONIC less the time in which this process was stopped
 * (SIGSTOP, a debugger, a virtual machine that was paused).
 *
 * UDT paces its packets by time: a sender that finds itself a minute late sends without a pause until it has
 * made good for the minute, and all of its timers are due at once. What could not happen because nobody ran
 * is not late: a gap of UDT_CLOCK_GAP_MS between two readings is taken out. Each port's worker reads the
 * clock a hundred times a second, so only a process that does not run at all has such gaps. */
#ifndef HX_SHIM_UDT_UDT_CLOCK_H
#define HX_SHIM_UDT_UDT_CLOCK_H

#include <stdint.h>

#define UDT_CLOCK_GAP_MS 1000

int64_t udt_clock_ns(void); /* never goes back, from whatever thread it is read */

#endif
