/* shim/udt/path_stall.h: times in which nothing came that was due, and then all at once: a host that others
 * kept from running, a radio that waited for its turn. That is no queue: it is over whatever is sent, while
 * in a queue packets come one after the other.
 *
 * So what a packet has waited for that is left out where a queue is looked for. And where the path stands
 * still for longer than a round trip takes, the round trip tells too little of what must be in flight.
 * Pure; times are in microseconds of the caller's clock. */
#ifndef HX_SHIM_UDT_PATH_STALL_H
#define HX_SHIM_UDT_PATH_STALL_H

#include <stdbool.h>
#include <stdint.h>

struct path_sample;

struct path_stall {
    int64_t told_us;           /* when something came last; -1: nothing has */
    int64_t first_us;          /* when something came first */
    int64_t rtt_us;            /* the last round trip, all of it but what was a stall */
    int64_t from_us, until_us; /* the last stall */
    int64_t before_us;         /* rtt_us as it began */
    int64_t excused_us;        /* so much of the last round trip was one */
    int64_t of_last_us;        /* so much of the last sample's rtt_us was one */
    int64_t waited_us;         /* for its end, at most */
    int64_t longest_us[2];     /* of a round trip, in this period and in the last one */
    int64_t period_us;         /* when this one began */
};

void path_stall_init(struct path_stall *s, int64_t now_us);
/* `min_us`: the round trip of the path without a queue, -1: unknown; `packet_us`: the time that one packet
 * takes at its rate. */
void path_stall_note(struct path_stall *s, const struct path_sample *sample, int64_t min_us,
                     int64_t packet_us);
/* What has come so far may have waited for the end of a stall, or in a queue: that is not told yet. */
bool path_stall_unknown(const struct path_stall *s);
int64_t path_stall_longest_us(const struct path_stall *s);

#endif
