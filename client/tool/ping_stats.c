#include "client/tool/ping_stats.h"
#include <math.h>

void ping_stats_sent(struct ping_stats *s)
{
    s->numbers[s->asked++ % LINK_PINGS_MAX] = ++s->sent;
}

void ping_stats_unsent(struct ping_stats *s)
{
    s->sent++;
}

int ping_stats_answered(struct ping_stats *s, int64_t rtt_us)
{
    int number = s->numbers[s->answered++ % LINK_PINGS_MAX];
    if (s->received == 0 || rtt_us < s->least_us)
        s->least_us = rtt_us;
    if (s->received == 0 || rtt_us > s->most_us)
        s->most_us = rtt_us;
    s->received++;
    s->sum_us += (double)rtt_us;
    s->squares += (double)rtt_us * (double)rtt_us;
    return number;
}

void ping_stats_print(const struct ping_stats *s, FILE *out, const char *name, int64_t took_ms)
{
    fprintf(out, "--- %s ping statistics ---\n", name);
    fprintf(out, "%d packets transmitted, %d received, %g%% packet loss, time %lldms\n", s->sent, s->received,
            s->sent > 0 ? 100.0 * (s->sent - s->received) / s->sent : 0, (long long)took_ms);
    if (s->received > 0) {
        double mean = s->sum_us / s->received;
        double variance = s->squares / s->received - mean * mean; /* rounding can make it negative */
        fprintf(out, "rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", (double)s->least_us / 1000,
                mean / 1000, (double)s->most_us / 1000, variance > 0 ? sqrt(variance) / 1000 : 0);
    }
}
