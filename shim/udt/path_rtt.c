#include "shim/udt/path_rtt.h"

#define SECOND_US 1000000

/* draft-ietf-ccwg-bbr, "ProbeRTT and min_rtt Parameters and State" */
#define MIN_US   (10 * SECOND_US)
#define STALE_US (5 * SECOND_US)
#define FLOOR_US (30 * SECOND_US)

/* A queue shorter than this is not told from chance (RFC 9406, section 4.3, has 4 ms and an eighth). */
#define QUEUED_US      6000
#define QUEUED_SHARE   8
#define QUEUED_PACKETS 3
#define EMPTY_US       2000
#define EMPTY_SHARE    16
#define EMPTY_PACKETS  2

/* Longer by this (RFC 9406 has 16 ms at most), where they differed by less than half of it. */
#define GROWN_US      10000
#define ALIKE_SAMPLES 8

/* What "lately" is: a part of the round trip, and at least some samples. */
#define PART_SHARE   16
#define PART_US      2000
#define PART_SAMPLES 4

/* As much may be in flight as it takes on average while receipts come unevenly: the least would leave the
 * line empty between them. RFC 6298 takes as much of each sample. */
#define BACK_SHARE 8

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void path_rtt_init(struct path_rtt *r, int64_t now_us, int64_t rtt_us)
{
    *r = (struct path_rtt){.min_us = rtt_us < 0 ? -1 : max(rtt_us, 1),
                           .seen_us = now_us,
                           .next_us = INT64_MAX,
                           .probed_us = now_us,
                           .floor_us = {rtt_us < 0 ? INT64_MAX : max(rtt_us, 1), INT64_MAX},
                           .floor_since_us = now_us,
                           .part_us = {INT64_MAX, INT64_MAX},
                           .part_since_us = now_us};
    path_rtt_begin_round(r);
    r->round[1] = r->round[0];
}

static int64_t floor_us(const struct path_rtt *r)
{
    return min(r->floor_us[0], r->floor_us[1]);
}
static int64_t slack(int64_t rtt_us, int64_t packet_us)
{
    return max(max(EMPTY_US, rtt_us / EMPTY_SHARE), EMPTY_PACKETS * packet_us);
}

static void note_floor(struct path_rtt *r, int64_t now_us, int64_t rtt_us)
{
    if (now_us - r->floor_since_us > FLOOR_US) {
        r->floor_us[1] = r->floor_us[0];
        r->floor_us[0] = INT64_MAX;
        r->floor_since_us = now_us;
    }
    r->floor_us[0] = min(r->floor_us[0], rtt_us);
}
static void note_part(struct path_rtt *r, int64_t now_us, int64_t rtt_us)
{
    if (r->part_samples >= PART_SAMPLES &&
        now_us - r->part_since_us >= max(PART_US, r->min_us / PART_SHARE)) {
        r->part_us[1] = r->part_us[0];
        r->part_us[0] = INT64_MAX;
        r->part_since_us = now_us;
        r->part_samples = 0;
    }
    r->part_us[0] = min(r->part_us[0], rtt_us);
    r->part_samples++;
}

void path_rtt_note(struct path_rtt *r, int64_t now_us, int64_t rtt_us, int64_t back_us, int64_t packet_us)
{
    rtt_us = max(rtt_us, 1);
    r->next_us = min(r->next_us, rtt_us);
    if (r->min_us < 0 || rtt_us <= r->min_us || now_us - r->seen_us > MIN_US) {
        r->min_us = r->next_us;
        r->seen_us = now_us;
    } else if (rtt_us <= r->min_us + slack(r->min_us, packet_us)) {
        r->seen_us = now_us;
    }
    note_floor(r, now_us, rtt_us);
    note_part(r, now_us, rtt_us);
    r->back_us += (back_us - r->back_us) / BACK_SHARE;
    r->round[0].least_us = min(r->round[0].least_us, rtt_us);
    r->round[0].most_us = max(r->round[0].most_us, rtt_us);
    r->round[0].samples++;
}

void path_rtt_begin_round(struct path_rtt *r)
{
    r->round[0] = (struct path_rtt_round){.least_us = INT64_MAX};
}
void path_rtt_round_is_over(struct path_rtt *r)
{
    if (r->round[0].samples > 0)
        r->round[1] = r->round[0];
}

void path_rtt_idle(struct path_rtt *r, int64_t now_us)
{
    r->seen_us = max(r->seen_us, now_us);
}

void path_rtt_probe(struct path_rtt *r)
{
    r->next_us = INT64_MAX;
}
void path_rtt_probed(struct path_rtt *r, int64_t now_us)
{
    r->probed_us = now_us;
}

bool path_rtt_stale(const struct path_rtt *r, int64_t now_us)
{
    return r->min_us >= 0 && now_us - max(r->seen_us, r->probed_us) > STALE_US;
}

static int64_t lately_us(const struct path_rtt *r)
{
    return min(r->part_us[0], r->part_us[1]);
}
int64_t path_rtt_queue_us(const struct path_rtt *r)
{
    return r->min_us < 0 || lately_us(r) == INT64_MAX ? 0 : max(lately_us(r) - r->min_us, 0);
}
int64_t path_rtt_answer_us(const struct path_rtt *r)
{
    return r->min_us < 0 ? -1 : r->min_us + r->back_us;
}
bool path_rtt_is_queue(const struct path_rtt *r, int64_t rtt_us, int64_t packet_us)
{
    int64_t chance_us = max(max(QUEUED_US, r->min_us / QUEUED_SHARE), QUEUED_PACKETS * packet_us);

    return r->min_us >= 0 && rtt_us != INT64_MAX && rtt_us > r->min_us + chance_us;
}
bool path_rtt_queued(const struct path_rtt *r, int64_t packet_us)
{
    return path_rtt_is_queue(r, lately_us(r), packet_us);
}
bool path_rtt_grows(const struct path_rtt *r)
{
    const struct path_rtt_round *before = &r->round[1];

    return before->samples >= ALIKE_SAMPLES && before->most_us - before->least_us < GROWN_US / 2 &&
           path_rtt_queue_us(r) > GROWN_US;
}
bool path_rtt_empty(const struct path_rtt *r, int64_t packet_us)
{
    return r->min_us >= 0 && lately_us(r) <= floor_us(r) + slack(floor_us(r), packet_us);
}
