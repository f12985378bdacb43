/* server/sandbox.h: after start-up the process needs few system calls; from then on it gets no others. */
#ifndef HX_SERVER_SANDBOX_H
#define HX_SERVER_SANDBOX_H

#include <stdbool.h>

/* Sanitizers need system calls of their own: a build with one has no sandbox, nor has an unknown machine. */
bool sandbox_built(void);
/* All threads of the process may from now on use memory, clocks, locks and the descriptors that are open, and
 * make no new ones, no thread, no process and no executable memory: that fails with EPERM, and an attempt to
 * execute a program or to reach into another process ends this one with SIGSYS. privileges_renounce() must
 * have been called. HX_OK; HX_ESYS with errno: the kernel has refused, and nothing has changed. */
int sandbox_enter(void);
/* The same for the store: it may open files as well, and no sockets. */
int sandbox_enter_store(void);

#endif
