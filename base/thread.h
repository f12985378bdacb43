/* base/thread.h: threads that nobody joins. */
#ifndef HX_BASE_THREAD_H
#define HX_BASE_THREAD_H

#include "base/error.h"
#include <stddef.h>

/* Runs run(arg) in a thread with a stack of `stack_bytes`. It takes no signal: those are the program's. HX_OK; HX_ESYS:
 * there is none, and run() is not called. */
int thread_detached(size_t stack_bytes, void *(*run)(void *arg), void *arg);

#endif
