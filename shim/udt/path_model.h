/* shim/udt/path_model.h: what a path carries, learnt from what has come through it, and what follows from
 * that: how fast to send and how much may be on its way. The discipline is BBRv3's (draft-ietf-ccwg-bbr):
 * the delivery rate as a windowed maximum, the least round-trip time, and losses as a bound where they come
 * with more than the path loses anyway.
 *
 * It goes beyond the draft in one thing. Where the queue empties when we send less, it is ours alone, and is
 * kept short; only where somebody else fills it, as much is kept in it as the draft has.
 *
 * A pure state machine: no I/O, no clock of its own. Time is in microseconds of one monotonic clock, amounts
 * are packets (all about equally long), rates are packets a second. */
#ifndef HX_SHIM_UDT_PATH_MODEL_H
#define HX_SHIM_UDT_PATH_MODEL_H

#include "shim/udt/path_loss.h"
#include "shim/udt/path_rtt.h"
#include <stdbool.h>
#include <stdint.h>

/* What one receipt (or acknowledgement) has told. Of each packet that leaves, original or repeat, the caller
 * notes the time and what `delivered`, `lost` and `inflight` are then; "the newest" is, of the packets that
 * this receipt is the first to acknowledge, the one that left last. */
struct path_sample {
    int64_t now_us;
    uint64_t delivered;       /* packets that have come, in all, now; each once */
    uint64_t prior_delivered; /* ... when the newest was sent */
    uint64_t lost;            /* taken for lost, in all, now; less again when one has come after all */
    uint64_t prior_lost;      /* ... when the newest was sent */
    /* In which delivered - prior_delivered came: the longer one of the time in which they were sent and the
     * time in which they were acknowledged (draft-ietf-ccwg-bbr, "Delivery Rate"); 0: no rate in this sample. */
    int64_t interval_us;
    int64_t rtt_us;       /* of the newest, without the time that it lay with the receiver; -1: none */
    uint32_t inflight;    /* sent - delivered - lost, now */
    uint32_t tx_inflight; /* ... when the newest was sent, itself counted */
    bool
        app_limited; /* when the newest was sent, there was less to send (or to put it) than the bounds allow */
};

#define PATH_MODEL_INITIAL 32 /* packets in the first round trip; RFC 9002 has 10, QUIC as deployed 32 */
#define PATH_MODEL_LEAST   4  /* packets in flight (draft-ietf-ccwg-bbr, "Minimum cwnd for Pipelining") */

enum path_phase {
    PATH_STARTUP,   /* twice the rate each round trip, until that brings no more */
    PATH_DRAIN,     /* what startup has queued leaves the queue */
    PATH_DOWN,      /* slower than the path: the queue of a probe empties */
    PATH_CRUISE,    /* as fast as the path */
    PATH_REFILL,    /* one round trip at the path's rate, before ... */
    PATH_UP,        /* ... more is tried */
    PATH_PROBE_RTT, /* little in flight, to see the path without a queue */
};

struct path_model {
    enum path_phase phase;
    int64_t now_us;
    uint32_t random;

    uint64_t delivered, lost; /* of the last sample */
    uint64_t old;             /* samples of packets that were sent when fewer had come are of another path */

    /* A round begins with the first packet that was sent after the one before had begun to be answered. */
    uint64_t round_end;  /* a sample with this prior_delivered begins the next one */
    uint64_t round_from; /* delivered when this one began, ... */
    int64_t round_us;    /* ... and when */
    int64_t
        round_rtt_us[2];  /* the least round trip in this round and in the last whole one; INT64_MAX: none */
    double round_best[2]; /* the best rate in them */
    double latest;        /* what the last sample has shown; 0: unknown */
    bool round_began, round_limited;

    double best[2]; /* the best rates in this cycle and in the last one */
    double brief;   /* the rate that losses have shown since the last probe; INFINITY: none have */
    uint32_t bound; /* inflight above which probes have lost; UINT32_MAX: none have */
    double window;  /* after all was lost: in flight at most; INFINITY: no such bound */
    double opening; /* PATH_STARTUP: in flight at most; each packet that comes lets two leave */

    int64_t cycle_us; /* when it began; ... */
    int64_t wait_us;  /* ... how long until the next probe */
    int64_t phase_us; /* when this phase began */
    int phase_rounds; /* whole ones since then */
    int64_t
        due_us; /* PATH_DOWN: the queue, if it is ours, is empty by then. PATH_PROBE_RTT: it is over then, or 0 */
    bool foreign;  /* somebody else keeps the queue filled: it did not empty when we sent less */
    bool probed;   /* what the last probe has shown is still to be kept for the next cycle */
    bool cautious; /* the last probe has lost without a queue: there is a policer, and the next one is slow */
    bool filled;   /* startup is over */
    double ebb;    /* PATH_DOWN: what came through when it began; 0: unknown */
    /* A queue was seen all the time since then, and none of the packets was sent slowly: what has come through
     * meanwhile is what the path carries. */
    bool learns; /* PATH_DOWN: a queue in PATH_CRUISE was the reason */
    int64_t busy_us;
    uint64_t busy_from;
    double busy_rate;   /* 0: it was not for long enough */
    int64_t ebb_us;     /* ... how long the queue was, */
    double emptying;    /* ... and the share of the rate that is to be sent */
    double lossy;       /* PATH_DOWN: the share that was lost before it; 0: no more than usual */
    double full;        /* the rate from which growth is counted, ... */
    int full_rounds;    /* ... and rounds without */
    int grown_rounds;   /* ... and with it */
    int64_t empty_us;   /* when the queue was last seen to be empty */
    uint32_t up_rounds; /* PATH_UP: ... */
    double up_acked;    /* ... what has come since the bound was raised */
    double newly;       /* what this sample has told of */

    struct path_rtt rtt;
    struct path_loss loss;
};

/* `seed`: two connections that begin together must not probe together. */
void path_model_init(struct path_model *m, int64_t now_us, uint32_t seed);
/* The packets take another way from now on. `rtt_us` and `rate` are what is known of it; -1 and 0: nothing.
 * Samples of packets that were sent before count no more. */
void path_model_restart(struct path_model *m, int64_t now_us, int64_t rtt_us, double rate);
void path_model_sampled(struct path_model *m, const struct path_sample *s);
/* A packet is about to leave, `inflight` without it. */
void path_model_sent(struct path_model *m, int64_t now_us, uint32_t inflight);
/* Nothing has been heard for so long that all that was in flight is lost; the caller counts it as lost in the
 * samples that follow. */
void path_model_timeout(struct path_model *m, int64_t now_us);

double path_model_pacing(const struct path_model *m);         /* packets a second, above 0 */
uint32_t path_model_inflight_max(const struct path_model *m); /* packets, at least PATH_MODEL_LEAST */
int64_t path_model_min_rtt_us(const struct path_model *m);    /* the path's, without a queue; -1: unknown */
const char *path_phase_name(enum path_phase phase);

#endif
