/* shim/udt/path_model.h: what a path carries, learnt from what has come through it, and what follows from
 * that: how fast to send and how much may be on its way. The discipline is BBRv3's (draft-ietf-ccwg-bbr):
 * the delivery rate as a windowed maximum, the least round-trip time, and losses as a bound where they come
 * with more than the path loses anyway.
 *
 * It goes beyond the draft where that has nothing. A queue that empties when we send less is ours alone,
 * and is kept short; only where somebody else fills it, as much is kept in it as the draft has; beside who
 * fills a deep one, path_compete.h has a window. Those who keep their queues short share a line by
 * path_share.h, without losses. What a path carries that drops without a queue, path_policer.h tells; what
 * is no queue though packets have waited, path_stall.h.
 *
 * A pure state machine: no I/O, no clock of its own. Time is in microseconds of one monotonic clock, amounts
 * are packets (all about equally long), rates are packets a second. */
#ifndef HX_SHIM_UDT_PATH_MODEL_H
#define HX_SHIM_UDT_PATH_MODEL_H

#include "shim/udt/path_compete.h"
#include "shim/udt/path_loss.h"
#include "shim/udt/path_phase.h"
#include "shim/udt/path_rate.h"
#include "shim/udt/path_rtt.h"
#include "shim/udt/path_share.h"
#include "shim/udt/path_stall.h"
#include <stdbool.h>
#include <stdint.h>

/* What one receipt (or acknowledgement) has told. Of each packet that leaves, original or repeat, the caller
 * notes the time and what `delivered`, `lost` and `inflight` are then; "the newest" is, of the packets that
 * this receipt is the first to acknowledge, the one that left last. */
struct path_sample {
    int64_t now_us;
    uint64_t delivered;       /* packets that have come, in all, now; each once */
    uint64_t prior_delivered; /* ... when the newest was sent; as `delivered`: there is none */
    uint64_t lost;            /* taken for lost, in all, now; less again when one has come after all */
    uint64_t prior_lost;      /* ... when the newest was sent */
    /* In which delivered - prior_delivered came: the longer one of the time in which they were sent and
     * the time in which they were acknowledged (draft-ietf-ccwg-bbr, "Delivery Rate"); 0: no rate in this
     * sample. */
    int64_t interval_us;
    int64_t rtt_us;    /* of the newest, without the time that it lay with the receiver; -1: none */
    int64_t back_us;   /* for which the receipt has waited on its way back; not in rtt_us nor interval_us */
    uint32_t inflight; /* sent - delivered - lost, now */
    uint32_t tx_inflight; /* ... when the newest was sent, itself counted */
    bool app_limited;     /* when the newest was sent, there was less to send than the bounds allow */
};

#define PATH_MODEL_INITIAL 32 /* packets in the first round trip; RFC 9002 has 10, QUIC as deployed 32 */
#define PATH_MODEL_LEAST   4  /* packets in flight (draft-ietf-ccwg-bbr, "Minimum cwnd for Pipelining") */

struct path_model {
    enum path_phase phase;
    int64_t now_us;
    uint32_t random;
    struct path_rtt rtt;
    struct path_rate rate;
    struct path_loss loss;
    struct path_share share;
    struct path_stall stall;
    struct path_compete compete;

    uint64_t delivered, lost; /* of the last sample */
    uint64_t old;             /* samples of packets that were sent when fewer had come are of another path */
    double newly;             /* what the last sample was the first to tell of */

    /* A round begins with the answer to the first packet that was sent after the round before had begun. */
    bool round_began;   /* with the last sample */
    uint64_t round_end; /* a sample with this prior_delivered begins the next one */
    int64_t round_us;   /* when this one began */
    int phase_rounds;   /* whole ones in this phase */

    int64_t phase_us;  /* when this phase began */
    int64_t cycle_us;  /* when this cycle of probing began, ... */
    int64_t wait_us;   /* ... and how long until the next one */
    double probe_from; /* the rate before this probe; 0: there was none */
    int64_t due_us;    /* PATH_DOWN: a queue of ours is empty by then. PATH_PROBE_RTT: its end; 0: it waits */

    int64_t empty_us; /* when the queue was last seen to be empty */
    bool foreign;     /* somebody else keeps it filled: it did not empty when we sent less */
    bool filled;      /* startup is over */
    bool probed;      /* PATH_DOWN: the last packets of a probe are still to be heard of */
    bool cautious;    /* losses without a queue were our own, as at a policer: the next probe is slow */
    double came;      /* the rate at which the last packets of startup or of a probe have come; 0: unknown */
    double lossy;     /* PATH_DOWN: the share that was lost before; 0: no more than usual */
    struct {
        bool from_cruise; /* not after a probe: there was a queue or too much loss */
        bool stalled;     /* ... which may be what was made good for after a stall */
        double rate;      /* what came through last; 0: unknown */
        double lost;      /* the share that was lost meanwhile */
        double pace;      /* the share of that which is sent */
        int64_t queue_us; /* how long the queue was */
        int64_t held_us;  /* when no more was in flight than the path holds; 0: more is */
    } down;               /* PATH_DOWN */

    double full;      /* the rate from which growth is counted, ... */
    int full_rounds;  /* ... the rounds without ... */
    int grown_rounds; /* ... and with it */

    double opening;   /* PATH_STARTUP: in flight at most; each packet that comes lets two leave */
    double window;    /* after a timeout: in flight at most; each one that comes lets three leave */
    uint32_t bound;   /* the inflight above which probes have lost; UINT32_MAX: none have */
    int raise_rounds; /* PATH_UP: ... */
    double raise;     /* ... how much of a packet it is to be raised by */
};

/* `seed`: two connections that begin together must not probe together. */
void path_model_init(struct path_model *m, int64_t now_us, uint32_t seed);
/* The packets take another way from now on. `rtt_us` and `rate` are what is known of it; -1 and 0: nothing.
 * The first round trip is sent at that rate.
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
/* What a sender that was kept from running may make good for at once. */
int64_t path_model_debt_us(const struct path_model *m);

#endif
