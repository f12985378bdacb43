/* shim/udt/path_rate.h: how fast packets come through a path: the best in two cycles of probing, and what
 * speaks against it. Pure; rates are packets a second. */
#ifndef HX_SHIM_UDT_PATH_RATE_H
#define HX_SHIM_UDT_PATH_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct path_rate {
    double best[2];     /* in this cycle and in the last one (draft-ietf-ccwg-bbr: BBR.MaxBwFilterLen) */
    double round[2];    /* in this round trip and in the last whole one */
    double latest;      /* of the last sample; 0: unknown */
    int samples[2];     /* in them, ... */
    int limited[2];     /* ... and how many tell of the application, not of the path */
    double brief;       /* what losses have shown since the last probe; INFINITY: none have */
    int64_t mark_us[2]; /* when, a while ago and a longer while ago, ... */
    uint64_t mark[2];   /* ... so many had come */
    /* A queue has been seen all the time since then: what has come meanwhile is what the path carries. */
    int64_t busy_us;
    uint64_t busy_from;
    double busy; /* 0: it was not for long enough */
};

void path_rate_init(struct path_rate *r, int64_t now_us, uint64_t delivered, double rate); /* 0: unknown */
double path_rate_now(const struct path_rate *r);                                           /* 0: unknown */
/* The rate of a sample that tells of `interval_us`: not more than in the last while, if that was longer. A
 * maximum of many short samples tells of threads that wake late, rather than of the path. */
double path_rate_over_time(struct path_rate *r, int64_t now_us, uint64_t delivered, double rate,
                           int64_t interval_us);
/* `limited`: no more was sent, though it might have been: the path carries this rate or more. */
void path_rate_note(struct path_rate *r, double rate, bool limited);
bool path_rate_was_limited(const struct path_rate *r); /* in the last round */
void path_rate_begin_round(struct path_rate *r);
void path_rate_begin_cycle(struct path_rate *r);
/* What the path carries is no more than this; is this or more; is this. */
void path_rate_cut(struct path_rate *r, double most);
void path_rate_raise(struct path_rate *r, double least);
void path_rate_replace(struct path_rate *r, double rate);
/* There was no queue at this sample, or what was sent says nothing. */
void path_rate_idle(struct path_rate *r, int64_t now_us, uint64_t delivered);
/* There was; `least_us` of it are to be seen before it tells anything. */
void path_rate_busy(struct path_rate *r, int64_t now_us, uint64_t delivered, int64_t least_us);

#endif
