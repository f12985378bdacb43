/* server/store_sandbox.h: what the store's process gives up once it knows what it is for. */
#ifndef HX_SERVER_STORE_SANDBOX_H
#define HX_SERVER_STORE_SANDBOX_H

/* From now on it may write in the directory of `file` and in `directory` alone (either may be NULL), by
 * landlock(7) where the kernel has it, and has the system calls of sandbox_enter_store(). It may read what its
 * user may: a file that is read again may be a link, which leads elsewhere the next time. HX_OK; HX_ESYS with
 * errno: it is under no filter. A build that has no sandbox (server/sandbox.h) gets none. */
int store_sandbox_enter(const char *file, const char *directory);

#endif
