/* server/stats.h: what the server holds, for people (SIGUSR1, a line in the log) and for the supervisor. */
#ifndef HX_SERVER_STATS_H
#define HX_SERVER_STATS_H

#include <stddef.h>

struct server;

/* A descriptor for stats_log(), which may not be able to open one later (server/sandbox.h); -1: no /proc. */
int stats_open(void);
/* The line event=stats; `fd`: from stats_open(). */
void stats_log(const struct server *s, int fd);
/* One line for each of the server's counters that is not 0, event=counter. */
void stats_log_counters(const struct server *s);
/* One line for notify_send(); returns `text`. */
const char *stats_text(const struct server *s, char *text, size_t size);

#endif
