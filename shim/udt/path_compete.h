/* shim/udt/path_compete.h: beside somebody who fills a deep queue. Who has the path's round trip twice in
 * flight has nearly nothing of the line there: so we have a window as CUBIC has (RFC 9438), until the queue
 * empties or turns out to be ours.
 *
 * Whose it is shows in three ways. A queue that grows while we keep what we have in flight is another's:
 * neither a path that has become longer does that, nor those of us who drain theirs. When we send less for
 * a moment, the queue becomes shorter by our share of it. And if it becomes longer by all that is more of
 * ours, nobody else has a share of this line: others fill a queue elsewhere, as on the way back of receipts
 * that do not tell when they left. Pure; amounts are packets, times are in microseconds of the caller's
 * clock. */
#ifndef HX_SHIM_UDT_PATH_COMPETE_H
#define HX_SHIM_UDT_PATH_COMPETE_H

#include <stdbool.h>
#include <stdint.h>

struct path_model;
struct path_sample;

struct path_queue_look { /* what a packet has found */
    int64_t at_us, rtt_us;
    int64_t back_us; /* for which its receipt has waited */
    double inflight; /* of ours */
};

struct path_compete {
    bool on;
    bool opening;  /* twice as much each round, until we have our share */
    double window; /* in flight at least, while `on` */

    struct path_queue_look low;  /* before: the shortest queue in the last while; rtt_us 0: none */
    int rounds;                  /* before: in which another's deep queue was seen */
    struct path_queue_look from; /* opening: what the last round is held against */
    struct path_queue_look step; /* opening: a round in which less was in flight; rtt_us 0: none */
    double trend;                /* by how much a round trip grew before that, a microsecond */
    int losses;                  /* while opening */
    struct path_queue_look last; /* with which the last look at the path began; rtt_us 0: it is over */

    double most, k_s;  /* the window in which packets were lost; how long it takes until it is that again */
    int64_t cut_us;    /* when they were */
    uint64_t lost;     /* of the last sample */
    uint64_t recover;  /* losses of packets that were sent when fewer had come are of one event */
    int64_t looked_us; /* when the path was last looked at without our queue */
    int64_t rests_us;  /* not again before: it was nobody else's queue */
};

/* The window follows what has come and what was lost. Meanwhile the phases go on, as what they find is the
 * least that is sent. True: the path must be looked at with little in flight. */
bool path_compete_sampled(struct path_model *m, const struct path_sample *s);
/* That look is over. */
void path_compete_looked(struct path_model *m, const struct path_sample *s);

#endif
