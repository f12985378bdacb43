/* client/tool/ping_stats.h: which pings are under way, and the figures of those that were answered, in the
 * words of ping(8), so that what reads its output reads this one. Knows no clock and no link. */
#ifndef HX_CLIENT_TOOL_PING_STATS_H
#define HX_CLIENT_TOOL_PING_STATS_H

#include "client/mux/link.h"
#include <stdio.h>

struct ping_stats {
    int sent, received;
    int64_t least_us, most_us;
    double sum_us, squares; /* of the round trips, and of their squares */
    /* The numbers of those under way, the eldest at `answered`: a link answers in their order. */
    int numbers[LINK_PINGS_MAX];
    unsigned asked, answered;
};

/* One more was sent; its number, from 1 on, will be that of an answer. */
void ping_stats_sent(struct ping_stats *s);
/* One more was due, and could not be sent: it has a number, too, and counts as lost. */
void ping_stats_unsent(struct ping_stats *s);
/* The eldest one under way is answered; returns its number. */
int ping_stats_answered(struct ping_stats *s, int64_t rtt_us);
/* What ping(8) prints in the end. `name` is printable. */
void ping_stats_print(const struct ping_stats *s, FILE *out, const char *name, int64_t took_ms);

#endif
