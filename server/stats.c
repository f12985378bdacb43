#include "server/stats.h"
#include "server/log.h"
#include "server/relay.h"
#include "server/server.h"
#include "server/stun.h"
#include "shim/udt/udt.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int stats_open(void)
{
    return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

/* The second number is resident pages (proc(5)). */
int64_t stats_resident_bytes(int fd)
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
               LOG_NUM((int64_t)server_ended(s)), "rss", LOG_NUM(stats_resident_bytes(fd)));
}

static void each_of_ports(const struct stats_sources *from, counter_visit *visit, void *user)
{
    struct udt_counter all[UDT_COUNTERS_MAX] = {{"", 0}}, rows[UDT_COUNTERS_MAX] = {{"", 0}};
    int count = 0;

    for (size_t i = 0; i < from->port_count; i++) {
        count = udt_port_stats(from->ports[i], i == 0 ? all : rows);
        for (int k = 0; i > 0 && k < count; k++)
            all[k].value += rows[k].value;
    }
    for (int k = 0; k < count; k++)
        visit(user, all[k].name, all[k].value);
}

void stats_each_counter(const struct stats_sources *from, counter_visit *visit, void *user)
{
    counters_each(server_counters(from->server), visit, user);
    if (from->stun)
        stun_each_counter(from->stun, visit, user);
    if (from->relay)
        relay_each_counter(from->relay, visit, user);
    each_of_ports(from, visit, user);
}

static void log_counter(void *user, const char *name, uint64_t value)
{
    (void)user;
    if (value > 0)
        log_always(LOG_INFO, "counter", "of", name, "value", LOG_NUM((int64_t)value));
}

void stats_log_counters(const struct stats_sources *from)
{
    stats_each_counter(from, log_counter, NULL);
}

const char *stats_text(const struct server *s, char *text, size_t size)
{
    snprintf(text, size, "%zu connections, %zu names", server_connections(s), server_names(s));
    return text;
}
