/* base/process.h: what a process inherits and should not live with. */
#ifndef HX_BASE_PROCESS_H
#define HX_BASE_PROCESS_H

#include <stdbool.h>

/* First of all in main(), before there are threads and descriptors:
 *   descriptors 0 to 2   those that are closed are opened on /dev/null for the wrong direction: no socket or file of
 *                        ours gets their numbers, and using them fails as it would have closed
 *   SIGPIPE, SIGXFSZ     ignored: write(2) says EPIPE and EFBIG, and what it was for fails alone
 *   SIGCHLD              as by default: how a child has ended is kept until it is asked for
 *   signal mask          empty */
void process_begin(void);
/* Writing to the terminal from the background stops a process if `stty tostop` is set; with this it goes on.
 * For those who serve others, and must not stop for a line of the log. */
void process_ignore_tostop(void);
/* Whether the signal was ignored when the process began (nohup ignores SIGHUP): then it should stay so. */
bool process_ignores(int number);

#endif
