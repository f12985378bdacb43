/* test/udtcurl/wait.h: the one place where udtcurl waits, and the only one where a signal gets in. */
#ifndef HX_UDTCURL_WAIT_H
#define HX_UDTCURL_WAIT_H

#include "base/clock.h"
#include <poll.h>
#include <stdint.h>

/* Blocks SIGINT, SIGTERM and SIGHUP (threads made later inherit that). Those that were ignored stay so. */
void wait_init(void);
/* The signal that came, or 0. */
int wait_signal(void);
/* Ends the process as that signal ends it by default. */
void wait_die(void) __attribute__((noreturn));

/* Waits until one of fds[0..n) has what it is polled for or clock_now_ms() is `until_ms` (-1: no limit).
 * UC_OK; UC_TIMEOUT; UC_SIGNAL + number as soon as a signal has come. */
int wait_fds(struct pollfd *fds, nfds_t n, int64_t until_ms);

#endif
