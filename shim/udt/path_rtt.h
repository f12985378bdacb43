/* shim/udt/path_rtt.h: the round trip of a path without a queue, and how much longer it is now. Pure;
 * times are in microseconds of the caller's clock. */
#ifndef HX_SHIM_UDT_PATH_RTT_H
#define HX_SHIM_UDT_PATH_RTT_H

#include <stdbool.h>
#include <stdint.h>

struct path_rtt {
    int64_t min_us;  /* the least in the last ten seconds; -1: unknown */
    int64_t seen_us; /* when one as short as that was last seen: it still holds */
    int64_t
        next_us; /* the least since the path was last looked at; what min_us becomes when it holds no more */
    int64_t probed_us;
    /* The least in this half minute and in the last one. Who keeps a queue filled for ten seconds moves
     * min_us, but not this. */
    int64_t floor_us[2], floor_since_us;
    int64_t part_us[2], part_since_us; /* the least in the current and in the last short while */
    int64_t back_us;                   /* for how long receipts have waited on their way back, smoothed */
    int part_samples;
    struct path_rtt_round {
        int64_t least_us, most_us; /* INT64_MAX and 0: there was none */
        int samples;
    } round[2]; /* of this round trip, and of the last whole one in which there were any */
};

void path_rtt_init(struct path_rtt *r, int64_t now_us, int64_t rtt_us); /* -1: unknown */
/* `packet_us`: the time that one packet takes at the rate of the path. `back_us`: see path_sample. */
void path_rtt_note(struct path_rtt *r, int64_t now_us, int64_t rtt_us, int64_t back_us, int64_t packet_us);
/* Nothing has been sent for a while: what was known is still taken to hold. */
void path_rtt_idle(struct path_rtt *r, int64_t now_us);
/* The path is going to be looked at without a queue, and it has been. */
void path_rtt_probe(struct path_rtt *r);
void path_rtt_probed(struct path_rtt *r, int64_t now_us);
/* No round trip as short as min_us has been seen for so long that it must be. */
bool path_rtt_stale(const struct path_rtt *r, int64_t now_us);
void path_rtt_begin_round(struct path_rtt *r);   /* what has been seen in this one is forgotten, ... */
void path_rtt_round_is_over(struct path_rtt *r); /* ... or it was a whole one */
/* How long packets have waited in the queue lately: the least that any of them did. */
int64_t path_rtt_queue_us(const struct path_rtt *r);
/* How long it takes until what is sent now is heard of, without a queue of the path's own. */
int64_t path_rtt_answer_us(const struct path_rtt *r);
bool path_rtt_is_queue(const struct path_rtt *r, int64_t rtt_us, int64_t packet_us); /* this one has waited */
bool path_rtt_queued(const struct path_rtt *r, int64_t packet_us); /* longer than chance has it */
/* Round trips were alike, and now all of them are longer. On a far path that is seen long before a queue
 * that may be chance: meanwhile startup would send twice what the path carries. */
bool path_rtt_grows(const struct path_rtt *r);
bool path_rtt_empty(const struct path_rtt *r, int64_t packet_us); /* not at all, as far as can be told */

#endif
