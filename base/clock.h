/* base/clock.h: the one clock. No step of the wall clock moves it. The wall clock, CLOCK_REALTIME, is for
 * times that people read: of the log, and of files (test/includes.sh). libev's ev_now() is the wall clock;
 * its timers are not moved by that.
 *
 * It is CLOCK_BOOTTIME, which goes on while the machine sleeps: the peers, the NATs between and the
 * nameserver count that time as well, and whoever wakes up must see at once that they have given it up. UDT's
 * own clock, which paces packets, is another one (shim/udt/udt_clock.h). */
#ifndef HX_BASE_CLOCK_H
#define HX_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

int64_t clock_now_ms(void);
int64_t clock_now_us(void);
/* The wall clock, since 1970; of no use for what lasts. */
int64_t clock_wall_ms(void);

/* Waits as pthread_cond_wait(), until clock_now_ms() is `deadline_ms` at the latest; INT64_MAX: no such time.
 * Any condition variable will do, whatever clock it was made for. False: the deadline has come. */
bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);
/* The same for `ns` at most, a sleep of the machine not counted. False: they are over. */
bool clock_wait_ns(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ns);

#endif
