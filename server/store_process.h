/* server/store_process.h: what the store's process does (server/store.h), from its fork to its end. */
#ifndef HX_SERVER_STORE_PROCESS_H
#define HX_SERVER_STORE_PROCESS_H

#include <sys/types.h>

#define STORE_BATCH_MAX 256  /* messages between two commits */
#define STORE_RETRY_MS  5000 /* between two tries to open a database that cannot be used */

struct store_config;

/* Becomes config->user, closes every descriptor but `fd` and standard error, and serves until the other end is
 * closed. Returns the exit status. Signals are as they were: they are blocked, and the serving process's. */
int store_process(int fd, pid_t parent, const struct store_config *config);

#endif
