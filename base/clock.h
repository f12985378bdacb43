/* base/clock.h: the one clock. Milliseconds of CLOCK_MONOTONIC: no step of the wall clock moves it, and it stands
 * still while the machine sleeps. */
#ifndef HX_BASE_CLOCK_H
#define HX_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);

#endif
