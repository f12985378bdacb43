#include "shim/udt/path_rate.h"
#include <math.h>

#define RATE_MAX     1e8 /* packets a second: more than any clock of ours tells apart */
#define BUSY_PACKETS 20
#define WHILE_US     30000

void path_rate_init(struct path_rate *r, int64_t now_us, uint64_t delivered, double rate)
{
    *r = (struct path_rate){.best = {rate > 0 ? fmin(rate, RATE_MAX) : 0},
                            .brief = INFINITY,
                            .busy_us = now_us,
                            .mark_us = {now_us, now_us},
                            .mark = {delivered, delivered}};
}

double path_rate_now(const struct path_rate *r)
{
    return fmin(fmax(r->best[0], r->best[1]), r->brief);
}

double path_rate_over_time(struct path_rate *r, int64_t now_us, uint64_t delivered, double rate,
                           int64_t interval_us)
{
    int64_t took_us;

    if (now_us - r->mark_us[0] >= WHILE_US) {
        r->mark_us[1] = r->mark_us[0];
        r->mark[1] = r->mark[0];
        r->mark_us[0] = now_us;
        r->mark[0] = delivered;
    }
    took_us = now_us - r->mark_us[1];
    return interval_us >= WHILE_US || took_us <= 0
               ? rate
               : fmin(rate, (double)(delivered - r->mark[1]) * 1e6 / (double)took_us);
}

void path_rate_note(struct path_rate *r, double rate, bool limited)
{
    rate = fmin(rate, RATE_MAX);
    r->samples[0]++;
    r->limited[0] += limited;
    r->round[0] = fmax(r->round[0], rate);
    if (!limited || rate > r->latest)
        r->latest = rate;
    if (!limited || rate > path_rate_now(r))
        r->best[0] = fmax(r->best[0], rate);
}

void path_rate_begin_round(struct path_rate *r)
{
    r->round[1] = r->round[0];
    r->round[0] = 0;
    r->samples[1] = r->samples[0];
    r->limited[1] = r->limited[0];
    r->samples[0] = r->limited[0] = 0;
}

bool path_rate_was_limited(const struct path_rate *r)
{
    return r->limited[1] * 2 > r->samples[1];
}

void path_rate_begin_cycle(struct path_rate *r)
{
    if (r->best[0] <= 0)
        return; /* nothing was learnt in this one */
    r->best[1] = r->best[0];
    r->best[0] = 0;
}

void path_rate_cut(struct path_rate *r, double most)
{
    r->best[0] = fmin(r->best[0], most);
    r->best[1] = fmin(r->best[1], most);
}

void path_rate_raise(struct path_rate *r, double least)
{
    if (least > path_rate_now(r))
        r->best[0] = least;
}

void path_rate_replace(struct path_rate *r, double rate)
{
    r->best[0] = rate;
    r->best[1] = 0;
}

void path_rate_idle(struct path_rate *r, int64_t now_us, uint64_t delivered)
{
    r->busy_us = now_us;
    r->busy_from = delivered;
    r->busy = 0;
}

void path_rate_busy(struct path_rate *r, int64_t now_us, uint64_t delivered, int64_t least_us)
{
    int64_t took_us = now_us - r->busy_us;

    if (took_us > least_us && delivered - r->busy_from >= BUSY_PACKETS)
        r->busy = (double)(delivered - r->busy_from) * 1e6 / (double)took_us;
}
