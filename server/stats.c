#include "server/stats.h"
#include "server/counters.h"
#include "server/log.h"
#include "server/server.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int stats_open(void)
{
    return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

/* The second number is resident pages (proc(5)). -1: unknown. */
static int64_t resident_bytes(int fd)
{
    char text[128];
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return -1;
    text[n] = '\0';
    const char *second = strchr(text, ' ');
    return second ? strtoll(second, NULL, 10) * (int64_t)sysconf(_SC_PAGESIZE) : -1;
}

void stats_log(const struct server *s, int fd)
{
    struct server_stats now;

    server_stats(s, &now);
    log_always(LOG_INFO, "stats", "connections", LOG_NUM((int64_t)now.connections), "names",
               LOG_NUM((int64_t)now.names), "waiters", LOG_NUM((int64_t)now.waiters), "sessions",
               LOG_NUM((int64_t)now.sessions), "members", LOG_NUM((int64_t)now.members), "timers",
               LOG_NUM((int64_t)now.timers), "queued", LOG_NUM((int64_t)now.queued), "ended",
               LOG_NUM((int64_t)server_ended(s)), "rss", LOG_NUM(resident_bytes(fd)));
}

void stats_log_counters(const struct server *s)
{
    const struct counters *c = server_counters(s);

    for (int i = 0; i < COUNTERS; i++)
        if (c->of[i] > 0)
            log_always(LOG_INFO, "counter", "of", counter_name((enum counter)i), "value",
                       LOG_NUM((int64_t)c->of[i]));
}

const char *stats_text(const struct server *s, char *text, size_t size)
{
    snprintf(text, size, "%zu connections, %zu names", server_connections(s), server_names(s));
    return text;
}
