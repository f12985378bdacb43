/* client/run/terminal.h: the terminal of who uses a command far away: raw while it runs, and as it was before
 * however this process ends. */
#ifndef HX_CLIENT_RUN_TERMINAL_H
#define HX_CLIENT_RUN_TERMINAL_H

#include "client/run/frames.h"
#include <stdbool.h>

/* Whether `fd` is a terminal that this process, being in its foreground, may make raw. */
bool terminal_is_ours(int fd);
/* Keys are passed on as they are: Ctrl-C, too, is then a byte. One terminal at a time. What ends or stops
 * this process restores it first: exit(3), and all signals but SIGKILL and SIGSTOP, of which those that
 * something else handles or ignores stay so. HX_ESYS. */
int terminal_raw(int fd);
/* As it was before. Without terminal_raw(): nothing. */
void terminal_restore(void);
/* {0, 0}: it does not say. */
struct window terminal_window(int fd);

#endif
