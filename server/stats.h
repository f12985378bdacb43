/* server/stats.h: what the server holds, for people (SIGUSR1, a line in the log) and for the supervisor. */
#ifndef HX_SERVER_STATS_H
#define HX_SERVER_STATS_H

#include "server/counters.h"
#include <stddef.h>

struct relay;
struct server;
struct stun;
struct udt_port;

/* A descriptor for stats_log(), which may not be able to open one later (server/sandbox.h); -1: no /proc. */
int stats_open(void);
/* The line event=stats; `fd`: from stats_open(). */
void stats_log(const struct server *s, int fd);
/* The process's resident memory; -1: unknown. */
int64_t stats_resident_bytes(int fd);

/* All that count. */
struct stats_sources {
    const struct server *server;
    struct stun *stun;   /* NULL: there is none */
    struct relay *relay; /* as well */
    struct udt_port *const *ports;
    size_t port_count;
};
/* Every counter of the process by its name, each once: those of several ports are added up. */
void stats_each_counter(const struct stats_sources *from, counter_visit *visit, void *user);
/* One line for each that is not 0, event=counter. */
void stats_log_counters(const struct stats_sources *from);
/* One line for notify_send(); returns `text`. */
const char *stats_text(const struct server *s, char *text, size_t size);

#endif
